"""Delimited text as Arrow batches: only the columns asked for are ever built, whatever else a row holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from governance.files_text import (
    DELIMITERS,
    ENCODINGS,
    SINGLE_BYTE,
    CheckedStream,
    bom_of,
    guess_delimiter,
    guess_encoding,
)
from governance.formats import ROW, Detected, FileRefused, Limits, RowError, RowProblem

_LAST = b"\0end"
BLOCK_BYTES = 2 * 1024**2


class CsvLayout:
    """What the head of a delimited file tells: header, delimiter, encoding."""

    def __init__(
        self, head: bytes, encoding: str | None, delimiter: str | None, limits: Limits, compression: str | None
    ) -> None:
        self.mark, marked = bom_of(head)
        if encoding is not None and encoding not in ENCODINGS:
            raise FileRefused(f"options.encoding: must be one of {', '.join(ENCODINGS)}")
        if delimiter is not None and delimiter not in DELIMITERS:
            raise FileRefused("options.delimiter: must be one of ; , tab |")
        self.given = encoding or marked
        text = self._decode(head[len(self.mark) :])
        if not text.strip():
            raise FileRefused("the file is empty")
        self.skipped = 1
        if text[:5].lower().startswith("sep=") and text[4:5]:
            delimiter, text = delimiter or text[4], text[text.find("\n") + 1 :]
            self.skipped = 2
        self.delimiter = delimiter or guess_delimiter(text)
        self.columns = self._header(text, limits)
        self.detected = Detected(
            "csv", self.given or guess_encoding(head), self.delimiter, bool(self.mark), compression=compression
        )

    def _decode(self, body: bytes) -> str:
        if b"\0" in body and not (self.given or "").startswith("utf-16"):
            row = body.count(b"\n", 0, body.index(b"\0")) + 1
            raise FileRefused(
                f"row {row}: a NUL byte; this is no text file, or UTF-16 without its mark: save it as UTF-8"
            )
        return body.decode(self.given or guess_encoding(body), errors="replace")

    def _header(self, text: str, limits: Limits) -> list[str]:
        try:
            row = next(csv.reader(io.StringIO(text), delimiter=self.delimiter), [])
        except csv.Error:
            raise FileRefused("row 1: the header cannot be read; a cell in it is far too long") from None
        columns = [name.strip() for name in row]
        if len(columns) > limits.columns:
            raise FileRefused(f"row 1: {len(columns)} columns; at most {limits.columns} are allowed")
        named = [name for name in columns if name]
        if not named:
            raise FileRefused("row 1: the header names no column")
        for name in named:
            if named.count(name) > 1:
                places = [str(at + 1) for at, other in enumerate(columns) if other == name]
                raise FileRefused(f"row 1: columns {', '.join(places)} have the same name; rename one")
        return columns


class CsvPass:
    """One reading of a delimited file, first byte to last; row errors and the encoding are known after it."""

    def __init__(self, source: BinaryIO, layout: CsvLayout, limits: Limits) -> None:
        self._source, self._layout, self._limits = source, layout, limits
        self.errors: list[RowError] = []
        self.encoding = "utf-8"
        self._row, self._skip = 0, 0
        self._ragged = np.empty(0, dtype=np.int64)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns as UTF-8 cells, with the row number of each row; a row of empty cells is passed over.

        Raises:
            FileRefused: the file is not what its head promised.
        """
        if not columns:
            raise FileRefused("no column of the file is asked for")
        places = [self._layout.columns.index(name) for name in columns]
        stream = CheckedStream(self._source, self._limits, self._layout.given, self._layout.mark)
        rest = b""
        while block := stream.read(BLOCK_BYTES):
            rest += block
            cut = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, len(rest) - 1)) + 1
            rows = self._parsed(rest[:cut], places) if cut else None
            if rows is None:
                self._too_long(rest)
                continue
            rest = rest[cut:]
            yield from self._numbered(rows, columns)
        if rest:
            rows = self._parsed(rest, places)
            if rows is None:
                raise FileRefused(f"after row {self._row}: a quotation mark is never closed, or the file is cut off")
            yield from self._numbered(rows, columns)
        self.encoding = stream.encoding

    def _as_utf8(self, text: bytes) -> bytes:
        """The piece in UTF-8: the parser spells out ragged rows, and knows no other encoding."""
        single = self._layout.given if self._layout.given in SINGLE_BYTE else None
        try:
            if single is None and not text.isascii():
                text.decode("utf-8")
        except UnicodeDecodeError:
            single = "cp1252"
        try:
            return text if single is None else text.decode(single).encode("utf-8")
        except UnicodeDecodeError:
            raise FileRefused(
                f"after row {self._row}: neither UTF-8 nor Windows-1252; save the file as UTF-8"
            ) from None

    def _too_long(self, rest: bytes) -> None:
        if len(rest) > BLOCK_BYTES + self._limits.row_bytes:
            bound = self._limits.row_bytes
            raise FileRefused(
                f"after row {self._row}: a row is longer than {bound} bytes, or a quotation mark is never closed"
            )

    def _parsed(self, text: bytes, places: list[int]) -> pa.RecordBatch | None:
        """The rows of a piece that begins and ends with a whole row; None when it ends inside quotation marks.

        One more row is put behind the piece: if the parser does not give it back, an open quotation mark took it.
        Blocks are parsed from memory because a parser thread that calls back into Python for bytes can lock up.
        """
        delimiter = self._layout.delimiter.encode()
        width = len(self._layout.columns)
        last = delimiter * places[0] + _LAST + delimiter * (width - 1 - places[0])
        text = self._as_utf8(text)
        piece = text + (b"" if text.endswith((b"\n", b"\r")) else b"\n") + last + b"\n"
        ragged: list[int] = []
        names = [f"c{at}" for at in range(width)]
        wanted = [names[at] for at in places]

        def note(row: arrow_csv.InvalidRow) -> str:
            ragged.append(row.number)
            return "skip"

        skip = self._layout.skipped if not self._row else 0
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(piece),
                arrow_csv.ReadOptions(
                    use_threads=False, column_names=names, skip_rows_after_names=skip, block_size=len(piece) + 1
                ),
                arrow_csv.ParseOptions(
                    delimiter=self._layout.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=note,
                ),
                arrow_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(wanted, pa.binary()),
                    include_columns=list(dict.fromkeys(wanted)),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid:  # its text quotes the row, so it goes no further
            raise FileRefused(f"after row {self._row}: the rows cannot be read as a table") from None
        count = table.num_rows
        if not count or table.column(0)[count - 1].as_py() != _LAST:
            return None
        self._ragged = np.array(sorted(ragged), dtype=np.int64)
        self._skip = skip
        cells = [_one(table.column(name)).slice(0, count - 1) for name in wanted]
        return pa.RecordBatch.from_arrays(cells, names=[str(at) for at in range(len(wanted))])

    def _numbered(self, batch: pa.RecordBatch, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        numbers = self._row_numbers(batch.num_rows)
        if not batch.num_rows:
            return
        keep = np.zeros(batch.num_rows, dtype=bool)
        sound = np.ones(batch.num_rows, dtype=bool)
        for name, cells in zip(columns, batch.columns, strict=True):
            keep |= cells.is_valid().to_numpy(zero_copy_only=False)
            long = pc.fill_null(pc.greater(pc.binary_length(cells), self._limits.cell_bytes), False)
            if pc.any(long).as_py():
                at = long.to_numpy(zero_copy_only=False)
                sound &= ~at
                self.errors.extend(RowError(int(row), name, RowProblem.CELL_TOO_LONG) for row in numbers[at])
        keep &= sound
        whole = pa.RecordBatch.from_arrays([*batch.columns, pa.array(numbers)], names=[*columns, ROW])
        yield whole if keep.all() else whole.filter(pa.array(keep))

    def _row_numbers(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        first = 1 + self._skip
        before = self._ragged - first - np.arange(len(self._ragged))  # sound rows in front of each ragged one
        at = np.arange(count, dtype=np.int64)
        numbers = self._row + at + first + np.searchsorted(before, at, side="right")
        self.errors.extend(RowError(self._row + int(row), "", RowProblem.RAGGED_ROW) for row in self._ragged)
        self._row += self._skip + count + len(self._ragged)
        return numbers


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
