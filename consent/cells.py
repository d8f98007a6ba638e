"""The cells of permitted subjects: read from their profiles, then emptied where withheld, stale or absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from consent import store
from consent.freshness import oldest_day
from consent.sorted_ids import among, indices

if TYPE_CHECKING:
    from governance.fields import Field

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STORED = {
    "text": pa.string(),
    "category": pa.string(),
    "integer": pa.int64(),
    "money": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.string(),
    "boolean": pa.bool_(),
}
"""How a field's type lies in the profile's JSON; activities are no cells."""


def read(
    connection: Connection,
    fields: Sequence[Field],
    wanted: Ids,
    hidden: Mapping[str, Ids],
    now: datetime,
    *,
    stated_by: int | None = None,
) -> dict[str, pa.Array]:
    """One array per profile field, aligned with *wanted*; money in minor units, dates as date32.

    Args:
        stated_by: last day on which a value may have been stated; a profile keeps no former value, so a later one is
            empty. None: any day.

    Raises:
        PermissionUnavailable: a profile is not what its catalogue says.
    """
    kept = [field for field in fields if field.type.value in STORED]
    if not kept:
        return {}
    ageing = [field for field in kept if field.staleness is not None or stated_by is not None]
    schema = pa.schema([(field.key, STORED[field.type.value]) for field in kept])
    observed = pa.schema([(field.key, pa.int64()) for field in ageing]) if ageing else None
    chunk = store.profiles(connection, wanted, schema, observed)
    places = np.searchsorted(chunk.subjects, wanted)
    safe = np.minimum(places, max(len(chunk.subjects) - 1, 0))
    absent = chunk.subjects[safe] != wanted if len(chunk.subjects) else np.ones(len(wanted), np.bool_)
    with store.fail_closed("the profiles"):
        return {
            field.key: _column(field, chunk, safe, absent | _off(field, chunk, safe, now, stated_by), wanted, hidden)
            for field in kept
        }


def _column(
    field: Field, chunk: store.ProfileChunk, places: Ids, empty: Mask, wanted: Ids, hidden: Mapping[str, Ids]
) -> pa.Array:
    withheld = hidden.get(field.key)
    if withheld is not None and len(withheld):
        empty = empty | among(wanted, withheld)
    column = chunk.cells.column(field.key)
    aligned = len(places) == len(chunk.subjects)
    if not aligned or empty.any():
        # take() leaves nothing of an emptied value behind, not even under the null
        column = column.take(indices(places, empty))
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # no chunk at all
        array = pa.array([], type=array.type)
    return pc.cast(array, pa.date32()) if field.type.value == "date" else array


def _off(field: Field, chunk: store.ProfileChunk, places: Ids, now: datetime, stated_by: int | None) -> Mask:
    """Where the value was stated too long ago, or later than asked for."""
    off = np.zeros(len(places), np.bool_)
    if chunk.observed_on is None or chunk.observed is None or not len(chunk.subjects):
        return off
    if field.staleness is None and stated_by is None:
        return off
    stated = chunk.observed.column(field.key).combine_chunks()
    own = ~np.asarray(stated.is_null())
    days = np.where(own, np.asarray(stated.fill_null(0)), chunk.observed_on)[places]
    if field.staleness is not None:
        off |= days < oldest_day(field.staleness, now)
    if stated_by is not None:
        off |= days > stated_by
    return off
