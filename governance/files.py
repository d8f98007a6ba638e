"""One door for table files: what they are is found out and reported, what they hold stays here.

A path is read twice, once to judge the whole file and once to use it, so that a mistake in the last row leaves no trace
of the first. A stream (an upload) cannot be read twice: only the cells of the columns asked for are held in memory, up
to a limit, and nothing is ever spooled to a disk (Article 25(2) GDPR). This module knows no identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from governance.files_csv import CsvLayout, CsvPass
from governance.files_parquet import BATCH_ROWS, ParquetSource
from governance.files_streams import Prefixed, head_of, inflated
from governance.files_text import HEAD_BYTES
from governance.formats import ROW, Detected, FileRefused, Limits, RowError, RowProblem

__all__ = [
    "ROW",
    "Detected",
    "FileRefused",
    "Limits",
    "RowError",
    "RowProblem",
    "SourceTable",
    "open_table",
]

Source = Path | BinaryIO
Look = Callable[[pa.RecordBatch], None]


class SourceTable:
    """A file that was found to be a table. Use it as a context manager; read it by `check`, then `batches`."""

    def __init__(
        self, source: Source, limits: Limits, encoding: str | None = None, delimiter: str | None = None
    ) -> None:
        self._limits, self._given = limits, (encoding, delimiter)
        self._stack = ExitStack()
        self._held: list[pa.RecordBatch] | None = None
        self._checked: tuple[str, ...] | None = None
        self.rows: int | None = None
        """Sound rows; known once `check` has run."""
        self.row_errors: list[RowError] = []
        """Rows that the file itself spoils (ragged, cell too long), found by `check`."""
        self._path = source if isinstance(source, Path) else None
        self._raw = self._open(source)
        try:
            self._layout, self._parquet = self._recognise()
        except BaseException:
            self._stack.close()
            raise
        self.columns: tuple[str, ...] = tuple((self._layout or self._parquet).columns)  # type: ignore[union-attr]
        self.detected: Detected = self._layout.detected if self._layout else Detected("parquet")

    def __enter__(self) -> SourceTable:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self, columns: Sequence[str], look: Look | None = None) -> None:
        """Read the whole file once and refuse it here or never; *look* sees each batch of the named columns.

        Raises:
            FileRefused: anything wrong with the file as a whole. Nothing has been kept.
        """
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise FileRefused("a column that the mapping names is not in the file")
        held, size, self.rows = [], 0, 0
        reader = self._pass()
        for batch in reader.batches(columns):
            self.rows += batch.num_rows
            if look is not None:
                look(self._readable(batch))
            if self._path is None:
                size += batch.nbytes
                if size > self._limits.held_bytes:
                    bound = self._limits.held_bytes
                    raise FileRefused(f"an upload may hold {bound} bytes of mapped cells; use the command line")
                held.append(batch)
        self.row_errors = sorted(reader.errors)
        if isinstance(reader, CsvPass):
            self.detected = self.detected.with_values(encoding=reader.encoding)
        if not self.rows and not self.row_errors:
            raise FileRefused("the file has a header but no row")
        self._held, self._checked = (held if self._path is None else None), tuple(columns)

    def batches(self, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """The rows in batches of at most *rows*: the named columns (all by default) and `ROW`, the row number.

        CSV cells are strings, Parquet cells have their types; an empty cell is null.
        """
        wanted = tuple(self.columns if columns is None else columns)
        if self._checked is None:
            self.check([name for name in wanted if name])
        parts = iter(self._held) if self._held is not None else self._pass().batches([name for name in wanted if name])
        for part in parts:
            chosen = part.select([*dict.fromkeys(name for name in wanted if name), ROW])
            whole = self._readable(chosen)
            for start in range(0, whole.num_rows, rows):
                yield whole.slice(start, rows)

    def sample(self, rows: int = 500) -> pa.RecordBatch:
        """The first rows with all named columns, for a proposal; only the head of the file is looked at."""
        names = [name for name in self.columns if name]
        for batch in self._pass().batches(names):
            part = batch.slice(0, rows)
            return self._readable(part)
        raise FileRefused("the file has a header but no row")

    def _readable(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch if self._layout is None else _decoded(batch)

    def _open(self, source: Source) -> BinaryIO:
        if not isinstance(source, Path):
            return source
        try:
            if source.stat().st_size > self._limits.file_bytes:
                raise FileRefused(f"the file is larger than {self._limits.file_bytes} bytes; split it")
            return self._stack.enter_context(source.open("rb"))
        except FileNotFoundError:
            raise FileRefused("there is no such file; check the path") from None
        except OSError:
            raise FileRefused("the file cannot be opened; check that it is a file and may be read") from None

    def _recognise(self) -> tuple[CsvLayout | None, ParquetSource | None]:
        self._first = head_of(self._raw)
        if not self._first:
            raise FileRefused("the file is empty")
        if self._first.startswith(b"PAR1"):
            return None, ParquetSource(self._whole_parquet(), self._limits)
        source, compression = inflated(self._raw, self._first, self._limits)
        self._unpacked = head_of(source)
        self._rest = source
        return CsvLayout(self._unpacked, *self._given, self._limits, compression), None

    def _whole_parquet(self) -> Path | bytes:
        if self._path is not None:
            return self._path
        parts, size = [self._first], len(self._first)
        while part := self._raw.read(1024 * 1024):
            size += len(part)
            if size > min(self._limits.held_bytes, self._limits.file_bytes):
                raise FileRefused(f"a Parquet upload may be {self._limits.held_bytes} bytes; use the command line")
            parts.append(part)
        return b"".join(parts)

    def _pass(self) -> CsvPass | ParquetSource:
        if self._parquet is not None:
            self._parquet.errors.clear()
            return self._parquet
        assert self._layout is not None
        if self._path is not None:
            self._raw.seek(0)
            source, _ = inflated(self._raw, b"", self._limits)
            if self._layout.detected.compression:
                head = self._raw.read(HEAD_BYTES)
                source, _ = inflated(self._raw, head, self._limits)
            return CsvPass(source, self._layout, self._limits)
        if self._checked is not None:
            raise FileRefused("a stream is read once")
        return CsvPass(Prefixed(self._unpacked, self._rest), self._layout, self._limits)  # type: ignore[arg-type]


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """UTF-8 cells as text."""
    try:
        cells = [
            column if name == ROW else pc.cast(column, pa.string())
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
    except pa.ArrowInvalid:
        raise FileRefused("a cell cannot be read in the encoding of the file; save the file as UTF-8") from None
    return pa.RecordBatch.from_arrays(cells, names=batch.schema.names)


def open_table(
    source: Source,
    name_hint: str = "",
    limits: Limits | None = None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> SourceTable:
    """Open a CSV (also gzip) or Parquet file, or a stream of one; the content decides, not the name.

    Args:
        source: a path, or a binary stream that is read once and never written anywhere.
        name_hint: the file's name, used only to answer a spreadsheet in plain words.
        limits: bounds of the file.
        encoding: settles the encoding instead of finding it out.
        delimiter: settles the delimiter instead of finding it out.

    Raises:
        FileRefused: what is wrong and how to mend it; never a value of the file.
    """
    if name_hint.lower().endswith((".xls", ".xlsx", ".ods")):
        raise FileRefused("spreadsheets are not read; save the sheet as CSV (UTF-8)")
    return SourceTable(source, limits or Limits(), encoding, delimiter)
