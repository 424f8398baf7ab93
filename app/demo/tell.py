"""
The result in words and figures: what went in, who waited how long under which order, and what came back.
"""

from collections.abc import Sequence

from app.demo import bench, cast
from app.demo.cast import Cast
from app.demo.compare import Waits
from app.demo.outcome import ORDERS, Outcome
from app.demo.receivers import Receiver
from app.demo.replay import Run
from app.demo.seizures import HEARING_SHARE, SOURCE
from app.demo.show import Part, Screen

SIMULATED = (
    "The bench is SIMULATED. The file has no laboratory results, so the bench takes the drug as booked for the"
    " truth, and its screen never errs: the figures below are an upper bound, not a forecast."
)


def opening(screen: Screen, *, seizures: int, seed: int) -> None:
    """
    Say what is about to happen and what of it is real.
    """
    screen.say("Assayline: real border seizures through a running service", style="bold")
    screen.say(f"Real:      {seizures:,} seizures, one event each. {SOURCE}.")
    screen.say(
        f"Drawn:     the day within the month, and hearing dates for {HEARING_SHARE:.0%} of them,"
        f" by seed {seed}. The file has no route: none is claimed."
    )
    screen.say(f"Simulated: {SIMULATED}")
    screen.say()


def ending(screen: Screen, outcome: Outcome, receivers: Sequence[Receiver]) -> None:
    """
    Show everything.
    """
    for part in (_went_in(outcome), _waited(outcome), _worked(outcome)):
        screen.part(part)
    screen.part(_came_back(outcome, receivers))
    for number, example in enumerate(outcome.examples, start=1):
        rows = [(example.text,), *((f"because: {reason}",) for reason in example.reasons)]
        title = f"{number}. {example.title}"
        if number == 1:
            screen.say()
            screen.say("Real seizures from this run", style="bold")
        screen.paragraph(title, [row[0] for row in rows])
    screen.say()
    screen.say(
        "Where to look next: docs/ranking.md (what the score knows and does not), `make demo ARGS=--stay`"
        " (the service stays up, with keys), `assayline --help`."
    )
    verdict = "GOOD: " if outcome.good else "NOT GOOD: "
    screen.say(
        f"{verdict}lost {outcome.pushes.lost}, doubled in effect {outcome.pushes.doubled},"
        f" ledger {'verified' if outcome.ledger.good else 'NOT verified'}."
        f" {outcome.took_s:.0f} s in all.",
        style="bold green" if outcome.good else "bold red",
    )


def invitation(screen: Screen, url: str, people: Cast, run: Run) -> None:
    """
    Say where the service answers, with which keys, and what to try.
    """
    agency = next(iter(run.files.values())).arrival.seizure.agency
    agent, investigator = people.key(agency, cast.AGENT), people.key(agency, cast.INVESTIGATOR)
    bench_key = people.key(cast.LABORATORY, cast.technician(0))
    sample = next(
        file.sample_id for file in run.files.values() if file.arrival.seizure.agency == agency
    )
    body = (
        '{"agency_file_number":"try-1","seized_at":"2026-01-05T10:00:00Z",'
        '"samples":[{"exhibit_number":"1","suspected":["fentanyl"]}]}'
    )
    screen.say()
    screen.say(f"The service stays up at {url} until Ctrl-C. Practice keys:", style="bold")
    lines = (
        f"AGENT={agent}",
        f"INVESTIGATOR={investigator}",
        f"TECHNICIAN={bench_key}",
        "# submit a seizure, and read its risk with every reason",
        (
            f'curl -s {url}/v1/submissions -H "Authorization: Bearer $AGENT"'
            f" -H 'Content-Type: application/json' -d '{body}'"
        ),
        "# follow a sample",
        f'curl -si {url}/v1/samples/{sample} -H "Authorization: Bearer $INVESTIGATOR"',
        "# read the feed of events",
        f"curl -s '{url}/v1/events?limit=3' -H \"Authorization: Bearer $INVESTIGATOR\"",
        "# see who is next at the bench, and why",
        f"curl -s '{url}/v1/lab/queue?limit=3' -H \"Authorization: Bearer $TECHNICIAN\"",
    )
    for line in lines:
        # Unbroken, so that it can be copied.
        screen.console.print(line, soft_wrap=True, markup=False)


def _went_in(outcome: Outcome) -> Part:
    samples, run = outcome.samples, outcome.run
    months = [file.arrival.seizure.month for file in run.files.values()]
    return Part(
        "What went in",
        [
            (
                "seizures submitted",
                f"{len(run.files):,}",
                f"seized {min(months):%b %Y} to {max(months):%b %Y}",
            ),
            ("samples received", f"{run.received:,}", "one exhibit each: the file has no more"),
            (
                "small quantities",
                f"{samples.small:,}",
                f"30 g or less, of which {samples.small_and_zero} booked as zero (a trace, or not weighed)",
            ),
        ],
    )


def _waited(outcome: Outcome) -> Part:
    compared = outcome.compared
    rows: list[tuple[str, ...]] = []
    for label, group in (("fentanyl", compared.fentanyl), ("all else", compared.others)):
        every = [group[order] for order in ORDERS]
        size = next((one.samples for one in every if one), 0)
        if not size:
            continue
        rows += [
            (f"{label} ({size:,}): median", *(_days(one, "median") for one in every)),
            (f"{label}: mean", *(_mean(one) for one in every)),
            (f"{label}: 95 % within", *(_days(one, "p95") for one in every)),
            (f"{label}: still waiting at the end", *(_still(one) for one in every)),
        ]
    everything = [compared.everything[order] for order in ORDERS]
    rows.append(("longest wait of anything", *(_days(one, "longest") for one in everything)))
    same = compared.agreement
    return Part(
        "How long from submission to a first finding",
        rows,
        head=("", *ORDERS),
        notes=(
            (
                f"Same arrivals, same bench, the same {compared.starts:,} screens at the same minutes in"
                " every column: the difference is the order alone."
            ),
            "≥: whoever still waits counts with the time so far, so the true figure is longer.",
            (
                "First column: the running service, by its own answers. The others: a simulation. Given"
                f" the service's order it repeats {same.same:,} of {same.starts:,} of its starts."
            ),
            "Upper bound: the simulated bench finds exactly what was booked, which a real one does not.",
        ),
    )


def _days(waits: Waits | None, name: str) -> str:
    if waits is None:
        return "-"
    least = "≥ " if getattr(waits, f"{name}_is_least") else ""
    return f"{least}{length(getattr(waits, f'{name}_d'))}"


def _mean(waits: Waits | None) -> str:
    return f"{'≥ ' if waits.waiting else ''}{length(waits.mean_d)}" if waits else "-"


def _still(waits: Waits | None) -> str:
    return f"{waits.waiting:,} ({waits.waiting / waits.samples:.0%})" if waits else "-"


def length(days: float) -> str:
    """
    Write a wait: in hours below one day, else in days.
    """
    if days < 1:
        return f"{days * 24:.1f} h"
    return f"{days:,.1f} d" if days < 10 else f"{days:,.0f} d"  # noqa: PLR2004 - two figures


def _worked(outcome: Outcome) -> Part:
    run = outcome.run
    waiting = run.received - run.screened
    minutes, each = bench.SCREEN.minutes, bench.SCREEN.mean_minutes
    return Part(
        "What the simulated bench did",
        [
            (
                "screened, finding released",
                f"{run.screened:,}",
                f"{minutes:g} instrument-minutes in each of two sessions a week, {each:g} per screen",
            ),
            (
                "confirmed, reviewed, reported",
                f"{run.reported:,}",
                (
                    f"{bench.CONFIRM.minutes:g} minutes a session,"
                    f" {bench.CONFIRM.mean_minutes:g} per confirmation"
                ),
            ),
            ("backlog: waiting for a screen", f"{waiting:,}", "too small a bench, on purpose"),
            ("backlog: waiting to be confirmed", f"{run.screened - run.reported:,}"),
        ],
    )


def _came_back(outcome: Outcome, receivers: Sequence[Receiver]) -> Part:
    pushes, run, polls = outcome.pushes, outcome.run, outcome.run.polls
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(pushes.by_type.items()))
    return Part(
        "What came back to the agencies",
        [
            ("pushes owed", f"{pushes.owed:,}", kinds),
            ("delivered", f"{pushes.delivered:,}", f"{pushes.refused} with a bad signature"),
            ("retried", f"{pushes.retried:,}", _outage(outcome)),
            ("lost", f"{pushes.lost}", "owed ids less the ids that took effect"),
            (
                "doubled in effect",
                f"{pushes.doubled}",
                (
                    f"{pushes.wire_doubles} arrived twice and were dropped by id,"
                    f" {pushes.late} arrived after a newer one"
                ),
            ),
            (
                "status at the receivers",
                "equal" if not outcome.samples.state_differs else "DIFFERS",
                (
                    f"for {outcome.samples.total - outcome.samples.state_differs:,} of"
                    f" {outcome.samples.total:,} samples ({len(receivers)} receivers)"
                ),
            ),
            (
                "one investigator polled",
                f"{polls.changed + polls.unchanged:,}",
                f"{polls.changed:,} answered 200, {polls.unchanged:,} answered 304 (unchanged)",
            ),
            (
                "API calls",
                f"{outcome.calls:,}",
                "median {:.0f} ms, 95 % within {:.0f} ms".format(*outcome.call_ms),
            ),
            (
                "ledger",
                "verified" if outcome.ledger.good else "BROKEN",
                f"{outcome.ledger.links:,} links recomputed, {outcome.ledger.pending} waiting",
            ),
        ],
        notes=() if run.received == len(run.files) else ("Not everything was received.",),
    )


def _outage(outcome: Outcome) -> str:
    outage = outcome.run.outage
    if outage is None:
        return "no receiver was down"
    return (
        f"{outage.agency} was down for {outage.seconds:.1f} s and turned"
        f" {outage.turned_away:,} away"
    )
