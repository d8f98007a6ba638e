"""Time and peak memory of each kind: fit on a sample and score everybody, in a fresh process, imports counted.

    python -m benchmarks.kinds --people N [--kind NAME …] [--batch ROWS] [--json]

People are made by a seed: orders and amounts by BG/NBD and Gamma-Gamma, seven measures from three groups, eight
answers from three classes, one cell in twenty missing where the kind allows it. Nothing is stored or read: this is
the method alone, without permission, record and leaf.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measure import measure

SEED, SAMPLE, GAPS = 23, 100_000, 0.05
MEASURES = tuple(f"m{number}" for number in range(7))
ANSWERS = tuple(f"a{number}" for number in range(8))


@dataclass(frozen=True)
class Job:
    """A kind on its data: a fit on the first rows, and the score of a batch."""

    values: Any
    fit: Callable[[Any], tuple[Any, dict[str, Any]]]
    score: Callable[[Any, Any], Any]


def clv(people: int) -> Job:
    """BG/NBD and Gamma-Gamma, nobody without an order."""
    from segmentation.inputs import Measure
    from segmentation.methods.clv import score_clv
    from segmentation.methods.clv_fit import fit_clv
    from segmentation.settings.clv import ClvSettings

    keys = ("orders", "last", "first", "mean")
    measures = (Measure.COUNT, Measure.DAYS_SINCE_LAST, Measure.TENURE, Measure.MEAN_ORDER_VALUE)
    features = tuple(_feature(key, measure) for key, measure in zip(keys, measures, strict=True))
    return Job(
        _values(_orders(people)),
        lambda sample: fit_clv(ClvSettings(keys, alive=0.3), sample.numbers, None),
        lambda method, batch: score_clv(method, features, batch),
    )


def abc(people: int) -> Job:
    """Pareto shares on two amounts."""
    from segmentation.methods.abc import score_abc
    from segmentation.methods.abc_fit import fit_abc
    from segmentation.settings.abc import AbcSettings

    keys = ("orders", "last", "first", "mean")
    features = tuple(_feature(key) for key in keys)
    return Job(
        _values(_orders(people)),
        lambda sample: (fit_abc(AbcSettings(("orders", "mean")), sample.numbers[[0, 3]]), {}),
        lambda method, batch: score_abc(method, features, batch),
    )


def rfm(people: int) -> Job:
    """Five classes of each of three measures, the default segments."""
    from segmentation.methods.rfm import fit_rfm, score_rfm
    from segmentation.rfm_names import DEFAULT_RFM
    from segmentation.settings.rfm import RfmSettings, ScoreRanges

    keys = ("orders", "last", "first", "mean")
    features = tuple(_feature(key) for key in keys)
    ranges = [ScoreRanges(*found) for _, _, _, found in DEFAULT_RFM]
    return Job(
        _values(_orders(people)),
        lambda sample: (fit_rfm(RfmSettings("last", "orders", "mean"), ranges, None, sample.numbers[[1, 0, 3]]), {}),
        lambda method, batch: score_rfm(method, features, batch),
    )


def ward(people: int) -> Job:
    """Six groups of a hierarchy on its default sample; everybody else gets the nearest one."""
    from segmentation.fitting_clusters import fit_clusters
    from segmentation.methods.kmeans import score_kmeans
    from segmentation.settings.ward import WardSettings

    features = tuple(_feature(key) for key in MEASURES)
    settings = WardSettings(6, MEASURES)
    return Job(
        _values(_measures(people), GAPS),
        lambda sample: fit_clusters(settings, features, _complete(sample)[:, : settings.sample], None)[:2],
        lambda method, batch: score_kmeans(method, features, batch),
    )


def kmeans(people: int) -> Job:
    """Six centroids on seven measures, as in the governed run."""
    from segmentation.fitting_clusters import fit_clusters
    from segmentation.methods.kmeans import score_kmeans
    from segmentation.settings.kmeans import KMeansSettings

    features = tuple(_feature(key) for key in MEASURES)
    return Job(
        _values(_measures(people), GAPS),
        lambda sample: fit_clusters(KMeansSettings(6, MEASURES), features, _complete(sample), None)[:2],
        lambda method, batch: score_kmeans(method, features, batch),
    )


def mixture(people: int) -> Job:
    """Six full ellipsoids in seven dimensions."""
    from segmentation.methods.mixture import score_mixture
    from segmentation.methods.mixture_fit import fit_mixture
    from segmentation.settings.mixture import MixtureSettings

    features = tuple(_feature(key) for key in MEASURES)
    return Job(
        _values(_measures(people), GAPS),
        lambda sample: fit_mixture(MixtureSettings(6, MEASURES), features, _complete(sample)),
        lambda method, batch: score_mixture(method, features, batch),
    )


def latent_class(people: int) -> Job:
    """Four classes on eight items of four answers, twenty starts."""
    from segmentation.methods.latent_class import score_latent_class
    from segmentation.methods.latent_class_fit import fit_latent_class
    from segmentation.settings.latent_class import LatentClassSettings

    features = tuple(_feature(key) for key in ANSWERS)
    return Job(
        _values(_answers(people), GAPS),
        lambda sample: fit_latent_class(LatentClassSettings(4, ANSWERS), features, sample),
        lambda method, batch: score_latent_class(method, features, batch),
    )


def forecast(people: int) -> Job:
    """Seven measures, two of which say how likely it is; one day to learn from, another to be judged by."""
    from segmentation.methods.forecast import score_forecast
    from segmentation.methods.forecast_fit import Past, fit_forecast
    from segmentation.settings.forecast import ForecastSettings, Outcome

    features = tuple(_feature(key) for key in MEASURES)
    settings = ForecastSettings(Outcome.MOVING, MEASURES, scheme="other")

    def day(values: Any, seed: int) -> Past:
        random = np.random.default_rng(seed)
        chance = 1 / (1 + np.exp(1.0 - 0.3 * values.numbers[0] + 0.2 * values.numbers[1]))
        return Past(values, random.random(len(chance)) < chance, random.random(len(chance)) < 0.5)

    return Job(
        _values(_measures(people), GAPS),
        lambda sample: fit_forecast(settings, features, (day(sample, 1), day(sample, 2)), horizon=90),
        lambda method, batch: score_forecast(method, features, batch),
    )


JOBS: dict[str, Callable[[int], Job]] = {
    "abc": abc,
    "rfm": rfm,
    "clv": clv,
    "kmeans": kmeans,
    "ward": ward,
    "mixture": mixture,
    "latent_class": latent_class,
    "forecast": forecast,
}


def _feature(key: str, measured: Any = None) -> Any:
    from governance.vocabulary import Text
    from segmentation.inputs import MEASURE_QUANTITY, Feature, Quantity

    if measured is None:
        return Feature(key, Text(key, key), key, Quantity.NUMBER)
    return Feature(key, Text(key, key), "orders", MEASURE_QUANTITY[measured], measured, window="P24M", currency="EUR")


def _orders(people: int) -> Any:
    random = np.random.default_rng(SEED)
    age = random.integers(1, 730, people).astype(float)
    rate, leaves = random.gamma(0.6, 1 / 60, people), random.beta(0.8, 3.0, people)
    x, last, now, here = np.zeros(people), np.zeros(people), np.zeros(people), np.ones(people, bool)
    while here.any():
        now = np.where(here, now + random.exponential(1 / np.maximum(rate, 1e-12)), now)
        here &= now <= age
        x[here], last[here] = x[here] + 1, now[here]
        here &= random.random(people) >= leaves
    mean = random.gamma(6 * (x + 1), 1 / (random.gamma(4, 1 / 9_000, people) * (x + 1)))
    return np.stack([x + 1, age - np.floor(last), age, np.rint(mean)])


def _measures(people: int) -> Any:
    random = np.random.default_rng(SEED)
    middles, spreads = random.normal(0, 3, (len(MEASURES), 3)), random.uniform(0.5, 2, (len(MEASURES), 3))
    group = random.integers(0, 3, people)
    return np.stack([m[group] + s[group] * random.normal(0, 1, people) for m, s in zip(middles, spreads, strict=True)])


def _answers(people: int) -> Any:
    random = np.random.default_rng(SEED)
    chances = random.dirichlet(np.ones(4), (len(ANSWERS), 3)).cumsum(axis=2)
    group = random.integers(0, 3, people)
    rows = [(random.random(people)[:, None] > item[group]).sum(axis=1) for item in chances]
    return np.minimum(np.stack(rows), 3).astype(float)


def _values(numbers: Any, gaps: float = 0.0) -> Any:
    from segmentation.facts import Values

    known = np.random.default_rng(SEED + 1).random(numbers.shape) >= gaps
    return Values(np.where(known, numbers, 0.0), known, np.zeros(numbers.shape, bool))


def _part(values: Any, start: int, stop: int) -> Any:
    from segmentation.facts import Values

    return Values(values.numbers[:, start:stop], values.known[:, start:stop], values.none[:, start:stop])


def _complete(values: Any) -> Any:
    return values.numbers[:, values.usable.all(axis=0)]


def _batches(values: Any, rows: int) -> Iterator[Any]:
    for start in range(0, values.numbers.shape[1], rows):
        yield _part(values, start, start + rows)


def one(kind: str, people: int, batch: int) -> dict[str, Any]:
    """Make the people, fit and score them; seconds of each step."""
    job = JOBS[kind](people)
    made = time.perf_counter()
    method, told = job.fit(_part(job.values, 0, SAMPLE))
    fitted = time.perf_counter()
    counts: dict[int, int] = {}
    for values in _batches(job.values, batch):
        for segment, number in zip(*np.unique(job.score(method, values).segment, return_counts=True), strict=True):
            counts[int(segment)] = counts.get(int(segment), 0) + int(number)
    scored = time.perf_counter()
    sizes = [counts[segment] for segment in sorted(counts)]
    return {"fit": round(fitted - made, 2), "score": round(scored - fitted, 2), "sizes": sizes, "told": told}


def main() -> None:
    """Measure each kind in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--kind", choices=sorted(JOBS), action="append")
    parser.add_argument("--batch", type=int, default=65_536)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=sorted(JOBS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(one(given.side, given.people, given.batch)))
        return
    result: dict[str, Any] = {"benchmark": "kinds", "people": given.people, "kinds": {}}
    for kind in given.kind or JOBS:
        arguments = ["--side", kind, "--people", str(given.people), "--batch", str(given.batch)]
        took = measure("-m", "benchmarks.kinds", *arguments)
        result["kinds"][kind] = {
            "seconds": round(took.seconds, 2),
            "cpu_seconds": round(took.cpu_seconds, 2),
            "peak_mb": round(took.peak_mb),
            **took.answer,
        }
    print(json.dumps(result, indent=2) if given.json else _for_the_eye(result["kinds"]))


def _for_the_eye(kinds: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'kind':14}{'fit s':>9}{'score s':>9}{'all s':>9}{'cpu s':>9}{'peak MB':>9}"]
    for kind, took in kinds.items():
        columns = (took["fit"], took["score"], took["seconds"], took["cpu_seconds"], took["peak_mb"])
        lines.append(f"{kind:14}" + "".join(f"{column:>9}" for column in columns))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
