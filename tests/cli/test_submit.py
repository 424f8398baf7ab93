"""
`assayline submit`: everything arrives, nothing twice, and what cannot be taken is said line by line.
"""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from app.cli.pieces import PIECE_BYTES, cut
from tests.builders import World
from tests.cli.conftest import Assayline


@pytest.fixture
def agent(assayline: Assayline, people: World) -> Assayline:
    """
    The command line with an agent's key.
    """
    return assayline.with_(ASSAYLINE_API_KEY=people.keys["agent"])


def ndjson(people: World, count: int) -> list[str]:
    """
    That many submissions, a line each.
    """
    return [json.dumps(people.body()) for _ in range(count)]


class TestTwice:
    """
    A file may be sent any number of times.
    """

    def test_ndjson(self, agent: Assayline, people: World, tmp_path: Path) -> None:
        """
        The second time everything is there already, and both times end with 0.
        """
        file = tmp_path / "seizures.ndjson"
        file.write_text("\n".join(ndjson(people, 300)), encoding="utf-8")

        first, second = agent("submit", str(file)), agent("submit", str(file))

        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert "300 stored · 0 already there · 0 refused" in first.stderr
        assert "0 stored · 300 already there · 0 refused" in second.stderr

    def test_csv(self, agent: Assayline, people: World, tmp_path: Path) -> None:
        """
        Quoted line ends, a byte order mark and Windows line ends are no obstacle.
        """
        rows = [
            f'{uuid4().hex},2026-03-01T10:00:00Z,{people.laboratory},1,"two\r\nlines, ""quoted""",fentanyl;heroin'
            for _ in range(40)
        ]
        header = "agency_file_number,seized_at,laboratory_id,exhibit_number,description,suspected"
        file = tmp_path / "seizures.csv"
        file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *rows, ""]).encode())

        first, second = agent("submit", str(file)), agent("submit", str(file))

        assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr
        assert "40 stored · 0 already there · 0 refused" in first.stderr
        assert "0 stored · 40 already there · 0 refused" in second.stderr

    def test_standard_input(self, agent: Assayline, people: World) -> None:
        """
        A pipe is as good as a file, and what it holds is recognized.
        """
        done = agent.process("submit", "-", "--json", text="\n".join(ndjson(people, 3)))

        *answers, counts = map(json.loads, done.stdout.splitlines())
        assert done.returncode == 0, done.stderr
        assert counts == {"stored": 3, "already_there": 0, "refused": 0}
        assert [answer["line"] for answer in answers] == [1, 2, 3]
        assert all(answer["samples"][0]["id"].startswith("smp_") for answer in answers)


class TestRefused:
    """
    What cannot be taken is named by line, field and remedy; the rest is stored.
    """

    def test_by_line(self, agent: Assayline, people: World, tmp_path: Path) -> None:
        """
        The numbers are those of the file, blank lines and earlier pieces counted.
        """
        lines = ndjson(people, 200)
        wrong = {150: "{broken", 170: json.dumps(people.body() | {"colour": "white"})}
        for number, line in wrong.items():
            lines[number - 1] = line
        lines[2] = ""
        file = tmp_path / "seizures.ndjson"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")

        done = agent("submit", str(file))

        names, *refused = (line.split("\t") for line in done.stdout.splitlines())
        assert done.returncode == 1
        assert names == ["line", "field", "what_is_wrong", "remedy"]
        assert [(line[0], line[1]) for line in refused] == [("150", "body"), ("170", "colour")]
        assert refused[1][3] == "leave this field out, or check its spelling"
        assert "197 stored · 0 already there · 2 refused" in done.stderr

    def test_what_is_stored_nowhere(self, agent: Assayline, people: World, tmp_path: Path) -> None:
        """
        A further exhibit, or other content, of a file that is known is no "already there": nothing is lost in silence.
        """
        body = people.body(samples=[{"exhibit_number": "1"}, {"exhibit_number": "2"}])
        grown = body | {"samples": [*body["samples"], {"exhibit_number": "3"}]}
        changed = body | {"samples": [{"exhibit_number": "1", "suspected": ["heroin"]}]}
        file = tmp_path / "seizures.ndjson"
        file.write_text("\n".join(map(json.dumps, [body, body, grown, changed])), encoding="utf-8")

        done = agent("submit", str(file))

        told = [line.split("\t")[:3] for line in done.stdout.splitlines()[1:]]
        assert done.returncode == 1
        assert "1 stored · 1 already there · 2 refused" in done.stderr
        assert [line for line, _, said in told if "3 is not stored" in said] == ["3"]
        assert [line for line, _, said in told if "with other content" in said] == ["4"]

    def test_endless_line(self, agent: Assayline, people: World, tmp_path: Path) -> None:
        """
        A line longer than any may be is refused, and its neighbors are stored.
        """
        before, after = ndjson(people, 2)
        file = tmp_path / "seizures.ndjson"
        file.write_text("\n".join([before, "x" * 600_000, after]), encoding="utf-8")

        done = agent("submit", str(file), "--json")

        *answers, counts = map(json.loads, done.stdout.splitlines())
        assert counts == {"stored": 2, "already_there": 0, "refused": 1}
        assert [(one["line"], one["status"]) for one in answers] == [(1, 201), (2, 422), (3, 201)]

    def test_unknown_column(self, agent: Assayline, tmp_path: Path) -> None:
        """
        A misspelt column is refused with the columns there are.
        """
        file = tmp_path / "seizures.csv"
        file.write_text("agency_file_number,color\nA,red\n", encoding="utf-8")

        done = agent("submit", str(file))

        assert done.returncode == 1
        assert "does not know the column color" in done.stdout


class TestCannot:
    """
    Exit code 2: it could not be asked. Always with a remedy, never with a traceback.
    """

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            ({"ASSAYLINE_PUBLIC_URL": "http://127.0.0.1:1"}, "assayline serve"),
            ({"ASSAYLINE_PUBLIC_URL": "nonsense"}, "http://"),
            ({"ASSAYLINE_API_KEY": ""}, "API_KEY"),
            ({"ASSAYLINE_NONSENSE": "1"}, "ASSAYLINE_NONSENSE"),
        ],
    )
    def test_not_asked(
        self, agent: Assayline, environment: dict[str, str], said: str, tmp_path: Path
    ) -> None:
        """
        A service that is away, an address that is none, no key, an unknown setting.
        """
        file = tmp_path / "one.ndjson"
        file.write_text("{}\n", encoding="utf-8")

        done = agent.with_(**environment)("submit", str(file))

        assert (done.returncode, done.stdout) == (2, ""), done.stdout
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_no_key(self, assayline: Assayline) -> None:
        """
        Without a key it says how one is made.
        """
        done = assayline("queue")

        assert done.returncode == 2
        assert "assayline admin key create" in done.stderr

    def test_unknown_key(self, assayline: Assayline) -> None:
        """
        A key that nobody knows is the service's no, hence 1.
        """
        done = assayline("queue", "--key", "asl_live_no")

        assert done.returncode == 1
        assert "unknown, expired or revoked" in done.stderr


class TestPieces:
    """
    A piece never holds more than a server surely takes in before it must answer.
    """

    def test_small_and_whole(self, tmp_path: Path) -> None:
        """
        Together the pieces are the file; only a line that is larger by itself makes a larger one.
        """
        lines = [b"%d" % number + b"x" * (number * 37 % 5000) + b"\n" for number in range(400)]
        lines[200] = b"y" * 100_000 + b"\n"
        file = tmp_path / "lines"
        file.write_bytes(b"".join(lines))

        with file.open("rb") as stream:
            pieces = list(cut(stream, is_csv=False))

        assert b"".join(piece.body for piece in pieces) == file.read_bytes()
        assert sum(piece.size for piece in pieces) == file.stat().st_size
        assert [number for piece in pieces for number in piece.numbers] == [*range(1, 401)]
        assert all(len(piece.body) <= PIECE_BYTES or len(piece.lines) == 1 for piece in pieces)
