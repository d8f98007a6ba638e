"""Components instead of features: our projection equals the fitting library's, and missing cells stay missing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import prince
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from audit.database import Database
from governance.vocabulary import Text
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.explain_methods import split_distances
from segmentation.facts import Bools, Floats, Values, facts_of_one, values_of
from segmentation.inputs import Feature, Quantity
from segmentation.methods.kmeans import KMeansMethod, squared_distances, standardised
from segmentation.methods.reduction import Reduction, components_of, reduction_from_json
from segmentation.methods.reduction_fit import fit_reduction
from segmentation.models import parse_model
from segmentation.record import unpack
from segmentation.scoring import replays, today_of
from segmentation.settings.reduction import ReductionKind, ReductionSettings
from segmentation.store import latest_model
from segmentation.store_assignments import rows_of
from tests.segmentation.builders import CATALOGUE, a_world, clusters, ran

LEVELS = ("red", "green", "blue")


def numbers(count: int = 4) -> list[Feature]:
    """Plain numbers."""
    return [Feature(f"n{i}", Text("n", "n"), f"n{i}", Quantity.NUMBER) for i in range(count)]


def categories(count: int = 3) -> list[Feature]:
    """Categories of three levels."""
    return [Feature(f"c{i}", Text("c", "c"), f"c{i}", Quantity.LEVEL, levels=LEVELS) for i in range(count)]


def all_known(rows: Floats, known: Bools | None = None) -> Values:
    """Values without a hole, or with the holes given."""
    here = np.ones(rows.shape, bool) if known is None else known
    return Values(np.where(here, rows, 0.0), here, np.zeros(rows.shape, bool))


def fitted(kind: ReductionKind, features: list[Feature], rows: Floats, components: int = 2) -> Reduction:
    """Through JSON, as a model stores it."""
    made = fit_reduction(ReductionSettings(kind, components), features, rows)
    return reduction_from_json(json.loads(json.dumps(made.to_json())))


def test_principal_components_equal_scikit_learns() -> None:
    """Pearson 1901; standardised, up to the sign."""
    rows = np.random.default_rng(1).normal(0, 1, (4, 300)) * [[1], [5], [2], [9]]
    rows[1] += 3 * rows[0]

    ours = components_of(fitted(ReductionKind.PCA, numbers(), rows), numbers(), all_known(rows)).numbers

    theirs = PCA(2).fit_transform(StandardScaler().fit_transform(rows.T)).T
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-9)


def test_multiple_correspondences_equal_the_librarys() -> None:
    """Greenacre 2006: row coordinates from stored column coordinates, also of one person alone."""
    rows = np.random.default_rng(2).integers(0, 3, (3, 200)).astype(float)
    rows[1] = np.where(np.random.default_rng(3).random(200) < 0.7, rows[0], rows[1])
    frame = pd.DataFrame({f"f{i}": row.astype(int).astype(str) for i, row in enumerate(rows)})
    reduction = fitted(ReductionKind.MCA, categories(), rows)

    ours = components_of(reduction, categories(), all_known(rows)).numbers

    theirs = prince.MCA(n_components=2, random_state=0).fit(frame).row_coordinates(frame).to_numpy().T
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-9)


def test_mixed_data_equal_the_analysis_of_standardised_numbers_and_weighted_indicators() -> None:
    """Pagès 2004: FAMD is the PCA of numbers in standard units and indicators over the root of their share."""
    random = np.random.default_rng(4)
    features = [*numbers(2), *categories(1)]
    rows = np.vstack([random.normal(0, 3, (2, 250)), random.integers(0, 3, 250)])
    blocks = [(row - row.mean()) / row.std() for row in rows[:2]]
    shares = [(rows[2] == level).mean() for level in range(3)]
    blocks += [((rows[2] == level) - share) / np.sqrt(share) for level, share in enumerate(shares)]

    ours = components_of(fitted(ReductionKind.FAMD, features, rows), features, all_known(rows)).numbers

    theirs = PCA(2).fit_transform(np.array(blocks).T).T
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-9)


@pytest.mark.parametrize("kind", list(ReductionKind))
def test_one_person_alone_has_the_same_bits_as_among_many_and_a_hole_is_left_out(kind: ReductionKind) -> None:
    """Scoring is reproducible; what is withheld changes nothing (Article 21 GDPR)."""
    random = np.random.default_rng(5)
    mixed = [*numbers(2), *categories(2)]
    features = {ReductionKind.PCA: numbers(4), ReductionKind.MCA: categories(4), ReductionKind.FAMD: mixed}[kind]
    levels = [feature.quantity is Quantity.LEVEL for feature in features]
    rows = np.array([random.integers(0, 3, 120) if level else random.normal(0, 2, 120) for level in levels])
    reduction = fitted(kind, features, rows)
    known = random.random(rows.shape) > 0.2
    many = components_of(reduction, features, all_known(rows, known))

    changed = np.where(known, rows, 1.0)
    for person in range(rows.shape[1]):
        one = components_of(reduction, features, all_known(changed[:, [person]], known[:, [person]]))
        assert (one.numbers[:, 0] == many.numbers[:, person]).all()
        assert (one.known[:, 0] == many.known[:, person]).all()


@pytest.mark.parametrize(
    ("reduce", "path"),
    [
        ({"kind": "mca", "components": 2}, "$.kmeans.reduce.kind"),
        ({"kind": "famd", "components": 2}, "$.kmeans.reduce.kind"),
        ({"kind": "pca", "components": 9}, "$.kmeans.reduce.components"),
        ({"kind": "tsne", "components": 2}, "$.kmeans.reduce.kind"),
    ],
)
def test_an_analysis_that_does_not_fit_the_features_is_refused_with_its_path(reduce: dict[str, Any], path: str) -> None:
    """Mixed types are handled as the method requires."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(clusters(kmeans={"k": 3, "reduce": reduce})), CATALOGUE)

    assert refusal.value.mistakes[0].path == path


@pytest.mark.parametrize("kind", ["kmeans", "ward"])
@pytest.mark.parametrize("reduce", [None, {"kind": "pca", "components": 2}, {"kind": "famd", "components": 3}])
def test_every_record_replays_and_its_parts_sum_to_the_difference(
    sqlite_work: Database, kind: str, reduce: dict[str, Any] | None
) -> None:
    """The explanation is of what decided, also through components (Article 15(1)(h) GDPR; C-203/22)."""
    a_world(sqlite_work)
    part: dict[str, Any] = {"k": 3, "transform": "sqrt", "seed": 7} | ({"reduce": reduce} if reduce else {})
    features = clusters()["features"]
    if reduce and reduce["kind"] == "famd":
        features = [*features, {"key": "land", "field": "country", "levels": ["DE", "AT"]}]
    document = clusters(kind=kind, features=features, minimum_size=10) | {kind: part}
    if kind == "ward":
        document.pop("kmeans")

    report = ran(sqlite_work, document)

    with sqlite_work.reading() as connection:
        row = latest_model(connection, bytes.fromhex(report.definition))
        assert row is not None
        model = parse_model(row.document, row.digest)
        records = [unpack(each.record, model.layout) for block in rows_of(connection, report.run) for each in block]
    assert all(replays(model, record) for record in records)
    method = model.method
    assert isinstance(method, KMeansMethod)
    for record in records[:40]:
        if record.scored < 0:
            continue
        values = values_of(model.features, facts_of_one(record.facts, record.presence), today=today_of(model, record))
        standard = standardised(method, model.features, values)
        distances = squared_distances(method, standard.numbers, standard.known)[:, 0]
        other = (record.scored + 1) % 3
        parts = split_distances(model, method, values, record.scored, other)
        assert sum(part for part in parts if part is not None) == pytest.approx(
            distances[other] - distances[record.scored], rel=1e-9, abs=1e-9
        )
