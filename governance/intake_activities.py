"""From cells to activities: whose, when, how much, told apart by a keyed hash; pure.

The hash is what makes a repeated import change nothing: owner, day and HMAC-like digest of the content are the key of
the row, and two equal lines of one file differ by how often they occurred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from governance.cells import MICRO, Integers, Mask, divided
from governance.formats import RowProblem
from governance.intake import MOST_TEXT, BatchReader, minor_unit
from governance.mapping import Cell
from governance.seen import Seen

_MOST = 9.0e18
_KIND = r"^[a-z][a-z0-9_]{0,39}$"
_CURRENCY = r"^[A-Z]{3}$"


@dataclass(frozen=True)
class ActivityBatch:
    """Activities of one batch: lists of equal length; money in minor units, returns negative."""

    rows: Sequence[int]
    contacts: Sequence[str | None] | None
    accounts: Sequence[str | None] | None
    days: Sequence[int]
    seqs: Sequence[int]
    kinds: Sequence[str]
    amounts: Sequence[int]
    quantities: Sequence[int | None]
    occasions: Sequence[int]
    currencies: Sequence[str]
    categories: Sequence[str | None]


class ActivityReader:
    """Reads activities; one for a whole file, because it counts lines that repeat."""

    def __init__(self, columns: Mapping[str, Cell], currency: str, secret: bytes) -> None:
        self._columns, self._currency, self._secret = columns, currency, secret
        self._seen = Seen()

    def read(self, reader: BatchReader) -> ActivityBatch:
        """The activities of the rows that could be read; the others are noted in the reader."""
        columns = self._columns
        size = len(reader.rows)
        days, dated = reader.day(columns["date"])
        reader.note(~dated & ~reader.failed, columns["date"], RowProblem.DATE_MISSING)
        currency = self._words(reader, "currency", self._currency, _CURRENCY, RowProblem.NOT_A_CURRENCY)
        amounts, quantities, counted = self._amounts(reader, currency)
        kinds = self._words(reader, "kind", None, _KIND, RowProblem.NOT_A_KIND)
        kinds = pc.coalesce(kinds, pc.if_else(pa.array(amounts < 0), "return", "order"))
        contacts, accounts = (self._owner(reader, name) for name in ("contact", "account"))
        categories = self._optional(reader, "category", size)
        invoices = self._optional(reader, "occasion", size)
        keep = pa.array(~reader.failed)
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(reader.rows),
                contacts if contacts is not None else pa.nulls(size, pa.string()),
                accounts if accounts is not None else pa.nulls(size, pa.string()),
                pa.array(days),
                kinds,
                pa.array(amounts),
                pa.array(quantities, mask=~counted),
                invoices,
                currency,
                categories,
            ],
            names=["row", "contact", "account", "day", "kind", "amount", "quantity", "invoice", "currency", "category"],
        ).filter(keep)
        return self._hashed(batch, contacts is not None, accounts is not None)

    def _hashed(self, batch: pa.RecordBatch, contacts: bool, accounts: bool) -> ActivityBatch:
        owner = pc.binary_join_element_wise(
            pc.fill_null(batch["contact"], ""),
            pc.fill_null(batch["account"], ""),
            pc.cast(batch["day"], pa.string()),
            "\x1f",
        )
        invoice = pc.coalesce(batch["invoice"], pc.cast(batch["day"], pa.string()))
        content = [
            pc.fill_null(pc.cast(batch[name], pa.string()), "")
            for name in ("kind", "amount", "quantity", "currency", "category")
        ]
        lines = pc.binary_join_element_wise(owner, pc.fill_null(batch["invoice"], ""), *content, "\x1f").to_pylist()
        first = self._digests(lines, b"activity line")
        repeats = self._seen.count(first)
        again = np.flatnonzero(repeats)
        first[again] = self._digests([f"{lines[at]}\x1e{repeats[at]}" for at in again.tolist()], b"activity line")
        whose = pc.coalesce(batch["contact"], batch["account"])
        whose = pa.nulls(len(batch), pa.string()) if not (contacts or accounts) else whose
        occasions = pc.binary_join_element_wise(pc.fill_null(whose, ""), invoice, "\x1f").to_pylist()
        return ActivityBatch(
            rows=batch["row"].to_pylist(),
            contacts=batch["contact"].to_pylist() if contacts else None,
            accounts=batch["account"].to_pylist() if accounts else None,
            days=batch["day"].to_pylist(),
            seqs=first.tolist(),
            kinds=batch["kind"].to_pylist(),
            amounts=batch["amount"].to_pylist(),
            quantities=batch["quantity"].to_pylist(),
            occasions=self._digests(occasions, b"occasion").tolist(),
            currencies=batch["currency"].to_pylist(),
            categories=batch["category"].to_pylist(),
        )

    def _digests(self, texts: Sequence[str], person: bytes) -> Integers:
        """63-bit keyed digests: BLAKE2b with the key, apart by purpose (RFC 7693)."""
        start = blake2b(key=self._secret, digest_size=8, person=person)
        joined = bytearray()
        for text in texts:
            digest = start.copy()
            digest.update(text.encode())
            joined += digest.digest()
        return (np.frombuffer(bytes(joined), dtype=">u8") >> 1).astype(np.int64)

    def _owner(self, reader: BatchReader, name: str) -> pa.Array | None:
        if name not in self._columns:
            return None
        values = reader.text(self._columns[name])
        if name == "account" or "account" not in self._columns:
            missing = values.is_null()
            if name == "account" and "contact" in self._columns:
                missing = pc.and_(missing, reader.text(self._columns["contact"]).is_null())
            fresh = missing.to_numpy(zero_copy_only=False) & ~reader.failed
            reader.note(fresh, self._columns[name], RowProblem.OWNER_MISSING)
        return values

    def _optional(self, reader: BatchReader, name: str, size: int) -> pa.Array:
        if name not in self._columns:
            return pa.nulls(size, pa.string())
        values = reader.text(self._columns[name])
        long = pc.fill_null(pc.greater(pc.utf8_length(values), MOST_TEXT), False).to_numpy(zero_copy_only=False)
        reader.note(long, self._columns[name], RowProblem.TEXT_TOO_LONG)
        return values

    def _words(
        self, reader: BatchReader, name: str, default: str | None, pattern: str, problem: RowProblem
    ) -> pa.Array:
        if name not in self._columns:
            return pa.array([default] * len(reader.rows), pa.string())
        values = reader.text(self._columns[name])
        values = pc.utf8_upper(values) if name == "currency" else values
        odd = pc.invert(pc.fill_null(pc.match_substring_regex(values, pattern), True))
        reader.note(odd.to_numpy(zero_copy_only=False), self._columns[name], problem)
        return values if default is None else pc.fill_null(values, default)

    def _amounts(self, reader: BatchReader, currency: pa.Array) -> tuple[Integers, Integers, Mask]:
        """Minor units, pieces, and where pieces are known."""
        size, columns = len(reader.rows), self._columns
        pieces, counted = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        if "quantity" in columns:
            pieces, counted = reader.number(columns["quantity"])
        value, valued = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        if "amount" in columns:
            value, valued = reader.number(columns["amount"])
        if "unit_price" in columns:
            price, priced = reader.number(columns["unit_price"])
            use = priced & counted & ~valued
            large = use & (np.abs(pieces.astype(float)) * np.abs(price.astype(float)) / MICRO > _MOST)
            reader.note(large, columns["unit_price"], RowProblem.OUT_OF_RANGE)
            value = np.where(use & ~large, _product(np.where(large, 0, pieces), price), value)
            valued |= use
        cell = columns.get("amount") or columns["unit_price"]
        reader.note(~valued & ~reader.failed, cell, RowProblem.AMOUNT_MISSING)
        coded = currency.dictionary_encode()
        units = np.array([minor_unit(code) for code in coded.dictionary.to_pylist()] or [1], dtype=np.int64)
        by = units[coded.indices.fill_null(0).to_numpy(zero_copy_only=False)]
        minor = np.sign(value) * ((np.abs(value) + by // 2) // by)
        return minor, divided(pieces, MICRO), counted


def _product(pieces: Integers, price: Integers) -> Integers:
    """Quantity times unit price, both in millionths, in millionths; exact for whole pieces."""
    whole = pieces % MICRO == 0
    exact = (pieces // MICRO) * price
    broken = divided((pieces // 1_000) * (price // 1_000), 1)
    return np.where(whole, exact, broken)
