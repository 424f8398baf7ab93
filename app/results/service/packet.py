"""
The packet: everything a sample's report rests on, in one archive with a manifest that ``sha256sum -c`` accepts.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import IO, Any, cast
from uuid import UUID

from app.access import service as access
from app.access.service import Caller
from app.attachments import service as attachments
from app.custody import service as custody
from app.kit import ids
from app.kit.clock import iso
from app.kit.db import Database, Session, as_laboratory
from app.kit.errors import Conflict, Unavailable
from app.kit.rows import mapping, to_json
from app.ledger import service as ledger
from app.results import repo
from app.results.repo import methods as methods_repo
from app.results.repo import paper as paper_repo
from app.results.rules import ReportKind
from app.results.service.look_up import file_of
from app.results.service.record import exact
from app.samples import service as samples
from app.samples.schemas import SampleDetailOut

MANIFEST = "SHA256SUMS"

README = """\
Everything on record of one sample, as of {at}.

reports/         each report: its record (JSON, the exact text its hash covers), its paper in English and in French
record.json      every analysis and finding, with controls, methods and the hashes of their data
reviews.json     the reviews and their signatures
methods.json     the methods, in the versions that the analyses name
custody.json     who held the item, first to last
data/            the files attached: instrument data, photographs
ledger.ndjson    the sample's entries in the ledger: number, previous hash, hash, exact text, and the head of the chain
{manifest}       check with: sha256sum -c {manifest}

A ledger line is proved against an export of the whole chain, or against a hash of it kept elsewhere
(`assayline ledger`); its form is described in app/ledger/rules.py.
"""


async def open_packet(
    database: Database, *, caller: Caller, sample_id: UUID | None, now: datetime | None
) -> tuple[str, AsyncIterator[bytes]]:
    """
    Record the disclosure and return the archive's name and its bytes, which are made as they are read.

    An agency gets it once a final report is released: what it rests on is laboratory-only until then.

    Raises:
        NotFound: when the sample is not there for this caller.
        Conflict: when no final report is released yet, for an agency.
        Unavailable: when a report is being printed at this moment.

    """
    async with database.transaction(caller.context, now=now) as session:
        sample = await samples.look_up(session, sample_id)
        reports = await repo.reports(session, sample.id)
        if not caller.is_laboratory and not any(one.kind == ReportKind.FINAL for one in reports):
            raise Conflict("The packet is disclosed with the final report, and there is none yet.")
        printed = await paper_repo.documents(session, [one.id for one in reports])
        if {one.report_id for one in printed} != {one.id for one in reports}:
            raise Unavailable("A report of this sample is being printed.", retry_after_s=1)
        await ledger.record(
            session,
            [
                ledger.Fact(
                    kind="sample.packet",
                    agency_id=sample.agency_id,
                    laboratory_id=sample.laboratory_id,
                    submission_id=sample.submission_id,
                    sample_id=sample.id,
                    version=sample.version,
                    actor_id=caller.client_id,
                    details={
                        "to": str(caller.agency_id),
                        "reports": [one.number for one in reports],
                    },
                )
            ],
        )
        at = session.now
    name = f"packet-{ids.write('smp', sample.id)}.zip"
    return name, _archive(database, sample, at)


async def _archive(
    database: Database, sample: SampleDetailOut, at: datetime
) -> AsyncIterator[bytes]:
    # The laboratory's own context: who may have this was decided, and recorded, before.
    context = as_laboratory(sample.laboratory_id)
    sink = _Sink()
    hashes: dict[str, str] = {}
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> bytes:
            hashes[name] = hashlib.sha256(content).hexdigest()
            entry = zipfile.ZipInfo(name, at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
            return sink.taken()

        yield put("README.txt", README.format(at=iso(at), manifest=MANIFEST).encode())
        async with database.reading(context) as session:
            async for name, content in _documents(session, sample):
                yield put(name, content)
            files = await attachments.of_sample(session, sample.id)
        for file in files:
            # One at a time, each its own short transaction: a slow reader holds no connection.
            async with database.reading(context) as session:
                stored, content = await attachments.read(session, file.id)
            yield put(f"data/{ids.write('att', stored.id)}-{_safe(stored.name)}", content)
        yield put("ledger.ndjson", await _ledger(database, sample.id))
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items()))
        yield put(MANIFEST, lines.encode())
    yield sink.taken()


async def _documents(session: Session, sample: SampleDetailOut) -> AsyncIterator[tuple[str, bytes]]:
    reports = await repo.reports(session, sample.id)
    for report in reports:
        yield f"reports/{report.number}.json", report.canonical.encode()
        for one in await paper_repo.documents(session, [report.id]):
            yield f"reports/{report.number}-{one.language}.pdf", one.pdf
    file = await file_of(session, sample.id)
    # The exact text that the reviewers signed, so that its hash is theirs.
    yield "record.json", exact(file.record).encode()
    yield "reviews.json", _json([one.model_dump(mode="json") for one in file.reviews])
    yield "methods.json", _json(await _methods(session, file.record["analyses"]))
    held = await custody.history(session, sample.id)
    agencies = await access.agency_names(session, [one["holder_agency_id"] for one in held])
    people = await access.names(session, [one["holder_client_id"] for one in held])
    yield (
        "custody.json",
        _json(
            [
                {
                    **one,
                    "holder_agency": agencies.get(one["holder_agency_id"]),
                    "holder_person": people.get(one["holder_client_id"]),
                }
                for one in held
            ]
        ),
    )


async def _methods(
    session: Session, analyses: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    named = {(one["method"], one["method_version"]) for one in analyses}
    return [
        mapping(row)
        for row in await methods_repo.methods(session)
        if (row.code, row.version) in named
    ]


async def _ledger(database: Database, sample_id: UUID) -> bytes:
    return "".join(
        json.dumps(line, ensure_ascii=False) + "\n"
        for line in await ledger.links_of(database, sample_id)
    ).encode()


def _json(value: Any) -> bytes:
    return (json.dumps(json.loads(to_json(value)), ensure_ascii=False, indent=1) + "\n").encode()


def _safe(name: str) -> str:
    # What an agency or an instrument called its file must not lead out of the folder it is unpacked into.
    kept = "".join(one if one.isalnum() or one in "._-" else "_" for one in name)
    return kept.lstrip(".")[-80:] or "file"


class _Sink(io.RawIOBase):
    """
    What the archive writes into: bytes to be taken away as they come. It cannot be sought in.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """
        Say that it can be written to.
        """
        return True

    def write(self, data: Any) -> int:
        """
        Keep what was written until it is taken.
        """
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """
        Take away what was written since the last time.
        """
        found, self._parts = b"".join(self._parts), []
        return found
