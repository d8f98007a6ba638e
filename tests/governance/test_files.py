"""Files are read within limits, or refused as a whole with the reason and without a trace."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.files import ROW, FileRefused, Limits, RowError, RowProblem, open_table


def read(data: bytes | Path, wanted: list[str] | None = None, **limits: int) -> tuple[list[dict], list[RowError]]:
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    with open_table(source, limits=Limits(**limits)) as table:
        rows = [row for batch in table.batches(wanted) for row in batch.to_pylist()]
        return rows, table.row_errors


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str) -> None:
    """A German export is read as it comes (SEC-9)."""
    text = f"Straße{delimiter}Ort\r\nMüllerweg 1{delimiter}Köln\r\n".encode(encoding)

    with open_table(io.BytesIO(text)) as table:
        rows = [row for batch in table.batches() for row in batch.to_pylist()]

    assert rows == [{"Straße": "Müllerweg 1", "Ort": "Köln", ROW: 2}]
    assert table.detected.delimiter == delimiter
    assert table.detected.encoding == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    assert table.detected.bom is (encoding in {"utf-8-sig", "utf-16"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a;b\n", "no row"),
        (b"a;a\n1;2\n", "same name"),
        (b"a;b\n1;\x002\n", "row 2: a NUL byte"),
        ("a;b\nä;1\n".encode() + "ö;2\n".encode("cp1252"), "row 3: another encoding than row 2"),
        (b'a;b\n1;2\n3;"4\n5;6\n', "quotation mark"),
        (b"PK\x03\x04xxxx", "workbook"),
        (b"PAR1" + b"x" * 40 + b"PAR1", "truncated or damaged"),
        (gzip.compress(b"a;b\n1;2\n" * 900, mtime=0)[:-20], "truncated or damaged"),
        (b"a;b\n" + b"1;2\n" * 3_000, "larger than"),
        (b"a;b;c;d;e;f\n1;2;3;4;5;6\n", "columns; at most"),
        (gzip.compress(b"a;b\n1;2\n" * 200_000, mtime=0), "expands"),
    ],
)
def test_a_broken_file_is_refused_and_says_why(data: bytes, reason: str) -> None:
    """Nothing of a file that cannot be trusted is used (SEC-9)."""
    bound = 10_000 if reason == "larger than" else 10**9

    with pytest.raises(FileRefused, match=reason):
        read(data, None, file_bytes=bound, **({"columns": 5} if reason.startswith("columns") else {}))


def test_a_refusal_never_repeats_the_file() -> None:
    """Messages reach logs; cells do not (invariant 7)."""
    with pytest.raises(FileRefused) as caught:
        read(b'name;x\ncanary@example.org;"1\n')

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_ragged_row_is_told_by_its_number_and_the_others_are_read() -> None:
    """One bad row does not cost the file."""
    rows, errors = read(b'a;b\n1;2\n3\n\n"x\ny";5\n6;7;8\n9;0\n')

    assert [(row["a"], row[ROW]) for row in rows] == [("1", 2), ("x\ny", 5), ("9", 7)]
    assert [(error.row, error.reason) for error in errors] == [(3, RowProblem.RAGGED_ROW), (6, RowProblem.RAGGED_ROW)]


def test_a_cell_beyond_the_limit_costs_its_row() -> None:
    """64 KiB a cell."""
    rows, errors = read(b"a;b\n" + b"x" * 70_000 + b";1\n2;3\n")

    assert [row["a"] for row in rows] == ["2"]
    assert errors == [RowError(2, "a", RowProblem.CELL_TOO_LONG)]


def test_only_the_columns_asked_for_are_built() -> None:
    """Data minimisation begins at the parser (PRI-3)."""
    with open_table(io.BytesIO(b"a;secret\n1;canary\n")) as table:
        table.check(["a"])
        batches = list(table.batches(["a"]))

    assert [batch.schema.names for batch in batches] == [["a", ROW]]


def test_row_numbers_hold_over_block_borders(tmp_path: Path) -> None:
    """Files larger than one block, with ragged rows in between."""
    lines = [f"{n};{'x' * 100}" if n % 1_000 else f"{n}" for n in range(2, 60_002)]
    path = tmp_path / "big.csv"
    path.write_text("a;b\n" + "\n".join(lines))

    rows, errors = read(path, ["a"])

    assert all(int(row["a"]) == row[ROW] for row in rows)
    assert len(rows) + len(errors) == 60_000
    assert all(error.row % 1_000 == 0 for error in errors)


def test_a_parquet_file_that_expands_too_far_is_refused_by_its_footer(tmp_path: Path) -> None:
    """The footer is believed before a row is read (SEC-9)."""
    path = tmp_path / "bomb.parquet"
    table = pa.table({"a": pa.array([str(n) * 40 for n in range(3)] * 200_000)})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)

    with pytest.raises(FileRefused, match="expands"):
        read(path)


def test_parquet_keeps_its_types_and_counts_rows_from_two(tmp_path: Path) -> None:
    """As in a sheet whose header is row 1."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2], "t": pa.array(["x", None], pa.large_string())}), path)

    assert read(path)[0] == [{"n": 1, "t": "x", ROW: 2}, {"n": 2, "t": None, ROW: 3}]
    assert read(path.read_bytes())[0] == read(path)[0]


def test_an_upload_holds_no_more_than_its_limit() -> None:
    """A stream is never spooled to a disk; memory is bounded instead."""
    with pytest.raises(FileRefused, match="command line"):
        read(b"a;b\n" + b"xxxxxxxxxx;2\n" * 100_000, held_bytes=100_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=2, max_size=2),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_is_written_as_csv_is_read_back(rows: list[list[str]]) -> None:
    """Quotation marks, delimiters and line ends inside cells survive."""
    import csv

    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    kept = [[cell or None for cell in row] for row in rows if any(row)]
    if not kept:
        return
    found, errors = read(out.getvalue().encode())

    assert [[row["a"], row["b"]] for row in found] == kept
    assert errors == []


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No other exception ever leaves (invariant 7)."""
    try:
        read(b"a;b\n" + data)
        read(data)
    except FileRefused:
        pass


def test_a_ragged_row_of_a_windows_file_is_told_too() -> None:
    """The encoding of a row does not hide its mistake."""
    rows, errors = read("a;b\nä;1\nö\nü;2\n".encode("cp1252"))

    assert [row["a"] for row in rows] == ["ä", "ü"]
    assert errors == [RowError(3, "", RowProblem.RAGGED_ROW)]
