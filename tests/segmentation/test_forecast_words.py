"""A forecast as it is defined and told: mistakes with their place, names that do not hurt, sums that add up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings as limits
from hypothesis import strategies as st

from governance.vocabulary import Text
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.explain_forecast import LEFT_ALREADY, evaluation, weigh_forecast
from segmentation.forecast_names import forecast_segments
from segmentation.methods.forecast import log_odds
from segmentation.settings.forecast import ForecastSettings, Outcome
from tests.segmentation.builders import CATALOGUE
from tests.segmentation.kinds import given
from tests.segmentation.test_forecast import FEATURES, METHOD, SETTINGS
from tests.segmentation.test_kinds_end_to_end import WINDOWED, scheme

NAMES = [segment.name_for_subject for segment in forecast_segments(SETTINGS)]
FIT: dict[str, int | str] = {
    "bin1_people": 90, "bin1_from": "0.05", "bin1_to": "0.3", "bin1_told": "0.2", "bin1_did": "0.22",
    "bin2_people": 80, "bin2_from": "0.31", "bin2_to": "0.9", "bin2_told": "0.6", "bin2_did": "0.57",
}  # fmt: skip


def defined(part: dict[str, Any], features: list[dict[str, Any]] | None = None, **changes: Any) -> Any:
    """The definition of a forecast."""
    return parse_definition(json.dumps(scheme("forecast", part, features or WINDOWED) | changes), CATALOGUE)


def test_a_forecast_is_read_with_its_defaults() -> None:
    """Ninety days, cut at 30 and 60 per cent, from all declared features; the window of the last order counts."""
    settings = defined({"of": "leaving"}).settings

    assert isinstance(settings, ForecastSettings)
    assert (settings.horizon, settings.cuts, settings.active) == ("P90D", (0.3, 0.6), "last")
    assert settings.features == ("last", "count", "revenue", "employees")


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({}, "$.forecast"),
        ({"of": "dying"}, "$.forecast.of"),
        ({"of": "leaving", "horizon": "P2Y"}, "$.forecast.horizon"),
        ({"of": "leaving", "horizon": "soon"}, "$.forecast.horizon"),
        ({"of": "leaving", "cuts": [0.6, 0.3]}, "$.forecast.cuts"),
        ({"of": "leaving", "cuts": [1.0]}, "$.forecast.cuts[0]"),
        ({"of": "leaving", "active": "count"}, "$.forecast.active"),
        ({"of": "leaving", "scheme": "rfm"}, "$.forecast.scheme"),
        ({"of": "leaving", "penalty": 0}, "$.forecast.penalty"),
        ({"of": "moving"}, "$.forecast"),
        ({"of": "moving", "scheme": "forecast"}, "$.forecast.scheme"),
        ({"of": "moving", "scheme": "rfm", "active": "last"}, "$.forecast.active"),
        ({"of": "leaving", "withheld": True}, "$.forecast"),
    ],
)
def test_a_mistake_names_its_place(part: dict[str, Any], path: str) -> None:
    """Every refusal is a JSON path and a sentence; that somebody withholds is no key of it."""
    with pytest.raises(DefinitionInvalid) as refused:
        defined(part)

    assert refused.value.mistakes[0].path == path


def test_a_feature_that_would_look_back_too_far_in_training_is_refused() -> None:
    """Two horizons ago its window would begin before what the catalogue permits (PRI-5); the longest is named."""
    whole = [{"key": "last", "activity": "days_since_last"}, *WINDOWED[1:]]

    with pytest.raises(DefinitionInvalid, match=r"at most P5[0-9][0-9]D"):
        defined({"of": "leaving"}, whole)


def test_a_purpose_without_profiling_has_no_forecast() -> None:
    """Whoever agreed to a newsletter was not told that their future is estimated (Article 4(4) GDPR)."""
    with pytest.raises(DefinitionInvalid, match="does not cover profiling"):
        defined({"of": "leaving"}, purpose="newsletter")


def test_no_name_that_a_person_reads_calls_them_a_risk() -> None:
    """The house may call somebody at risk; to the person it says what is expected."""
    for settings in (SETTINGS, replace(SETTINGS, of=Outcome.MOVING), replace(SETTINGS, cuts=(0.5,))):
        segments = forecast_segments(settings)
        assert len(segments) == len(settings.cuts) + 1
        for segment in segments:
            words = (segment.name_for_subject.de + segment.name_for_subject.en).lower()
            assert not any(hurts in words for hurts in ("gefährdet", "risk", "treu", "loyal", "abwander", "leav"))


@limits(max_examples=100, deadline=None)
@drawn(st.integers(0, 365), st.integers(0, 40), st.integers(0, 3))
def test_what_drives_a_forecast_sums_to_its_difference_from_the_average(last: int, count: int, land: int) -> None:
    """Log-odds add up: nothing else weighed (EXP-2)."""
    values = given([[last], [count], [land]])

    told = weigh_forecast(METHOD, FIT, FEATURES, values, NAMES)

    parts = [weight.part for weight in told.weights if weight.part is not None]
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(told.difference, abs=1e-9)
    assert told.difference == pytest.approx(float(log_odds(METHOD, FEATURES, values)[0]) - METHOD.average)


def test_an_explanation_tells_probability_drivers_and_nearest_cut() -> None:
    """In words and per cent, heaviest first, in both languages."""
    values = given([[200.0], [1.0], [0.0]])

    told = weigh_forecast(METHOD, FIT, FEATURES, values, NAMES)

    lines = [weight.text for weight in told.weights]
    assert told.weights[0].key == "estimate"
    assert "dass Sie nichts bestellen, beträgt 93\u202f%. Das ist sehr wahrscheinlich." in lines[0].de
    assert "odds times" in lines[1].en
    assert "Chancen mal" in lines[1].de
    assert [weight.key for weight in told.weights] == ["estimate", "last", "count", "land", "evaluation", "effect"]
    assert told.closeness.en.startswith(f"The next closest was “{NAMES[1].en}”: the limit is a probability of 60%")
    assert "keine Entscheidung" in lines[-1].de


def test_a_missing_detail_is_said_to_count_as_the_average() -> None:
    """Nobody is told that what they withheld weighed (Article 21 GDPR)."""
    values = given([[200.0], [1.0], [0.0]], known=[[True], [False], [True]])

    told = weigh_forecast(METHOD, FIT, FEATURES, values, NAMES)

    line = next(weight for weight in told.weights if weight.key == "count")
    assert line.part == 0
    assert "zählt wie der Durchschnitt" in line.text.de


def test_the_record_of_the_forecast_is_told_in_one_sentence() -> None:
    """Of 100 people told about 60 %, 57 did: that of the group nearest to what this person was told."""
    near, low, beyond = evaluation(FIT, 0.7), evaluation(FIT, 0.1), evaluation(FIT, 0.99)

    assert near == beyond
    assert near == Text(
        "Geprüft an der Vergangenheit: Von je 100, denen rund 60\u202f% vorhergesagt waren, traf es bei 57 ein.",
        "Checked against the past: of every 100 who were told about 60%, it came true for 57.",
    )
    assert low is not None
    assert "20%" in low.en
    assert evaluation({}, 0.5) is None


def test_who_has_left_already_is_told_that_nothing_was_forecast() -> None:
    """There is no probability of leaving twice."""
    values = given([[0.0], [0.0], [0.0]], none=[[True], [False], [False]])

    told = weigh_forecast(METHOD, FIT, FEATURES, values, NAMES)

    assert (told.weights, told.closeness) == ((), LEFT_ALREADY)
