"""
``assayline …``: runs a service, or talks to a running one as any client would.

Each command loads what it needs when it is called, so that ``assayline --help`` answers at once.
"""

import importlib
import importlib.metadata
from typing import Any

import typer
from typer.core import TyperGroup

from app.cli import admin, follow, openapi, serve, staff, submit
from app.cli.output import explain, fail

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """
    The commands; what fails as expected is told in one sentence, without a traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """
        Run the chosen command.
        """
        try:
            return super().invoke(ctx)
        except Exception as problem:
            told = explain(problem)
            if told is None:
                raise
            message, code = told
            fail(message)
            raise typer.Exit(code) from problem


app = typer.Typer(
    name="assayline",
    cls=_Commands,
    help="Seized samples, ranked by the harm that not knowing does.",
    epilog="Ends with 0 when done, 1 when the answer is no, 2 when it could not be asked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(serve.serve)
app.command()(serve.work)
app.command()(submit.submit)
app.command()(follow.watch)
app.command()(follow.queue)


def _later(name: str, where: str, text: str) -> None:
    """
    Register a command that is only loaded, and only parses its arguments, when it is called.
    """

    def run(ctx: typer.Context) -> None:
        module, _, attribute = where.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            group.command(name)(found)
            found = group
        typer.main.get_command(found).main(args=ctx.args, prog_name=ctx.command_path)

    app.command(
        name,
        help=text,
        add_help_option=False,
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
        },
    )(run)


_later("rank", "app.cli.rank:rank", "Rank a file of submissions as the service would, without one.")
_later(
    "listen", "app.cli.listen:listen", "Follow the feed and forward each event to a local address."
)
_later("ledger", "app.cli.ledger:app", "Prove the record unchanged, and hand it out to be proved.")
admin.app.add_typer(staff.password, name="password")
app.add_typer(admin.app, name="admin")
_later("migrate", "app.cli.migrate:migrate", "Bring the database to the newest schema.")
app.command()(openapi.openapi)
_later(
    "demo", "app.demo.command:demo", "Run the main job on real seizures and show what came back."
)


@app.command()
def version() -> None:
    """
    Print the version.
    """
    try:
        typer.echo(importlib.metadata.version("assayline"))
    except importlib.metadata.PackageNotFoundError:
        typer.echo("not installed: run from its source folder")


def main() -> None:
    """
    Run as a program.
    """
    app(prog_name="assayline")
