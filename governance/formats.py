"""What a table file may be, what was found out about it, and how a bad row is told; pure.

A row error holds the row, the column and a reason from a closed list, never the value: an error list is read by people
who may not see the contact (Article 5(1)(c) and (f) GDPR).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from audit.errors import BadInput
from governance.vocabulary import Text

ROW = "\x00row"
"""Column of row numbers in every batch (the header is row 1); no file can hold a column of that name."""

DECIMAL_COMMA, DECIMAL_POINT = ",", "."


class FileRefused(BadInput):
    """The file as a whole cannot be taken; nothing of it was kept."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one file; each can be set by the operator (ASVS 5.2.1 to 5.2.3)."""

    file_bytes: int = 2 * 1024**3
    columns: int = 1_000
    cell_bytes: int = 64 * 1024
    expansion: int = 100
    """Most bytes that one byte of a compressed file may become."""
    expansion_floor: int = 1024 * 1024
    """Expansion is not judged below this many bytes: a small file of equal rows is no bomb."""
    held_bytes: int = 512 * 1024**2
    """Most bytes of mapped cells held in memory for a stream, which cannot be read twice."""
    row_bytes: int = 4 * 1024**2


@dataclass(frozen=True)
class Detected:
    """How the file was read; for the report and the person who wonders about a date."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    bom: bool = False
    compression: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    ambiguous: tuple[str, ...] = ()
    """What could be read in two ways: `decimal`, `date_format`; the mapping can settle it."""

    def to_json(self) -> dict[str, Any]:
        """All of it, with a sentence for each thing that was chosen rather than known."""
        return {
            "format": self.format,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "bom": self.bom,
            "compression": self.compression,
            "decimal": self.decimal,
            "date_format": self.date_format,
            "ambiguous": [{"what": what, **AMBIGUITY[what]} for what in self.ambiguous],
        }

    def with_values(self, **changes: Any) -> Detected:
        """The same with more found out."""
        return replace(self, **changes)


AMBIGUITY: dict[str, dict[str, str]] = {
    "decimal": {
        "de": "Zahlen wie 1.234 sind mehrdeutig; options.decimal in der Zuordnung legt das Zeichen fest.",
        "en": "Numbers such as 1,234 can be read in two ways; set options.decimal in the mapping.",
    },
    "date_format": {
        "de": "Tag und Monat sind nicht zu unterscheiden; options.date_format in der Zuordnung legt es fest.",
        "en": "Day and month cannot be told apart; set options.date_format in the mapping.",
    },
}


class RowProblem(StrEnum):
    """Why a row or a cell was not taken."""

    RAGGED_ROW = "ragged_row"
    CELL_TOO_LONG = "cell_too_long"
    REFERENCE_MISSING = "reference_missing"
    REFERENCE_REPEATED = "reference_repeated"
    NOT_A_NUMBER = "not_a_number"
    NOT_AN_INTEGER = "not_an_integer"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_DATE = "not_a_date"
    DATE_MISSING = "date_missing"
    NOT_YES_OR_NO = "not_yes_or_no"
    NOT_A_LEVEL = "not_a_level"
    NOT_A_CURRENCY = "not_a_currency"
    NOT_A_COUNTERPARTY = "not_a_counterparty"
    NOT_A_KIND = "not_a_kind"
    TEXT_TOO_LONG = "text_too_long"
    EMAIL_NOT_UNDERSTOOD = "email_not_understood"
    PHONE_NOT_UNDERSTOOD = "phone_not_understood"
    PARENT_IS_ITSELF = "parent_is_itself"
    AMOUNT_MISSING = "amount_missing"
    OWNER_MISSING = "owner_missing"
    OWNER_UNKNOWN = "owner_unknown"
    ERASURE_UNDER_WAY = "erasure_under_way"
    VALUE_MISSING = "value_missing"


MEND: dict[RowProblem, Text] = {
    RowProblem.RAGGED_ROW: Text(
        "Die Zeile hat eine andere Spaltenzahl als die Kopfzeile; Werte mit Trennzeichen in Anführungszeichen setzen.",
        "The row has another number of columns than the header; put values that hold the delimiter in quotation marks.",
    ),
    RowProblem.CELL_TOO_LONG: Text("Den Wert kürzen.", "Shorten the value."),
    RowProblem.REFERENCE_MISSING: Text("Eine Kundennummer eintragen.", "Fill in the reference."),
    RowProblem.REFERENCE_REPEATED: Text(
        "Die Kundennummer kommt mehrfach vor; eine Zeile behalten.",
        "The reference occurs more than once; keep one row.",
    ),
    RowProblem.NOT_A_NUMBER: Text(
        "Eine Zahl eintragen oder options.decimal in der Zuordnung setzen.",
        "Fill in a number, or set options.decimal in the mapping.",
    ),
    RowProblem.NOT_AN_INTEGER: Text("Eine ganze Zahl eintragen.", "Fill in a whole number."),
    RowProblem.OUT_OF_RANGE: Text(
        "Der Wert ist zu groß oder zu klein; prüfen.", "The value is too large or too small; check it."
    ),
    RowProblem.NOT_A_DATE: Text(
        "Ein Datum wie 31.12.2025 oder 2025-12-31 eintragen oder options.date_format setzen.",
        "Fill in a date such as 2025-12-31, or set options.date_format in the mapping.",
    ),
    RowProblem.DATE_MISSING: Text("Ein Datum eintragen.", "Fill in a date."),
    RowProblem.NOT_YES_OR_NO: Text("ja oder nein eintragen.", "Fill in yes or no."),
    RowProblem.NOT_A_LEVEL: Text(
        "Einen Wert verwenden, den der Katalog für dieses Feld nennt, oder `values` in der Zuordnung ergänzen.",
        "Use a value that the catalogue names for this field, or add it to `values` in the mapping.",
    ),
    RowProblem.NOT_A_CURRENCY: Text("Einen ISO-4217-Code wie EUR eintragen.", "Fill in an ISO 4217 code such as EUR."),
    RowProblem.NOT_A_COUNTERPARTY: Text(
        "business, consumer oder unknown eintragen.", "Fill in business, consumer or unknown."
    ),
    RowProblem.NOT_A_KIND: Text(
        "order, return oder ein kurzes Wort in Kleinbuchstaben eintragen oder `values` ergänzen.",
        "Fill in order, return or a short lower-case word, or add it to `values` in the mapping.",
    ),
    RowProblem.TEXT_TOO_LONG: Text("Höchstens 200 Zeichen; kein Freitext.", "At most 200 characters; no free text."),
    RowProblem.EMAIL_NOT_UNDERSTOOD: Text(
        "Die E-Mail-Adresse richtigstellen; der Kontakt wurde ohne sie übernommen.",
        "Correct the e-mail address; the contact was taken without it.",
    ),
    RowProblem.PHONE_NOT_UNDERSTOOD: Text(
        "Die Telefonnummer mit Ländervorwahl angeben; der Kontakt wurde ohne sie übernommen.",
        "Give the phone number with its country code; the contact was taken without it.",
    ),
    RowProblem.PARENT_IS_ITSELF: Text(
        "Die Muttergesellschaft ist das Konto selbst; leeren.", "The parent is the account itself; empty it."
    ),
    RowProblem.AMOUNT_MISSING: Text(
        "Betrag oder Menge und Stückpreis eintragen.", "Fill in the amount, or quantity and unit price."
    ),
    RowProblem.OWNER_MISSING: Text("Die Kundennummer des Vorgangs eintragen.", "Fill in whose activity this is."),
    RowProblem.OWNER_UNKNOWN: Text(
        "Zuerst den Kontakt importieren oder options.create_owners setzen.",
        "Import the contact first, or set options.create_owners.",
    ),
    RowProblem.ERASURE_UNDER_WAY: Text(
        "Die Löschung läuft noch; nach ihrem Abschluss erneut importieren.",
        "Erasure is under way; import again once it is complete.",
    ),
    RowProblem.VALUE_MISSING: Text("Einen Wert eintragen.", "Fill in a value."),
}

KEPT_WITHOUT: frozenset[RowProblem] = frozenset({RowProblem.EMAIL_NOT_UNDERSTOOD, RowProblem.PHONE_NOT_UNDERSTOOD})
"""Problems that cost a cell, not the row."""


@dataclass(frozen=True, order=True)
class RowError:
    """A row that was not taken (or one of its cells), without its value; the header is row 1."""

    row: int
    column: str
    reason: RowProblem

    @property
    def mend(self) -> Text:
        """How to mend it."""
        return MEND[self.reason]

    def to_json(self) -> dict[str, Any]:
        """Row, column, reason and how to mend it in both languages."""
        return {
            "row": self.row,
            "column": self.column,
            "reason": self.reason.value,
            "mend": {"de": self.mend.de, "en": self.mend.en},
        }
