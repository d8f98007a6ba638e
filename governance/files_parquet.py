"""Parquet as Arrow batches, after its own footer has been checked against the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from governance.formats import ROW, FileRefused, Limits, RowError, RowProblem

BATCH_ROWS = 16_384
_DAMAGED = "the Parquet file is truncated or damaged; make it again"


class ParquetSource:
    """A Parquet file whose footer keeps within the limits."""

    def __init__(self, source: Path | bytes, limits: Limits) -> None:
        self._limits = limits
        try:
            file = pa.memory_map(str(source)) if isinstance(source, Path) else pa.BufferReader(source)
            self._size = file.size()
            self._file = pq.ParquetFile(file, pre_buffer=False)
        except (pa.ArrowException, OSError, ValueError):
            raise FileRefused(_DAMAGED) from None
        self.errors: list[RowError] = []
        self.schema: pa.Schema = self._file.schema_arrow
        self.columns: list[str] = [name.strip() for name in self.schema.names]
        self.rows: int = self._file.metadata.num_rows
        self._check_footer()

    def _check_footer(self) -> None:
        if len(self.columns) > self._limits.columns:
            raise FileRefused(f"{len(self.columns)} columns; at most {self._limits.columns} are allowed")
        if len(set(self.columns)) < len(self.columns):
            raise FileRefused("two columns have the same name; rename one")
        if not self.rows:
            raise FileRefused("the file has columns but no row")
        meta = self._file.metadata
        self._within(sum(meta.row_group(at).total_byte_size for at in range(meta.num_row_groups)))

    def _within(self, size: int) -> None:
        if size > max(self._limits.expansion_floor, self._limits.expansion * self._size):
            raise FileRefused(f"the file expands to more than {self._limits.expansion} times its size")

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns with their types, and the row number as in a sheet whose header is row 1.

        Raises:
            FileRefused: damaged, nested, or expanding beyond the limit.
        """
        names = [self.schema.names[self.columns.index(name)] for name in columns]
        for name in names:
            if pa.types.is_nested(self.schema.field(name).type):
                raise FileRefused("a mapped column holds lists or structures; flatten it at the source")
        at, seen = 2, 0
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                by_name = {name: batch.column(batch.schema.names.index(name)) for name in names}
                seen += batch.nbytes
                self._within(seen)
                numbers = np.arange(at, at + batch.num_rows, dtype=np.int64)
                at += batch.num_rows
                cells = [_plain(by_name[name]) for name in names]
                keep = self._short_enough(columns, cells, numbers)
                whole = pa.RecordBatch.from_arrays([*cells, pa.array(numbers)], names=[*columns, ROW])
                yield whole if keep.all() else whole.filter(pa.array(keep))
        except (pa.ArrowException, OSError):
            raise FileRefused(_DAMAGED) from None

    def _short_enough(
        self, columns: Sequence[str], cells: Sequence[pa.Array], numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        keep = np.ones(len(numbers), dtype=bool)
        for name, column in zip(columns, cells, strict=True):
            if pa.types.is_string(column.type):
                long = pc.fill_null(pc.greater(pc.binary_length(column), self._limits.cell_bytes), False)
                at = long.to_numpy(zero_copy_only=False)
                keep &= ~at
                self.errors.extend(RowError(int(row), name, RowProblem.CELL_TOO_LONG) for row in numbers[at])
        return keep


def _plain(column: pa.Array) -> pa.Array:
    """The column without dictionaries and wide or binary strings; other types as they are."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pc.cast(pc.cast(column, pa.binary()), pa.string())
    return column
