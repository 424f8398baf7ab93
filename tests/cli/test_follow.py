"""
`assayline watch` and `assayline queue`.
"""

import asyncio
import json
import os
import pty
import re
import subprocess
import time
from uuid import uuid4

from tests.builders import World
from tests.cli.conftest import Assayline


async def test_watch_ends(assayline: Assayline, people: World) -> None:
    """
    One line for each change, ended by the report, with 0.
    """
    agent = assayline.with_(ASSAYLINE_API_KEY=people.keys["agent"])
    sample_id = await people.received()
    watching = agent.start("watch", sample_id, "--every", "0.1")
    assert watching.stdout is not None
    first = await asyncio.to_thread(watching.stdout.readline)

    await people.reported(sample_id)

    rest, said = await asyncio.to_thread(watching.communicate, timeout=30)
    await people.close()
    statuses = [line.split("\t")[1] for line in [first, *rest.splitlines()]]
    assert watching.returncode == 0, said
    assert statuses[0] == "received"
    assert statuses[-1] == "reported"
    # What comes and goes between two looks is not seen; the same version is never told twice.
    versions = [int(line.split("\t")[2]) for line in [first, *rest.splitlines()]]
    assert versions == sorted(set(versions))


async def test_watch_reported(assayline: Assayline, people: World) -> None:
    """
    A sample that is reported already ends at once; JSON has the whole sample.
    """
    agent = assayline.with_(ASSAYLINE_API_KEY=people.keys["agent"])
    sample_id = await people.received()
    await people.reported(sample_id)
    await people.close()

    done = await asyncio.to_thread(agent, "watch", sample_id, "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "reported"


async def test_watch_live(assayline: Assayline, people: World) -> None:
    """
    On a terminal the same picture is drawn anew: every step with its instant, and the last one stays.
    """
    agent = assayline.with_(ASSAYLINE_API_KEY=people.keys["agent"])
    number = f"\x1b[2J{uuid4().hex[:8]}"
    sample_id = await people.received(agency_file_number=number)
    await people.reported(sample_id)
    await people.close()

    shown = await asyncio.to_thread(on_terminal, agent, "watch", sample_id, term="xterm")

    picture = shown.rpartition(sample_id)[2]
    for step in ("submitted", "received", "screened", "confirmed", "reported"):
        assert re.search(rf"●\S*\s+\S*{step}", picture), picture
    assert "Ctrl-C" not in picture
    assert number[4:] in shown
    assert "\x1b[2J" not in shown


async def test_watch_nothing(assayline: Assayline, people: World) -> None:
    """
    Another agency's sample and one that is not there end alike, with 1.
    """
    sample_id = await people.received()
    await people.close()
    stranger = assayline.with_(ASSAYLINE_API_KEY=people.keys["other_agent"])

    theirs = await asyncio.to_thread(stranger, "watch", sample_id)
    nothing = await asyncio.to_thread(stranger, "watch", "../../livez")

    assert (theirs.returncode, nothing.returncode) == (1, 1)
    assert theirs.stderr == nothing.stderr


async def test_queue(assayline: Assayline, people: World) -> None:
    """
    Plain, JSON and on a terminal: the same samples in the same order.
    """
    samples = [await people.received(samples=[{"exhibit_number": str(n)}]) for n in range(3)]
    await people.close()
    bench = assayline.with_(ASSAYLINE_API_KEY=people.keys["technician"])

    plain = await asyncio.to_thread(bench, "queue")
    as_json = await asyncio.to_thread(bench, "queue", "--json")
    shown = await asyncio.to_thread(on_terminal, bench, "queue")
    empty = await asyncio.to_thread(on_terminal, bench, "queue", "--stage", "review")

    names, *lines = (line.split("\t") for line in plain.stdout.splitlines())
    items = json.loads(as_json.stdout)["items"]
    assert names[:3] == ["place", "sample", "file"]
    assert {line[1] for line in lines} == set(samples)
    assert [line[1] for line in lines] == [item["sample_id"] for item in items]
    assert [shown.index(item["sample_id"]) for item in items] == sorted(
        shown.index(sample) for sample in samples
    )
    assert "\t" not in shown
    assert "Nothing waits to review." in empty


async def test_queue_is_harmless(assayline: Assayline, people: World) -> None:
    """
    What an agency writes does not steer the terminal of whoever reads it.
    """
    number = f"\x1b[2J{uuid4().hex[:6]}\u202e"
    await people.received(agency_file_number=number)
    await people.close()
    bench = assayline.with_(ASSAYLINE_API_KEY=people.keys["technician"])

    plain = await asyncio.to_thread(bench, "queue")
    shown = await asyncio.to_thread(on_terminal, bench, "queue")

    assert number.strip("\x1b\u202e")[3:9] in plain.stdout
    for said in (plain.stdout, shown):
        assert "\x1b[2J" not in said
        assert "\u202e" not in said


def on_terminal(assayline: Assayline, *arguments: str, term: str = "dumb") -> str:
    """
    What a person sees on a terminal of 200 columns.
    """
    ours, theirs = pty.openpty()
    try:
        process = assayline.with_(COLUMNS="200", TERM=term).start(
            *arguments, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL
        )
    finally:
        os.close(theirs)
    said = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(10) == 0
    return said.decode()
