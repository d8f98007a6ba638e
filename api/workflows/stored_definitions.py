"""A stored definition, read by the catalogue it was made under.

The catalogue is edited: a field goes, a purpose is renamed. What was decided under the old one must still be shown
and explained (Article 15(1)(h) GDPR), though nothing new may be done under it. So a definition is read by the catalogue
that was in force at its run, or else by the present one, or by any version that ever was in force and still reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from audit.errors import BadInput, LauterError
from governance.catalogue import Catalogue, parse_catalogue
from governance.store_catalogue import versions
from governance.vocabulary import Text
from segmentation.definitions import Definition, parse_definition

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.purposes import Purpose
    from segmentation.store import DefinitionRow

OUTDATED = Text(
    "Seit dem Lauf hat sich der Katalog geändert; nach dem heutigen gilt diese Festlegung nicht mehr. Erklärt wird "
    "nach der Fassung, unter der entschieden wurde. Ein neuer Lauf braucht eine neue Festlegung.",
    "The catalogue changed since the run, and this definition does not hold under the present one. It is explained by "
    "the version it was decided under. A new run needs a new definition.",
)


@dataclass(frozen=True)
class StoredDefinition:
    """A definition with the catalogue that reads it."""

    definition: Definition
    catalogue: Catalogue
    holds: bool
    """Whether the present catalogue still carries it."""

    @property
    def purpose(self) -> Purpose:
        """Its purpose, as it was declared."""
        return self.catalogue.purpose(self.definition.purpose)


def stored_definition(
    house: House, connection: Connection, row: DefinitionRow, *, at: datetime | None = None
) -> StoredDefinition:
    """Read a definition that was valid once; *at* is the instant of its run.

    Without *at* the present catalogue comes first, as for everything that is shown rather than explained.

    Raises:
        DefinitionInvalid, FieldNotPermitted: no catalogue that was ever in force reads it; as the present one says.
    """
    present = house.catalogue
    holds = _read(row.document, present)
    if holds is not None and at is None:
        return StoredDefinition(holds, present, holds=True)
    for catalogue in _candidates(connection, present, at):
        found = _read(row.document, catalogue)
        if found is not None:
            return StoredDefinition(found, catalogue, holds=holds is not None)
    return StoredDefinition(parse_definition(row.document, present), present, holds=True)


def _candidates(connection: Connection, present: Catalogue, at: datetime | None) -> Iterator[Catalogue]:
    known = versions(connection)  # newest first
    then = [document for since, document in known if at is not None and since <= at]
    for document in then[:1]:
        if (catalogue := _catalogue(document)) is not None:
            yield catalogue
    yield present
    for _, document in known:
        if (catalogue := _catalogue(document)) is not None:
            yield catalogue


def _read(document: str, catalogue: Catalogue) -> Definition | None:
    try:
        return parse_definition(document, catalogue)
    except LauterError:
        return None


@lru_cache(maxsize=8)
def _catalogue(document: str) -> Catalogue | None:
    """A version of the catalogue; None where this code does not read it any more."""
    try:
        return parse_catalogue(document)
    except BadInput:
        return None
