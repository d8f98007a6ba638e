"""The forecast as a method: what it learns, how it is judged, and that its JSON alone gives the same groups."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from segmentation.errors import OneOutcomeOnly, TooLittleHistory
from segmentation.facts import Values
from segmentation.inputs import Measure, Quantity
from segmentation.methods.forecast import (
    ForecastMethod,
    Term,
    forecast_from_json,
    log_odds,
    parts_of,
    probability,
    score_forecast,
)
from segmentation.methods.forecast_fit import Past, auc, bins, fit_forecast, judged, platt
from segmentation.settings.forecast import ForecastSettings, Outcome
from segmentation.settings.shared import Transform
from tests.segmentation.kinds import a_feature, a_measure, assert_comes_back, assert_same_one_by_one, given

FEATURES = (
    a_measure("last", Measure.DAYS_SINCE_LAST),
    a_measure("count", Measure.COUNT),
    a_feature("land", Quantity.LEVEL, ("DE", "AT", "CH")),
)
SETTINGS = ForecastSettings(Outcome.LEAVING, ("last", "count", "land"), active="last")
METHOD = ForecastMethod(
    Outcome.LEAVING, 90, "last", None, Transform.NONE,
    (
        Term("last", 100.0, 60.0, 0.9, 100.0),
        Term("count", 4.0, 2.0, -0.7, 4.0),
        Term("land", 0.0, 1.0, 0.0, 0.0, (0.2, -0.1, -0.6)),
    ),
    -0.4, 1.1, 0.05, (300_000_000, 600_000_000), None,
)  # fmt: skip


def people(number: int = 300, seed: int = 5) -> Values:
    """Some of whom a cell is missing, some who ordered nothing, some of another country than those listed."""
    random = np.random.default_rng(seed)
    rows = np.stack([random.integers(0, 365, number), random.integers(0, 12, number), random.integers(0, 4, number)])
    known = random.random(rows.shape) < 0.85
    none = np.zeros(rows.shape, dtype=bool)
    none[0] = random.random(number) < 0.1
    return given(rows, known, none)


def of_a_law(number: int, seed: int, shift: float = 0.0) -> tuple[Past, np.ndarray[Any, Any]]:
    """People to whom it happens by a known law, and the law's log-odds."""
    random = np.random.default_rng(seed)
    last, count = random.gamma(2, 50, number), random.poisson(4, number).astype(float)
    land = random.integers(0, 3, number).astype(float)
    odds = -1.5 + shift + 0.02 * (last - 100) - 0.3 * (count - 4) + np.array([0.0, 0.8, -0.8])[land.astype(int)]
    happened = random.random(number) < 1 / (1 + np.exp(-odds))
    return Past(given([last, count, land]), happened, random.random(number) < 0.5), odds


def fitted(seed: int = 1, number: int = 6_000, **changes: Any) -> tuple[ForecastMethod, dict[str, Any]]:
    """A forecast of the law, learned on one day and judged on another."""
    days = of_a_law(number, seed)[0], of_a_law(number, seed + 1)[0]
    return fit_forecast(replace(SETTINGS, **changes), FEATURES, days, horizon=90)


def test_a_forecast_comes_as_close_as_the_law_itself_allows() -> None:
    """Nobody can tell people apart better than the law that made them: its own AUC is the limit (ACC-1)."""
    method, told = fitted()
    fresh, odds = of_a_law(20_000, 9)

    ours = auc(log_odds(method, FEATURES, fresh.values), fresh.happened)

    assert auc(odds, fresh.happened) - 0.005 < ours <= auc(odds, fresh.happened) + 0.001
    assert abs(float(told["auc"]) - ours) < 0.03
    assert float(told["brier"]) < float(told["base_brier"])
    assert float(told["log_loss"]) < float(told["base_log_loss"])


def test_what_is_told_comes_true_as_often_as_told() -> None:
    """The calibration slope is near 1, and in each bin as many did as were told (Article 5(1)(d) GDPR)."""
    _, told = fitted(number=20_000)

    assert abs(float(told["calibration_slope"]) - 1) < 0.1
    assert told["bin10_people"] >= 500
    for number in range(1, 11):
        assert abs(float(told[f"bin{number}_told"]) - float(told[f"bin{number}_did"])) < 0.05


def test_calibration_mends_a_base_rate_that_changed_since_it_was_learned() -> None:
    """It happens more often on the later day: Platt's offset says so, and the half that judges finds it right."""
    days = of_a_law(8_000, 1)[0], of_a_law(8_000, 2, shift=1.0)[0]

    method, told = fit_forecast(SETTINGS, FEATURES, days, horizon=90)

    assert method.offset > 0.6
    assert abs(float(told["base_rate"]) - float(told["base_rate_learned"])) > 0.1
    low, high = float(told["bin5_told"]), float(told["bin5_did"])
    assert abs(low - high) < 0.06


def test_who_calibrates_does_not_judge() -> None:
    """What becomes of the judging half changes no byte of the model, of the calibrating half no weight."""
    learn, check = of_a_law(3_000, 1)[0], of_a_law(3_000, 2)[0]
    other_judge = replace(check, happened=np.where(check.half, check.happened, ~check.happened))
    other_half = replace(check, happened=np.where(check.half, of_a_law(3_000, 2, 2.0)[0].happened, check.happened))

    whole, judge, half = (
        fit_forecast(SETTINGS, FEATURES, (learn, day), horizon=90) for day in (check, other_judge, other_half)
    )

    assert judge[0] == whole[0]
    assert judge[1]["auc"] != whole[1]["auc"]
    assert (half[0].terms, half[0].bias) == (whole[0].terms, whole[0].bias)
    assert half[0].offset != whole[0].offset


def test_a_forecast_that_is_the_wrong_way_round_later_tells_everybody_the_base_rate() -> None:
    """A negative slope is no knowledge: nobody is called a risk because of it."""
    day = of_a_law(2_000, 3)[0]

    slope, offset = platt(-log_odds(fitted()[0], FEATURES, day.values), day.happened)

    assert slope == 0
    assert 1 / (1 + math.exp(-offset)) == pytest.approx(day.happened.mean())


def test_the_figures_are_those_of_the_textbook() -> None:
    """AUC with ties, Brier score and log-loss as scikit-learn computes them."""
    random = np.random.default_rng(3)
    logs = np.round(random.normal(0, 1, 500), 1)
    happened = random.random(500) < 1 / (1 + np.exp(-logs))
    told = 1 / (1 + np.exp(-logs))

    figures = judged(logs, happened, 0.5, 10)

    assert auc(logs, happened) == pytest.approx(roc_auc_score(happened, logs))
    assert float(figures["brier"]) == pytest.approx(brier_score_loss(happened, told), abs=1e-6)
    assert float(figures["log_loss"]) == pytest.approx(log_loss(happened, told), abs=1e-6)
    assert float(figures["base_brier"]) == pytest.approx(0.25)


@pytest.mark.parametrize("number", [20, 37, 95, 400])
def test_no_bin_is_smaller_than_the_minimum(number: int) -> None:
    """At most ten, ties together, and nobody is shown among nine (XPT-3)."""
    told = np.round(np.random.default_rng(number).random(number), 1)

    found = bins(told, 10)

    assert 1 <= len(found) <= 10
    assert min(int(chosen.sum()) for chosen in found) >= 10
    assert np.stack(found).sum(axis=0).tolist() == [1] * number
    assert all(len({bool(chosen[place]) for place in np.flatnonzero(told == t)}) == 1 for chosen in found for t in told)


def test_a_batch_and_a_single_person_get_the_same_forecast() -> None:
    """Element by element, whatever is missing (EXP-5)."""
    assert_same_one_by_one(lambda values: score_forecast(METHOD, FEATURES, values), people())


def test_the_method_comes_back_from_its_json() -> None:
    """Floats are hexadecimal text; the digest names exactly this method."""
    assert_comes_back(METHOD, forecast_from_json)
    assert_comes_back(fitted(number=500)[0], forecast_from_json)


def bare(document: dict[str, Any], cells: dict[str, float | None], ordered: bool) -> int:
    """The segment of one person from the JSON alone: no code of the house."""
    if sum(cell is not None for cell in cells.values()) * 2 < len(cells) or (cells["last"] is None and ordered):
        return -1
    if not ordered:
        return -1
    slope = float.fromhex(document["slope"])
    total = slope * float.fromhex(document["bias"]) + float.fromhex(document["offset"])
    for term in document["terms"]:
        cell, points = cells[term["feature"]], term["points"]
        if cell is None or (points and cell >= len(points)):
            continue
        mean, scale, weight = (float.fromhex(term[name]) for name in ("mean", "scale", "weight"))
        total += (float.fromhex(points[int(cell)]) if points else (cell - mean) / scale * weight) * slope
    told = round(1e9 / (1 + math.exp(-total)))
    return sum(told >= cut for cut in document["cuts"])


def test_a_bare_script_gives_the_same_groups_from_the_json() -> None:
    """With missing cells and categories nobody knew (Article 15(1)(h) GDPR)."""
    document, values = json.loads(json.dumps(METHOD.to_json())), people()
    keys = [feature.key for feature in FEATURES]

    scores = score_forecast(METHOD, FEATURES, values)

    for place, segment in enumerate(scores.segment.tolist()):
        known, none = values.known[:, place], values.none[:, place]
        cells = {key: float(values.numbers[row, place]) if known[row] else None for row, key in enumerate(keys)}
        assert segment == bare(document, cells, ordered=not none[0])
    assert set(scores.segment.tolist()) == {-1, 0, 1, 2}


def test_a_missing_cell_counts_as_the_average_person() -> None:
    """Nothing is guessed: it adds nothing, and a country that nobody listed is missing too."""
    values = given([[160.0, 160.0], [4.0, 9.0], [3.0, 0.0]], known=[[True, True], [True, False], [True, False]])

    parts = parts_of(METHOD, FEATURES, values)

    assert parts[:, 0].tolist() == [0.9 * 1.1, 0.0, 0.0]
    assert parts[1:, 1].tolist() == [0.0, 0.0]


def test_below_half_of_the_details_nobody_is_assessed() -> None:
    """One of three known is too little; without knowing the last order nobody can be called leaving."""
    values = given([[10.0, 10.0]] * 3, known=[[True, False], [False, True], [False, True]])

    scores = score_forecast(METHOD, FEATURES, values)

    assert scores.assessed.tolist() == [False, False]
    assert scores.segment.tolist() == [-1, -1]


def test_who_ordered_nothing_in_the_window_cannot_leave_any_more() -> None:
    """They stand in the other group or in none, and were assessed."""
    values = given([[0.0], [0.0], [1.0]], none=[[True], [False], [False]])

    none, other = (score_forecast(replace(METHOD, otherwise=o), FEATURES, values) for o in (None, 3))

    assert (none.segment[0], none.assessed[0], other.segment[0]) == (-1, True, 3)


def test_a_probability_on_a_cut_reaches_it() -> None:
    """Ties go to one side, with no strength."""
    values = given([[100.0], [4.0], [0.0]])
    told = int(probability(log_odds(METHOD, FEATURES, values))[0])

    on, above = (score_forecast(replace(METHOD, cuts=(cut,)), FEATURES, values) for cut in (told, told + 1))

    assert (on.segment[0], on.strength[0]) == (1, 0)
    assert (above.segment[0], above.strength[0]) == (0, 1)


def test_a_feature_that_nobody_knew_then_is_left_out_and_named() -> None:
    """A profile imported yesterday teaches nothing about last year; the forecast says what it did without."""
    learn, check = of_a_law(1_000, 1)[0], of_a_law(1_000, 2)[0]
    unknown = learn.values.known.copy()
    unknown[2] = False
    learn = replace(learn, values=Values(learn.values.numbers, unknown, learn.values.none))

    method, told = fit_forecast(SETTINGS, FEATURES, (learn, check), horizon=90)

    assert method.features == ("last", "count")
    assert told["left_out"] == "land"


def test_a_feature_that_is_the_same_of_all_is_left_out() -> None:
    """It tells nobody apart, and counts for nobody as a known detail."""
    learn, check = of_a_law(1_000, 1)[0], of_a_law(1_000, 2)[0]
    same = learn.values.numbers.copy()
    same[1] = 4.0
    learn = replace(learn, values=Values(same, learn.values.known, learn.values.none))

    assert fit_forecast(SETTINGS, FEATURES, (learn, check), horizon=90)[0].features == ("last", "land")


def test_too_few_people_or_one_outcome_are_refused() -> None:
    """A forecast of something that happens to everybody is none, and ten people are no history."""
    learn, check = of_a_law(1_000, 1)[0], of_a_law(1_000, 2)[0]
    few = learn.part(np.arange(1_000) < 15)
    always = replace(check, happened=np.ones(1_000, bool))

    with pytest.raises(TooLittleHistory):
        fit_forecast(SETTINGS, FEATURES, (few, check), horizon=90)
    with pytest.raises(OneOutcomeOnly):
        fit_forecast(SETTINGS, FEATURES, (learn, always), horizon=90)
    with pytest.raises(TooLittleHistory):
        fit_forecast(SETTINGS, FEATURES, (learn, check), horizon=90, minimum=600)


def test_a_larger_penalty_draws_everybody_to_the_average() -> None:
    """The squared penalty shrinks what each detail may weigh."""
    free, bound = (fitted(number=1_000, penalty=penalty)[0] for penalty in (0.01, 1e4))

    assert abs(bound.terms[0].weight) < 0.3 * abs(free.terms[0].weight)
