"""`lauter subject ground | call | proof`, `lauter import grounds`: what opens a channel, and what proves a consent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import consents, importing, output
from api.cli.consents import OfUnit, Reference
from consent.openings import GroundKind
from governance.vocabulary import Channel, Unit

if TYPE_CHECKING:
    from api.workflows.ground_import import GroundImport
    from api.workflows.grounds import Called, GroundDone, ProofDocument

group = typer.Typer(
    no_args_is_help=True, help="Facts that open a channel without express consent (§ 7 UWG), each with evidence."
)

Purpose = Annotated[str, typer.Option("--purpose", help="Purpose key of the catalogue.")]
Way = Annotated[Channel, typer.Option("--channel", help="email or sms; phone for presumed consent.")]
Kind = Annotated[GroundKind, typer.Argument(help="The fact.")]
Evidence = Annotated[str, typer.Option("--evidence", help="What shows it, such as the order's number; sealed.")]
Since = Annotated[
    str | None, typer.Option("--since", help="When it arose or ended: 2026-11-22 or 2026-11-22T10:30+01:00; else now.")
]

_SHOWN_NOTES = 20


@dataclass(frozen=True)
class Written:
    """A proof in a file."""

    file: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"file": self.file, "bytes": self.size}


def register() -> None:
    """Attach to the groups `subject` and `import`."""
    group.command("record")(record)
    group.command("end")(end)
    consents.group.add_typer(group, name="ground")
    consents.group.command("call")(call)
    consents.group.command("proof")(proof)
    importing.group.command("grounds")(import_grounds)


def record(
    context: typer.Context,
    kind: Kind,
    reference: Reference,
    purpose: Purpose,
    channel: Way,
    evidence: Evidence,
    since: Since = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Record a fact; the exception for existing customers needs every one of its facts."""
    from api.workflows import grounds

    shown = grounds.Shown(purpose, channel, kind, consents.moment(since) or output.now(), evidence)
    with output.house(context) as house:
        actor = output.invocation(context).actor
        result = grounds.record_ground(house, reference, shown, actor=actor, now=output.now(), unit=unit)
    output.answer(context, result, _show)


def end(
    context: typer.Context,
    kind: Kind,
    reference: Reference,
    purpose: Purpose,
    channel: Way,
    evidence: Evidence,
    since: Since = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Record that a fact ended or was found wrong; it opens nothing from now on."""
    from api.workflows import grounds

    shown = grounds.Shown(purpose, channel, kind, consents.moment(since) or output.now(), evidence)
    with output.house(context) as house:
        actor = output.invocation(context).actor
        result = grounds.end_ground(house, reference, shown, actor=actor, now=output.now(), unit=unit)
    output.answer(context, result, _show)


def call(
    context: typer.Context,
    reference: Reference,
    purpose: Purpose,
    at: Annotated[str | None, typer.Option("--at", help="When it was: 2026-11-22T10:30+01:00; else now.")] = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Record that somebody was called: the five years of § 7a UWG begin anew."""
    from api.workflows import grounds

    with output.house(context) as house:
        actor = output.invocation(context).actor
        called_at = consents.moment(at)
        result = grounds.record_call(
            house, reference, purpose, called_at=called_at, actor=actor, now=output.now(), unit=unit
        )
    output.answer(context, result, _show_call)


def proof(
    context: typer.Context,
    reference: Reference,
    target: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """Produce the proof of somebody's consents to calls as one JSON document; that it was read is recorded."""
    from api.workflows import grounds

    with output.house(context) as house:
        actor = output.invocation(context).actor
        result = grounds.phone_proof(house, reference, actor=actor, now=output.now(), unit=unit)
    if target is None:
        output.answer(context, result, _show_proof)
        return
    data = json.dumps(result.to_json(), ensure_ascii=False, indent=2, sort_keys=True).encode()
    output.write_bytes(target, data)
    output.answer(context, Written(target.name, len(data)), _show_written)


def import_grounds(
    context: typer.Context,
    file: importing.File,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="Mapping TOML; see docs/permission.md.")
    ] = None,
    dry_run: importing.DryRun = False,
) -> None:
    """Import facts that open a channel; a row without the evidence of each is refused."""
    from api.workflows.ground_import import import_grounds as run

    text = None if mapping is None else output.read_text(mapping)
    with output.house(context) as house, output.progress_bar(context, "grounds") as progress:
        actor = output.invocation(context).actor
        result = run(house, file, text, actor=actor, now=output.now(), dry_run=dry_run, progress=progress)
    output.answer(context, result, _show_import)


def _show(result: GroundDone) -> None:
    done = f"Recorded as log entry {result.entry}." if result.recorded else "Recorded before; nothing changed."
    output.screen.print(done)
    if result.missing:
        output.screen.print("Not shown yet: " + ", ".join(kind.replace("_", " ") for kind in result.missing) + ".")
    output.screen.print("The channel is open." if result.open else f"The channel is closed: {result.text['en']}.")


def _show_call(result: Called) -> None:
    done = f"Recorded as log entry {result.entry}." if result.recorded else "Recorded before; nothing changed."
    kept = f"kept until {result.retain_until}" if result.retain_until else "there is no consent to calls on record"
    output.screen.print(f"{done} The proof: {kept}.")
    if not result.lawful:
        output.notes.print(f"[bold]A call is not permitted now:[/bold] {result.text['en']}.")


def _show_proof(result: ProofDocument) -> None:
    output.print_json(result.to_json())


def _show_written(result: Written) -> None:
    output.screen.print(f"Written to {result.file}, {result.size} bytes.", markup=False)


def _show_import(result: GroundImport) -> None:
    counts = ("recorded", "unchanged", "refused", "failed")
    parts = ", ".join(f"{getattr(result, name)} {name}" for name in counts if getattr(result, name))
    output.screen.print(f"{result.rows} rows: {parts or 'nothing'}" + (" (dry run)" if result.dry_run else ""))
    for note in result.notes[:_SHOWN_NOTES]:
        output.notes.print(f"row {note.row}, {note.column}: {note.to_json()['mend']['en']}", markup=False)
    hidden = sum(result.note_counts.values()) - min(len(result.notes), _SHOWN_NOTES)
    if hidden > 0:
        output.notes.print(f"… and {hidden} more; --json counts them by column and reason")
