"""CSV after RFC 4180 that no spreadsheet program takes for a formula, and that leaves phone numbers whole; pure.

A text cell whose first visible character is = + - @ (or their full-width forms), or that begins with a tab, line
break or NUL, gets an apostrophe in front (ASVS 1.2.10). Two kinds of cells are exempt by their column, never by their
look: numbers that we wrote ourselves, and E.164 numbers in a phone column. Text is always quoted. See docs/export.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

BOM = "\ufeff"
LINE_END = "\r\n"
FORMULA_STARTS = frozenset("=+-@＝＋－＠")
CONTROL_STARTS = frozenset("\t\r\n\x00")
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def text_cell(value: str | None) -> str:
    """A quoted cell that stays text in every spreadsheet program."""
    if value is None:
        return ""
    return '"' + _harmless(value).replace('"', '""') + '"'


def phone_cell(value: str | None) -> str:
    """A cell of a phone column: an E.164 number stays as it is, anything else is text."""
    if value is not None and E164.fullmatch(value):
        return f'"{value}"'
    return text_cell(value)


def number_cell(value: str | None) -> str:
    """A number that we formatted: digits, at most one point and a leading minus.

    Raises:
        ValueError: it is not one; text must never pass as a number.
    """
    if value is None:
        return ""
    if not NUMBER.fullmatch(value):
        raise ValueError("not a number that we wrote")
    return value


def line(cells: Iterable[str]) -> str:
    """One record from cells that are ready."""
    return ",".join(cells) + LINE_END


def _harmless(value: str) -> str:
    """The value without NUL, led by an apostrophe where a spreadsheet program would calculate."""
    visible = value.lstrip(" \u00a0\u200b\ufeff")
    dangerous = visible[:1] in FORMULA_STARTS or visible[:1] in CONTROL_STARTS if visible else False
    return ("'" if dangerous else "") + value.replace("\x00", "")
