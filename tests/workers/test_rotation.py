"""
Secrets are replaced without a gap, and without one when somebody else may hold them.
"""

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from app.kit.clock import utc_now
from app.kit.db import Database, as_agency
from app.kit.secrets import Key
from app.webhooks import signing
from tests.builders import World
from tests.workers.push import Agency, Hit, courier, quiet, receiving


@pytest.fixture
async def agency(world: World, database: Database, worker_database: Database, key: Key) -> Agency:
    """
    The world's agency, with everything owed before settled.
    """
    await quiet(worker_database)
    return Agency(database, worker_database, key, id=world.agencies["agency"])


def checks(secret: str, hit: Hit) -> bool:
    """
    Say whether the reference library accepts a push under this secret.
    """
    try:
        Webhook(secret).verify(hit.body, dict(hit.headers))
    except WebhookVerificationError:
        return False
    return True


async def rotate(world: World, agency: Agency, hours: int) -> tuple[str, str]:
    """
    Rotate over the API and return the new secret and public key.
    """
    from app.kit import ids  # noqa: PLC0415 - one use

    path = f"/v1/webhooks/{ids.write('end', agency.endpoint_id)}:rotate-secret"
    answer = await world.as_("agent").post(path, json={"overlap_hours": hours})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["secret"], answer.json()["endpoint"]["public_key"]


async def test_both_sign_during_the_overlap(
    world: World, agency: Agency, worker_database: Database, key: Key
) -> None:
    """
    Whoever has not changed yet verifies, whoever has verifies too, by either kind of signature.
    """
    async with receiving() as receiver, courier(worker_database, key) as at_work:
        await agency.listen(receiver)
        old_public = await public_key(agency)
        new, new_public = await rotate(world, agency, 24)
        await agency.announce()
        await at_work.drain()

        assert len(receiver.hits) == 2, "the event and the notice of rotation"
        for hit in receiver.hits:
            assert checks(agency.secret, hit)
            assert checks(new, hit)
            now = int(utc_now().timestamp())
            for public in (old_public, new_public):
                signing.verify(public, hit.headers, hit.body, now=now)
            kinds = [one.split(",")[0] for one in hit.headers["webhook-signature"].split(" ")]
            assert kinds == ["v1", "v1a", "v1", "v1a"]
        types = {body["type"] for body in receiver.verified(new)}
        assert types == {"sample.received", "webhook.secret_rotated"}


async def test_the_old_one_ends_with_the_overlap(
    world: World, agency: Agency, worker_database: Database, key: Key, database: Database
) -> None:
    """
    When the overlap is over, and at once without one, only the new secret signs.
    """
    async with receiving() as receiver, courier(worker_database, key) as at_work:
        await agency.listen(receiver)
        first = agency.secret
        second, _ = await rotate(world, agency, 24)
        async with database.transaction(as_agency(agency.id)) as session:
            await session.execute(text("UPDATE endpoint SET previous_until = now()"))
        await agency.announce()
        await at_work.drain()
        ended = receiver.hits[-1]
        third, _ = await rotate(world, agency, 0)
        await at_work.drain()
        compromised = receiver.hits[-1]

        assert [checks(one, ended) for one in (first, second)] == [False, True]
        assert [checks(one, compromised) for one in (first, second, third)] == [False, False, True]


async def test_secrets_lie_sealed(agency: Agency, database: Database) -> None:
    """
    Neither secret nor private key stands in the table in clear (E15).
    """
    async with receiving() as receiver:
        await agency.listen(receiver)
    async with database.reading(as_agency(agency.id)) as session:
        row = (await session.execute(text("SELECT * FROM endpoint"))).one()

    stored = repr(tuple(row))
    raw = signing.read_secret(agency.secret)
    assert agency.secret not in stored
    assert raw not in row.secret_box
    assert b"whsk_" not in row.signing_box
    assert row.public_key.startswith("whpk_")


async def public_key(agency: Agency) -> str:
    """
    Return the endpoint's public key.
    """
    async with agency.database.reading(as_agency(agency.id)) as session:
        found = await session.execute(text("SELECT public_key FROM endpoint"))
        key: str = found.scalar_one()
    return key
