"""The protected store: attributes such as age group or sex, for the fairness check alone (FAIR-3).

Its people stand under ids of its own, HMAC(protected key, pseudonym), so that nobody can join it to another store
without the key. Nothing leaves it row by row: only counts of attribute value by cell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text, delete, insert, select

from audit.database import Database, in_batches, insert_rows
from governance.bulk import select_by_keys
from governance.errors import CellsTooFine
from governance.keys import Key, derive, keyed_hash, length_prefixed

METADATA = MetaData()

MOST_CELLS = 1_000
"""More cells than prices or segments need would be a way to read single people."""

_ID_BYTES = 16

protected_attribute = Table(
    "protected_attribute",
    METADATA,
    Column("person", LargeBinary, primary_key=True, comment="16 bytes of HMAC(protected key, attribute ‖ pseudonym)"),
    Column("attribute", Text, nullable=False, comment="such as age_group"),
    Column("value", Text, nullable=False, comment="the person's value, as a word"),
    Index("protected_attribute_by_name", "attribute", "person"),
    comment="Attributes for the fairness check; retention: until replaced or cleared; holder: the protected store",
    sqlite_with_rowid=False,
)

protected_import = Table(
    "protected_import",
    METADATA,
    Column("attribute", Text, primary_key=True, comment="such as age_group"),
    Column("digest", LargeBinary, nullable=False, comment="keyed hash of everything the last import brought"),
    comment="What was imported last under each name; stays when the values are cleared, tells nothing of anybody",
    sqlite_with_rowid=False,
)

_COLUMNS = ("person", "attribute", "value")


class ProtectedStore:
    """Takes attributes in and gives counts out."""

    def __init__(self, database: Database, key: Key) -> None:
        self.database = database
        self._hash = keyed_hash(derive(key, b"protected store"))

    def replace(self, values: Mapping[str, Iterable[tuple[bytes, str]]]) -> None:
        """Put these attributes in place of what stood under their names: attribute → (pseudonym, value) pairs.

        Everything in one transaction: the check never sees half of an attribute. Of two values for one person the
        last one holds.
        """
        with self.database.writing() as connection:
            for attribute, pairs in values.items():
                connection.execute(delete(protected_attribute).where(protected_attribute.c.attribute == attribute))
                people = {self._person(attribute, pseudonym): value for pseudonym, value in pairs}
                rows = [(person, attribute, people[person]) for person in sorted(people)]
                insert_rows(connection, protected_attribute, _COLUMNS, rows)
                connection.execute(delete(protected_import).where(protected_import.c.attribute == attribute))
                mark = {"attribute": attribute, "digest": self._digest(rows)}
                connection.execute(insert(protected_import).values(**mark))

    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes held, in order."""
        column = protected_attribute.c.attribute
        with self.database.reading() as connection:
            return tuple(sorted(connection.execute(select(column).distinct()).scalars()))

    def counts_by(self, attribute: str, cells: Iterable[tuple[bytes, int]]) -> dict[tuple[int, str | None], int]:
        """How many people of each cell have each value: (cell, value) → count; value None for those without one.

        Args:
            attribute: its name; an unknown one counts everybody under None.
            cells: (pseudonym, cell) pairs, such as the price step of each person.

        Raises:
            CellsTooFine: more than MOST_CELLS cells, which would tell single people apart.
        """
        counts: Counter[tuple[int, str | None]] = Counter()
        seen: set[int] = set()
        with self.database.reading() as connection:
            for batch in in_batches(cells):
                seen.update(cell for _, cell in batch)
                if len(seen) > MOST_CELLS:
                    raise CellsTooFine(f"more than {MOST_CELLS} cells; a fairness check counts by price or segment")
                people = [self._person(attribute, pseudonym) for pseudonym, _ in batch]
                rows = select_by_keys(connection, protected_attribute, _COLUMNS, "person", people)
                values = {bytes(person): value for person, name, value in rows if name == attribute}
                counts.update((cell, values.get(person)) for person, (_, cell) in zip(people, batch, strict=True))
        return dict(counts)

    def digest(self, attributes: Sequence[str]) -> bytes:
        """SHA-256 over what was last imported under these names: a verdict names what it rests on (FAIR-5).

        Clearing the values and forgetting somebody change nothing here: both are duties, and neither brings anything
        new that the verdict did not see. Another import does.
        """
        with self.database.reading() as connection:
            marks = {row.attribute: bytes(row.digest) for row in connection.execute(select(protected_import))}
        parts = [part for name in sorted(attributes) for part in (name.encode(), marks.get(name, b""))]
        return hashlib.sha256(length_prefixed(*parts)).digest()

    def clear(self) -> None:
        """Forget every attribute of everybody."""
        with self.database.writing() as connection:
            connection.execute(delete(protected_attribute))

    def forget(self, pseudonyms: Sequence[bytes]) -> int:
        """Forget every attribute of these people (Article 17 GDPR).

        Returns:
            How many values were removed.
        """
        attributes = self.attributes()
        people = [self._person(attribute, pseudonym) for attribute in attributes for pseudonym in pseudonyms]
        removed = 0
        with self.database.writing() as connection:
            for batch in in_batches(people, 500):
                condition = protected_attribute.c.person.in_(batch)
                removed += int(connection.execute(delete(protected_attribute).where(condition)).rowcount)
        return removed

    def _digest(self, rows: Iterable[tuple[bytes, str, str]]) -> bytes:
        """Keyed, so that nobody can try out values with what is left after the rows are gone."""
        running = hashlib.sha256()
        for person, _, value in rows:
            running.update(length_prefixed(person, value.encode()))
        return self._hash(length_prefixed(b"import", running.digest()))

    def _person(self, attribute: str, pseudonym: bytes) -> bytes:
        return self._hash(length_prefixed(attribute.encode(), pseudonym))[:_ID_BYTES]
