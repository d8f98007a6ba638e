"""`lauter subject receipts`: what somebody declared, each with its receipt, on paper, and with its proof."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli import output
from api.cli.consents import OfUnit, Reference, group
from audit.errors import BadInput
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from api.wiring import House
    from api.workflows.declaring import Subject
    from api.workflows.receipts import Receipts


class Form(StrEnum):
    """How a receipt is written."""

    JSON = "json"
    PDF = "pdf"
    PROOF = "proof"


class Spoken(StrEnum):
    """The language of the paper."""

    DE = "de"
    EN = "en"


@dataclass(frozen=True)
class Written:
    """A receipt in a file."""

    file: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"file": self.file, "bytes": self.size}


def register() -> None:
    """Attach `subject receipts` to the group `subject`."""
    group.command("receipts")(receipts)


def receipts(
    context: typer.Context,
    reference: Reference,
    seq: Annotated[int | None, typer.Option("--seq", min=1, help="The number of one declaration.")] = None,
    form: Annotated[Form, typer.Option("--format", help="JSON-LD, PDF, or the proof file.")] = Form.JSON,
    language: Annotated[Spoken, typer.Option("--lang", help="The language of the PDF.")] = Spoken.DE,
    target: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    unit: OfUnit = Unit.CONTACT,
) -> None:
    """List somebody's receipts, or write one to a file; that they were looked at is recorded."""
    from api.workflows import receipts as workflow
    from api.workflows.declaring import find

    if seq is not None and target is None:
        raise BadInput("one receipt goes into a file: name it with -o")
    with output.house(context) as house:
        subject = find(house, reference, unit)
        workflow.note_view(house, subject, actor=output.invocation(context).actor, now=output.now())
        if seq is None or target is None:
            output.answer(context, workflow.receipts(house, subject), _show)
            return
        data = _made(house, subject, seq, form, language)
    output.write_bytes(target, data)
    output.answer(context, Written(target.name, len(data)), _show_written)


def _made(house: House, subject: Subject, seq: int, form: Form, language: Spoken) -> bytes:
    from api.i18n import tongues
    from api.workflows import receipts as workflow
    from api.workflows.receipt_pdf import receipt_pdf

    if form is Form.PROOF:
        return workflow.proof_of(house, subject, seq, now=output.now())
    if form is Form.JSON:
        return workflow.receipt_json(house, subject, seq)
    spoken = tongues(house.catalogue.controller.time_zone)
    return receipt_pdf(house, subject, seq, spoken["en" if language is Spoken.EN else "de"])


def _show(result: Receipts) -> None:
    table = Table("Number", "Received", "What", "Log entry", box=None)
    for line in result.lines:
        entry = "–" if line.place is None else f"{line.place.index}{' (file)' if line.place.bulk else ''}"
        received = line.declaration.received_at.isoformat(timespec="seconds")
        table.add_row(str(line.seq), received, line.title.en, entry)
    output.screen.print(table if result.lines else "Nothing was declared yet.")


def _show_written(result: Written) -> None:
    output.screen.print(f"Written to {result.file}, {result.size} bytes.", markup=False)
