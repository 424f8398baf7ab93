"""
``assayline rank``: put a file of submissions in order without a service, a database or a network.

Each line of the file is a submission's body, as POST /v1/submissions takes it, with an optional ``as_of``: the instant
of submission, by default that of the seizure. The answer is CSV, one row for each sample, in the order of the file:
sort by ``rank_key``. A court date changes nothing.
"""

import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from pydantic import ValidationError

from app.kit.clock import to_us
from app.ranking.assess import Assessment, assess, rank_key
from app.ranking.intake import facts_from
from app.ranking.policy import Policy, PolicyError, current, load
from app.samples.schemas import SubmissionIn
from app.substances.classes import HazardClass

COLUMNS = (
    "line",
    "exhibit_number",
    "rank_key",
    "harm_per_day",
    "harm_per_bench_day",
    "p_lethal_opioid",
    *(f"p_{hazard}" for hazard in HazardClass),
    "policy",
    "reasons",
)


@dataclass(frozen=True, slots=True)
class RankSummary:
    """
    What was read.
    """

    lines: int
    """Blank ones not counted."""
    samples: int
    bad: int
    """Lines that could not be used."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    What is wrong with one field of a line, and what to do about it.
    """

    field: str
    remedy: str


class BadLineError(Exception):
    """
    A line that is not a submission's body.
    """

    def __init__(self, *troubles: Trouble) -> None:
        super().__init__(*troubles)
        self.troubles = troubles


def rank_file(
    source: TextIO,
    out: TextIO,
    *,
    complaints: TextIO | None = None,
    policy: Policy | None = None,
) -> RankSummary:
    """
    This function will rank every sample of a file, one line at a time; a bad line stops only itself.

    Args:
        source: submissions, one JSON object a line.
        out: where the CSV goes.
        complaints: where bad lines are told of; by default standard error.
        policy: the weights; by default those in force.

    """
    complaints = complaints or sys.stderr
    policy = policy or current()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    lines = samples = bad = 0
    for number, text in enumerate(source, start=1):
        if not text.strip():
            continue
        lines += 1
        try:
            body, as_of = _read(text)
        except BadLineError as problem:
            bad += 1
            for trouble in problem.troubles:
                complaints.write(f"line {number}: {trouble.field}: {trouble.remedy}\n")
            continue
        for exhibit, judged in _judge(body, policy):
            samples += 1
            key = rank_key(to_us(as_of), judged.head_start_us)
            writer.writerow(_row(number, exhibit, key, judged))
    return RankSummary(lines=lines, samples=samples, bad=bad)


def rank(
    file: Annotated[
        Path, typer.Argument(help="Submissions, one JSON object a line; - is standard input.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the CSV here instead of to standard output."),
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="A policy by its id; by default the one in force.")
    ] = None,
) -> None:
    """
    Rank the samples of a file by the harm that not knowing does, with reasons, as CSV.

    Ends with 0 when every line could be used, 1 when some could not, 2 when there is nothing to read or write.
    """
    try:
        weights = load(policy) if policy else current()
        with contextlib.ExitStack() as open_files:
            source = open_files.enter_context(_reading(file))
            out = open_files.enter_context(_writing(output)) if output else sys.stdout
            summary = rank_file(source, out, policy=weights)
            out.flush()
    except BrokenPipeError:
        # Whoever read has had enough. Python would complain once more while it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except (OSError, PolicyError) as problem:
        typer.echo(f"cannot rank: {problem}", err=True)
        raise typer.Exit(2) from problem
    told = f"{summary.samples} samples of {summary.lines} submissions ranked by policy {weights.id}"
    typer.echo(f"{told}; {summary.bad} lines could not be used" if summary.bad else told, err=True)
    if summary.bad:
        raise typer.Exit(1)


def _reading(file: Path) -> TextIO:
    # Bytes that are no text must cost one line, not the file.
    if str(file) == "-":
        return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape")
    return file.open(encoding="utf-8-sig", errors="surrogateescape")


def _writing(file: Path) -> TextIO:
    return file.open("w", encoding="utf-8", newline="")


def _read(text: str) -> tuple[dict[str, Any], datetime]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadLineError(
            Trouble("line", f"is not JSON ({problem}); write one JSON object a line")
        ) from problem
    if not isinstance(body, dict):
        raise BadLineError(
            Trouble("line", "is not a JSON object; write one submission's body a line")
        )
    told = body.pop("as_of", None)
    try:
        submission = SubmissionIn.model_validate(body)
    except ValidationError as problem:
        raise BadLineError(*_troubles(problem)) from problem
    return submission.model_dump(mode="json"), _instant(told, submission.seized_at)


def _instant(told: object, seized_at: datetime) -> datetime:
    if told is None:
        return seized_at
    try:
        instant = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadLineError(
            Trouble("as_of", "is not an instant; write it as 2026-03-01T12:00:00Z, with its zone")
        )
    return instant


def _troubles(problem: ValidationError) -> Iterator[Trouble]:
    for error in problem.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in error["loc"]) or "line"
        yield Trouble(field, f"{error['msg']}; correct it and send the line again")


def _judge(body: dict[str, Any], policy: Policy) -> Iterator[tuple[str, Assessment]]:
    for sample in body["samples"]:
        yield sample["exhibit_number"], assess(facts_from(body, sample), policy)


def _row(line: int, exhibit: str, key: int, judged: Assessment) -> list[object]:
    return [
        line,
        exhibit,
        key,
        f"{judged.harm_per_day:.9g}",
        f"{judged.harm_per_bench_day:.9g}",
        f"{judged.p_lethal_opioid:.9g}",
        *(f"{judged.probabilities[hazard]:.9g}" for hazard in HazardClass),
        judged.policy,
        " | ".join(reason.text for reason in judged.reasons),
    ]
