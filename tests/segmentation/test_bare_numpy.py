"""A stored model is all there is: a bare numpy script gives the same assignments, by row and in batches."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.database import Database
from governance import tables
from segmentation.facts import Facts
from segmentation.models import Model
from segmentation.run import run
from segmentation.scoring import score
from tests.consent.builders import TODAY
from tests.segmentation.bare_scorer import bare_score
from tests.segmentation.builders import NAME, PURPOSE, a_task, a_world, clusters, defined
from tests.segmentation.test_kinds_end_to_end import KINDS, MIXED, opened, scheme

MANUAL = {
    "scheme": "manual", "unit": "contact", "purpose": PURPOSE, "kind": "manual", "minimum_size": 10,
    "segments": [{"key": "chosen", "name": NAME}], "otherwise": {"key": "others", "name": NAME},
}  # fmt: skip
TRADES = ["A", "B", "C"]
CATEGORIES = [MIXED[0], {"key": "trade", "field": "industry", "levels": TRADES}]


def reduced(kind: str, reduction: str) -> dict[str, Any]:
    """A scheme that groups by components of numbers or of both."""
    part = {"reduce": {"kind": reduction, "components": 2}, "transform": "sqrt", "seed": 3}
    features = {"pca": clusters()["features"], "mca": CATEGORIES, "famd": MIXED}[reduction]
    if reduction == "mca":
        part.pop("transform")
    return scheme(kind, {"k": 3} | part, features)


SCHEMES: dict[str, dict[str, Any]] = {
    **KINDS,
    "manual": MANUAL,
    **{
        f"{kind} after {way}": reduced(kind, way)
        for kind in ("kmeans", "ward", "mixture")
        for way in ("pca", "mca", "famd")
    },
}


def trades(work: Database) -> None:
    """A second category of everybody, unrelated to the first."""
    with work.writing() as connection:
        for row in connection.execute(tables.profile.select()).all():
            values = json.dumps(json.loads(row.attributes) | {"industry": TRADES[row.subject // 2 % 3]})
            update = tables.profile.update().where(tables.profile.c.subject == row.subject)
            connection.execute(update.values(attributes=values))


def strange(model: Model, people: int = 400) -> Facts:
    """Facts nobody was fitted on: categories without a name, nothing to measure, and cells that are missing."""
    random = np.random.default_rng(5)
    values = np.zeros((len(model.slots), people))
    levels = {feature.key: feature for feature in model.features}
    for row, slot in enumerate(model.slots):
        feature = levels[slot.feature]
        if feature.levels:
            values[row] = random.integers(0, len(feature.levels) + 1, people)
        elif slot.part.value.endswith("day"):
            values[row] = TODAY - random.integers(0, 700, people)
            values[row, random.random(people) < 0.1] = np.nan
        elif slot.part.value == "occasions":
            values[row] = random.integers(0, 12, people)
        else:
            values[row] = random.integers(0, 900_000 if "amount" in slot.part.value else 500, people)
    return Facts(values, random.random(values.shape) > 0.25)


def assert_same(model: Model, facts: Facts) -> None:
    """In one batch, in three, and one by one."""
    ours = score(model, facts, today=TODAY).segment
    there = facts.present
    assert bare_score(model.document, facts.values, there, TODAY).tolist() == ours.tolist()
    for size in (facts.people // 3 + 1, 1):
        parts = [slice(start, start + size) for start in range(0, facts.people, size)]
        found = [bare_score(model.document, facts.values[:, part], there[:, part], TODAY) for part in parts]
        assert np.concatenate(found).tolist() == ours.tolist()


@pytest.mark.parametrize("name", SCHEMES)
def test_a_stored_model_scores_the_same_in_bare_numpy(sqlite_work: Database, name: str) -> None:
    """Whoever holds the document can compute every assignment again, without our programs (Article 15(1)(h) GDPR)."""
    a_world(sqlite_work)
    trades(sqlite_work)
    report = run(sqlite_work, a_task(defined(sqlite_work, SCHEMES[name])))
    model, records = opened(sqlite_work, report)

    stored = Facts(
        np.array([record.facts for record in records], dtype=np.float64).reshape(len(records), -1).T,
        np.array([record.presence for record in records], dtype=bool).reshape(len(records), -1).T,
    )
    bare = bare_score(model.document, stored.values, stored.present, TODAY)

    assert bare.tolist() == [record.scored for record in records]
    assert_same(model, stored)
    assert_same(model, strange(model))


def test_the_bare_scorer_knows_nothing_of_ours() -> None:
    """Otherwise it would prove nothing: numpy and the standard library alone."""
    tree = ast.parse((Path(__file__).parent / "bare_scorer.py").read_text(encoding="utf-8"))
    roots = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    roots |= {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}

    assert roots <= {"__future__", "calendar", "datetime", "json", "numpy", "re", "typing"}
