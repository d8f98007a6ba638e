"""`lauter keys`: the keys that sign the log, and changing them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.log_keys import LogKeys

group = typer.Typer(no_args_is_help=True, help="The keys that sign the log: list, rotate, retire.")


class Rotated(StrEnum):
    """Keys that can be changed here."""

    LOG = "log"
    KEK = "kek"


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="keys")


@group.command("list")
def list_keys(context: typer.Context) -> None:
    """Show the log's public keys: those that sign, and the retired ones that still verify."""
    from api.workflows.log_keys import list_keys as look

    with output.house(context) as house:
        output.answer(context, look(house), _show)


@group.command("rotate")
def rotate(
    context: typer.Context,
    role: Annotated[Rotated, typer.Argument(metavar="log|kek", help="Which key.")],
    stopped: Annotated[bool, typer.Option("--stopped", help="kek: no service and no worker runs.")] = False,
) -> None:
    """Change a key. A new log key signs beside the older one; a new kek takes the place of the older one at once."""
    from api.workflows.log_keys import rotate as run

    if role is Rotated.KEK:
        _rotate_kek(context, stopped)
        return
    with output.house(context, sign=False) as house:
        done = run(house, actor=output.invocation(context).actor, now=output.now())
    with output.house(context):  # signs with both
        output.answer(context, done, _show)


def _rotate_kek(context: typer.Context, stopped: bool) -> None:
    from api.workflows.kek import rotate_kek
    from audit.errors import BadInput

    if not stopped:
        raise BadInput("a process that runs knows the old key alone: stop service and worker, then say --stopped")
    invoked = output.invocation(context)
    done = rotate_kek(invoked.settings, actor=invoked.actor, now=output.now())
    output.answer(context, done, lambda result: output.screen.print(f"Key {result.epoch} wraps {result.moved} keys."))


@group.command("retire")
def retire(
    context: typer.Context,
    role: Annotated[Rotated, typer.Argument(metavar="log", help="Which key.")],
    epoch: Annotated[int, typer.Argument(min=1, help="The number in the name of its file, log-NUMBER.key.")],
) -> None:
    """Destroy an older key. What it signed still verifies with its public key; restart the service."""
    from audit.errors import BadInput

    if role is not Rotated.LOG:
        raise BadInput("the older kek is destroyed when the next one takes its place; `lauter keys rotate kek`")
    from api.workflows.log_keys import retire as run

    with output.house(context, sign=False) as house:
        done = run(house, epoch, actor=output.invocation(context).actor, now=output.now())
    with output.house(context):
        output.answer(context, done, _show)


def _show(keys: LogKeys) -> None:
    for vkey in keys.signing:
        output.screen.print(f"signs    {vkey}", markup=False)
    for vkey in keys.retired:
        output.screen.print(f"retired  {vkey}", markup=False)
