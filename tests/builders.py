"""
Worlds for tests: a laboratory, an agency and their people, each with a key, all new for each test.

Tenants keep tests apart: every test works in a laboratory of its own, on one committed database, exactly as
laboratories share an installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.access import service as access
from app.access.rules import AgencyKind, ClientKind, Role
from app.kit import ids
from app.kit.db import OPERATOR, Database

PEOPLE: Mapping[str, tuple[str, Role]] = {
    "agent": ("agency", Role.AGENT),
    "investigator": ("agency", Role.INVESTIGATOR),
    "other_agent": ("other_agency", Role.AGENT),
    "technician": ("laboratory", Role.TECHNICIAN),
    "second_technician": ("laboratory", Role.TECHNICIAN),
    "counter": ("laboratory", Role.TECHNICIAN),
    "reviewer": ("laboratory", Role.REVIEWER),
    "second_reviewer": ("laboratory", Role.REVIEWER),
    "supervisor": ("laboratory", Role.SUPERVISOR),
    "other_technician": ("other_laboratory", Role.TECHNICIAN),
}

TECHNIQUES = ("dart_ms", "gc_ms", "ftir")


@dataclass
class World:
    """
    Two laboratories, two agencies, their people and keys; ``as_("agent")`` is an HTTP client of that person.
    """

    app: Any
    database: Database
    agencies: dict[str, UUID] = field(default_factory=dict)
    clients: dict[str, UUID] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    _open: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def as_(self, person: str) -> httpx.AsyncClient:
        """
        Return an HTTP client that calls as this person.
        """
        if person not in self._open:
            self._open[person] = httpx.AsyncClient(
                transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
                base_url="http://assayline.test",
                headers={"Authorization": f"Bearer {self.keys[person]}"},
            )
        return self._open[person]

    async def close(self) -> None:
        """
        Close every client.
        """
        for client in self._open.values():
            await client.aclose()

    @property
    def laboratory(self) -> str:
        """
        The laboratory's id, as callers write it.
        """
        return ids.write("agn", self.agencies["laboratory"])

    def body(self, *, samples: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        """
        Return a minimal submission to this world's laboratory, with a new file number.
        """
        return {
            "agency_file_number": f"F-{uuid4().hex[:12]}",
            "seized_at": "2026-03-01T10:00:00Z",
            "laboratory_id": self.laboratory,
            "samples": samples or [{"exhibit_number": "1"}],
            **more,
        }

    async def submit(self, *, by: str = "agent", **more: Any) -> dict[str, Any]:
        """
        Submit and return the answer.
        """
        answer = await self.as_(by).post("/v1/submissions", json=self.body(**more))
        assert answer.status_code == 201, answer.text
        stored: dict[str, Any] = answer.json()
        return stored

    async def received(self, **more: Any) -> str:
        """
        Submit one sample, receive it, and return its id.
        """
        stored = await self.submit(**more)
        sample_id: str = stored["samples"][0]["id"]
        # Whoever receives an item has it in their hands, and a claim of theirs would never lapse.
        answer = await self.as_("counter").post("/v1/lab/receipts", json={"sample_id": sample_id})
        assert answer.status_code == 201, answer.text
        return sample_id

    async def claim(self, person: str = "technician", **body: Any) -> dict[str, Any]:
        """
        Take one claim and return it.
        """
        answer = await self.as_(person).post("/v1/lab/claims", json=body)
        assert answer.status_code == 201, answer.text
        claims: list[dict[str, Any]] = answer.json()["claims"]
        assert len(claims) == 1, claims
        return claims[0]

    async def analyze(
        self,
        claim: dict[str, Any],
        technique: str = "dart_ms",
        *,
        by: str = "technician",
        **more: Any,
    ) -> str:
        """
        Record one analysis under a claim and return its id.
        """
        body = {
            "technique": technique,
            "aliquot": f"for {technique}",
            "started_at": "2026-03-02T08:00:00Z",
            "ended_at": "2026-03-02T08:05:00Z",
            "result": "detected",
            "substances": ["fentanyl"],
            "controls_passed": True,
            "data_reference": "run 7, vial 3",
        } | more
        answer = await self.as_(by).post(
            f"/v1/lab/samples/{claim['sample']['id']}/analyses",
            json=body,
            headers={"If-Match": f'"{claim["token"]}"'},
        )
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    async def conclude(
        self,
        claim: dict[str, Any],
        kind: str,
        analyses: list[str],
        *,
        by: str = "technician",
        **more: Any,
    ) -> httpx.Response:
        """
        Record a finding under a claim and return the answer.
        """
        body = {
            "kind": kind,
            "outcome": "detected",
            "substances": ["fentanyl"],
            "analysis_ids": analyses,
        }
        return await self.as_(by).post(
            f"/v1/lab/samples/{claim['sample']['id']}/findings",
            json=body | more,
            headers={"If-Match": f'"{claim["token"]}"'},
        )

    async def reported(self, sample_id: str) -> dict[str, Any]:
        """
        Take a received sample through screen, release, confirmation, review and report; return the final report.
        """
        screen = await self.claim(sample_id=sample_id, stage="screen")
        finding = await self.conclude(screen, "presumptive", [await self.analyze(screen)])
        assert finding.status_code == 201, finding.text
        released = await self.as_("technician").post(
            f"/v1/lab/findings/{finding.json()['id']}/release", json={"label_scanned": sample_id}
        )
        assert released.status_code == 201, released.text
        confirm = await self.claim(sample_id=sample_id, stage="confirm")
        analyses = [await self.analyze(confirm, technique) for technique in ("gc_ms", "ftir")]
        finding = await self.conclude(confirm, "identified", analyses)
        assert finding.status_code == 201, finding.text
        review = await self.claim("reviewer", sample_id=sample_id, stage="review")
        for kind in ("technical", "administrative"):
            accepted = await self.review(review, kind=kind)
            assert accepted.status_code == 201, accepted.text
        report = await self.as_("reviewer").post(
            f"/v1/lab/samples/{sample_id}/reports",
            json={"signature": self.signature("reviewer")},
            headers={"If-Match": f'"{review["token"]}"'},
        )
        assert report.status_code == 201, report.text
        found: dict[str, Any] = report.json()
        return found

    def signature(self, person: str) -> dict[str, str]:
        """
        Return what a person signs with: their own key, presented again.
        """
        return {"proof": self.keys[person]}

    async def record_sha256(self, sample_id: str, *, by: str = "reviewer") -> str:
        """
        Open a sample's file and return the hash of its record.
        """
        answer = await self.as_(by).get(f"/v1/lab/samples/{sample_id}/file")
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["record_sha256"]
        return found

    async def review(
        self, claim: dict[str, Any], *, by: str = "reviewer", kind: str = "technical", **more: Any
    ) -> httpx.Response:
        """
        Review what a claim holds, as its file is now; accept it unless told otherwise.
        """
        sample_id = claim["sample"]["id"]
        body = {
            "kind": kind,
            "decision": "accept",
            "record_sha256": await self.record_sha256(sample_id, by=by),
            "signature": self.signature(by),
        }
        return await self.as_(by).post(
            f"/v1/lab/samples/{sample_id}/reviews",
            json=body | more,
            headers={"If-Match": f'"{claim["token"]}"'},
        )


async def build_world(app: Any, database: Database) -> World:
    """
    Create two laboratories, two agencies and their people.
    """
    world = World(app, database)
    tail = uuid4().hex[:8]
    kinds = {
        "agency": AgencyKind.SUBMITTING,
        "other_agency": AgencyKind.SUBMITTING,
        "laboratory": AgencyKind.LABORATORY,
        "other_laboratory": AgencyKind.LABORATORY,
    }
    async with database.transaction(OPERATOR) as session:
        for name, kind in kinds.items():
            world.agencies[name] = await access.create_agency(
                session, name=f"{name} {tail}", kind=kind
            )
        for person, (agency, role) in PEOPLE.items():
            client_id = await access.create_client(
                session,
                agency_id=world.agencies[agency],
                name=person,
                kind=ClientKind.PERSON,
                roles=[role],
            )
            world.clients[person] = client_id
            world.keys[person] = await access.create_key(session, client_id=client_id)
            if role is Role.TECHNICIAN:
                for technique in TECHNIQUES:
                    await access.authorize(session, client_id=client_id, technique=technique)
    return world
