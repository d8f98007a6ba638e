"""Fitting components: PCA by singular values, MCA and FAMD with prince; the projection stays our own.

The signs of components are arbitrary; they are turned so that the largest loading is positive, and a refit on the same
rows tells the same story.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from segmentation.facts import Floats
from segmentation.inputs import Feature, Quantity
from segmentation.methods.reduction import LevelPart, NumberPart, Reduction
from segmentation.settings.reduction import ReductionKind, ReductionSettings

if TYPE_CHECKING:
    import pandas as pd


def fit_reduction(settings: ReductionSettings, features: Sequence[Feature], rows: Floats) -> Reduction:
    """Components of complete cases; *rows* is (features, people), categories as positions of their levels."""
    if settings.kind is ReductionKind.PCA:
        return _pca(settings.components, rows)
    return _mca(settings, features, rows) if settings.kind is ReductionKind.MCA else _famd(settings, features, rows)


def _pca(components: int, rows: Floats) -> Reduction:
    means, spread = rows.mean(axis=1), rows.std(axis=1)
    scales = np.where(spread > 0, spread, 1.0)
    standard = (rows - means[:, None]) / scales[:, None]
    variances, axes = np.linalg.eigh(standard @ standard.T / standard.shape[1])
    order = np.argsort(variances)[::-1][:components]
    loadings = _turned(axes[:, order])
    parts = tuple(
        NumberPart(float(means[row]), float(scales[row]), tuple(loadings[row].tolist())) for row in range(len(rows))
    )
    total = float(np.maximum(variances, 0).sum()) or 1.0
    inertias = tuple((np.maximum(variances[order], 0) / total).tolist())
    return Reduction("pca", components, parts, _shares(loadings**2), inertias)


def _mca(settings: ReductionSettings, features: Sequence[Feature], rows: Floats) -> Reduction:
    """A person's coordinate is the mean of the categories' coordinates, divided by the singular value."""
    import prince

    fitted = prince.MCA(n_components=settings.components, one_hot=True, random_state=0).fit(_frame(features, rows))
    singular = np.sqrt(np.asarray(fitted.eigenvalues_, dtype=float))[: settings.components]
    columns = fitted.column_coordinates(_frame(features, rows))
    count, parts = len(features), []
    signs = _signs(columns.to_numpy(dtype=float))
    for position, feature in enumerate(features):
        found: list[tuple[float, ...] | None] = []
        for level in range(len(feature.levels)):
            name = _one_hot(columns.index, position, level)
            row = None if name is None else columns.loc[name].to_numpy(dtype=float) * signs / singular / count
            found.append(None if row is None else tuple(float(value) for value in row))
        parts.append(LevelPart(tuple(found)))
    even = np.full((count, len(singular)), 1.0 / count)
    shares = np.asarray(fitted.percentage_of_variance_, dtype=float)[: len(singular)] / 100
    return Reduction("mca", len(singular), tuple(parts), _rows(even), tuple(shares.tolist()))


def _famd(settings: ReductionSettings, features: Sequence[Feature], rows: Floats) -> Reduction:
    """Numbers in standard units and categories by their indicators over the root of their share (Pagès 2004)."""
    blocks, owners, centres = _famd_columns(features, rows)
    table = np.array(blocks)
    variances, axes = np.linalg.eigh(table @ table.T / table.shape[1])
    order = np.argsort(variances)[::-1][: settings.components]
    loadings = _turned(axes[:, order])
    parts = tuple(_famd_part(position, feature, owners, centres, loadings) for position, feature in enumerate(features))
    squared = np.zeros((len(features), len(order)))
    for column, (position, _level) in enumerate(owners):
        squared[position] += loadings[column] ** 2
    total = float(np.maximum(variances, 0).sum()) or 1.0
    inertias = tuple((np.maximum(variances[order], 0) / total).tolist())
    return Reduction("famd", len(order), parts, _shares(squared), inertias)


Owner = tuple[int, int | None]


def _famd_columns(
    features: Sequence[Feature], rows: Floats
) -> tuple[list[Floats], list[Owner], list[tuple[float, float]]]:
    """Centred columns, whose they are (feature, level), and mean and scale of each."""
    columns: list[Floats] = []
    owners: list[Owner] = []
    centres: list[tuple[float, float]] = []
    for position, feature in enumerate(features):
        if feature.quantity is not Quantity.LEVEL:
            mean, spread = float(rows[position].mean()), float(rows[position].std()) or 1.0
            columns.append((rows[position] - mean) / spread)
            owners.append((position, None))
            centres.append((mean, spread))
            continue
        for level in range(len(feature.levels)):
            here = (rows[position] == level).astype(float)
            if here.any():
                share = float(here.mean())
                columns.append((here - share) / np.sqrt(share))
                owners.append((position, level))
                centres.append((share, float(np.sqrt(share))))
    return columns, owners, centres


def _famd_part(
    position: int,
    feature: Feature,
    owners: Sequence[Owner],
    centres: Sequence[tuple[float, float]],
    loadings: Floats,
) -> NumberPart | LevelPart:
    own = [(column, level) for column, (owner, level) in enumerate(owners) if owner == position]
    if feature.quantity is not Quantity.LEVEL:
        column = own[0][0]
        return NumberPart(*centres[column], tuple(loadings[column].tolist()))
    base = np.zeros(loadings.shape[1])
    for column, _level in own:
        share, scale = centres[column]
        base -= loadings[column] * share / scale
    by_level = {level: base + loadings[column] / centres[column][1] for column, level in own}
    rows = (by_level.get(level) for level in range(len(feature.levels)))
    return LevelPart(tuple(None if row is None else tuple(row.tolist()) for row in rows))


def _frame(features: Sequence[Feature], rows: Floats) -> pd.DataFrame:
    """One column per feature, named by its position; values as the positions of their levels."""
    import pandas as pd

    return pd.DataFrame({f"f{place}": rows[place].astype(int).astype(str) for place in range(len(features))})


def _one_hot(names: Sequence[str], position: int, level: int) -> str | None:
    """The indicator column of a level, whatever separator the library writes."""
    wanted = {f"f{position}{separator}{level}" for separator in ("_", "__", "=")}
    return next((name for name in names if name in wanted), None)


def _turned(loadings: Floats) -> Floats:
    turned: Floats = loadings * _signs(loadings)
    return turned


def _signs(columns: Floats) -> Floats:
    largest = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)


def _shares(squared: Floats) -> tuple[tuple[float, ...], ...]:
    total = squared.sum(axis=0)
    return _rows(squared / np.where(total > 0, total, 1.0))


def _rows(table: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in table)
