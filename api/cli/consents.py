"""`lauter import consents` and `lauter subject …`: what people declared, and where they stand by it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from api.cli import importing, output
from audit.errors import BadInput
from governance.vocabulary import Act, Channel, Scope, Source, Unit

if TYPE_CHECKING:
    from api.workflows.consents import ConsentImport, DeclaredFor, Said, SubjectShown
    from api.workflows.projections import Rebuilt

group = typer.Typer(no_args_is_help=True, help="One person: where they stand, and taking down what they declare.")

Reference = Annotated[str, typer.Option(help="The customer reference.")]
OfUnit = Annotated[Unit, typer.Option("--unit", help="Whether the reference is a contact's or an account's.")]
OfPurpose = Annotated[str | None, typer.Option("--purpose", help="Purpose key of the catalogue.")]
OfChannel = Annotated[Channel | None, typer.Option("--channel", help="One channel only.")]
SaidAt = Annotated[
    str | None, typer.Option("--said-at", help="When it was said: 2026-11-22 or 2026-11-22T10:30+01:00.")
]
Evidence = Annotated[str | None, typer.Option(help="What shows it, such as a letter's number; sealed.")]
EvidenceAt = Annotated[str | None, typer.Option(help="When the act happened that the evidence shows.")]

_SHOWN_NOTES = 20


def register(app: typer.Typer) -> None:
    """Attach `import consents` and the group `subject`."""
    importing.group.command("consents")(import_consents)
    app.add_typer(group, name="subject")


def import_consents(
    context: typer.Context,
    file: importing.File,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="Mapping TOML; see docs/permission.md.")
    ] = None,
    dry_run: importing.DryRun = False,
) -> None:
    """Import consents, refusals and objections; a yes without evidence counts as unknown."""
    from api.workflows.consents import import_consents as run

    text = None if mapping is None else output.read_text(mapping)
    with output.house(context) as house, output.progress_bar(context, "consents") as progress:
        actor = output.invocation(context).actor
        result = run(house, file, text, actor=actor, now=output.now(), dry_run=dry_run, progress=progress)
        output.answer(context, result, _show_import)


@group.command("show")
def show(context: typer.Context, reference: Reference, unit: OfUnit = Unit.CONTACT) -> None:
    """Show where somebody stands for each purpose, and everything they declared; the view is recorded."""
    from api.workflows.consents import show_subject

    with output.house(context) as house:
        actor = output.invocation(context).actor
        output.answer(context, show_subject(house, reference, actor=actor, now=output.now(), unit=unit), _show_subject)


@group.command("object")
def object_to(
    context: typer.Context,
    reference: Reference,
    scope: Annotated[
        Scope, typer.Option(help="One purpose, or all marketing, all profiling, everything.")
    ] = Scope.MARKETING,
    purpose: OfPurpose = None,
    channel: OfChannel = None,
    said_at: SaidAt = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Take down an objection (Article 21 GDPR); it acts at once."""
    from api.workflows.consents import Said

    aim = Scope.PURPOSE if purpose is not None else scope
    said = Said(Act.OBJECTED, aim, purpose, channel, said_at=moment(said_at, last=True))
    _declare(context, reference, said, unit)


@group.command("withdraw")
def withdraw(
    context: typer.Context,
    reference: Reference,
    purpose: Annotated[str, typer.Option(help="Purpose key of the catalogue.")],
    channel: OfChannel = None,
    said_at: SaidAt = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Take down the withdrawal of a consent (Article 7(3) GDPR); it acts at once."""
    from api.workflows.consents import Said

    said = Said(Act.WITHDRAWN, purpose=purpose, channel=channel, said_at=moment(said_at, last=True))
    _declare(context, reference, said, unit)


@group.command("declare")
def declare(  # noqa: PLR0913, PLR0917 - one option each
    context: typer.Context,
    reference: Reference,
    act: Annotated[Act, typer.Argument(help="What was declared.")],
    scope: Annotated[Scope, typer.Option(help="The purpose, or what a wide objection is against.")] = Scope.PURPOSE,
    purpose: OfPurpose = None,
    channel: OfChannel = None,
    field: Annotated[str | None, typer.Option(help="Field of the catalogue, for acts about fields.")] = None,
    said_at: SaidAt = None,
    evidence: Evidence = None,
    evidence_said_at: EvidenceAt = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Take down any declaration; a grant of something denied needs evidence of the person's own later act."""
    from api.workflows.consents import Said

    said = Said(
        act, scope, purpose, channel, field, moment(said_at), Source.DESK_FOR_SUBJECT,
        None if evidence is None else evidence.encode(), moment(evidence_said_at),
    )  # fmt: skip
    _declare(context, reference, said, unit)


@group.command("withhold")
def withhold(  # noqa: PLR0913, PLR0917 - one option each
    context: typer.Context,
    reference: Reference,
    field: Annotated[str, typer.Option(help="Field of the catalogue.")],
    purpose: OfPurpose = None,
    release: Annotated[bool, typer.Option("--release", help="Release it again.")] = False,
    said_at: SaidAt = None,
    evidence: Evidence = None,
    evidence_said_at: EvidenceAt = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Withhold a field for one purpose, or for every purpose if none is named."""
    from api.workflows.consents import Said

    said = Said(
        Act.FIELD_RELEASED if release else Act.FIELD_WITHHELD, Scope.PURPOSE, purpose, None, field,
        moment(said_at, last=not release), Source.DESK_FOR_SUBJECT,
        None if evidence is None else evidence.encode(), moment(evidence_said_at),
    )  # fmt: skip
    _declare(context, reference, said, unit)


@group.command("restrict")
def restrict(context: typer.Context, reference: Reference, unit: OfUnit = Unit.CONTACT) -> None:
    """Restrict processing of somebody's data (Article 18 GDPR); it acts at once."""
    from api.workflows.consents import restrict_for

    with output.house(context) as house:
        actor = output.invocation(context).actor
        output.answer(context, restrict_for(house, reference, actor=actor, now=output.now(), unit=unit), _show_declared)


@group.command("rebuild")
def rebuild(context: typer.Context) -> None:
    """Compute where everybody stands again from all that was declared; others go on working meanwhile."""
    from api.workflows.projections import rebuild as run

    with output.house(context) as house, output.progress_bar(context, "people") as progress:
        output.answer(context, run(house, progress=progress), _show_rebuilt)


def _declare(context: typer.Context, reference: str, said: Said, unit: Unit) -> None:
    from api.workflows.consents import declare_for

    with output.house(context) as house:
        actor = output.invocation(context).actor
        result = declare_for(house, reference, said, actor=actor, now=output.now(), unit=unit)
        output.answer(context, result, _show_declared)


def moment(text: str | None, *, last: bool = False) -> datetime | None:
    """An instant; a bare date is its first instant in Germany, or its last one so far for a denial."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("a time reads like 2026-11-22 or 2026-11-22T10:30+01:00") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    if len(text) <= len("2026-11-22") and last:
        found = min(datetime.combine(found.date(), time.max, found.tzinfo), output.now())
    return found.astimezone(UTC)


def _show_declared(result: DeclaredFor) -> None:
    if result.recorded:
        output.screen.print(f"Recorded as log entry {result.entry}; in force from now on.")
    else:
        output.screen.print("Recorded before; nothing changed.")


def _show_rebuilt(result: Rebuilt) -> None:
    output.screen.print(f"Computed again for {result.subjects} people who declared anything.")


def _show_subject(result: SubjectShown) -> None:
    table = Table("Purpose", "Lawful", "Why", "Channels", box=None)
    for each in result.purposes:
        ways = ", ".join(name for name, open_ in each["channels"].items() if open_) or "–"
        table.add_row(each["purpose"], "yes" if each["lawful"] else "no", each["text"]["en"], ways)
    output.screen.print(table)
    for each in result.withheld:
        verb = "withheld" if each["withheld"] else "released"
        output.screen.print(f"{each['field']}: {verb} for {each['purpose'] or 'every purpose'}")
    for each in result.declarations:
        aim = each["purpose"] or each["scope"]
        parts = (each["said_at"], each["act"], aim, each["channel"], each["field"], each["source"])
        output.screen.print("  " + " · ".join(str(part) for part in parts if part))


def _show_import(result: ConsentImport) -> None:
    counts = ("given", "denied", "unknown", "other", "unchanged", "refused", "failed")
    parts = ", ".join(f"{getattr(result, name)} {name}" for name in counts if getattr(result, name))
    output.screen.print(f"{result.rows} rows: {parts or 'nothing'}" + (" (dry run)" if result.dry_run else ""))
    for note in result.notes[:_SHOWN_NOTES]:
        output.notes.print(f"row {note.row}, {note.column}: {note.mend.en}", markup=False)
    hidden = sum(result.note_counts.values()) - min(len(result.notes), _SHOWN_NOTES)
    if hidden > 0:
        output.notes.print(f"… and {hidden} more; --json counts them by column and reason")
