"""Cells of a consent file as words and days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from api.workflows.consent_rows import ConsentRow
from api.workflows.consent_words import COLUMNS
from audit.database import EPOCH
from governance import cells
from governance.files import ROW

if TYPE_CHECKING:
    from api.workflows.consent_mapping import ConsentMapping


def look(batch: pa.RecordBatch, mapping: ConsentMapping, dates: cells.DateEvidence) -> None:
    """Look at the dates of a piece, to find out how they are written."""
    if "date" in mapping.columns:
        dates.look(batch.column(mapping.columns["date"]))


def rows_of(batch: pa.RecordBatch, mapping: ConsentMapping, date_format: str) -> Iterator[ConsentRow]:
    """The rows of a piece as words and days."""
    words = {
        key: cells.text(batch.column(mapping.columns[key])).to_pylist()
        if key in mapping.columns
        else [None] * len(batch)
        for key in COLUMNS
    }
    day_cells = batch.column(mapping.columns["date"]) if "date" in mapping.columns else None
    if day_cells is None:
        constant = pa.array([mapping.constants.get("date")] * len(batch), pa.string())
        day_cells, date_format = constant, date_format if "date" in mapping.columns else "iso"
    numbers, present, unread = cells.days(day_cells, date_format)
    days = [_day(int(number)) if there else None for number, there in zip(numbers, present, strict=True)]
    spoiled = np.asarray(unread).tolist()
    for at, row in enumerate(batch.column(ROW).to_pylist()):
        told = {key: mapping.word(key, words[key][at]) for key in COLUMNS}
        yield ConsentRow(int(row), told, days[at], bool(spoiled[at]))


@cache
def _day(number: int) -> date:
    return (EPOCH + timedelta(days=number)).date()
