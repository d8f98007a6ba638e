"""`lauter audit`: read the log, prove one assignment, verify everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.log import LogPage, ProofMade, Verification

group = typer.Typer(no_args_is_help=True, help="The tamper-evident log: read, prove, verify.")


def register(app: typer.Typer) -> None:
    """Attach the group, with what `witness.py` adds to it."""
    from api.cli import witness

    witness.register(group)
    app.add_typer(group, name="audit")


@group.command("log")
def log(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only entries of this kind, such as run:published.")] = None,
    before: Annotated[int | None, typer.Option(help="Only entries below this index.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
) -> None:
    """Show entries, newest first."""
    from api.workflows.log import read_log

    with output.house(context) as house:
        output.answer(context, read_log(house, kind=kind, before=before, limit=limit), _show_page)


@group.command("checkpoint")
def checkpoint(context: typer.Context) -> None:
    """Sign the log as it stands and print the checkpoint."""
    from api.workflows.log import newest_checkpoint, sign_checkpoint

    with output.house(context) as house:
        sign_checkpoint(house, now=output.now())
        found = newest_checkpoint(house)
        output.answer(context, found, lambda result: output.screen.print(result.note, end="", markup=False))


@group.command("prove")
def prove(
    context: typer.Context,
    scheme: Annotated[str, typer.Argument(help="The scheme.")],
    reference: Annotated[str, typer.Option(help="The customer reference.")],
    target: Annotated[Path, typer.Option("--output", "-o", help="The proof file to write.")],
) -> None:
    """Write a file that proves one person's assignment without the database."""
    from api.workflows.log import prove_assignment

    invoked = output.invocation(context)
    with output.house(context) as house:
        made = prove_assignment(house, scheme, reference, actor=invoked.actor, now=output.now())
    output.write_bytes(target, made.data)
    output.answer(context, made, lambda result: _show_proof(result, target))


@group.command("verify")
def verify(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A proof file; without one, the whole log.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also every model and every assignment row.")] = False,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="A verifier key of the log or a witness; else the home's own.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="C2SP policy file: trusted logs and witnesses, and the quorum.")
    ] = None,
) -> None:
    """Verify a proof file, or the log; exit 1 names what does not fit."""
    from api.workflows.log import verify_file, verify_home

    if file is not None:
        trusted = None if policy is None else output.read_bytes(policy)
        keys = key or ([] if trusted is not None else output.own_log_keys(context))
        result = verify_file(output.read_bytes(file), keys, policy=trusted)
    else:
        with output.house(context, sign=False) as house:
            result = verify_home(house, deep=deep)
    output.answer(context, result, _show_verification)
    if not result.ok:
        raise typer.Exit(output.EXIT_REFUSED)


def _show_page(page: LogPage) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("index", "time (UTC)", "kind", "actor", "body"):
        table.add_column(head)
    for entry in page.entries:
        body = ", ".join(f"{key} {value}" for key, value in entry["body"].items())
        table.add_row(str(entry["index"]), str(entry["at"]), str(entry["kind"]), str(entry["actor"]), body)
    output.screen.print(table if page.entries else "The log has no such entry.")


def _show_proof(made: ProofMade, target: Path) -> None:
    output.screen.print(f"Proof written to {target.name}: entry {made.index} of a log of {made.size}.")
    output.screen.print(f"Anybody can check it: lauter audit verify {target.name} --key {made.log_key}")


def _show_verification(result: Verification) -> None:
    if result.ok:
        output.screen.print(f"[green]ok[/green] {result.summary}")
    for finding in result.findings:
        output.screen.print(f"[red]does not fit[/red] {finding['where']}: {finding['what']}")
    for note in result.notes:
        output.screen.print(f"note: {note}")
