"""Numbers and categories in one scheme: each kind takes what it can measure, and says what to do with the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.database import Database
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from tests.segmentation.builders import CATALOGUE, a_world, clusters, ran

MIXED = [
    {"key": "land", "field": "country", "levels": ["DE", "AT"]},
    {"key": "satisfaction", "field": "satisfaction"},
    {"key": "employees", "field": "employees"},
    {"key": "orders", "activity": "count"},
]
FAMD = {"kind": "famd", "components": 2}
DISTANCES = ("kmeans", "ward", "mixture")
TAKEN: dict[str, dict[str, Any]] = {
    "kmeans": {"k": 3, "reduce": FAMD},
    "ward": {"k": 3, "reduce": FAMD},
    "mixture": {"k": 2, "covariance": "diag", "reduce": FAMD},
    "latent_class": {"k": 2, "restarts": 5, "bins": {"employees": [100, 300], "orders": [0, 3]}},
}


def scheme(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    """A scheme of a kind over numbers and a category."""
    document = clusters(scheme=kind, kind=kind, minimum_size=10, features=MIXED)
    document.pop("kmeans")
    return document | {kind: part}


def refused(kind: str, part: dict[str, Any]) -> str:
    """What the definition's check says."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(scheme(kind, part)), CATALOGUE)
    return " ".join(mistake.what for mistake in refusal.value.mistakes)


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_category_has_no_distance_and_the_refusal_names_both_ways_out(kind: str) -> None:
    """Nothing is coded into numbers behind anybody's back (Article 5(1)(a) GDPR); bad input says how to mend it."""
    said = refused(kind, {"k": 3})

    assert "'land' is a category" in said
    assert '"reduce" with mca for categories or famd for both' in said
    assert "latent_class" in said


@pytest.mark.parametrize("kind", DISTANCES)
def test_an_analysis_for_the_other_type_names_the_one_that_fits(kind: str) -> None:
    """PCA and MCA take one type each."""
    assert "take famd" in refused(kind, {"k": 3, "reduce": {"kind": "pca", "components": 2}})
    assert "take famd" in refused(kind, {"k": 3, "reduce": {"kind": "mca", "components": 1}})


def test_latent_classes_take_a_number_only_with_its_cut_points() -> None:
    """What is no category yet has to be cut by whoever defines the scheme, in words they can read."""
    assert "'orders' is no category: give its cut points under bins" in refused("latent_class", {"k": 2})


@pytest.mark.parametrize(
    ("kind", "says"),
    [("abc", "'land' is a category"), ("rfm", "'land' is a category"), ("clv", "must be a feature of the measure")],
)
def test_ranks_and_totals_refuse_a_category(kind: str, says: str) -> None:
    """Nobody has a share of a country's total."""
    parts: dict[str, dict[str, Any]] = {
        "abc": {"features": ["land"]},
        "rfm": {"recency": "land", "frequency": "orders", "monetary": "orders"},
        "clv": {"count": "land", "recency": "orders", "tenure": "orders", "value": "orders"},
    }

    assert refused(kind, parts[kind]).startswith(says)


@pytest.mark.parametrize("kind", TAKEN)
def test_numbers_and_categories_together_sort_people_on_the_way_that_was_named(
    sqlite_work: Database, kind: str
) -> None:
    """The way out works: everybody with enough details is in a segment."""
    a_world(sqlite_work)

    report = ran(sqlite_work, scheme(kind, TAKEN[kind]))

    assert sum(segment.scored for segment in report.segments) + report.not_assessed == report.permitted
    assert len([segment for segment in report.segments if segment.scored]) >= 2
