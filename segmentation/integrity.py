"""Deep checks of what the log's own check cannot know: models against digests, assignments against their records.

Each finding names the row. Decisions and leaves are in bijection over both levels (invariant 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sqlalchemy import Connection

from audit import log
from audit.errors import Broken, NotFound
from audit.findings import Finding
from audit.store_batches import read_batch
from segmentation import store, store_chain
from segmentation.errors import ModelBroken
from segmentation.models import Model, parse_model
from segmentation.reading import digest_of
from segmentation.record import unpack_many
from segmentation.store import RunRow
from segmentation.store_chain import AssignmentRow


def check_models(connection: Connection) -> Iterator[Finding]:
    """Every stored model and definition is the document that its digest names."""
    for definition in store.all_definitions(connection):
        if digest_of(definition.document) != definition.digest:
            yield Finding(f"definition {definition.scheme} {definition.version}", "the document was altered")
    for row in store.all_models(connection):
        try:
            parse_model(row.document, row.digest)
        except ModelBroken as problem:
            yield Finding(f"model {row.digest.hex()[:16]}", str(problem))


def check_assignments(connection: Connection) -> Iterator[Finding]:
    """Every published run is what its fact says, and every assignment is what its record says."""
    for run in store.published_runs(connection):
        yield from _check_run(connection, run)
        model = _model(connection, run)
        if model is None:
            yield Finding(f"run {run.id}", "its model is missing or altered, so that its records cannot be read")
            continue
        for block in store_chain.own_rows_of(connection, run.id):
            yield from _check_rows(run, model, block)


def _model(connection: Connection, run: RunRow) -> Model | None:
    row = store.model_of(connection, run.model) if run.model is not None else None
    try:
        return parse_model(row.document, row.digest) if row is not None else None
    except ModelBroken:
        return None


def _check_run(connection: Connection, run: RunRow) -> Iterator[Finding]:
    where = f"run {run.id}"
    try:
        body = log.entry(connection, -1 if run.fact is None else run.fact).body
        batch = read_batch(connection, run.id)
    except (NotFound, Broken) as problem:
        yield Finding(where, f"has no fact or no batch in the log: {problem}")
        return
    expected = {
        "run": run.id,
        "scheme": run.scheme,
        "definition": run.definition,
        "model": run.model,
        "population": run.population,
        "watermark": run.watermark,
        "previous": run.previous,
        "base": run.base,
        "size": run.size,
        "root": batch.root,
        "header": batch.header,
    }
    for name, value in expected.items():
        if body.get(name) != value:
            yield Finding(where, f"{name} differs from the run's fact, entry {run.fact}")


def _check_rows(run: RunRow, model: Model, block: Sequence[AssignmentRow]) -> Iterator[Finding]:
    width = model.layout.width
    sound = [row for row in block if len(row.record) == width]
    for row in block:
        if len(row.record) != width:
            yield Finding(_where(row), f"the record has {len(row.record)} bytes instead of {width}")
    records = unpack_many(b"".join(row.record for row in sound), model.layout)
    columns = {
        "run": np.full(len(sound), run.id, dtype=np.int64),
        "subject": np.array([row.subject for row in sound], dtype=np.int64),
        "effective": np.array([row.effective for row in sound], dtype=np.int64),
    }
    for name, column in columns.items():
        for place in np.flatnonzero(records[name].astype(np.int64) != column).tolist():
            yield Finding(_where(sound[place]), f"the column {name} differs from the record")
    positions = np.array([row.position for row in block], dtype=np.int64)
    for place in np.flatnonzero(np.diff(positions) <= 0).tolist():
        yield Finding(_where(block[place + 1]), "positions do not ascend with subjects")


def _where(row: AssignmentRow) -> str:
    return f"assignment run {row.run}, position {row.position}"
