"""`lauter template list | show | scheme`: fields and rules to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.cli import output
from audit.errors import BadInput

if TYPE_CHECKING:
    from api.workflows.templates import FilledScheme, Templates

group = typer.Typer(help="Fields and rules to start from; nothing is stored.")
Key = Annotated[str, typer.Argument(help="Key of the template.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="template", no_args_is_help=True)


@group.command("list")
def list_templates(context: typer.Context) -> None:
    """Every field and rule template."""
    from api.workflows import templates

    with output.house(context) as house:
        found = templates.listed(house.catalogue)
    output.answer(context, found, _show_list)


@group.command("show")
def show(context: typer.Context, key: Key) -> None:
    """One template: what it is fit for, why not for the others, and what to paste."""
    from api.workflows import templates

    with output.house(context) as house:
        found = templates.shown(house.catalogue, key)
    output.answer(context, found, _show_one)


@group.command("scheme")
def scheme(
    context: typer.Context,
    key: Key,
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose of the catalogue.")],
    values: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE of a parameter; repeatable.")] = None,
) -> None:
    """A definition from a rule template, as JSON for `lauter segment define`."""
    from api.workflows import templates

    pairs = [text.partition("=") for text in values or ()]
    if any(not sign for _, sign, _ in pairs):
        raise BadInput("--set takes NAME=VALUE, such as --set period=P90D")
    with output.house(context) as house:
        found = templates.filled(house, key, purpose, {name: value for name, _, value in pairs})
    output.answer(context, found, _show_scheme)


def _show_list(found: Templates) -> None:
    for field in found.fields:
        output.screen.print(
            escape(f"field  {field.template.family.value:14} {field.template.key:18} {field.template.label.en}")
        )
    for rule in found.rules:
        output.screen.print(escape(f"rule   {rule.key:33} {rule.label.en}"))


def _show_one(found: Templates) -> None:
    for field in found.fields:
        output.screen.print(escape(field.template.catalogue_entry(field.fit_for)))
        for purpose, why in field.not_for.items():
            output.screen.print(escape(f"not for {purpose}: {why}"))
    for rule in found.rules:
        output.screen.print(escape(f"{rule.label.en}: {rule.description.en}"))
        for name, default in rule.parameters.items():
            output.screen.print(escape(f"  --set {name}={default}"))


def _show_scheme(found: FilledScheme) -> None:
    output.print_json(found.to_json())
