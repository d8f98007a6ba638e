"""Rows of protected attributes: they replace what the protected store holds, and nothing of them goes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from governance.formats import RowError, RowProblem
from governance.intake import BatchReader
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from api.wiring import House
    from api.workflows.import_report import Tally
    from governance.mapping import ImportMapping
    from governance.survey import Formats


class AttributeRows:
    """Takes batches of an attribute file and hands them over in one piece at the end."""

    def __init__(self, house: House, mapping: ImportMapping, formats: Formats, tally: Tally, *, dry_run: bool) -> None:
        self._house, self._mapping, self._formats = house, mapping, formats
        self._tally, self._dry_run = tally, dry_run
        self._unit = Unit(mapping.options.unit)
        self._values: dict[str, list[tuple[bytes, str]]] = {name: [] for name in mapping.fields}

    def take(self, batch: pa.RecordBatch) -> None:
        """Look up who is meant and keep the pseudonyms with their values."""
        reader = BatchReader(batch, self._formats, self._house.catalogue)
        cell = self._mapping.columns["reference"]
        references = reader.text(cell)
        missing = references.is_null().to_numpy(zero_copy_only=False)
        reader.note(missing, cell, RowProblem.REFERENCE_MISSING)
        columns = {name: reader.text(source).to_pylist() for name, source in self._mapping.fields.items()}
        asked = references.fill_null("").to_pylist()
        found = iter(self._house.vault.find(self._unit, [reference for reference in asked if reference]))
        for at, reference in enumerate(asked):
            pseudonym = next(found) if reference else None
            if pseudonym is None:
                if reference:
                    reader.errors.append(RowError(int(reader.rows[at]), cell.column or "", RowProblem.OWNER_UNKNOWN))
                continue
            self._tally.created += 1
            for name, values in columns.items():
                if values[at] is not None:
                    self._values[name].append((pseudonym, values[at]))
        self._tally.note(reader.errors)

    def finish(self) -> None:
        """Replace the attributes, all in one transaction."""
        if not self._dry_run:
            self._house.protected.replace(self._values)
