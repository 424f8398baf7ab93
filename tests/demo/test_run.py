"""
The demo as a whole, on few rows: nothing lost, nothing doubled, and able to notice if there were.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from app.demo.command import DemoError, run
from app.demo.show import Screen
from app.embedded import places

ROWS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """
    A data folder that the servers' user can reach.
    """
    above = Path(tempfile.mkdtemp(prefix="assayline-demo-"))
    above.chmod(0o711)
    try:
        yield above / "data"
    finally:
        places.remove(above / "data")
        shutil.rmtree(above, ignore_errors=True)


@pytest.mark.timeout(240)
class TestRun:
    """
    A service of its own, the seizures through it, and the count.
    """

    def test_nothing_is_lost_or_doubled(self, folder: Path) -> None:
        """
        Every event owed took effect once, though a receiver was down; the record is proved; a backlog stands.
        """
        paper = io.StringIO()

        found = run(Screen(Console(file=paper, width=200)), seed=2023, rows=ROWS, data_dir=folder)

        pushes = found.pushes
        assert found.good, paper.getvalue()
        assert (pushes.lost, pushes.doubled, pushes.refused) == (0, 0, 0)
        assert pushes.retried > 0
        assert pushes.owed == pushes.delivered
        assert pushes.owed == ROWS + found.run.screened + found.run.reported
        assert found.ledger.good
        assert found.samples.total == ROWS
        assert found.samples.state_differs == 0
        assert found.compared.agreement.complete
        assert 0 < found.run.screened < ROWS
        assert found.run.reported > 0
        assert "GOOD: lost 0, doubled in effect 0, ledger verified." in paper.getvalue()
        assert "SIMULATED" in paper.getvalue()

    def test_a_loss_is_found(self, folder: Path) -> None:
        """
        A receiver that answers 200 and forgets one event: lost 1, and not good.
        """
        paper = io.StringIO()

        found = run(
            Screen(Console(file=paper, width=200)), seed=2023, rows=20, data_dir=folder, drops=1
        )

        assert found.pushes.lost == 1
        assert found.pushes.owed == found.pushes.delivered
        assert not found.good
        assert "NOT GOOD: lost 1" in paper.getvalue()

    def test_what_is_not_ours_is_left_alone(self, folder: Path) -> None:
        """
        A folder with something else in it is neither used nor removed.
        """
        folder.mkdir()
        kept = folder / "kept"
        kept.touch()

        with pytest.raises(DemoError, match="was not made by the demo"):
            run(Screen(Console(file=io.StringIO())), seed=1, rows=20, data_dir=folder)

        assert kept.exists()
