"""From cells to people: what a mapping names, converted and judged, a batch of columns at a time; pure.

Nothing here knows a database or a key. A row with a cell that cannot be read is left out as a whole and named by row,
column and reason; an e-mail address or phone number that cannot be read costs only itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.instants import EPOCH
from governance import cells
from governance.catalogue import Catalogue
from governance.cells import MICRO, Mask
from governance.contact_points import email_match_form, is_role_mailbox, phone_match_form
from governance.fields import Field, FieldType
from governance.formats import ROW, RowError, RowProblem
from governance.identity import IDENTITY_FIELDS, Identity
from governance.legal_forms import is_natural
from governance.mapping import COUNTERPARTIES, Cell
from governance.survey import Formats
from governance.vocabulary import Unit

MOST_TEXT = 200
DAY_MICROSECONDS = 86_400_000_000
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}
_PLAIN_EMAIL = r"^[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$"
_PLAIN_PHONE = r"^\+49[ /.-]?[1-9](?:[ /.-]?[0-9]){6,10}$"
_NEEDS_ESCAPE = r'["\\\x00-\x1f]'


def minor_unit(currency: str) -> int:
    """How many millionths one minor unit of the currency is (ISO 4217)."""
    return int(MICRO // 10 ** _MINOR_DIGITS.get(currency, 2))


@dataclass(frozen=True)
class PeopleBatch:
    """Contacts or accounts of one batch: lists of equal length, in the order of the file."""

    unit: Unit
    rows: Sequence[int]
    references: Sequence[str]
    details: Mapping[str, Sequence[str | None]]
    """Mapped identity fields; a field that is not mapped is not here, so that it stays as it is."""
    attributes: Sequence[str]
    """Profile as JSON of the mapped fields, keys sorted."""
    keys: frozenset[str]
    """Catalogue fields that are mapped."""
    state: Mapping[str, Sequence[Any]]
    """Mapped columns of the subject row: natural, counterparty, role_mailbox, minor, contract_active, informed_at."""
    observed: Sequence[int | None] | None
    """Day number the values were stated, where mapped."""
    links: Sequence[str | None] | None
    """Reference of the account (of a contact) or of the parent (of an account), where mapped."""

    def identity(self, at: int) -> Identity:
        """Who the person at that position is."""
        details = {name: value for name, values in self.details.items() if (value := values[at])}
        return Identity(self.unit, self.references[at], details)

    def taken(self, places: Sequence[int]) -> PeopleBatch:
        """The people at these positions only."""

        def pick(values: Sequence[Any]) -> list[Any]:
            return [values[at] for at in places]

        return PeopleBatch(
            self.unit,
            pick(self.rows),
            pick(self.references),
            {name: pick(values) for name, values in self.details.items()},
            pick(self.attributes),
            self.keys,
            {name: pick(values) for name, values in self.state.items()},
            None if self.observed is None else pick(self.observed),
            None if self.links is None else pick(self.links),
        )


class BatchReader:
    """Reads the mapped cells of one batch and remembers which rows fail and why."""

    def __init__(self, batch: pa.RecordBatch, formats: Formats, catalogue: Catalogue) -> None:
        self._batch, self._formats, self._catalogue = batch, formats, catalogue
        self.rows = batch.column(ROW).to_numpy(zero_copy_only=False)
        self.failed: Mask = np.zeros(batch.num_rows, dtype=bool)
        self.errors: list[RowError] = []

    def note(self, bad: Mask, cell: Cell | str, reason: RowProblem, *, fails: bool = True) -> None:
        """Remember the rows of the mask under that column and reason."""
        if bad.any():
            column = cell if isinstance(cell, str) else cell.column or ""
            self.errors.extend(RowError(int(row), column, reason) for row in self.rows[bad])
            if fails:
                self.failed |= bad

    def text(self, cell: Cell) -> pa.Array:
        """The cells as text, cut and translated as the mapping says."""
        if cell.row_number is not None:
            return pa.array([f"{cell.row_number}{row - 1}" for row in self.rows.tolist()], pa.string())
        if cell.column is None:
            return pa.array([cell.constant] * len(self.rows), pa.string())
        values = cells.text(self._batch.column(cell.column))
        if cell.prefix is not None:
            values = pc.utf8_slice_codeunits(values, 0, cell.prefix)
        if cell.values:
            coded = values.dictionary_encode()
            words = [cell.values.get(word, word) for word in coded.dictionary.to_pylist()]
            values = pa.array(words, pa.string()).take(coded.indices)
        return values

    def number(self, cell: Cell) -> tuple[cells.Integers, Mask]:
        """Millionths, and which cells hold one."""
        values, valid, bad = cells.millionths(self._batch.column(cell.column), self._formats.decimal)
        self.note(bad, cell, RowProblem.NOT_A_NUMBER)
        return values, valid

    def day(self, cell: Cell) -> tuple[cells.Integers, Mask]:
        """Day numbers, and which cells hold one."""
        if isinstance(cell.constant, date):
            number = (cell.constant - EPOCH.date()).days
            return np.full(len(self.rows), number, dtype=np.int64), np.ones(len(self.rows), dtype=bool)
        column = cell.column or ""
        values, valid, bad = cells.days(self._batch.column(column), self._formats.dates.get(column, "iso"))
        self.note(bad, cell, RowProblem.NOT_A_DATE)
        return values, valid

    def truth(self, cell: Cell) -> pa.Array:
        """Yes, no or null."""
        if cell.column is None:
            return pa.array([bool(cell.constant)] * len(self.rows), pa.bool_())
        source = self.text(cell) if cell.values else self._batch.column(cell.column)
        values, bad = cells.truth(source)
        self.note(bad, cell, RowProblem.NOT_YES_OR_NO)
        return values

    def people(
        self, unit: Unit, columns: Mapping[str, Cell], fields: Mapping[str, Cell], counterparty: str | None
    ) -> Callable[[Mask], PeopleBatch]:
        """Read the people of a batch; the answer is built once all readers of the batch have noted their errors."""
        references = self.text(columns["reference"])
        details = {name: self._detail(name, columns[name]) for name in IDENTITY_FIELDS if name in columns}
        attributes = self._attributes(fields)
        state = self._state(unit, columns, counterparty, details.get("email"))
        observed = self.day(columns["observed"]) if "observed" in columns else None
        link = columns.get("parent")
        links = self.text(link) if link is not None else None
        if links is not None and link is not None:
            same = pc.fill_null(pc.equal(links, references), False).to_numpy(zero_copy_only=False)
            self.note(same, link, RowProblem.PARENT_IS_ITSELF)

        def build(keep: Mask) -> PeopleBatch:
            mask = pa.array(keep & references.is_valid().to_numpy(zero_copy_only=False))
            days = None if observed is None else pa.array(observed[0], mask=~observed[1])
            return PeopleBatch(
                unit,
                self.rows[mask.to_numpy(zero_copy_only=False)].tolist(),
                references.filter(mask).to_pylist(),
                {name: values.filter(mask).to_pylist() for name, values in details.items()},
                attributes.filter(mask).to_pylist(),
                frozenset(fields),
                {name: values.filter(mask).to_pylist() for name, values in state.items()},
                None if days is None else days.filter(mask).to_pylist(),
                None if links is None else links.filter(mask).to_pylist(),
            )

        return build

    def _detail(self, name: str, cell: Cell) -> pa.Array:
        values = self.text(cell)
        if name not in {"email", "phone"}:
            return values
        pattern = _PLAIN_EMAIL if name == "email" else _PLAIN_PHONE
        odd = pc.invert(pc.fill_null(pc.match_substring_regex(values, pattern), True)).to_numpy(zero_copy_only=False)
        form = email_match_form if name == "email" else phone_match_form
        bad = np.zeros(len(odd), dtype=bool)
        places = np.flatnonzero(odd)
        bad[places] = [form(value) is None for value in values.take(pa.array(places)).to_pylist()]
        problem = RowProblem.EMAIL_NOT_UNDERSTOOD if name == "email" else RowProblem.PHONE_NOT_UNDERSTOOD
        self.note(bad, cell, problem, fails=False)
        return pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), values)

    def _state(
        self, unit: Unit, columns: Mapping[str, Cell], counterparty: str | None, email: pa.Array | None
    ) -> dict[str, pa.Array]:
        state: dict[str, pa.Array] = {}
        if unit is Unit.ACCOUNT and "legal_form" in columns:
            forms = self.text(columns["legal_form"]).dictionary_encode()
            known = [is_natural(form) for form in forms.dictionary.to_pylist()]
            state["natural"] = pc.fill_null(pa.array(known, pa.bool_()).take(forms.indices), True)
        if email is not None:
            state["role_mailbox"] = pa.array(
                [value is not None and is_role_mailbox(value) for value in email.to_pylist()]
            )
        for name in ("minor", "contract_active"):
            if name in columns:
                state[name] = self.truth(columns[name])
        if "informed" in columns:
            values, valid = self.day(columns["informed"])
            state["informed_at"] = pa.array(values * DAY_MICROSECONDS, mask=~valid)
        if "counterparty" in columns:
            words = pc.utf8_lower(self.text(columns["counterparty"]))
            known = pc.fill_null(pc.is_in(words, pa.array(COUNTERPARTIES)), False)
            odd = pc.and_(words.is_valid(), pc.invert(known)).to_numpy(zero_copy_only=False)
            self.note(odd, columns["counterparty"], RowProblem.NOT_A_COUNTERPARTY)
            state["counterparty"] = pc.fill_null(words, counterparty or "unknown")
        elif counterparty is not None:
            state["counterparty"] = pa.array([counterparty] * len(self.rows))
        return state

    def _attributes(self, fields: Mapping[str, Cell]) -> pa.Array:
        """One JSON object a row: keys sorted, absent values left out."""
        parts = []
        for key in sorted(fields):
            values = self._json_values(self._catalogue.fields[key], fields[key])
            parts.append(pc.fill_null(pc.binary_join_element_wise(f",{json.dumps(key)}:", values, ""), ""))
        if not parts:
            return pa.array(["{}"] * len(self.rows), pa.string())
        # Not null_handling="skip": it loses rows in which every part is null.
        joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 1)
        return pc.binary_join_element_wise("{", joined, "}", "")

    def _json_values(self, declared: Field, cell: Cell) -> pa.Array:
        kind = declared.type
        if kind in (FieldType.TEXT, FieldType.CATEGORY):
            return self._json_text(declared, cell)
        if kind is FieldType.DATE:
            values, valid = self.day(cell)
            return pc.binary_join_element_wise('"', cells.iso_dates(values, valid), '"', "")
        if kind is FieldType.BOOLEAN:
            return pc.if_else(self.truth(cell), "true", "false")
        values, valid = self.number(cell)
        if kind is FieldType.DECIMAL:
            return pc.cast(pa.array(values / MICRO, mask=~valid), pa.string())
        if kind is FieldType.MONEY:
            values = cells.divided(values, minor_unit(declared.unit or "EUR"))
        else:
            self.note(valid & (values % MICRO != 0), cell, RowProblem.NOT_AN_INTEGER)
            values = values // MICRO
        return pc.cast(pa.array(values, mask=~valid), pa.string())

    def _json_text(self, declared: Field, cell: Cell) -> pa.Array:
        values = self.text(cell)
        long = pc.fill_null(pc.greater(pc.utf8_length(values), MOST_TEXT), False)
        self.note(long.to_numpy(zero_copy_only=False), cell, RowProblem.TEXT_TOO_LONG)
        if declared.levels:
            known = pc.or_(pc.is_in(values, pa.array(declared.levels)), values.is_null())
            self.note(pc.invert(known).to_numpy(zero_copy_only=False), cell, RowProblem.NOT_A_LEVEL)
        if pc.any(pc.match_substring_regex(values, _NEEDS_ESCAPE)).as_py():
            coded = values.dictionary_encode()
            words = [json.dumps(word, ensure_ascii=False) for word in coded.dictionary.to_pylist()]
            return pa.array(words, pa.string()).take(coded.indices)
        return pc.binary_join_element_wise('"', values, '"', "")
