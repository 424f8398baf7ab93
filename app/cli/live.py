"""
The live view of ``assayline watch``, for a person at a terminal.
"""

import time
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from app.cli.output import clean, instant

_STEPS: Final = (
    ("submitted", "submitted_at"),
    ("received", "received_at"),
    ("screened", "screened_at"),
    ("confirmed", "confirmed_at"),
    ("reported", "reported_at"),
)


def usable() -> bool:
    """
    Say whether there is a terminal that can be drawn on.
    """
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class View:
    """
    One sample, drawn anew in place whenever it changes; what was seen stays when it ends.
    """

    def __init__(self) -> None:
        """
        Nothing is drawn before the first ``show``.
        """
        self._found: dict[str, Any] = {}
        self._seen: list[tuple[str, str]] = []
        self._trouble: str | None = None
        self._ended = False
        self._spinner = Spinner("dots", style="dim")
        self._live = Live(
            console=Console(highlight=False), get_renderable=self._draw, refresh_per_second=4
        )

    def __enter__(self) -> Self:
        """
        Take the terminal.
        """
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """
        Leave the last picture standing.
        """
        self._ended = True
        self._live.stop()

    def show(self, found: dict[str, Any]) -> None:
        """
        Show the sample as it is now.
        """
        self._found, self._trouble = found, None
        self._seen.append((instant(found["updated_at"]), found["status"]))

    def trouble(self, said: str | None) -> None:
        """
        Say what is in the way of looking; None when it is over.
        """
        self._trouble = said

    def _draw(self) -> Group | Text:
        if not self._found:
            return Text("")
        found = self._found
        head = Text.assemble(
            (clean(f"{found['agency_file_number']} / {found['exhibit_number']}"), "bold"),
            (f"  {clean(found['id'])}", "dim"),
        )
        steps = Table.grid(padding=(0, 2))
        for name, field in _STEPS:
            at = found[field]
            steps.add_row(
                Text("●" if at else "○", style="green" if at else "dim"),
                Text(name, style="" if at else "dim"),
                Text(instant(at), style="" if at else "dim"),
            )
        now = Text.assemble("now ", (clean(found["status"]), "bold"))
        halt = found.get("halt")
        if halt:
            now.append(f" ({clean(halt['reason'])})")
        lines: list[Text | Table | Spinner] = [head, steps, now]
        lines += [Text(f"{at}  {clean(status)}", style="dim") for at, status in self._seen[-6:-1]]
        if not self._ended:
            lines.append(self._waiting())
        return Group(*lines)

    def _waiting(self) -> Text | Spinner:
        if self._trouble:
            return Text(clean(self._trouble), style="yellow")
        at = time.strftime("%H:%M:%S")
        self._spinner.update(text=Text(f"looked at {at}; Ctrl-C ends this", style="dim"))
        return self._spinner
