"""`lauter record processing | ai | evidence SCHEME | impact SCHEME`: what the law asks for, as it is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.papers import PaperKind
    from api.workflows.records import RecordChanges
    from governance.papers import Paper
    from governance.vocabulary import Language

group = typer.Typer(no_args_is_help=True, help="Records made from what is in force: Article 30, evidence, assessments.")


class Spoken(StrEnum):
    """The language of a record."""

    DE = "de"
    EN = "en"


Lang = Annotated[Spoken, typer.Option("--lang", help="Language of the record.")]
Into = Annotated[Path | None, typer.Option("-o", "--output", help="Write it as PDF into this file.")]
Scheme = Annotated[str, typer.Argument(help="The scheme.")]


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="record")


@dataclass(frozen=True)
class Shown:
    """A record, or what changed in it, in one language."""

    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return self.document


@group.command("processing")
def processing(
    context: typer.Context,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what changed since this day began.")
    ] = None,
    lang: Lang = Spoken.DE,
    into: Into = None,
) -> None:
    """The record of processing activities (Article 30 GDPR)."""
    from api.workflows.papers import PaperKind
    from api.workflows.records import record_changes

    if since is None:
        _tell(context, PaperKind.PROCESSING, None, lang, into)
        return
    with output.house(context) as house:
        found = record_changes(house, since.date(), now=output.now())
    output.answer(context, Shown(found.to_json(lang.value)), lambda _shown: _show_changes(found, lang.value))


@group.command("ai")
def ai(context: typer.Context, lang: Lang = Spoken.DE, into: Into = None) -> None:
    """The inventory of AI systems (Regulation (EU) 2024/1689)."""
    from api.workflows.papers import PaperKind

    _tell(context, PaperKind.AI, None, lang, into)


@group.command("evidence")
def evidence(context: typer.Context, scheme: Scheme, lang: Lang = Spoken.DE, into: Into = None) -> None:
    """What shows that a scheme may run and is what it claims."""
    from api.workflows.papers import PaperKind

    _tell(context, PaperKind.EVIDENCE, scheme, lang, into)


@group.command("impact")
def impact(context: typer.Context, scheme: Scheme, lang: Lang = Spoken.DE, into: Into = None) -> None:
    """The impact assessment of a scheme (Article 35 GDPR), as far as the system knows it."""
    from api.workflows.papers import PaperKind

    _tell(context, PaperKind.IMPACT, scheme, lang, into)


def _tell(context: typer.Context, kind: PaperKind, scheme: str | None, lang: Spoken, into: Path | None) -> None:
    from api.i18n import tongues
    from api.workflows.paper_pdf import paper_pdf
    from api.workflows.papers import paper_of

    now = output.now()
    with output.house(context) as house:
        paper = paper_of(house, kind, scheme, now=now)
        zone = house.catalogue.controller.time_zone
    if into is not None:
        into.write_bytes(paper_pdf(paper, tongues(zone)[lang.value], now=now))
    output.answer(context, Shown(paper.to_json(lang.value)), lambda _shown: _show(paper, lang.value))


def _show(paper: Paper, language: Language) -> None:
    output.screen.print(f"[bold]{paper.title.in_language(language)}[/bold]")
    for part in paper.parts:
        output.screen.print(
            f"\n[bold]{part.heading.in_language(language)}[/bold] ({part.source.in_language(language)})"
        )
        for line in part.lines:
            told = "; ".join(value.in_language(language) for value in line.values) or "–"
            mark = " [yellow](open)[/yellow]" if line.open else ""
            output.screen.print(f"  {line.label.in_language(language)}: {told}{mark}")


def _show_changes(found: RecordChanges, language: Language) -> None:
    if not found.changes:
        output.screen.print("Nothing changed.")
    for one in found.changes:
        told = one.to_json(language)
        output.screen.print(f"{told['part']}, {told['line']}: {told['change']}")
        output.screen.print(f"  before: {'; '.join(told['before']) or '–'}")
        output.screen.print(f"  now:    {'; '.join(told['after']) or '–'}")
