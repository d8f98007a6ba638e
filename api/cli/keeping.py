"""`lauter subject erase`, `lauter backup`, `lauter restore`, `lauter retention run`: what is kept, and what is not."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from audit.errors import BadInput
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from api.workflows.backup import BackupMade
    from api.workflows.erasing import Erased
    from api.workflows.restoring import Restored
    from api.workflows.retention import Applied


group = typer.Typer(no_args_is_help=True, help="What is kept no longer.")


def register(app: typer.Typer) -> None:
    """Attach the commands; the group `subject` is there already."""
    from api.cli import consents

    consents.group.command("erase")(erase)
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.add_typer(group, name="retention")


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


def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="An empty folder for the copies.")],
    keys_to: Annotated[
        Path | None, typer.Option("--keys", help="Copy the keys into this empty folder, apart from the copies.")
    ] = None,
) -> None:
    """Copy all stores while others go on working. Without --keys no key is copied."""
    from api.workflows.backup import backup as run

    with output.house(context) as house:
        made = run(house, folder, keys_to=keys_to, actor=output.invocation(context).actor, now=output.now())
        output.answer(context, made, _show_backup)


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of the backup.")],
    keys_from: Annotated[
        Path | None, typer.Option("--keys", help="Folder of the keys; else they lie in the home already.")
    ] = None,
    declare_loss: Annotated[
        bool, typer.Option("--declare-loss", help="Entries signed since the backup are lost; the log says so.")
    ] = False,
    without_journal: Annotated[
        bool, typer.Option("--without-journal", help="The journal is lost; I order erasures since then again.")
    ] = False,
) -> None:
    """Restore a backup into an empty home, then replay erasures and denials since. Serve nothing before it ends."""
    from api.workflows.restoring import restore as run

    invoked = output.invocation(context)
    done = run(
        invoked.settings, folder, keys_from=keys_from, declare_loss=declare_loss, without_journal=without_journal,
        actor=invoked.actor, now=output.now(),
    )  # fmt: skip
    output.answer(context, done, _show_restored)


@group.callback()
def retention() -> None:
    """What is kept no longer."""


@group.command("run")
def run_retention(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the records; change nothing.")] = False,
) -> None:
    """Let go what its period has ended for; the worker does so once a day."""
    from api.workflows.retention import apply

    with output.house(context) as house:
        done = apply(house, actor=output.invocation(context).actor, now=output.now(), dry_run=dry_run)
        output.answer(context, done, _show_applied)


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


def _show_backup(made: BackupMade) -> None:
    output.screen.print(f"{made.files} files, {made.size} bytes, log of {made.log_size} entries in {made.folder}")
    if made.keys is None:
        output.screen.print("No key was copied: keep the home's keys folder apart from this one.")


def _show_restored(done: Restored) -> None:
    output.screen.print(f"Restored the state of {done.made_at:%Y-%m-%d %H:%M} UTC, a log of {done.log_size} entries.")
    output.screen.print(
        f"Since then: {done.erased_again} erased again, {done.denied_again} denials and {done.blocked_again} blocked "
        "addresses replayed."
    )
    if done.lost:
        output.screen.print(f"{done.lost} signed entries are lost; the log says so. Tell witnesses and monitors.")


def _show_applied(done: Applied) -> None:
    verb = "would go" if done.dry_run else "gone"
    for scheme, count in done.records.items():
        output.screen.print(f"{scheme}: {count} record(s) of past runs {verb}")
    output.screen.print(f"{sum(done.records.values())} record(s) {verb}, {done.kept} of old runs stay.")
    if not done.dry_run:
        output.screen.print(f"{done.exports} line(s) of ended exports and {done.journal} of the journal gone.")
