"""Cells as columns: text, numbers, dates and yes/no, whole columns at a time; pure.

Each reader gives values and a mask of cells that could not be read; an empty cell is null and never a mistake. Numbers
are kept as integers in millionths, so that money never passes through a binary fraction.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]

MICRO = 1_000_000
YES = frozenset(["1", "ja", "j", "yes", "y", "true", "wahr", "x"])
NO = frozenset(["0", "nein", "n", "no", "false", "falsch"])

_NUMBER = {
    ",": r"^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?-?$",
    ".": r"^[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?-?$",
}
_PARTS = r"^(?P<sign>[+-]?)(?P<whole>\d{1,12})(?:\.(?P<frac>\d+))?(?P<after>-?)$"
_NOISE = r"(?:€|\$|£|EUR|USD|GBP|CHF|%|'|’|\s|\x{00a0}|\x{202f})+"
_TIME = r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*(?:Z|[AaPp][Mm]|[+-]\d{2}:?\d{2}))?$"
_DATE = {
    "german": r"^(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})$",
    "iso": r"^(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})$",
    "day_first": r"^(?P<d>\d{1,2})[/-](?P<m>\d{1,2})[/-](?P<y>\d{4}|\d{2})$",
    "month_first": r"^(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4}|\d{2})$",
    "compact": r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})$",
}


def text(cells: pa.Array) -> pa.Array:
    """Cells as trimmed NFC text; empty becomes null, a whole number loses its `.0`."""
    if pa.types.is_floating(cells.type):
        whole = pc.fill_null(pc.equal(cells, pc.floor(cells)), True)
        cells = pc.cast(cells, pa.int64()) if pc.all(whole).as_py() else cells
    if not pa.types.is_string(cells.type):
        cells = pc.cast(cells, pa.string())
    trimmed = pc.utf8_trim_whitespace(cells)
    if not pc.all(pc.fill_null(pc.string_is_ascii(trimmed), True)).as_py():
        coded = trimmed.dictionary_encode()
        composed = [unicodedata.normalize("NFC", value) for value in coded.dictionary.to_pylist()]
        trimmed = pa.array(composed, pa.string()).take(coded.indices)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def millionths(cells: pa.Array, decimal: str) -> tuple[Integers, Mask, Mask]:
    """Numbers times a million, which cells hold one, and which could not be read (or exceed 10¹²)."""
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        return _typed_millionths(cells)
    words = pc.replace_substring_regex(text(cells), _NOISE, "")
    words = pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)
    sound = pc.match_substring_regex(words, _NUMBER[decimal])
    words = pc.replace_substring(words, "." if decimal == "," else ",", "")
    words = pc.replace_substring(words, ",", ".") if decimal == "," else words
    parts = pc.extract_regex(words, _PARTS)
    good = pc.and_(pc.fill_null(sound, False), parts.is_valid())
    frac = pc.utf8_rpad(pc.utf8_slice_codeunits(parts.field("frac"), 0, 6), 6, "0")
    digits = pc.if_else(good, pc.binary_join_element_wise(parts.field("whole"), frac, ""), "0")
    values = pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False).copy()
    negative = pc.or_(pc.equal(parts.field("sign"), "-"), pc.equal(parts.field("after"), "-"))
    values[pc.fill_null(negative, False).to_numpy(zero_copy_only=False)] *= -1
    valid = good.to_numpy(zero_copy_only=False)
    return values, valid, words.is_valid().to_numpy(zero_copy_only=False) & ~valid


def _typed_millionths(cells: pa.Array) -> tuple[Integers, Mask, Mask]:
    present = cells.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(cells.type):
        whole = pc.cast(pc.fill_null(cells, 0), pa.int64(), safe=False).to_numpy(zero_copy_only=False)
        small = np.abs(whole) <= 10**12
        return np.where(small, whole, 0) * MICRO, present & small, present & ~small
    values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(np.where(present, values, np.nan))
    sound = ~missing & (np.abs(np.where(missing, 0.0, values)) <= 1e12)
    scaled = np.rint(np.where(sound, values, 0.0) * MICRO).astype(np.int64)
    return scaled, sound, ~missing & ~sound


def divided(values: Integers, by: int) -> Integers:
    """Integer division that rounds half away from zero, as a commercial invoice does."""
    rounded: Integers = np.sign(values) * ((np.abs(values) + by // 2) // by)
    return rounded


def days(cells: pa.Array, date_format: str) -> tuple[Integers, Mask, Mask]:
    """Day numbers since 1970-01-01, which cells hold one, and which could not be read."""
    kind = cells.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        present = cells.is_valid().to_numpy(zero_copy_only=False)
        stamps = pc.fill_null(pc.cast(pc.cast(cells, pa.date32(), safe=False), pa.int32()), 0)
        return stamps.to_numpy(zero_copy_only=False).astype(np.int64), present, np.zeros(len(cells), dtype=bool)
    words = pc.replace_substring_regex(text(cells), _TIME, "")
    parts = pc.extract_regex(words, _DATE[date_format])
    good = parts.is_valid().to_numpy(zero_copy_only=False)
    year, month, day = (
        pc.cast(pc.if_else(parts.is_valid(), parts.field(name), "1"), pa.int64()).to_numpy(zero_copy_only=False)
        for name in ("y", "m", "d")
    )
    year = np.where(year < 100, np.where(year < 69, year + 2000, year + 1900), year)
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1900) & (year <= 2199)
    months = np.where(fits, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]")
    numbers = first.astype(np.int64) + np.where(fits, day - 1, 0)
    valid = good & fits & (numbers < after.astype(np.int64))
    return np.where(valid, numbers, 0), valid, words.is_valid().to_numpy(zero_copy_only=False) & ~valid


def iso_dates(numbers: Integers, valid: Mask) -> pa.Array:
    """Day numbers as ISO dates."""
    return pc.cast(pc.cast(pa.array(numbers.astype(np.int32), mask=~valid), pa.date32()), pa.string())


def truth(cells: pa.Array) -> tuple[pa.Array, Mask]:
    """Yes and no in German and English, and which cells are neither."""
    if pa.types.is_boolean(cells.type):
        return cells, np.zeros(len(cells), dtype=bool)
    words = pc.utf8_lower(text(cells))
    yes = pc.is_in(words, pa.array(sorted(YES)))
    no = pc.is_in(words, pa.array(sorted(NO)))
    known = pc.or_(yes, no)
    values = pc.if_else(known, yes, pa.scalar(None, pa.bool_()))
    bad = pc.and_(words.is_valid(), pc.invert(known))
    return values, bad.to_numpy(zero_copy_only=False)


@dataclass
class NumberEvidence:
    """What the numbers of a file say about their decimal mark."""

    comma: int = 0
    point: int = 0
    either: int = 0

    def look(self, cells: pa.Array) -> None:
        """Take a column of text into account."""
        if not pa.types.is_string(cells.type):
            return
        words = pc.replace_substring_regex(text(cells), _NOISE, "")
        self.either += _count(words, r"^[+-]?\d{1,3}[.,]\d{3}-?$")
        self.comma += _count(
            words, r"^[+-]?[\d.]*\d,(?:\d{1,2}|\d{4,})-?$|^[+-]?\d{1,3}(?:\.\d{3})+,\d+-?$|\d\.\d{3}\.\d{3}"
        )
        self.point += _count(
            words, r"^[+-]?[\d,]*\d\.(?:\d{1,2}|\d{4,})-?$|^[+-]?\d{1,3}(?:,\d{3})+\.\d+-?$|\d,\d{3},\d{3}"
        )

    def decide(self, *, german: bool) -> tuple[str, bool]:
        """The decimal mark, and whether it was chosen rather than known."""
        if self.comma != self.point:
            return ("," if self.comma > self.point else "."), False
        return ("," if german else "."), self.either > 0


@dataclass
class DateEvidence:
    """What the dates of a column say about their format."""

    german: int = 0
    iso: int = 0
    compact: int = 0
    slashed: int = 0
    day_first: int = 0
    month_first: int = 0

    def look(self, cells: pa.Array) -> None:
        """Take a column of text into account."""
        if not pa.types.is_string(cells.type):
            return
        words = pc.replace_substring_regex(text(cells), _TIME, "")
        for name in ("german", "iso", "compact"):
            setattr(self, name, getattr(self, name) + _count(words, _DATE[name]))
        self.slashed += _count(words, _DATE["day_first"])
        self.day_first += _count(words, r"^(?:1[3-9]|2\d|3[01])[/-]\d{1,2}[/-]\d{2,4}$")
        self.month_first += _count(words, r"^\d{1,2}[/-](?:1[3-9]|2\d|3[01])[/-]\d{2,4}$")

    @property
    def any(self) -> bool:
        """Whether a date in words was seen at all."""
        return bool(self.german or self.iso or self.compact or self.slashed)

    def decide(self) -> tuple[str, bool]:
        """The format, and whether day and month were a choice rather than known."""
        best = max(("german", "iso", "compact", "slashed"), key=lambda name: int(getattr(self, name)))
        if best != "slashed" or not self.slashed:
            return best, False
        if self.month_first != self.day_first:
            return ("month_first" if self.month_first > self.day_first else "day_first"), False
        return "day_first", True


def _count(words: pa.Array, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(words, pattern)).as_py() or 0)
