"""How good a forecast was when it was judged, on the command line; exact counts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from api.cli import output


def show_evaluation(fit: Mapping[str, int | str]) -> None:
    """The figures beside those of the base rate, and what was told against what came true."""
    if "auc" not in fit:
        return
    judged = f"learned on {fit['learned_on']}, judged on {fit['judged_on']} by {fit['people_judged']} people"
    output.screen.print(f"forecast: {judged}; it happened to {_percent(fit['base_rate'])}")
    for name, key in (("Brier score", "brier"), ("log-loss", "log_loss")):
        ours, theirs = float(fit[key]), float(fit[f"base_{key}"])
        output.screen.print(f"  {name} {ours:.4f}; the base rate for everybody: {theirs:.4f}")
    output.screen.print(f"  AUC {float(fit['auc']):.4f}, calibration slope {float(fit['calibration_slope']):.2f}")
    if fit["left_out"]:
        output.screen.print(f"  not known on the past days, so not learned from: {fit['left_out']}")
    table = Table("Told", "Came true", "People")
    number = 1
    while f"bin{number}_people" in fit:
        told, did = (_percent(fit[f"bin{number}_{part}"]) for part in ("told", "did"))
        table.add_row(told, did, str(fit[f"bin{number}_people"]))
        number += 1
    output.screen.print(table)


def _percent(share: int | str) -> str:
    return f"{100 * float(share):.1f} %"
