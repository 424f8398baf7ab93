"""
How the run shows itself: a moving picture on a terminal, a plain line every few seconds anywhere else.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Part:
    """
    One part of the result: rows of cells, the first cell of each its name.
    """

    title: str
    rows: Sequence[Sequence[str]]
    head: Sequence[str] = ()
    notes: Sequence[str] = ()


class Screen:
    """
    Where everything is written.
    """

    def __init__(self, console: Console | None = None) -> None:
        """
        Use standard output unless another console is given.
        """
        self.console = console or Console(highlight=False)

    @property
    def is_terminal(self) -> bool:
        """
        Whether somebody watches.
        """
        return self.console.is_terminal

    def say(self, text: str = "", *, style: str = "") -> None:
        """
        Write one paragraph.
        """
        self.console.print(Text(text, style=style), soft_wrap=not self.is_terminal)

    @contextmanager
    def progress(
        self, total: int, *, state: Callable[[], tuple[int, str]]
    ) -> Iterator[Callable[[], None]]:
        """
        Show how far something is; call what this yields now and then.

        Args:
            total: of what ``state`` counts.
            state: how much is done, and a few words on it.

        """
        if not self.is_terminal:
            yield self._lines(total, state)
            return
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            BarColumn(bar_width=16),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        ) as bar:
            task = bar.add_task("", total=total)

            def look() -> None:
                done, words = state()
                bar.update(task, completed=done, description=escape(words))

            yield look
            look()

    def _lines(self, total: int, state: Callable[[], tuple[int, str]]) -> Callable[[], None]:
        said = time.monotonic()

        def look() -> None:
            nonlocal said
            if time.monotonic() - said < _EVERY_S:
                return
            said = time.monotonic()
            done, words = state()
            self.say(f"{100 * done // max(total, 1):>3} %  {words}")

        return look

    @contextmanager
    def step(self, doing: str, done: Callable[[], str]) -> Iterator[None]:
        """
        Say what is being done, and then what has been.
        """
        if self.is_terminal:
            with self.console.status(escape(doing), spinner="dots"):
                yield
            self.console.print(f"[green]✓[/] {escape(done())}")
        else:
            yield
            self.say(f"ok  {done()}")

    def part(self, part: Part) -> None:
        """
        Write one part of the result.
        """
        self.say()
        if self.is_terminal:
            self._table(part)
        else:
            self._plain(part)
        for note in part.notes:
            if self.is_terminal:
                self.console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2)))
            else:
                self.say(f"  {note}")

    def paragraph(self, title: str, lines: Sequence[str]) -> None:
        """
        Write a title and what stands below it.
        """
        self.say(title, style="bold" if self.is_terminal else "")
        for line in lines:
            if self.is_terminal:
                self.console.print(Padding(Text(line), (0, 0, 0, 3)))
            else:
                self.say(f"   {line}")

    def _table(self, part: Part) -> None:
        columns = max(len(row) for row in part.rows)
        table = Table(
            title=part.title,
            title_justify="left",
            title_style="bold",
            show_header=bool(part.head),
            header_style="dim",
            box=None,
            padding=(0, 2, 0, 0),
        )
        table.add_column(part.head[0] if part.head else "", min_width=30)
        for at in range(1, columns):
            name = part.head[at] if part.head else ""
            figures = bool(part.head)
            table.add_column(
                name,
                justify="right" if figures else "left",
                style="bold" if figures and at == 1 else "",
            )
        for row in part.rows:
            table.add_row(Text(f"  {row[0]}"), *(Text(cell) for cell in row[1:]))
        self.console.print(table)

    def _plain(self, part: Part) -> None:
        self.say(part.title)
        rows = [*([part.head] if part.head else []), *part.rows]
        widths = [
            max(len(row[at]) for row in rows if len(row) > at)
            for at in range(max(len(row) for row in rows))
        ]
        for row in rows:
            cells = [f"  {row[0]:<{widths[0]}}"]
            cells += [
                f"{cell:>{widths[at]}}" if part.head else cell
                for at, cell in enumerate(row[1:], start=1)
            ]
            self.say("   ".join(cells).rstrip())
