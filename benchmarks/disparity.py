"""The fairness check on counts against Fairlearn's MetricFrame on one row per person, both with resampled ranges.

    python -m benchmarks.disparity --contacts N [--draws D] [--json]

Both sides run in fresh processes, imports counted, and must give the same estimates.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import numpy as np

PRICES = (10_000, 9_500, 9_000, 8_000)
GROUPS = ("18-29", "30-49", "50-64", "65+", "unknown")


def people(contacts: int) -> tuple[Any, Any]:
    """Group and price level of each person; the same seed gives the same people."""
    random = np.random.default_rng(31)
    return random.integers(0, len(GROUPS), contacts), random.choice(len(PRICES), contacts, p=(0.5, 0.25, 0.15, 0.1))


def ours(contacts: int, draws: int) -> dict[str, float]:
    """Estimates by `governance.disparity`, from rows to counts to ranges."""
    from governance.disparity import measure_disparity
    from governance.disparity_report import Limits

    groups, levels = people(contacts)
    flat = Counter((groups * len(PRICES) + levels).tolist())
    counts = {(_value(cell // len(PRICES)), cell % len(PRICES)): n for cell, n in flat.items()}
    report = measure_disparity(
        {"age_band": counts},
        prices=PRICES,
        full_price=PRICES[0],
        limits=Limits(1.02),
        minimum_cell=10,
        seed=31,
        draws=draws,
    )
    return {group.value: group.mean_price or 0.0 for group in report.attributes[0].groups}


def theirs(contacts: int, draws: int) -> dict[str, float]:
    """Estimates by MetricFrame on rows with its own bootstrap."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame, mean_prediction, selection_rate

    groups, levels = people(contacts)
    price = pd.Series(np.asarray(PRICES)[levels])
    frames = [
        MetricFrame(
            metrics=metric,
            y_true=column,
            y_pred=column,
            sensitive_features=pd.Series(np.asarray(GROUPS)[groups], name="age_band"),
            n_boot=draws,
            ci_quantiles=[0.025, 0.5, 0.975],
            random_state=31,
        )
        for metric, column in ((mean_prediction, price), (selection_rate, (price < PRICES[0]).astype(int)))
    ]
    return {str(group): float(mean) for group, mean in frames[0].by_group.items()}


def _value(group: int) -> str | None:
    return None if GROUPS[group] == "unknown" else GROUPS[group]


def measured(side: str, contacts: int, draws: int) -> dict[str, Any]:
    """One side in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.disparity", "--side", side]
    command += ["--contacts", str(contacts), "--draws", str(draws)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"seconds": time.perf_counter() - started}


def one_side(side: str, contacts: int, draws: int) -> None:
    """Run one side and print what it found and used."""
    estimates = (ours if side == "ours" else theirs)(contacts, draws)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"estimates": estimates, "peak_mb": peak}))


def main() -> None:
    """Measure both sides and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=("ours", "theirs"))
    options = parser.parse_args()
    if options.side:
        one_side(options.side, options.contacts, options.draws)
        return
    lauter = measured("ours", options.contacts, options.draws)
    baseline = measured("theirs", options.contacts, options.draws)
    for group, mean in baseline["estimates"].items():
        assert abs(lauter["estimates"][group] - mean) <= 1e-9 * mean, "the estimates must be equal"
    result = {
        "benchmark": "disparity",
        "contacts": options.contacts,
        "draws": options.draws,
        "ratio": round(lauter["seconds"] / baseline["seconds"], 5),
        "times_faster": round(baseline["seconds"] / lauter["seconds"], 1),
        "seconds": round(lauter["seconds"], 3),
        "baseline_seconds": round(baseline["seconds"], 3),
        "peak_mb": round(lauter["peak_mb"], 1),
        "baseline_peak_mb": round(baseline["peak_mb"], 1),
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print("\n".join(f"{name:17} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
