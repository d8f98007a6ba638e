"""Ward's hierarchy: cut where asked or where it is best, honest about its size and its agreement."""

from __future__ import annotations

import json

import numpy as np
import pytest

from audit.database import Database
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.fitting_clusters import Tried, chosen
from segmentation.methods.kmeans import KMeansMethod
from segmentation.methods.ward_fit import fit_hierarchy
from segmentation.settings.shared import Transform
from tests.segmentation.builders import CATALOGUE, a_world, clusters, ran


def ward(**part: object) -> dict[str, object]:
    """A Ward scheme over the features of the k-means one."""
    document = clusters(kind="ward", ward={"k": 3, "transform": "sqrt"} | part, minimum_size=10)
    document.pop("kmeans")
    return document


def test_heights_and_the_agglomerative_coefficient_of_four_points_by_hand() -> None:
    """Ward 1963: points 0, 1, 10, 12 merge at distances 1, 2 and √(2·2·2/4)·|0.5 − 11|."""
    hierarchy = fit_hierarchy(np.array([[0.0], [1.0], [10.0], [12.0]]))

    last = 10.5 * np.sqrt(2.0)
    assert hierarchy.heights == pytest.approx((last, 2.0, 1.0))
    assert hierarchy.agglomerative_coefficient == pytest.approx(np.mean([1 - 1 / last] * 2 + [1 - 2 / last] * 2))
    assert len(set(hierarchy.cut(2).tolist())) == 2


def test_a_sample_that_would_take_for_ever_is_refused_and_says_what_to_take() -> None:
    """Bad input says how to mend it."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(ward(sample=100_000)), CATALOGUE)

    assert refusal.value.mistakes[0].path == "$.ward.sample"
    assert "kmeans" in refusal.value.mistakes[0].what


def test_a_run_tells_how_far_the_nearest_group_agrees_with_the_hierarchy(work: Database) -> None:
    """What is published is the nearest centroid, and the report says how close that comes to the tree."""
    a_world(work)

    report = ran(work, ward())

    assert 0 < float(report.fit["dendrogram_agreement"]) <= 1
    assert 0 < float(report.fit["agglomerative_coefficient"]) < 1
    assert len(report.segments) == 3


def test_the_number_of_groups_is_chosen_with_its_reasons(sqlite_work: Database) -> None:
    """Each number that was tried is told with its silhouette and how resampled people confirm it."""
    a_world(sqlite_work)

    report = ran(sqlite_work, ward(k={"from": 2, "to": 4}))

    tried = [float(report.fit[f"k{k}_silhouette"]) for k in (2, 3, 4)]
    assert float(report.fit["silhouette"]) in tried
    assert 2 <= len(report.segments) <= 4


def test_the_best_silhouette_among_confirmed_numbers_wins_and_the_smaller_on_a_tie() -> None:
    """A number that resampling does not confirm is taken only when none is confirmed."""
    confirmed = [a_try(2, 0.3, 0.9), a_try(3, 0.5, 0.2), a_try(4, 0.3, 0.7)]

    assert len(chosen(confirmed).method.centroids) == 2
    assert len(chosen([a_try(2, 0.3, 0.1), a_try(3, 0.5, 0.2)]).method.centroids) == 3


def a_try(k: int, silhouette: float, resampling: float) -> Tried:
    """A number of groups with its qualities."""
    method = KMeansMethod(("orders",), Transform.NONE, (0.0,), (1.0,), ((0.0,),) * k)
    return Tried(method, np.zeros(1, dtype=np.int16), 1.0, silhouette, resampling)
