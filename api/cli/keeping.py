"""`lauter subject erase`, `lauter backup`, `lauter restore`, `lauter retention run`: what is kept, and what is not."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from audit.errors import BadInput
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from api.workflows.erasing import Erased


def register(_app: typer.Typer) -> None:
    """Attach the commands; the group `subject` is there already."""
    from api.cli import consents

    consents.group.command("erase")(erase)


def erase(
    context: typer.Context,
    reference: Annotated[str, typer.Option(help="The customer reference.")],
    unit: Annotated[
        Unit, typer.Option("--unit", help="Whether the reference is a contact's or an account's.")
    ] = Unit.CONTACT,
    case_until: Annotated[
        str | None, typer.Option("--case-until", help="A case needs the evidence up to this day: 2027-12-31.")
    ] = None,
) -> None:
    """Erase one person everywhere, at once; nothing brings them back. The block list stays."""
    from api.workflows.erasing import erase as run

    with output.house(context) as house:
        until = None if case_until is None else _end_of(case_until, house.catalogue.controller.time_zone)
        actor = output.invocation(context).actor
        done = run(house, reference, unit=unit, actor=actor, now=output.now(), case_until=until)
        output.answer(context, done, _show_erased)


def _end_of(day: str, zone: str) -> datetime:
    """The instant at which a day has ended where the controller is."""
    from zoneinfo import ZoneInfo

    try:
        return datetime.combine(datetime.fromisoformat(day).date() + timedelta(days=1), time.min, ZoneInfo(zone))
    except ValueError:
        raise BadInput("--case-until: write a day as 2027-12-31") from None


def _show_erased(done: Erased) -> None:
    output.screen.print(f"Erased. Its name in the log: [bold]{done.handle.hex()}[/bold]")
    if done.evidence_until is not None:
        output.screen.print(f"Evidence stays restricted until {done.evidence_until:%Y-%m-%d} and is then destroyed.")
    if "export_row" in done.kept:
        output.screen.print(f"{done.kept['export_row']} recipient(s) must be told (Article 19 GDPR): `lauter export`.")
    if not done.overwritten:
        output.notes.print("A reader held a write-ahead log back; the worker empties it within the hour.")
