"""`lauter demo`: the main job on real purchases, told in a screenful, then the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.demo.story import Told

EVERYBODY = 1_000_000
LONGEST_NAME = 34


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    contacts: Annotated[
        int, typer.Option(min=200, help="How many purchase histories to take; all by default.")
    ] = EVERYBODY,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the work, without the console.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the console.")] = 8080,
) -> None:
    """Import, segment, check prices, correct, export and prove: real purchases, invented people."""
    from api.demo.story import play

    invoked = output.invocation(context)
    with output.notes.status("starting", spinner="dots") as status:
        told = play(invoked.settings, contacts=contacts, now=output.now, tell=status.update)
    output.answer(context, told, _show)
    if not no_serve and not invoked.as_json:
        from api.cli.serve import serve

        serve(context, port=port)


def _show(told: Told) -> None:
    show = output.screen.print
    show()
    _show_imports(told)
    _show_schemes(told)
    for price in told.prices:
        mark = "[green]in force[/green]" if price["outcome"] == "activated" else "[red]refused[/red]"
        show(f"  price {price['policy']:<14} {mark}, verdict: {price['verdict'].replace('_', ' ')}")
    corrected, later = told.corrected, _step(told, "one more objection")
    moved = f"{corrected['reference']} from {corrected['from']} to {corrected['to']}"
    show(f"  corrected      {moved}; run {corrected['run']} respects it")
    show(f"  objected       after the run: {later['before']} people in segments, at once {later['after']}")
    show(f"  exported       {told.export['included']} letters, decided again at the first byte: {told.export['file']}")
    portal = told.portal
    show(
        f"  in the portal  one came in by mail and objected to profiling: {portal['before']} places in segments, "
        f"at once {portal['after']}; one newsletter confirmed, one clicked away"
    )
    verified = "[green]ok[/green]" if told.verified["ok"] else "[red]does not fit[/red]"
    show(f"  log            {verified}, {told.verified['summary']}")
    show(f"\nDone in {told.seconds} s. Now ask why:")
    show(f"  lauter segment explain reaktivierung --reference {corrected['reference']} --lang de")
    show("Sign in to the console (passwords of invented staff, made just now):")
    for person in told.sign_in:
        show(f"  {person['name']:<12} {person['password']}   ({person['role']})", markup=False)
    show("Or be a customer at /portal: ask for a link, all mails lie in the outbox folder. One waits there already:")
    show(f"  {portal['address']}   {portal['mail']}", markup=False)


def _show_imports(told: Told) -> None:
    for step in told.steps:
        if step["step"].startswith("import "):
            report = step.get("detected") or {}
            found = ", ".join(str(report[key]) for key in ("encoding", "date_format") if report.get(key))
            rows = f"{step['rows']:>7,} rows".replace(",", " ")
            extra = f"{step['unknown']} without evidence, so no" if "unknown" in step else f"{step['failed']} failed"
            output.screen.print(f"  {step['step']:<26}{rows}  {extra}  ({found}; {step['seconds']} s)")


def _show_schemes(told: Told) -> None:
    for scheme in told.schemes:
        left_out = scheme["left_out"] or {}
        counts = f"{scheme['total']} = {scheme['permitted']} permitted + {sum(left_out.values())} left out"
        output.screen.print(f"  segment {scheme['scheme']} ({scheme['kind']}, {scheme['unit']}): {counts}")
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(left_out.items()))
        sizes = ", ".join(f"{part['size']} {_short(part['name']['de'])}" for part in scheme["segments"])
        output.screen.print(f"    {sizes}\n    [dim]left out: {reasons or 'nobody'}[/dim]")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _step(told: Told, start: str) -> dict[str, int]:
    return next(step for step in told.steps if step["step"].startswith(start))
