"""What a mapping says, as values: which column feeds what, and how cells are read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from audit.errors import BadInput
from governance.identity import IDENTITY_FIELDS

KINDS = ("contacts", "accounts", "activities", "attributes")
PERSON = frozenset({"reference", *IDENTITY_FIELDS, "informed", "contract_active", "counterparty", "minor", "observed"})
ACCOUNT = frozenset(
    {"reference", "parent", *IDENTITY_FIELDS, "legal_form", "informed", "contract_active", "counterparty", "observed"}
)
ACTIVITY = frozenset(
    {"contact", "account", "date", "amount", "quantity", "unit_price", "kind", "occasion", "category", "currency"}
)
TARGETS: Mapping[str, frozenset[str]] = {
    "contacts": PERSON,
    "accounts": ACCOUNT,
    "activities": ACTIVITY,
    "attributes": frozenset({"reference"}),
}
CONSTANTS = frozenset(
    {"informed", "contract_active", "counterparty", "minor", "currency", "kind", "observed", "country"}
)
COUNTERPARTIES = ("business", "consumer", "unknown")
DATE_FORMATS = ("auto", "german", "iso", "day_first", "month_first", "compact")
FOR_ALL = ("informed", "contract_active", "minor")
CURRENCY = re.compile(r"[A-Z]{3}")
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,39}")
SPECIAL_HEADER = re.compile(
    r"religio|konfession|glaube|gesundheit|krankh|diagnos|behinder|schwerbeh|health|medical|disab|ethni"
    r"|(?<!st)(?<!ter)rasse|\brace\b|gewerkschaft|trade.?union|sexual|politi|biometr|genet|kirchensteuer"
    # Standing alone or beside a word that makes them personal; a lead has an origin and a contract has parties.
    r"|^\W*herkunft\W*$|(sozial|kultur|famili|national|region)\w*[\W_]*herkunft|herkunfts(land|staat|sprache)"
    r"|^\W*partei\W*$|partei(mitglied|zugeh|buch|pr(ä|ae)fer|n(ä|ae)he)|(wahl|gewählte)[\W_]*partei",
    re.IGNORECASE,
)
"""Headers that speak of Article 9 GDPR data: refused even under a harmless field name."""


class MappingInvalid(BadInput):
    """The mapping has mistakes; each is named with its TOML path."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("the mapping cannot be used:\n" + "\n".join(self.mistakes))


@dataclass(frozen=True)
class Cell:
    """Where a value comes from: a column, a constant, or the row number."""

    column: str | None = None
    constant: str | bool | date | None = None
    prefix: int | None = None
    """Keep only that many characters: a postcode region instead of a postcode."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The file's words → ours."""
    row_number: str | None = None
    """Make a reference of this text and the row number."""


@dataclass(frozen=True)
class Options:
    """How cells are read and rows are judged."""

    date_format: str = "auto"
    decimal: str = "auto"
    currency: str = "EUR"
    on_duplicate: str = "first"
    counterparty: str | None = None
    create_owners: bool = False
    unit: str = "contact"
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class ImportMapping:
    """A mapping that holds together with the catalogue."""

    kind: str
    columns: Mapping[str, Cell]
    fields: Mapping[str, Cell]
    """Catalogue field (or protected attribute) → cell."""
    account_columns: Mapping[str, Cell]
    account_fields: Mapping[str, Cell]
    options: Options
    digest: bytes
    """SHA-256 of the text."""

    def source_columns(self) -> tuple[str, ...]:
        """The columns of the file that are used, each once, in the order of the mapping."""
        parts = (self.columns, self.fields, self.account_columns, self.account_fields)
        named = [cell.column for part in parts for cell in part.values() if cell.column is not None]
        return tuple(dict.fromkeys(named))

    def check_columns(self, present: Sequence[str]) -> None:
        """Refuse a mapping that names a column which the file does not have.

        Raises:
            MappingInvalid: names the path; the file's own headers are not repeated.
        """
        missing = [
            f"{path}: the file has no column {cell.column!r}"
            for path, cell in self._paths()
            if cell.column is not None and cell.column not in present
        ]
        if missing:
            raise MappingInvalid(missing)

    def _paths(self) -> Iterator[tuple[str, Cell]]:
        for head, part in (("columns", self.columns), ("fields", self.fields)):
            yield from ((f"{head}.{key}", cell) for key, cell in part.items())
        for part in (self.account_columns, self.account_fields):
            yield from ((f"columns.account.{key}", cell) for key, cell in part.items())
