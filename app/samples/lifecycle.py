"""
Writes ``docs/lifecycle.md`` from the table of moves: ``python -m app.samples.lifecycle > docs/lifecycle.md``.
"""

import ast
import inspect
import sys

from app.samples import rules
from app.samples.rules import FINAL, HELD, MOVES, Queue, Status


def page() -> str:
    """
    Return the page, generated whole: the diagram, the states, the moves.
    """
    return "\n".join(
        [
            "# The life of a sample",
            "",
            "Generated from `MOVES` in `app/samples/rules.py` by `make docs`; a test fails when it is stale.",
            "One SQL compare-and-set carries a move out; its ledger entry and its event are in the same transaction.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {Status.SUBMITTED}: submit",
            *dict.fromkeys(
                f"    {move.source} --> {move.target}: {move.act}"
                for move in MOVES
                if move.source is not move.target
            ),
            *(f"    {status} --> [*]" for status in sorted(FINAL)),
            "```",
            "",
            "## States",
            "",
            "| state | held under a claim | what it means |",
            "|---|---|---|",
            *(
                f"| `{status}` | {'yes' if status in HELD else 'no'} | {_words(status)} |"
                for status in Status
            ),
            "",
            "## Moves",
            "",
            "A halted sample remembers where it goes on; the last column says which memory a move asks for, or leaves.",
            "",
            "| act | from | to | needs | stamps | announces | queue | memory |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(move) for move in MOVES),
            "",
        ]
    )


def _row(move: rules.Move) -> str:
    queue = str(move.queue) if move.stage is None else f"{move.queue}: {move.stage}"
    cells = [
        f"`{move.act}`",
        f"`{move.source}`",
        f"`{move.target}`",
        f"`{move.scope}`" if move.scope else "the service itself",
        f"`{move.stamps}`" if move.stamps else "",
        f"`{move.announces}`" if move.announces else "",
        queue if move.queue is not Queue.STAYS else "",
        _memory(move),
    ]
    return f"| {' | '.join(cells)} |"


def _memory(move: rules.Move) -> str:
    if move.came_from:
        return f"asks for `{move.came_from}`"
    return f"leaves `{move.remembers}`" if move.remembers else ""


def _words(status: Status) -> str:
    return _docstrings().get(status.name, "")


def _docstrings() -> dict[str, str]:
    # Python keeps no docstring of an enum's member: read it from the source, so that it is written once.
    body = ast.parse(inspect.getsource(Status)).body[0]
    if not isinstance(body, ast.ClassDef):
        raise TypeError
    found = {}
    for member, words in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(member, ast.Assign)
            and isinstance(member.targets[0], ast.Name)
            and isinstance(words, ast.Expr)
            and isinstance(words.value, ast.Constant)
        ):
            found[member.targets[0].id] = " ".join(str(words.value.value).split()).replace(
                "``", "`"
            )
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
