"""
Ids within bodies, real ETags, cursors and reports: what a stranger holds in hand tells nothing either (E4, E5).
"""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from app.kit import ids
from tests.api.asking import match
from tests.api.matrix import alike, unknown
from tests.builders import World

STRANGERS = ("other_agent", "other_technician")


async def elsewhere(world: World) -> str:
    """
    Receive a sample at the other laboratory and return its id.
    """
    there = ids.write("agn", world.agencies["other_laboratory"])
    stored = await world.submit(by="other_agent", laboratory_id=there)
    sample_id: str = stored["samples"][0]["id"]
    answer = await world.as_("other_technician").post(
        "/v1/lab/receipts", json={"sample_id": sample_id}
    )
    assert answer.status_code == 201, answer.text
    return sample_id


def masked(answer: httpx.Response, *named: str) -> httpx.Response:
    """
    Return the answer with the ids it was asked about blotted out, the only words that may differ.
    """
    text = answer.text
    for one in named:
        text = text.replace(one, "x" * len(one))
    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return httpx.Response(answer.status_code, headers=headers, text=text)


async def test_an_analysis_of_another_laboratory_is_no_analysis(world: World) -> None:
    """
    Under a claim of one's own, another laboratory's analysis is refused in the words of one that never was (E5).
    """
    sample_id = await world.received()
    theirs = await world.analyze(await world.claim(sample_id=sample_id))
    own = await world.claim("other_technician", sample_id=await elsewhere(world))
    missing = unknown("ana")

    answers = [
        masked(await world.conclude(own, "presumptive", [one], by="other_technician"), one)
        for one in (theirs, missing)
    ]

    assert alike(*answers) == []
    assert answers[0].status_code == 422


async def test_a_label_of_another_laboratory_is_no_label(world: World) -> None:
    """
    Releasing one's own finding, another laboratory's label is refused like one that was never printed (E5).
    """
    theirs = await world.received()
    own = await world.claim("other_technician", sample_id=await elsewhere(world))
    analysis = await world.analyze(own, by="other_technician")
    finding = await world.conclude(own, "presumptive", [analysis], by="other_technician")
    assert finding.status_code == 201, finding.text
    path = f"/v1/lab/findings/{finding.json()['id']}/release"

    answers = [
        await world.as_("other_technician").post(path, json={"label_scanned": one})
        for one in (theirs, unknown("smp"))
    ]

    assert alike(*answers) == []
    assert answers[0].status_code == 422


async def test_an_agency_that_is_no_laboratory_is_none(world: World) -> None:
    """
    Submitting to an agency that is no laboratory, or to none, is refused in the same words (E5).
    """
    answers = [
        await world.as_("other_agent").post("/v1/submissions", json=world.body(laboratory_id=one))
        for one in (ids.write("agn", world.agencies["agency"]), unknown("agn"))
    ]

    assert alike(*answers) == []
    assert answers[0].status_code == 422


@pytest.mark.parametrize("path", ["", "/findings", "/reports", "/custody", "/place"])
async def test_a_reported_sample_and_its_etag(world: World, path: str) -> None:
    """
    A reported sample, asked for with its real ETag, with ``*`` or with none, is to strangers what was never there.
    """
    sample_id = await world.received()
    await world.reported(sample_id)
    etag = (await world.as_("agent").get(f"/v1/samples/{sample_id}")).headers["ETag"]
    kept = await world.as_("agent").get(f"/v1/samples/{sample_id}", headers={"If-None-Match": etag})
    assert kept.status_code == 304

    for who in STRANGERS:
        for headers in ({}, {"If-None-Match": etag}, {"If-None-Match": "*"}):
            theirs, nothing = [
                await world.as_(who).get(f"/v1/samples/{one}{path}", headers=headers)
                for one in (sample_id, unknown("smp"))
            ]
            assert alike(theirs, nothing) == [], (who, headers)
            assert nothing.status_code == 404


@pytest.mark.parametrize("token", [None, "real", "wrong"])
async def test_a_claim_and_its_token(world: World, token: str | None) -> None:
    """
    With no token, with the real one and with a wrong one, a stranger's claim answers like no claim.
    """
    sample_id = await world.received()
    claim = await world.claim(sample_id=sample_id)
    headers = {None: {}, "real": match(claim), "wrong": {"If-Match": '"99"'}}[token]
    stranger = world.as_("other_technician")

    async def both(method: str, path: str, **more: Any) -> None:
        theirs, nothing = [
            await stranger.request(
                method,
                path.format(claim=a, sample=b),
                headers=headers,
                **more,
            )
            for a, b in ((claim["id"], sample_id), (unknown("clm"), unknown("smp")))
        ]
        assert alike(theirs, nothing) == [], (method, path)
        assert nothing.status_code == (428 if token is None else 404), nothing.text

    await both("PUT", "/v1/lab/claims/{claim}")
    await both("DELETE", "/v1/lab/claims/{claim}", params={"reason": "none"})
    await both(
        "POST",
        "/v1/lab/samples/{sample}/findings",
        json={"kind": "presumptive", "outcome": "inconclusive", "analysis_ids": [unknown("ana")]},
    )


async def test_a_cursor_of_another_agency_is_garbage(world: World) -> None:
    """
    Every list refuses another agency's cursor in the words it has for garbage (E5).
    """
    urls = []
    for who in ("agent", "other_agent"):
        for _ in range(2):
            await world.submit(by=who)
        made = await world.as_(who).post(
            "/v1/webhooks", json={"url": f"https://hooks.example.org/{who}"}
        )
        assert made.status_code == 201, made.text
        urls.append(made.headers["Location"])
        for _ in range(2):
            sent = await world.as_(who).post(f"{urls[-1]}:challenge")
            assert sent.status_code == 202, sent.text

    lists = {
        "/v1/submissions": "/v1/submissions",
        "/v1/samples": "/v1/samples",
        "/v1/events": "/v1/events",
        f"{urls[0]}/deliveries": f"{urls[1]}/deliveries",
    }
    for theirs, own in lists.items():
        page = await world.as_("agent").get(theirs, params={"limit": 1})
        cursor = page.json()["next"]
        assert cursor, theirs
        answers = [
            await world.as_("other_agent").get(own, params={"after": one})
            for one in (cursor, "A" * len(cursor))
        ]
        assert alike(*answers) == [], theirs
        assert answers[0].status_code == 422, answers[0].text


async def test_the_same_exhibit_of_two_agencies(world: World) -> None:
    """
    The same number and exhibit as another agency's is plainly stored: the answer is that to a new number (E5).
    """
    body = world.body()
    assert (await world.as_("agent").post("/v1/submissions", json=body)).status_code == 201

    same = await world.as_("other_agent").post("/v1/submissions", json=body)
    fresh = await world.as_("other_agent").post("/v1/submissions", json=world.body())

    assert [same.status_code, fresh.status_code] == [201, 201]
    assert sorted(same.headers) == sorted(fresh.headers)
    assert sorted(same.json()) == sorted(fresh.json())


async def test_a_route_that_tells_is_caught() -> None:
    """
    Negative control: a real route that forbids what exists and misses what does not is reported (H6).
    """
    app = FastAPI()

    @app.get("/things/{name}")
    async def told(name: str) -> JSONResponse:
        there = name == "theirs"
        return JSONResponse({"detail": "no"}, status_code=403 if there else 404)

    del told
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://stub"
    ) as client:
        answers = [await client.get(f"/things/{name}") for name in ("theirs", "nothing")]

    assert alike(*answers) == ["status 403 404"]
