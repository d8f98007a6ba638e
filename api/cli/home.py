"""`lauter init` and `lauter doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.home import Diagnosis, HomeMade


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("init")(init)
    app.command("doctor")(doctor)


def init(context: typer.Context) -> None:
    """Make the home: keys, databases, catalogue. Calling it again changes nothing."""
    from api.workflows.home import make_home

    invoked = output.invocation(context)
    output.answer(context, make_home(invoked.settings, actor=invoked.actor, now=output.now()), _show_home)


def doctor(context: typer.Context) -> None:
    """Check keys, rights, databases, migrations, catalogue and log."""
    from api.workflows.home import examine

    diagnosis = examine(output.invocation(context).settings, now=output.now())
    output.answer(context, diagnosis, _show_diagnosis)
    if not diagnosis.sound:
        raise typer.Exit(output.EXIT_REFUSED)


def _show_home(result: HomeMade) -> None:
    if not result.made:
        output.screen.print(f"The home in {result.home} is complete; nothing was changed.")
    else:
        output.screen.print(f"Made in {result.home}: {', '.join(result.made)}.")
    output.screen.print(f"Verifier key of the log: [bold]{result.log_key}[/bold]")
    output.screen.print("Next: edit catalogue.toml, then `lauter import suggest FILE`.")


def _show_diagnosis(result: Diagnosis) -> None:
    for check in result.checks:
        mark = "[green]sound [/green]" if check.sound else "[red]mend  [/red]"
        output.screen.print(f"{mark} {check.name:20} {check.detail}")
