"""
``assayline rank``: a file in, an order out.
"""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.cli.rank import COLUMNS, RankSummary, rank, rank_file
from app.kit.clock import to_us

BODY: dict[str, Any] = {
    "agency_file_number": "F-1",
    "seized_at": "2026-03-01T12:00:00Z",
    "country": "CA",
    "samples": [
        {
            "exhibit_number": "1",
            "suspected": ["fentanyl"],
            "quantity_seized": {"value": 2, "unit": "g"},
        },
        {"exhibit_number": "2", "suspected": ["cannabis"]},
    ],
}


def run(*lines: str | dict[str, Any]) -> tuple[RankSummary, list[dict[str, str]], str]:
    """
    Rank lines, and return the summary, the rows and the complaints.
    """
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    out, complaints = io.StringIO(), io.StringIO()
    summary = rank_file(io.StringIO(text), out, complaints=complaints)
    return summary, list(csv.DictReader(io.StringIO(out.getvalue()))), complaints.getvalue()


class TestRankFile:
    """
    One row a sample, in the order of the file.
    """

    def test_it_writes_one_row_for_each_sample(self) -> None:
        """
        With probabilities that sum to 1 and reasons in words.
        """
        summary, rows, complaints = run(BODY, "", {**BODY, "agency_file_number": "F-2"})

        assert RankSummary(lines=2, samples=4, bad=0) == summary
        assert not complaints
        assert list(COLUMNS) == list(rows[0])
        assert [("1", "1"), ("1", "2"), ("3", "1"), ("3", "2")] == [
            (row["line"], row["exhibit_number"]) for row in rows
        ]
        assert int(rows[0]["rank_key"]) < int(rows[1]["rank_key"])
        classes = [
            float(rows[0][name])
            for name in COLUMNS
            if name.startswith("p_") and "lethal" not in name
        ]
        assert pytest.approx(1) == sum(classes)
        assert "Suspected: fentanyl" in rows[0]["reasons"]

    @pytest.mark.parametrize(
        "hearings",
        [
            [],
            [{"kind": "trial", "date": "2026-03-05"}],
            [{"kind": "trial", "date": "2031-01-01"}, {"kind": "bail", "date": "2026-03-02"}],
        ],
    )
    def test_a_court_date_changes_nothing(self, hearings: list[dict[str, str]]) -> None:
        """
        Without one, with one, with another: the same bytes.
        """
        assert run(BODY)[1] == run({**BODY, "hearings": hearings})[1]

    def test_the_key_counts_from_the_submission(self) -> None:
        """
        By default from the seizure.
        """
        as_of = datetime(2026, 3, 2, 12, tzinfo=UTC)
        plain = run(BODY)[1]
        later = run({**BODY, "as_of": "2026-03-02T12:00:00Z"})[1]

        apart = to_us(as_of) - to_us(datetime(2026, 3, 1, 12, tzinfo=UTC))
        assert apart == int(later[0]["rank_key"]) - int(plain[0]["rank_key"])

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            ("{not json", "line"),
            ("[1]", "line"),
            ("[" * 100_000, "line"),
            ('{"agency_file_number": "F"}', "seized_at"),
            (json.dumps({**BODY, "as_of": "soon"}), "as_of"),
            (json.dumps({**BODY, "as_of": 5}), "as_of"),
            (json.dumps({**BODY, "as_of": "2026-03-02T12:00:00"}), "as_of"),
            (json.dumps({**BODY, "suspect_name": "x"}), "suspect_name"),
            (
                json.dumps({**BODY, "samples": [{"exhibit_number": "1", "form": "cake"}]}),
                "samples.0.form",
            ),
        ],
    )
    def test_a_bad_line_stops_only_itself(self, line: str, field: str) -> None:
        """
        It is told of by number, field and remedy.
        """
        summary, rows, complaints = run(BODY, line, BODY)

        assert RankSummary(lines=3, samples=4, bad=1) == summary
        assert {"1", "3"} == {row["line"] for row in rows}
        assert f"line 2: {field}: " in complaints


class TestRank:
    """
    The command.
    """

    runner = CliRunner()

    @pytest.fixture
    def command(self) -> typer.Typer:
        """
        The command on its own.
        """
        app = typer.Typer()
        app.command()(rank)
        return app

    def test_good_lines_end_well(self, command: typer.Typer, tmp_path: Path) -> None:
        """
        Exit code 0, CSV on standard output or in a file.
        """
        source, target = tmp_path / "in.ndjson", tmp_path / "out.csv"
        source.write_text(json.dumps(BODY), encoding="utf-8")

        shown = self.runner.invoke(command, [str(source)])
        written = self.runner.invoke(command, [str(source), "--output", str(target)])

        assert (0, 0) == (shown.exit_code, written.exit_code)
        assert target.read_text(encoding="utf-8") in shown.output
        assert "2 samples of 1 submissions" in shown.output

    def test_bad_lines_end_with_1(self, command: typer.Typer, tmp_path: Path) -> None:
        """
        Bytes that are no text cost their line alone.
        """
        source = tmp_path / "in.ndjson"
        broken = json.dumps(BODY).replace("F-1", "F-\\\\1").encode().replace(b"\\\\", b"\xff")
        source.write_bytes(json.dumps(BODY).encode() + b"\n" + broken + b"\n")

        ended = self.runner.invoke(command, [str(source)])

        assert ended.exit_code == 1
        assert "line 2: " in ended.output

    def test_standard_input_is_read(self, command: typer.Typer) -> None:
        """
        As a dash.
        """
        ended = self.runner.invoke(command, ["-"], input=json.dumps(BODY))

        assert ended.exit_code == 0
        assert "F-1" not in ended.output

    @pytest.mark.parametrize("extra", [["nowhere.ndjson"], ["-", "--policy", "none"]])
    def test_nothing_to_read_ends_with_2(self, command: typer.Typer, extra: list[str]) -> None:
        """
        No such file, no such policy.
        """
        assert self.runner.invoke(command, extra).exit_code == 2
