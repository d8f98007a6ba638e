"""ABC: who carries which part of a total (Pareto), with limits that everybody can be told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.database import Database
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.facts import Values
from segmentation.methods.abc import abc_from_json, score_abc
from segmentation.methods.abc_fit import carried_by, fit_abc
from segmentation.settings.abc import AbcSettings
from tests.segmentation.builders import CATALOGUE, PURPOSE, a_world, ran

AMOUNTS = np.array([[500.0, 200.0, 100.0, 80.0, 50.0, 30.0, 20.0, 10.0, 6.0, 4.0, 0.0, -5.0]])


def document(**changes: Any) -> dict[str, Any]:
    """An ABC scheme by revenue."""
    given: dict[str, Any] = {
        "scheme": "abc", "unit": "contact", "purpose": PURPOSE, "kind": "abc",
        "features": [{"key": "revenue", "activity": "sum"}, {"key": "volume", "field": "annual_revenue"}],
        "abc": {"features": ["revenue"]},
    }  # fmt: skip
    return given | changes


def values(rows: np.ndarray) -> Values:
    """Everything known."""
    return Values(rows, np.ones(rows.shape, bool), np.zeros(rows.shape, bool))


def test_class_a_carries_the_first_four_fifths_and_nobody_of_equal_value_is_told_apart() -> None:
    """500 + 200 + 100 of 1,000 is 80 %; up to 95 % is B; what brings nothing is C (PRI-1: told by fixed limits)."""
    definition = parse_definition(json.dumps(document()), CATALOGUE)
    method = fit_abc(AbcSettings(("revenue",)), AMOUNTS)

    scores = score_abc(method, definition.features[:1], values(AMOUNTS))

    assert method.cuts == ((100.0, 30.0),)
    assert "".join("ABC"[number] for number in scores.segment) == "AAABBBCCCCCC"
    assert carried_by(AMOUNTS[0], method.cuts[0])[0] == (3 / 12, 0.8)


def test_two_amounts_make_nine_classes() -> None:
    """Revenue by margin: AA, AB … CC, in this order."""
    rows = np.vstack([AMOUNTS[0], AMOUNTS[0][::-1]])
    method = fit_abc(AbcSettings(("revenue", "volume")), rows)
    definition = parse_definition(json.dumps(document(abc={"features": ["revenue", "volume"]})), CATALOGUE)

    scores = score_abc(method, definition.features, values(rows))

    assert scores.segment[0] == 2  # A by revenue, C by volume
    assert scores.segment[-1] == 6  # C by revenue, A by volume


@given(st.lists(st.integers(-1_000, 100_000), min_size=3, max_size=60))
def test_equal_amounts_get_equal_classes_and_more_never_a_worse_one(amounts: list[int]) -> None:
    """Nobody is treated differently for the same figures (Article 5(1)(a) GDPR: fairness)."""
    rows = np.array([sorted(amounts, reverse=True)], dtype=float)
    method = abc_from_json(json.loads(json.dumps(fit_abc(AbcSettings(("revenue",)), rows).to_json())))
    definition = parse_definition(json.dumps(document()), CATALOGUE)

    found = score_abc(method, definition.features[:1], values(rows)).segment.tolist()

    assert found == sorted(found)
    assert len({(amount, segment) for amount, segment in zip(rows[0], found, strict=True)}) == len(set(rows[0]))


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"features": []}, "$.abc.features"),
        ({"features": ["nothing"]}, "$.abc.features[0]"),
        ({"features": ["revenue"], "shares": [0.9, 0.5]}, "$.abc.shares"),
        ({"features": ["revenue"], "shares": [1.5]}, "$.abc.shares[0]"),
    ],
)
def test_a_part_that_makes_no_sense_names_its_path(part: dict[str, Any], path: str) -> None:
    """Bad input gets a clear error."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(document(abc=part)), CATALOGUE)

    assert refusal.value.mistakes[0].path == path


def test_a_run_names_its_classes_and_says_what_each_carries(work: Database) -> None:
    """The report tells the Pareto share; whoever has no order is in the last class, not outside."""
    a_world(work)

    report = ran(work, document(minimum_size=10))

    assert [segment.key for segment in report.segments] == ["a", "b", "c"]
    assert sum(segment.scored for segment in report.segments) == report.permitted
    assert float(report.fit["revenue_A_total"]) == pytest.approx(0.8, abs=0.02)
