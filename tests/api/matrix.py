"""
The one table of the API's operations: who may call each, and about whose things (E4, E5, E7).

**A new operation needs one row in ``MATRIX``**, named by its operation id, and nothing else: the tests of roles, of
isolation, of timing and of bad input read this table. Without the row the build fails and prints the row to add. If it
is about a kind of thing that is not here yet, add a line to ``furnish`` that makes one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.routing import BaseRoute

from app.access import service as access
from app.access.rules import ROLES_OF, AgencyKind, ClientKind, Role, Scope
from app.kit import ids
from app.kit.db import OPERATOR, as_agency
from app.kit.ids import PREFIXES
from app.ranking.policy import CURRENT
from tests.builders import World

IT = "{it}"
"""Stands, in a row's body, query or path, for the thing the call is about."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One operation.

    Attributes:
        may: the scope it needs; None when it is open to everybody.
        about: the prefix of the id it takes (in the path, or where ``IT`` stands), ``number`` for a file number,
            ``rnum`` for a report's, or None when it takes no id and no number of anybody's.
        json: a body that its owner may send, with ``IT`` or a prefix in braces (``"{ana}"``) for ids.
        params: the query, likewise.
        path: parts of the path that are no id of the thing, likewise.
        send: what httpx is to send besides, for a body that is no JSON.
        but_not: roles that hold the scope and are refused for a further reason of the operation's own.
        endless: its answer does not end by itself; it is only asked with its ``params``, which it refuses.
        because: why it is about nothing of anybody's although it takes something that looks like an id.

    """

    may: Scope | None
    about: str | None = None
    json: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    send: Mapping[str, Any] = field(default_factory=dict)
    but_not: frozenset[Role] = frozenset()
    endless: bool = False
    because: str = ""


LABORATORY = ROLES_OF[AgencyKind.LABORATORY]
NO_BENCH = frozenset({Role.REVIEWER, Role.SUPERVISOR})

SUBMISSION = {
    "agency_file_number": "F-matrix",
    "seized_at": "2026-03-01T10:00:00Z",
    "laboratory_id": "{laboratory}",
    "samples": [{"exhibit_number": "1"}],
}
ANALYSIS = {
    "technique": "gc_ms",
    "aliquot": "A",
    "started_at": "2026-03-02T08:00:00Z",
    "ended_at": "2026-03-02T08:05:00Z",
    "result": "inconclusive",
    "controls_passed": True,
}
TECHNIQUE = {
    "name": "Matrix test",
    "parts": [{"property": "patience", "category": "C"}],
    "minutes": 1,
    "destructive": False,
}
METHOD = {"technique": "ce", "title": "Capillary electrophoresis", "validated": True}
AT_COUNTER = {
    "agency_file_number": "F-counter",
    "seized_at": "2026-03-01T10:00:00Z",
    "samples": [{"exhibit_number": "1"}],
}
CONTENT = {
    "substance": "fentanyl",
    "value": "1",
    "unit": "%",
    "expanded_uncertainty": "0.1",
    "k": "2",
    "analysis_id": "{ana}",
}
RUN = {
    "technique": "gc_ms",
    "lines": [
        {"kind": "blank", "label": "B"},
        {"kind": "control", "label": "C", "expected": ["fentanyl"]},
    ],
}
SHEET = {
    "csv": "l,r,s\n",
    "columns": {"label": "l", "result": "r", "substances": "s"},
    "started_at": "2026-03-02T08:00:00Z",
    "ended_at": "2026-03-02T08:05:00Z",
}
FINDING = {"kind": "presumptive", "outcome": "inconclusive", "analysis_ids": ["{ana}"]}
SIGNED = {"signature": {"proof": "nobody's key"}}
REVIEW = {"kind": "technical", "decision": "accept", "record_sha256": "0" * 64, **SIGNED}

MATRIX: dict[str, Row] = {
    # Overseeing
    "overview": Row(Scope.OVERSEE),
    # Submitting
    "submit": Row(
        Scope.SUBMIT,
        json=SUBMISSION,
        because="what is sent is new and the caller's own (test_doubles.py)",
    ),
    "submit_batch": Row(
        Scope.SUBMIT,
        send={"content": b"\n", "headers": {"Content-Type": "application/x-ndjson"}},
    ),
    # Following
    "submissions": Row(Scope.FOLLOW, "number", params={"file_number": IT}),
    "submission": Row(Scope.FOLLOW, "sub"),
    "samples": Row(Scope.FOLLOW, "number", params={"file_number": IT}),
    "sample": Row(Scope.FOLLOW, "smp"),
    "place": Row(Scope.FOLLOW, "smp"),
    "custody": Row(Scope.FOLLOW, "smp"),
    "give_evidence": Row(Scope.EVIDENCE, "smp", json={"reported_effect": "overdose"}),
    "ask_rush": Row(Scope.RUSH, "smp", json={"reason": "public_safety", "needed_by": "2099-01-01"}),
    "rush_requests_of": Row(Scope.FOLLOW, "smp"),
    "rush_requests": Row(Scope.QUEUE),
    "decide_rush": Row(
        Scope.ORDER,
        "rsh",
        json={"decision": "refuse", "remarks": "no", "earliest_on": "2099-01-01"},
    ),
    "court_dates": Row(Scope.ORDER),
    "policy_in_force": Row(Scope.QUEUE),
    "policies": Row(Scope.QUEUE),
    "propose_policy": Row(Scope.ORDER, json={"document": "id = 1", "reason": "none"}),
    "policy": Row(Scope.QUEUE, "pol"),
    "compare_policy": Row(Scope.ORDER, "pol"),
    "decide_policy": Row(Scope.ORDER, "pol", json={"decision": "reject", "remarks": "none"}),
    "benches": Row(Scope.QUEUE),
    "declare_bench": Row(Scope.ORDER, json={"stages": ["screen"]}, path={"name": "B-1"}),
    "ranking_quality": Row(Scope.QUEUE),
    "assessment": Row(Scope.FOLLOW, "smp"),
    "assessments": Row(Scope.FOLLOW, "smp"),
    "findings": Row(Scope.FOLLOW, "smp"),
    "reports": Row(Scope.FOLLOW, "smp"),
    "events": Row(Scope.FOLLOW, but_not=LABORATORY),
    "stream": Row(Scope.FOLLOW, params={"after": "no cursor"}, but_not=LABORATORY, endless=True),
    "samples_status": Row(
        Scope.FOLLOW,
        json={"sample_ids": ["{smp}"]},
        because="what is missing is told by the id that was asked for (test_stream.py)",
    ),
    "event": Row(Scope.FOLLOW, "evt"),
    "unacknowledged": Row(Scope.ACKNOWLEDGE),
    "acknowledge": Row(Scope.ACKNOWLEDGE, "evt", json={"action": "noted"}),
    # The counter
    "register_at_counter": Row(
        Scope.BENCH,
        json={"agency_id": "{agn}", "submission": AT_COUNTER},
        because="what is sent is new; which agencies submit is known to laboratories (test_intake.py)",
    ),
    "accept_intake": Row(Scope.BENCH, "smp", json={"reason": "x"}),
    "intake": Row(Scope.FOLLOW, "smp"),
    "labels_pdf": Row(Scope.FOLLOW, "sub"),
    "label_zpl": Row(Scope.FOLLOW, "smp"),
    # Worksheets
    "draw_sampling_plan": Row(Scope.BENCH, "smp", json={"units": 10}),
    "sampling_plans": Row(Scope.QUEUE, "smp"),
    "record_unit": Row(Scope.BENCH, "pln", json={"unit": 1, "positive": True}),
    "record_content": Row(Scope.BENCH, "smp", json=CONTENT),
    "contents": Row(Scope.QUEUE, "smp"),
    "open_run": Row(
        Scope.BENCH,
        json=RUN,
        because="its lines name samples the caller holds (test_worksheets.py)",
    ),
    "run": Row(Scope.QUEUE, "run"),
    "import_run": Row(Scope.BENCH, "run", json=SHEET),
    "fail_run": Row(Scope.BENCH, "run", json={"reason": "x"}),
    # Custody
    "offer": Row(Scope.CUSTODY, "smp", json={"to_client_id": "{cli}", "reason": "x"}),
    "accept_handover": Row(Scope.CUSTODY, "hnd", json={}),
    "refuse_handover": Row(Scope.CUSTODY, "hnd"),
    "withdraw_handover": Row(Scope.CUSTODY, "hnd"),
    "places": Row(Scope.QUEUE),
    "write_place": Row(Scope.EQUIP, json={"name": "Safe"}, path={"code": "S-1"}),
    "store": Row(Scope.STORE, "smp", json={"place": "S-1"}),
    "take": Row(Scope.STORE, "smp"),
    "portions": Row(Scope.QUEUE, "smp"),
    "split": Row(Scope.BENCH, "smp", json={"label": "whole"}),
    "consume": Row(Scope.BENCH, "smp", json={"portion": "whole", "amount": 1}),
    "authorize_last_use": Row(Scope.OVERSEE, "smp", json={"reason": "x"}),
    "propose_disposal": Row(
        Scope.STORE,
        "smp",
        json={"kind": "destroyed", "method": "burnt", "authority_reference": "O-1"},
    ),
    "confirm_disposal": Row(Scope.CUSTODY, "dsp"),
    "withdraw_disposal": Row(Scope.STORE, "dsp"),
    "legal_holds": Row(Scope.FOLLOW, "smp"),
    "place_legal_hold": Row(Scope.HOLD, "smp", json={"reason": "x"}),
    "lift_legal_hold": Row(Scope.HOLD, "hld"),
    # Files
    "attach": Row(Scope.ATTACH, "smp", params={"name": "a file"}, send={"content": b"bytes"}),
    "attachments_of": Row(Scope.FOLLOW, "smp"),
    "attachment": Row(Scope.FOLLOW, "att"),
    # Being pushed to
    "webhooks": Row(Scope.WEBHOOKS),
    "create_webhook": Row(Scope.WEBHOOKS, json={"url": "https://receiver.example/matrix"}),
    "webhook": Row(Scope.WEBHOOKS, "end"),
    "delete_webhook": Row(Scope.WEBHOOKS, "end"),
    "test_webhook": Row(Scope.WEBHOOKS, "end"),
    "webhook_deliveries": Row(Scope.WEBHOOKS, "end"),
    "webhook_health": Row(Scope.WEBHOOKS, "end"),
    "challenge_webhook": Row(Scope.WEBHOOKS, "end"),
    "verify_webhook": Row(Scope.WEBHOOKS, "end", json={"challenge": "none"}),
    "rotate_webhook_secret": Row(Scope.WEBHOOKS, "end", json={}),
    "replay_webhook": Row(Scope.WEBHOOKS, "end", json={"only_exhausted": True}),
    # At the bench
    "receive": Row(Scope.BENCH, "smp", json={"sample_id": IT}),
    "queue": Row(Scope.QUEUE),
    "held": Row(Scope.QUEUE),
    "claim": Row(Scope.QUEUE, "smp", json={"sample_id": IT}, but_not=NO_BENCH),
    "heartbeat": Row(Scope.QUEUE, "clm"),
    "put_back": Row(Scope.QUEUE, "clm", params={"reason": "none"}),
    "techniques": Row(Scope.QUEUE),
    "write_technique": Row(Scope.EQUIP, json=TECHNIQUE, path={"code": "x_matrix"}),
    "methods": Row(Scope.QUEUE),
    "write_method": Row(Scope.EQUIP, json=METHOD, path={"code": "M-1"}),
    "suggest": Row(Scope.BENCH, "smp"),
    "record_analysis": Row(Scope.BENCH, "smp", json=ANALYSIS),
    "record_finding": Row(Scope.BENCH, "smp", json=FINDING),
    "release_finding": Row(Scope.RELEASE, "fnd", json={"label_scanned": "{smp}"}),
    # Reviewing and reporting
    "clocks": Row(Scope.FOLLOW, "smp"),
    "open_clocks": Row(Scope.QUEUE),
    "disclose": Row(Scope.QUEUE, "smp", json={"reason": "none"}),
    "packet": Row(Scope.FOLLOW, "smp"),
    "file": Row(Scope.QUEUE, "smp"),
    "review": Row(Scope.REVIEW, "smp", json=REVIEW),
    "release_report": Row(Scope.REVIEW, "smp", json=SIGNED),
    "amend": Row(Scope.REVIEW, "rnum", json={"reason": "a", "changes": "b", **SIGNED}),
    "certify": Row(Scope.BENCH, "rnum", json={"template": "ca-cdsa", **SIGNED}),
    "report_pdf": Row(Scope.FOLLOW, "smp", path={"number": "{rnum}"}),
    "verify": Row(None),
    "lab_unacknowledged": Row(Scope.QUEUE),
    # Sharing and repairing a file
    "parties": Row(Scope.FOLLOW, "sub"),
    "share": Row(Scope.SHARE, "sub", json={"agency_id": "{laboratory}", "party": "coroner"}),
    "unshare": Row(Scope.SHARE, "sub", path={"agency_id": "{laboratory}"}),
    "correct": Row(
        Scope.SHARE,
        "sub",
        json={"reason": "other", "note": "as told", "seizure": {"country": "CA"}},
    ),
    "corrections": Row(Scope.FOLLOW, "sub"),
    "contradict": Row(Scope.HALT, "fnd", json={"note": "as told"}),
    "withdraw_finding": Row(Scope.HALT, "fnd", json={"because": "other", "note": "as told"}),
    # Taking a sample out of its course
    "withdraw": Row(Scope.SUBMIT, "smp", json={"reason": "plea", "note": "as told"}),
    "reject": Row(Scope.BENCH, "smp", json={"reason": "damaged", "note": "torn"}),
    "hold": Row(Scope.HALT, "smp", json={"reason": "other", "note": "as told"}),
    "resume": Row(Scope.HALT, "smp", json={"reason": "answered", "note": "as told"}),
    "close": Row(Scope.HALT, "smp", json={"note": "as told"}),
    "stop": Row(Scope.OVERSEE, "smp", json={"reason": "plea", "note": "as told"}),
    "reopen": Row(Scope.OVERSEE, "smp", json={"reason": "other", "note": "as told"}),
    # Operating
    "livez": Row(None),
    "metrics": Row(Scope.OBSERVE),
    "readyz": Row(None),
}

Things = dict[str, str]
"""One of each kind that exists, by the prefix of its id."""


async def furnish(world: World) -> Things:
    """
    Make one thing of every kind, all of this world's agency and laboratory.
    """
    stored = await world.submit()
    sample_id = stored["samples"][0]["id"]
    await world.as_("technician").post("/v1/lab/receipts", json={"sample_id": sample_id})
    claim = await world.claim(sample_id=sample_id)
    analysis = await world.analyze(claim)
    finding = await world.conclude(claim, "presumptive", [analysis])
    released = await world.as_("technician").post(
        f"/v1/lab/findings/{finding.json()['id']}/release", json={"label_scanned": sample_id}
    )
    claim = await world.claim(sample_id=sample_id, stage="confirm")
    endpoint = await world.as_("agent").post(
        "/v1/webhooks", json={"url": f"https://receiver.example/{uuid4()}"}
    )
    return {
        "laboratory": world.laboratory,
        "number": stored["agency_file_number"],
        "sub": stored["id"],
        "smp": sample_id,
        "clm": claim["id"],
        "ana": analysis,
        "fnd": finding.json()["id"],
        "rnum": released.json()["number"],
        "end": endpoint.headers["Location"].rpartition("/")[2],
        "evt": await first_event(world),
        "rsh": await rush_request(world, sample_id),
        "pol": await proposed_policy(world),
        "att": await attached(world, sample_id),
        "agn": ids.write("agn", world.agencies["agency"]),
        "cli": ids.write("cli", world.clients["second_technician"]),
        **await in_custody(world),
    }


async def in_custody(world: World) -> Things:
    """
    Return an open handover, a proposed disposal and a legal hold.
    """
    receiver = ids.write("cli", world.clients["second_technician"])
    disposal = {"kind": "destroyed", "method": "burnt", "authority_reference": "O-1"}
    technician = world.as_("technician")
    stored = await world.submit(samples=[{"exhibit_number": "1"}, {"exhibit_number": "2"}])
    offered, proposed = [one["id"] for one in stored["samples"]]
    for sample_id in (offered, proposed):
        await technician.post("/v1/lab/receipts", json={"sample_id": sample_id})
    made = {
        "run": await technician.post("/v1/lab/runs", json=RUN),
        "pln": await technician.post(
            f"/v1/lab/samples/{offered}/sampling-plans", json={"units": 10}
        ),
        "hnd": await technician.post(
            f"/v1/samples/{offered}/handovers", json={"to_client_id": receiver, "reason": "x"}
        ),
        "dsp": await technician.post(f"/v1/lab/samples/{proposed}/disposals", json=disposal),
        "hld": await world.as_("agent").post(
            f"/v1/samples/{offered}/legal-holds", json={"reason": "x"}
        ),
    }
    return {prefix: answer.json()["id"] for prefix, answer in made.items()}


async def attached(world: World, sample_id: str) -> str:
    """
    Return a file that both the agency and the laboratory see.
    """
    answer = await world.as_("agent").post(
        f"/v1/samples/{sample_id}/attachments", params={"name": "a file"}, content=b"bytes"
    )
    found: str = answer.json()["id"]
    return found


async def rush_request(world: World, sample_id: str) -> str:
    """
    Ask for a sample to be taken before its turn.
    """
    answer = await world.as_("agent").post(
        f"/v1/samples/{sample_id}/rush-requests",
        json={"reason": "public_safety", "needed_by": "2099-01-01"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def proposed_policy(world: World) -> str:
    """
    Propose the policy in force under another name.
    """
    name = f"matrix-{uuid4().hex[:8]}"
    answer = await world.as_("supervisor").post(
        "/v1/lab/policies", json={"document": policy_text(name), "reason": "tried"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def policy_text(name: str, **changed: str) -> str:
    """
    Return the text of the policy that ships with the service, under another name and with parts of it replaced.
    """
    shelf = files("app.ranking").joinpath(f"policies/{CURRENT}.toml")
    text = shelf.read_text(encoding="utf-8").replace(f'id = "{CURRENT}"', f'id = "{name}"', 1)
    for old, new in changed.items():
        text = text.replace(old, new, 1)
    return text


async def first_event(world: World) -> str:
    """
    Return an event of this world's agency: the table has it before a worker numbers it.
    """
    async with world.database.reading(as_agency(world.agencies["agency"])) as session:
        found = await session.execute(text("SELECT id FROM event ORDER BY id LIMIT 1"))
        return ids.write("evt", found.scalar_one())


def unknown(prefix: str) -> str:
    """
    Return an id of this kind, or a number, of nothing.
    """
    return ids.write(prefix, ids.new()) if prefix in PREFIXES else "F-000000000000"


# --- The people ------------------------------------------------------------------------------------------------------

OWN = {AgencyKind.SUBMITTING: "agency", AgencyKind.LABORATORY: "laboratory"}
"""Whose the things of ``furnish`` are."""


def strangers() -> dict[str, Role]:
    """
    Return one person of every role at an agency of every kind to whom none of it belongs.
    """
    return {f"other {kind} {role}": role for kind in AgencyKind for role in sorted(ROLES_OF[kind])}


def owners() -> dict[str, Role]:
    """
    Return one person of every role at the agency and the laboratory whose things these are.
    """
    return {f"own {kind} {role}": role for kind in OWN for role in sorted(ROLES_OF[kind])}


async def hire(world: World) -> None:
    """
    Create all these people, and an agency of each kind for the strangers.
    """
    async with world.database.transaction(OPERATOR) as session:
        for kind in AgencyKind:
            elsewhere = await access.create_agency(session, name=f"x {uuid4()}", kind=kind)
            homes = {"other": elsewhere}
            if kind in OWN:
                homes["own"] = world.agencies[OWN[kind]]
            for whose, agency_id in homes.items():
                world.agencies.setdefault(f"{whose} {kind}", agency_id)
                for role in sorted(ROLES_OF[kind]):
                    name = f"{whose} {kind} {role}"
                    world.clients[name] = await access.create_client(
                        session,
                        agency_id=agency_id,
                        name=name,
                        kind=ClientKind.PERSON,
                        roles=[role],
                    )
                    world.keys[name] = await access.create_key(
                        session, client_id=world.clients[name]
                    )
    # Who has nothing is kept out by mistake as easily as by rule: the others have files of their own.
    where = [world.agencies["laboratory"], world.agencies[f"other {AgencyKind.LABORATORY}"]]
    for laboratory in where:
        await world.submit(
            by=f"other {AgencyKind.SUBMITTING} {Role.AGENT}",
            laboratory_id=ids.write("agn", laboratory),
        )


# --- The operations --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One operation of the OpenAPI document.
    """

    id: str
    method: str
    path: str
    takes: tuple[str, ...]
    """Parameters and fields that look like an id or a number of somebody's."""


_IDS = ("_id", "_ids", "_scanned", "file_number")


def operations(app: FastAPI) -> dict[str, Operation]:
    """
    Return every operation of the OpenAPI document by its id.
    """
    document = app.openapi()
    found = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            names = [one["name"] for one in told.get("parameters", ())]
            for content in told.get("requestBody", {}).get("content", {}).values():
                reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if reference:
                    names += document["components"]["schemas"][reference].get("properties", ())
            takes = tuple(name for name in names if name.endswith(_IDS))
            one = Operation(told["operationId"], method.upper(), path, takes)
            assert one.id not in found, f"two operations are called {one.id}"
            found[one.id] = one
    return found


def complaints(app: FastAPI) -> list[str]:
    """
    Say what is missing in the table, each with the line to write.
    """
    found = operations(app)
    needs = {one.name: _scopes_of(one.dependant) for one in _routes(app.router.routes)}
    said = []
    for name, one in sorted(found.items()):
        where = f"{one.method} {one.path} ({name})"
        row = MATRIX.get(name)
        if row is None:
            scope = ", ".join(f"Scope.{scope.name}" for scope in needs.get(name, ())) or "None"
            about = f', "{_guess(one)}"' if one.takes else ""
            said.append(
                f'{where} has no row: add to MATRIX in tests/api/matrix.py:  "{name}": Row({scope}{about}),'
                " with json=... if it needs a body to get as far as looking its thing up"
            )
        elif one.takes and row.about is None and not row.because:
            said.append(f"{where} takes {', '.join(one.takes)}: say what it is about, or because=")
    said += [
        f"{name} is no operation any more: remove its row" for name in set(MATRIX) - set(found)
    ]
    return said


def _routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    for one in routes:
        if isinstance(one, APIRoute):
            yield one
        elif (inner := getattr(one, "original_router", None)) is not None:
            yield from _routes(inner.routes)


def _scopes_of(dependant: Dependant) -> list[Scope]:
    found = []
    for one in dependant.dependencies:
        held = [cell.cell_contents for cell in getattr(one.call, "__closure__", None) or ()]
        found += [scope for scope in held if isinstance(scope, Scope)]
        found += _scopes_of(one)
    return found


def _guess(operation: Operation) -> str:
    name = operation.takes[0].removesuffix("_id")
    return next((prefix for prefix, word in PREFIXES.items() if name in word), "number")


def filled(value: Any, it: str, things: Mapping[str, str]) -> Any:
    """
    Put ids where a row says so.
    """
    if isinstance(value, Mapping):
        return {name: filled(one, it, things) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, it, things) for one in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return it if value == IT else things[value[1:-1]]
    return value


def where(operation: Operation, it: str, things: Mapping[str, str]) -> str:
    """
    Return the path of a call about ``it``.
    """
    parts = MATRIX[operation.id].path
    return re.sub(
        r"\{(\w+)\}",
        lambda found: str(filled(parts.get(found[1], IT), it, things)),
        operation.path,
    )


async def ask(
    world: World, who: str, operation: Operation, it: str, things: Mapping[str, str]
) -> httpx.Response:
    """
    Call an operation about ``it``, as its row says.
    """
    row = MATRIX[operation.id]
    send = dict(row.send)
    headers = {"If-Match": '"1"', "If-None-Match": '"1"', **send.pop("headers", {})}
    if row.json is not None:
        send["json"] = filled(row.json, it, things)
    return await world.as_(who).request(
        operation.method,
        where(operation, it, things),
        params=filled(row.params, it, things),
        headers=headers,
        **send,
    )


# --- The comparison --------------------------------------------------------------------------------------------------

IGNORED_HEADERS = frozenset({"date", "content-length"})
"""The trace in a problem changes with each answer; its length does not, and neither does the body's."""


def alike(one: httpx.Response, other: httpx.Response) -> list[str]:
    """
    Say in what two answers differ: status, headers but for the date, body but for the trace.
    """
    differs = []
    if one.status_code != other.status_code:
        differs.append(f"status {one.status_code} {other.status_code}")
    headers = [
        {name: value for name, value in answer.headers.items() if name not in IGNORED_HEADERS}
        for answer in (one, other)
    ]
    if headers[0] != headers[1]:
        differs.append(f"headers {headers}")
    if len(one.content) != len(other.content):
        differs.append("length")
    bodies = [_body(answer) for answer in (one, other)]
    if bodies[0] != bodies[1]:
        differs.append(f"body {bodies}")
    return differs


def _body(answer: httpx.Response) -> Any:
    if not answer.content or "json" not in answer.headers.get("content-type", ""):
        return answer.content
    body = answer.json()
    return {k: v for k, v in body.items() if k != "trace"} if isinstance(body, dict) else body
