"""The command `lauter`: the operator's face, with exact counts.

Each group stands in its own module; analytics are imported by the workflows when they run, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from api.cli import output
from audit.errors import BadInput, LauterError, Unavailable

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
    from api.cli import audit, consents, demo, explain, export, home, importing, price, segment, serve, staff

    home.register(app)
    importing.register(app)
    consents.register(app)
    segment.register(app)
    explain.register(app)
    price.register(app)
    export.register(app)
    audit.register(app)
    staff.register(app)
    serve.register(app)
    demo.register(app)


def main() -> None:
    """Run a command; refusals and bad input become one sentence and an exit code, never a traceback."""
    register()
    try:
        app()
    except LauterError as error:
        _tell(error)
        sys.exit(output.EXIT_BAD_INPUT if isinstance(error, BadInput) else output.EXIT_REFUSED)
    except OperationalError:
        _tell(Unavailable("a database cannot be reached or is busy; `lauter doctor` says which"))
        sys.exit(output.EXIT_REFUSED)
    except BrokenPipeError:
        sys.stderr.close()


def _tell(error: LauterError) -> None:
    if "--json" in sys.argv[1:]:
        output.print_json({"error": type(error).__name__, "message": str(error)})
    else:
        output.notes.print(f"[bold]lauter:[/bold] {error}", markup=True)
