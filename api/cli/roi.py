"""`lauter roi`: what a segmentation project costs and brings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import output

if TYPE_CHECKING:
    from decimal import Decimal

    from segmentation.business_case import Appraisal, Result

TITLES = {
    "revenue": "Benefit counted as revenue: more revenue in full, although only its margin stays",
    "margin": "Benefit counted as contribution margin: what stays of more revenue",
}


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("roi")(roi)


def roi(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The case as JSON; see docs/business-case.md.")],
) -> None:
    """Return on investment, break-even and sensitivity of a segmentation project; needs no home."""
    from segmentation.business_case import appraise, parse_case

    output.answer(context, appraise(parse_case(output.read_text(file))), _show)


def _show(appraisal: Appraisal) -> None:
    for result in appraisal.results:
        output.screen.print(f"\n[bold]{TITLES[result.basis.value]}[/bold]")
        output.screen.print(_years(result, appraisal.case.currency))
        output.screen.print(_summary(result))
        output.screen.print(_sensitivity(result))
    if len(appraisal.results) == 1:
        output.screen.print("\nState a margin to see what of it stays: revenue alone overstates the return.")


def _years(result: Result, currency: str) -> Table:
    from segmentation.business_case import rounded_ratio

    table = Table("Year", f"Cost {currency}", f"Benefit {currency}", "Net", "Cumulated", "Return", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for year in result.years:
        amounts = (year.cost, year.benefit, year.net, year.cumulated)
        table.add_row(str(year.year), *(f"{amount:,.0f}" for amount in amounts), rounded_ratio(year.ratio))
    totals = (f"{result.cost:,.0f}", f"{result.benefit:,.0f}", f"{result.benefit - result.cost:,.0f}")
    table.add_row("all", *totals, "", rounded_ratio(result.ratio), style="bold")
    return table


def _summary(result: Result) -> str:
    month = "never within these years" if result.break_even_month is None else f"in month {result.break_even_month}"
    if result.break_even_share is None:
        return f"Breaks even {month}."
    return (
        f"Breaks even {month}; {_percent(result.break_even_share)} of the stated benefits would just cover the costs."
    )


def _sensitivity(result: Result) -> Table:
    from segmentation.business_case import BENEFIT_FACTORS, COST_FACTORS, rounded_ratio

    table = Table("Return if costs are", *(f"benefits\n{_percent(factor)}" for factor in BENEFIT_FACTORS), box=None)
    for factor, row in zip(COST_FACTORS, result.sensitivity, strict=True):
        table.add_row(_percent(factor), *(rounded_ratio(ratio) for ratio in row))
    return table


def _percent(value: Decimal) -> str:
    return f"{100 * value:.0f}\u00a0%"
