"""`lauter price define | list | check | activate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.prices import PolicyList, PolicyState

group = typer.Typer(
    help="Prices by segment: defined as data, checked for disparities, active only behind an open gate."
)
Name = Annotated[str, typer.Argument(help="Name of the price policy.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="price", no_args_is_help=True)


@group.command("define")
def define(context: typer.Context, file: Annotated[Path, typer.Argument(help="The policy as JSON.")]) -> None:
    """Store a price policy as its next version."""
    from api.workflows import prices

    with output.house(context) as house:
        text = output.read_text(file)
        result = prices.define(house, text, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("list")
def list_policies(context: typer.Context) -> None:
    """Every policy with its verdict and gate."""
    from api.workflows import prices

    with output.house(context) as house:
        result = prices.policies(house, now=output.now())
    output.answer(context, result, _show_all)


@group.command("check")
def check(context: typer.Context, name: Name) -> None:
    """Measure who would pay more, on the live run."""
    from api.workflows import prices

    with output.house(context) as house:
        result = prices.check(house, name, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("activate")
def activate(context: typer.Context, name: Name) -> None:
    """Put the price into force; refused while a condition of the gate is not met."""
    from api.workflows import prices

    with output.house(context) as house:
        result = prices.activate(house, name, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


def _show_all(result: PolicyList) -> None:
    for policy in result.policies:
        _show(policy)


def _show(result: PolicyState) -> None:
    policy = result.stored.policy
    output.screen.print(f"[bold]{policy.name}[/bold], version {result.stored.version}, on {policy.scheme}")
    if result.check is not None:
        output.screen.print(f"Verdict: {result.check.check.verdict.value.replace('_', ' ')}")
        for attribute in result.check.report["attributes"]:
            _show_attribute(attribute)
    for condition in result.gate.conditions:
        mark = "[green]met    [/green]" if condition.met else "[red]not met[/red]"
        output.screen.print(f"{mark} {condition.text.en}")
    _show_in_force(result)


def _show_in_force(result: PolicyState) -> None:
    active = result.active
    if active is None:
        output.screen.print("Not in force.")
        return
    which = (
        "In force" if active.stored.version == result.stored.version else f"Version {active.stored.version} in force"
    )
    if active.stands:
        output.screen.print(f"{which}.")
        return
    output.screen.print(f"[red]{which}, but on hold: needs a new check.[/red] Run `lauter price check`.")
    for condition in active.gate.unmet:
        output.screen.print(f"  {condition.text.en}")


def _show_attribute(attribute: dict[str, object]) -> None:
    name = str(attribute["attribute"]).replace("_", " ")
    output.screen.print(f"  {name}: {str(attribute['verdict']).replace('_', ' ')}")
    groups = attribute["groups"]
    for group_ in groups if isinstance(groups, list | tuple) else ():
        size = "<10" if group_["size"] is None else group_["size"]
        ratio = next((c for c in group_["comparisons"] if c["measure"] == "price_ratio"), None)
        shown = f"{ratio['estimate']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})" if ratio else "no estimate"
        output.screen.print(f"    {group_['value']:14} {size!s:>8}  {shown}")
