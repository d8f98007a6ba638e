"""`lauter segment explain NAME --reference REF [--lang de|en]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.explanations import ExplainedAssignment
    from governance.vocabulary import Language, Text

HEADS = {
    "de": ("So wird zugeordnet", "Verwendete Angaben", "Was wie stark zählte", "Was dazukam", "Was es ändern würde",
           "Was davon abhängt", "Wer es ändern kann", "Beleg"),
    "en": ("How it is assigned", "Details used", "What weighed how much", "What came on top", "What would change it",
           "What depends on it", "Who can change it", "Evidence"),
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Attach the command to the group `segment`, which must stand already."""
    group = next((one.typer_instance for one in app.registered_groups if one.name == "segment"), None)
    (group or app).command("explain")(explain)


def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the scheme.")],
    reference: Annotated[str, typer.Option("--reference", help="The controller's number of the person.")],
    lang: Annotated[str, typer.Option("--lang", help="de or en.")] = "de",
) -> None:
    """Say why somebody is in a segment, from the stored record."""
    from api.workflows import explanations
    from audit.errors import BadInput

    if lang not in HEADS:
        raise BadInput("--lang takes de or en")
    language: Language = "en" if lang == "en" else "de"
    with output.house(context) as house:
        actor = output.invocation(context).actor
        result = explanations.explain_reference(
            house, name, reference, language=language, actor=actor, now=output.now()
        )
    output.answer(context, result, _show)


def _show(result: ExplainedAssignment) -> None:
    said, heads = result.explanation, HEADS[result.language]

    def say(text: Text) -> str:
        return escape(text.in_language(result.language))

    output.screen.print(f"[bold]{say(said.name)}[/bold] ({say(said.scheme)})")
    _section(heads[0], [say(said.procedure)])
    _section(heads[1], [f"{say(i.label)}: {say(i.value)} ({say(i.source)})" for i in said.inputs])
    _section(heads[2], [say(weight.text) for weight in said.weighing.weights] + [say(said.weighing.closeness)])
    _section(heads[3], [say(step) for step in said.steps])
    _section(heads[4], [say(said.what_would_change_it)])
    _section(heads[5], [say(effect) for effect in said.effects])
    _section(heads[6], [say(who) for who in said.who_can_change_it])
    evidence = (
        f"run {said.run}, {said.decided_at:%Y-%m-%d %H:%M} UTC, model {said.model.hex()[:16]}, entry {result.fact}"
    )
    _section(heads[7], [evidence])
    if result.note is not None:
        output.screen.print(f"\n{say(result.note)}")


def _section(head: str, lines: list[str]) -> None:
    if lines:
        output.screen.print(f"\n[bold]{head}[/bold]")
        for line in lines:
            output.screen.print(f"  {line}")
