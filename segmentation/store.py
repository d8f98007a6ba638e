"""All SQL of definitions, models and runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from audit.tables import batch
from segmentation.tables import definition, model, run


class DefinitionRow(NamedTuple):
    """One version of a scheme."""

    digest: bytes
    scheme: str
    version: int
    document: str
    created_at: datetime
    created_by: str


class ModelRow(NamedTuple):
    """One stored model."""

    digest: bytes
    definition: bytes
    document: str
    fitted_at: datetime


class RunRow(NamedTuple):
    """One run as it is stored."""

    id: int
    scheme: str
    definition: bytes
    model: bytes | None
    state: str
    now: datetime
    watermark: int
    population: bytes | None
    size: int | None
    fact: int | None
    previous: int | None
    report: str | None
    published_at: datetime | None
    base: int | None = None
    """Run whose records stand for everybody this one has none of."""
    cause: str = "hand"


STAGED, LIVE, SUPERSEDED, SWEPT = "staged", "live", "superseded", "swept"

_DEFINITION = tuple(definition.c[name] for name in DefinitionRow._fields)
_MODEL = tuple(model.c[name] for name in ModelRow._fields)
_RUN = tuple(run.c[name] for name in RunRow._fields)


def latest_definition(connection: Connection, scheme: str) -> DefinitionRow | None:
    """The newest version of a scheme."""
    newest = select(*_DEFINITION).where(definition.c.scheme == scheme).order_by(definition.c.version.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return DefinitionRow._make(row) if row else None


def definition_of(connection: Connection, digest: bytes) -> DefinitionRow | None:
    """The version with that digest."""
    row = connection.execute(select(*_DEFINITION).where(definition.c.digest == digest)).one_or_none()
    return DefinitionRow._make(row) if row else None


def latest_definitions(connection: Connection) -> list[DefinitionRow]:
    """The newest version of every scheme, by name."""
    newest = select(definition.c.scheme, func.max(definition.c.version).label("version")).group_by(definition.c.scheme)
    part = newest.subquery()
    same = (definition.c.scheme == part.c.scheme) & (definition.c.version == part.c.version)
    rows = connection.execute(select(*_DEFINITION).join(part, same).order_by(definition.c.scheme))
    return [DefinitionRow._make(row) for row in rows]


def all_definitions(connection: Connection) -> list[DefinitionRow]:
    """Every version of every scheme."""
    rows = connection.execute(select(*_DEFINITION).order_by(definition.c.scheme, definition.c.version))
    return [DefinitionRow._make(row) for row in rows]


def add_definition(connection: Connection, row: DefinitionRow) -> None:
    """Store a version."""
    connection.execute(insert(definition).values(**row._asdict()))


def latest_model(connection: Connection, definition_digest: bytes) -> ModelRow | None:
    """The model that the newest published run of this definition used."""
    newest = (
        select(*_MODEL)
        .join(run, run.c.model == model.c.digest)
        .where(run.c.definition == definition_digest, run.c.state.in_((LIVE, SUPERSEDED)))
        .order_by(run.c.id.desc())
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    return ModelRow._make(row) if row else None


def model_of(connection: Connection, digest: bytes) -> ModelRow | None:
    """The model with that digest."""
    row = connection.execute(select(*_MODEL).where(model.c.digest == digest)).one_or_none()
    return ModelRow._make(row) if row else None


def all_models(connection: Connection) -> list[ModelRow]:
    """Every stored model."""
    return [ModelRow._make(row) for row in connection.execute(select(*_MODEL).order_by(model.c.digest))]


def add_model(connection: Connection, row: ModelRow) -> None:
    """Store a model; one that is stored already stays."""
    if model_of(connection, row.digest) is None:
        connection.execute(insert(model).values(**row._asdict()))


def start_run(
    connection: Connection, scheme: str, definition_digest: bytes, *, now: datetime, cause: str = "hand"
) -> int:
    """Open a staged run, invisible, and give its number; runs and batches count together."""
    highest = select(func.max(run.c.id)).scalar_subquery(), select(func.max(batch.c.id)).scalar_subquery()
    last = connection.execute(select(*highest)).one()
    number = max(last[0] or 0, last[1] or 0) + 1
    row = {"id": number, "scheme": scheme, "definition": definition_digest, "state": STAGED, "now": now}
    connection.execute(insert(run).values(**row, watermark=0, cause=cause))
    return number


def live_run(connection: Connection, scheme: str) -> RunRow | None:
    """The run of a scheme that is visible."""
    found = select(*_RUN).where(run.c.scheme == scheme, run.c.state == LIVE).order_by(run.c.id.desc()).limit(1)
    row = connection.execute(found).one_or_none()
    return RunRow._make(row) if row else None


def run_of(connection: Connection, number: int) -> RunRow | None:
    """One run."""
    row = connection.execute(select(*_RUN).where(run.c.id == number)).one_or_none()
    return RunRow._make(row) if row else None


def published_runs(connection: Connection, scheme: str | None = None) -> list[RunRow]:
    """Live and superseded runs, oldest first."""
    found = select(*_RUN).where(run.c.state.in_((LIVE, SUPERSEDED))).order_by(run.c.id)
    rows = connection.execute(found if scheme is None else found.where(run.c.scheme == scheme))
    return [RunRow._make(row) for row in rows]


def staged_runs(connection: Connection, scheme: str | None = None) -> list[int]:
    """Runs that were never published."""
    found = select(run.c.id).where(run.c.state == STAGED).order_by(run.c.id)
    return list(connection.scalars(found if scheme is None else found.where(run.c.scheme == scheme)))


def hold_staged(connection: Connection, number: int) -> bool:
    """Lock a run's row for this transaction; False when it is not staged any more."""
    found = select(run.c.state).where(run.c.id == number).with_for_update()
    return connection.scalar(found) == STAGED


def set_state(connection: Connection, number: int, state: str) -> None:
    """Move a run on."""
    connection.execute(update(run).where(run.c.id == number).values(state=state))


def set_live(connection: Connection, number: int, **values: Any) -> None:
    """Make a run visible with all it is stored with."""
    connection.execute(update(run).where(run.c.id == number).values(state=LIVE, **values))
