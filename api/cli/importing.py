"""`lauter import`: contacts, accounts, activities, protected attributes, and a mapping proposed for a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.workflows.import_report import ImportReport
    from api.workflows.imports import Suggestion

group = typer.Typer(
    name="import",
    no_args_is_help=True,
    help="Take in files by a mapping: what it does not name is never kept.",
)
"""The group; api/cli/consents.py adds its own command to it."""

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV (also gzip) or Parquet.", show_default=False)]
MappingFile = Annotated[
    Path, typer.Option("--mapping", "-m", help="Mapping TOML; see docs/mapping.md.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")]

_SHOWN_ERRORS = 20


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group)


@group.command("contacts")
def contacts(context: typer.Context, file: File, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import contacts, with their accounts where the mapping names them."""
    from api.workflows.imports import import_contacts

    _run(context, import_contacts, file, mapping, dry_run, "contacts")


@group.command("accounts")
def accounts(context: typer.Context, file: File, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import companies and their parents."""
    from api.workflows.imports import import_accounts

    _run(context, import_accounts, file, mapping, dry_run, "accounts")


@group.command("activities")
def activities(context: typer.Context, file: File, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Import orders, returns and other acts."""
    from api.workflows.imports import import_activities

    _run(context, import_activities, file, mapping, dry_run, "activities")


@group.command("attributes")
def attributes(context: typer.Context, file: File, mapping: MappingFile, dry_run: DryRun = False) -> None:
    """Replace the protected attributes of the price check; they are kept apart from everything else."""
    from api.workflows.imports import import_attributes

    _run(context, import_attributes, file, mapping, dry_run, "attributes")


@group.command("suggest")
def suggest(context: typer.Context, file: File) -> None:
    """Propose a mapping for a file; redirect it into a TOML file and check it."""
    from api.workflows.imports import suggest_mapping

    with output.house(context) as house:
        output.answer(context, suggest_mapping(house, file), _show_suggestion)


def _run(
    context: typer.Context, action: Callable[..., ImportReport], file: Path, mapping: Path, dry_run: bool, what: str
) -> None:
    text = output.read_text(mapping)
    with output.house(context) as house, output.progress_bar(context, f"Importing {what}") as show:
        report = action(
            house,
            file,
            text,
            actor=output.invocation(context).actor,
            now=output.now(),
            dry_run=dry_run,
            progress=show,
        )
    output.answer(context, report, show_report)


def _show_suggestion(result: Suggestion) -> None:
    output.screen.print(result.text, end="", markup=False)


def show_report(report: ImportReport) -> None:
    """The report for the eye."""
    print_line = output.screen.print
    head = f"{'Would import' if report.dry_run else 'Imported'} {report.kind}: {report.rows} rows"
    print_line(f"[bold]{head}[/bold]")
    counts = {
        "new": report.created,
        "changed": report.updated,
        "unchanged": report.unchanged,
        "failed": report.failed,
        "repeated": report.skipped,
        "on the block list": report.blocked,
        "addresses left out": report.cells_left_out,
    }
    print_line("  " + ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "  nothing")
    if report.companions:
        words = {"created": "new", "updated": "changed", "unchanged": "unchanged"}
        print_line(
            "  along with them: " + ", ".join(f"{n} {words[word]}" for word, n in report.companions.items() if n)
        )
    if report.changed:
        print_line("  changes: " + ", ".join(f"{escape(name)} {count}" for name, count in report.changed.items()))
    print_line(f"  {report.dropped_columns} columns dropped while reading")
    detected = report.detected.to_json()
    found = [f"{name} {value}" for name, value in detected.items() if isinstance(value, str)]
    print_line(escape("  found out: " + ", ".join(found)))
    for choice in detected["ambiguous"]:
        print_line(f"  [yellow]chosen:[/yellow] {escape(choice['en'])}")
    _show_errors(report)


def _show_errors(report: ImportReport) -> None:
    for what, count in report.error_counts.items():
        output.screen.print(f"  {count} × {escape(what)}")
    for error in report.errors[:_SHOWN_ERRORS]:
        column = f", column {error.column}" if error.column else ""
        output.screen.print(escape(f"    row {error.row}{column}: {error.mend.en}"))
    rest = sum(report.error_counts.values()) - min(len(report.errors), _SHOWN_ERRORS)
    if rest > 0:
        output.screen.print(f"    … and {rest} more; --json lists the first {len(report.errors)}.")
