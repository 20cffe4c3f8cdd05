"""The command line: one thin command a verb. Heavy imports live inside commands."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from upbringing.cli import axes, minds, orders, studies, texts
from upbringing.errors import StoppedError, UpbringingError

app = typer.Typer(
    help="Same model, same data, another order, another mind. And the proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# 128 and the number of SIGTERM or SIGINT, as a shell says it.
_TERMINATED, _INTERRUPTED = 143, 130


class _Continues(TyperCommand):
    """A command that goes on where it was stopped, and says so after Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            _say_saved(str(stopped) or "stopped")
            raise typer.Exit(_INTERRUPTED) from None


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"upbringing {importlib.metadata.version('upbringing')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say it, and stop."),
    ] = False,
) -> None:
    pass


app.command("raise", cls=_Continues)(studies.raise_)
app.command()(texts.ingest)
app.command()(texts.world)
app.command()(orders.compose)
app.command()(orders.order)
app.command()(orders.controls)
app.command()(orders.plan)
app.command()(orders.show)
app.command(cls=_Continues)(minds.train)
app.command()(minds.verify)
app.command()(orders.export)
app.command("import")(orders.import_)
app.command()(minds.measure)
app.command()(minds.ablate)
app.command()(minds.compare)
app.command(cls=_Continues)(studies.study)
app.command()(studies.power)
app.command()(studies.factorial)
app.command(cls=_Continues)(studies.imprint)
app.command()(studies.report)
app.command()(minds.talk)

axis_app = typer.Typer(help="Axes of character, as files.", no_args_is_help=True)
app.add_typer(axis_app, name="axis")
axis_app.command("new")(axes.axis_new)
axis_app.command("check")(axes.axis_check)
axis_app.command("list")(axes.axis_list)
axis_app.command("from-texts")(axes.axis_from_texts)


def _say_saved(stopped: str) -> None:
    print(f"{stopped}, saved: the same command continues", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Run the command line; a problem that a person can mend exits with 2 and no traceback.

    Stopped by SIGTERM it exits with 143, and by Ctrl-C with 130, as if the signal had ended it,
    when all is saved.
    """
    try:
        app(prog_name="upbringing")
    except StoppedError as error:
        _say_saved(str(error))
        sys.exit(_TERMINATED)
    except UpbringingError as error:
        problem = str(error)
    except OSError as error:
        if error.filename is None:  # not about a file that a person named
            raise
        problem = f"{error.filename}: {error.strerror}"
    else:
        return
    print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
