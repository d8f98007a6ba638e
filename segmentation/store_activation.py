"""All SQL of activations: which version of a scheme may run, which one waits, and who said so."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from segmentation.store import DefinitionRow
from segmentation.tables import activation, definition


class ActivationRow(NamedTuple):
    """One request for a version to run, and what became of it."""

    id: int
    scheme: str
    definition: bytes
    state: str
    effect_class: str
    preview: str | None
    requested_at: datetime
    requested_by: str
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


REQUESTED, ACTIVE, REFUSED = "requested", "active", "refused"
WITHDRAWN, SUPERSEDED = "withdrawn", "superseded"

_ROW = tuple(activation.c[name] for name in ActivationRow._fields)
_DEFINITION = tuple(definition.c[name] for name in DefinitionRow._fields)


def in_state(connection: Connection, scheme: str, state: str) -> ActivationRow | None:
    """The newest row of a scheme in that state; of requested and active there is at most one."""
    wanted = select(*_ROW).where(activation.c.scheme == scheme, activation.c.state == state)
    row = connection.execute(wanted.order_by(activation.c.id.desc()).limit(1)).one_or_none()
    return ActivationRow._make(row) if row else None


def waiting(connection: Connection) -> list[ActivationRow]:
    """Every request that nobody has decided about, oldest first."""
    rows = connection.execute(select(*_ROW).where(activation.c.state == REQUESTED).order_by(activation.c.id))
    return [ActivationRow._make(row) for row in rows]


def of_scheme(connection: Connection, scheme: str) -> list[ActivationRow]:
    """All that was asked and decided about a scheme, newest first."""
    rows = connection.execute(select(*_ROW).where(activation.c.scheme == scheme).order_by(activation.c.id.desc()))
    return [ActivationRow._make(row) for row in rows]


def active_definition(connection: Connection, scheme: str) -> DefinitionRow | None:
    """The version of a scheme that runs; None when there is none."""
    found = (
        select(*_DEFINITION)
        .join(activation, activation.c.definition == definition.c.digest)
        .where(activation.c.scheme == scheme, activation.c.state == ACTIVE)
        .order_by(activation.c.id.desc())
        .limit(1)
    )
    row = connection.execute(found).one_or_none()
    return DefinitionRow._make(row) if row else None


def version_of(connection: Connection, scheme: str, version: int) -> DefinitionRow | None:
    """One version of a scheme."""
    found = select(*_DEFINITION).where(definition.c.scheme == scheme, definition.c.version == version)
    row = connection.execute(found).one_or_none()
    return DefinitionRow._make(row) if row else None


def versions(connection: Connection, scheme: str) -> list[DefinitionRow]:
    """Every version of a scheme, newest first."""
    found = select(*_DEFINITION).where(definition.c.scheme == scheme).order_by(definition.c.version.desc())
    return [DefinitionRow._make(row) for row in connection.execute(found)]


def add(
    connection: Connection,
    of: DefinitionRow,
    state: str,
    effect: str,
    *,
    actor: str,
    now: datetime,
    preview: str | None,
) -> int:
    """Note a request; one that needs nobody else's approval is decided in the same breath."""
    number = (connection.scalar(select(func.max(activation.c.id))) or 0) + 1
    row = {
        "id": number, "scheme": of.scheme, "definition": of.digest, "state": state, "effect_class": effect,
        "preview": preview, "requested_at": now, "requested_by": actor,
    }  # fmt: skip
    connection.execute(insert(activation).values(**row))
    return number


def settle(
    connection: Connection,
    number: int,
    state: str,
    *,
    actor: str | None = None,
    now: datetime | None = None,
    note: str = "",
) -> None:
    """Move a row on; without an actor only its state changes, and who once decided stays."""
    values: dict[str, object] = {"state": state}
    if actor is not None:
        values |= {"decided_by": actor, "decided_at": now, "note": note or None}
    connection.execute(update(activation).where(activation.c.id == number).values(**values))
