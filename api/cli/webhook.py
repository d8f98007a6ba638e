"""`lauter webhook`: systems of the company that hear of every change of a permission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.webhooks import Added, Resumed, Webhooks

group = typer.Typer(no_args_is_help=True, help="Systems that hear of every change of a permission.")


@dataclass(frozen=True)
class Ended:
    """A webhook that is called no more."""

    number: int

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"ended": self.number}


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="webhook")


@group.command("add")
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="https address of the system.")],
    label: Annotated[str, typer.Option(help="What it is, such as CRM.")],
) -> None:
    """Tell a system from now on. The secret of its signatures is printed once."""
    from api.workflows import webhooks

    with output.house(context) as house:
        made = webhooks.add(house, url, label, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, made, _show_added)


@group.command("list")
def list_webhooks(context: typer.Context) -> None:
    """Show who is told, and how many deliveries wait, arrived and were given up."""
    from api.workflows import webhooks

    with output.house(context) as house:
        found = webhooks.show(house)
    output.answer(context, found, _show_list)


@group.command("end")
def end(context: typer.Context, number: Annotated[int, typer.Argument(min=1, help="Number of the webhook.")]) -> None:
    """Tell a system no more, from this instant."""
    from api.workflows import webhooks

    with output.house(context) as house:
        webhooks.end(house, number, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, Ended(number), lambda _: output.screen.print("It is told no more."))


@group.command("redeliver")
def redeliver(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(min=1, help="Number of the webhook; without one: all.")] = None,
) -> None:
    """Send once more what was given up."""
    from api.workflows import webhooks

    with output.house(context) as house:
        resumed = webhooks.redeliver(house, number, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, resumed, _show_resumed)


def _show_added(made: Added) -> None:
    output.screen.print(f"Webhook {made.number} ({made.label}) is told from now on.", markup=False)
    output.screen.print(f"secret: {made.secret}   (shown this once)", markup=False)


def _show_list(found: Webhooks) -> None:
    table = Table("number", "label", "host", "waiting", "delivered", "failed", "ended", box=None, pad_edge=False)
    for row in found.to_json()["webhooks"]:
        counts = (row["waiting"], row["delivered"], row["failed"])
        table.add_row(str(row["webhook"]), row["label"], row["host"], *map(str, counts), row["ended"] or "")
    output.screen.print(table if found.rows else "No webhooks; add one with `lauter webhook add URL --label NAME`.")


def _show_resumed(resumed: Resumed) -> None:
    output.screen.print(f"{resumed.deliveries} delivery(s) wait again; the worker sends them.")
