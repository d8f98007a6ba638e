"""Finding out over the whole file how its dates and numbers are written, before a single row is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from governance.catalogue import Catalogue
from governance.cells import DateEvidence, NumberEvidence
from governance.fields import FieldType
from governance.formats import DECIMAL_COMMA, Detected
from governance.mapping import Cell, ImportMapping

_DATES = ("date", "informed", "observed")
_NUMBERS = ("amount", "quantity", "unit_price")


@dataclass(frozen=True)
class Formats:
    """How this file writes numbers and, column by column, dates."""

    decimal: str
    dates: Mapping[str, str]


class Survey:
    """Collects evidence batch by batch; `decide` weighs it against what the mapping says."""

    def __init__(self, mapping: ImportMapping, catalogue: Catalogue) -> None:
        self._options = mapping.options
        self._dates = {column: DateEvidence() for column in _of(mapping, catalogue, _DATES, {FieldType.DATE})}
        kinds = {FieldType.INTEGER, FieldType.MONEY, FieldType.DECIMAL}
        self._number_columns = tuple(dict.fromkeys(_of(mapping, catalogue, _NUMBERS, kinds)))
        self._numbers = NumberEvidence()

    def look(self, batch: pa.RecordBatch) -> None:
        """Take a batch into account."""
        for column, evidence in self._dates.items():
            evidence.look(batch.column(column))
        for column in self._number_columns:
            self._numbers.look(batch.column(column))

    def decide(self, detected: Detected) -> tuple[Formats, Detected]:
        """The formats to read with, and the same for the report."""
        ambiguous = []
        decimal, chosen = self._numbers.decide(german=detected.delimiter == ";")
        if self._options.decimal != "auto":
            decimal, chosen = self._options.decimal, False
        if chosen:
            ambiguous.append("decimal")
        dates = {}
        for column, evidence in self._dates.items():
            dates[column], unsure = evidence.decide()
            if self._options.date_format != "auto":
                dates[column], unsure = self._options.date_format, False
            if unsure and "date_format" not in ambiguous:
                ambiguous.append("date_format")
        told = detected.with_values(
            decimal=("comma" if decimal == DECIMAL_COMMA else "point") if self._number_columns else None,
            date_format="+".join(sorted({dates[column] for column, seen in self._dates.items() if seen.any})) or None,
            ambiguous=tuple(ambiguous),
        )
        return Formats(decimal, MappingProxyType(dates)), told


def _of(mapping: ImportMapping, catalogue: Catalogue, targets: tuple[str, ...], kinds: set[FieldType]) -> Iterator[str]:
    """Columns behind the named targets and behind fields of the given types."""
    for columns in (mapping.columns, mapping.account_columns):
        yield from _named(cell for target, cell in columns.items() if target in targets)
    if mapping.kind != "attributes":
        for fields in (mapping.fields, mapping.account_fields):
            yield from _named(cell for key, cell in fields.items() if catalogue.fields[key].type in kinds)


def _named(cells: Iterator[Cell]) -> Iterator[str]:
    return (cell.column for cell in cells if cell.column is not None)
