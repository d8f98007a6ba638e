"""The command `lauter`: the operator's face, with exact counts.

Each group stands in its own module; analytics are imported by the workflows when they run, so that `--help` is quick.
"""

from __future__ import annotations

import sqlite3
import sys
import traceback
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError
from typer.exceptions import TyperException

from api.cli import output
from audit.errors import BadInput, Broken, LauterError, Unavailable

DATABASE_ERRORS = (DBAPIError, sqlite3.Error, psycopg.Error)

app = typer.Typer(
    name="lauter",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer segments on permitted data only: every assignment explained, proven and correctable.",
)


@app.callback()
def options(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")
    ] = False,
    home: Annotated[
        Path | None, typer.Option("--home", help="The home folder (default: LAUTER_HOME or ./lauter-home).")
    ] = None,
) -> None:
    """Options before the verb."""
    context.obj = output.Invocation(as_json=as_json, home=home)


def register() -> None:
    """Attach every group; done once, in the order the help shows."""
    from api.cli import (
        activation,
        audit,
        consents,
        demo,
        explain,
        export,
        grounds,
        home,
        importing,
        keeping,
        keys,
        notices,
        portal,
        price,
        receipts,
        record,
        roi,
        segment,
        serve,
        staff,
        template,
        webhook,
        worker,
    )

    home.register(app)
    importing.register(app)
    consents.register(app)
    receipts.register()
    grounds.register()
    keeping.register(app)
    notices.register(app)
    activation.register()
    segment.register(app)
    explain.register(app)
    price.register(app)
    roi.register(app)
    export.register(app)
    audit.register(app)
    keys.register(app)
    record.register(app)
    webhook.register(app)
    portal.register(app)
    template.register(app)
    staff.register(app)
    serve.register(app)
    worker.register(app)
    demo.register(app)


def main() -> None:
    """Run a command; refusals and bad input become one sentence and an exit code, never a traceback."""
    register()
    if _wants_json():
        _no_help_unasked()
    try:
        sys.exit(app(standalone_mode=not _wants_json()))
    except TyperException as error:  # of a call that cannot be read; without --json it was shown already
        _tell(BadInput(error.format_message()))
        sys.exit(error.exit_code)
    except LauterError as error:
        _tell(error)
        sys.exit(output.EXIT_BAD_INPUT if isinstance(error, BadInput) else output.EXIT_REFUSED)
    except DATABASE_ERRORS:
        _tell(Unavailable("a database cannot be reached or read, or is busy; `lauter doctor` says which"))
        sys.exit(output.EXIT_REFUSED)
    except BrokenPipeError:
        sys.stderr.close()
    except Exception as error:  # a traceback repeats the values at hand: the place must do
        _tell(Broken(f"stopped by a fault of its own, {type(error).__name__} at {_place(error)}; please report it"))
        sys.exit(output.EXIT_REFUSED)


def _wants_json() -> bool:
    return "--json" in sys.argv[1:]


def _no_help_unasked() -> None:
    """A group without a command is a mistake then: help is no JSON document."""
    for part in [app.info, *app.registered_groups]:
        part.no_args_is_help = False
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.typer_instance.info.no_args_is_help = False


def _place(error: Exception) -> str:
    """Where in this code an error came up; nothing of what it was about."""
    root = str(Path(__file__).parents[2])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    return f"{Path(frames[-1].filename).relative_to(root)}:{frames[-1].lineno}" if frames else "an unknown place"


def _tell(error: LauterError) -> None:
    if _wants_json():
        output.print_json({"error": type(error).__name__, "message": str(error)})
    else:
        output.notes.print(f"[bold]lauter:[/bold] {escape(str(error))}", markup=True)
