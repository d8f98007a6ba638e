"""Reading a mapping part by part, noting every mistake with its TOML path. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from governance.catalogue import Catalogue
from governance.fields import ACTIVITY_TYPES, FieldType
from governance.mapping_types import (
    ACCOUNT,
    ATTRIBUTE,
    CONSTANTS,
    COUNTERPARTIES,
    CURRENCY,
    DATE_FORMATS,
    FOR_ALL,
    KINDS,
    SPECIAL_HEADER,
    TARGETS,
    Cell,
    ImportMapping,
    Options,
)

DATED = frozenset({"informed", "observed"})
"""Targets whose constant is a date."""


class MappingReader:
    """Reads one document, noting every mistake."""

    def __init__(self, document: dict[str, Any], catalogue: Catalogue) -> None:
        self._document, self._catalogue = document, catalogue
        self.mistakes: list[str] = []

    def read(self, wanted: str | None, digest: bytes) -> ImportMapping:
        """The mapping, to be used only if no mistake was noted."""
        kind = self._kind(wanted)
        columns = self._table("columns")
        account = columns.pop("account", None) if kind == "contacts" else None
        own, more = self._columns(columns, "columns", TARGETS[kind], kind)
        fields = {**more, **self._fields(self._table("attributes" if kind == "attributes" else "fields"), kind)}
        theirs, their_fields = self._account(account)
        self._for_all(kind, own, None if account is None else theirs)
        options = self._options()
        allowed = {"kind", "columns", "fields", "attributes", "options", *Options.__dataclass_fields__}
        self.mistakes += [
            f"{key}: unknown key; remove it or mend the spelling" for key in self._document if key not in allowed
        ]
        self._needed(kind, own, fields)
        if kind in {"contacts", "accounts"}:
            self._currency([*fields, *their_fields], options.currency)
        if account is not None and "reference" not in theirs:
            self.mistakes.append("columns.account.reference: missing; an account needs its reference")
        if kind in {"accounts", "contacts"}:
            self._legal_form(own if kind == "accounts" else theirs, fields if kind == "accounts" else their_fields)
        return ImportMapping(
            kind,
            MappingProxyType(own),
            MappingProxyType(fields),
            MappingProxyType(theirs),
            MappingProxyType(their_fields),
            options,
            digest,
        )

    def _kind(self, wanted: str | None) -> str:
        kind = self._document.get("kind", wanted)
        if kind not in KINDS:
            self.mistakes.append(f"kind: must be one of {', '.join(KINDS)}")
            return wanted or "contacts"
        if wanted is not None and kind != wanted:
            self.mistakes.append(f"kind: this mapping is for {kind}, not for {wanted}")
        return str(kind)

    def _table(self, name: str) -> dict[str, Any]:
        values = self._document.get(name, {})
        if not isinstance(values, dict):
            self.mistakes.append(f"{name}: must be a table")
            return {}
        return dict(values)

    def _columns(
        self, values: dict[str, Any], path: str, targets: frozenset[str], kind: str
    ) -> tuple[dict[str, Cell], dict[str, Cell]]:
        own, fields = {}, {}
        for key, value in values.items():
            where = f"{path}.{key}"
            if key in targets:
                cell = self._cell(where, value, constant=key in CONSTANTS)
                if cell is not None:
                    own[key] = cell
            elif kind in {"contacts", "accounts"} and key in self._catalogue.fields:
                fields.update(self._fields({key: value}, kind, path))
            else:
                self.mistakes.append(
                    f"{where}: unknown; use one of {', '.join(sorted(targets))} or a field of the catalogue"
                )
        return own, fields

    def _account(self, values: Any) -> tuple[dict[str, Cell], dict[str, Cell]]:
        if values is None:
            return {}, {}
        if not isinstance(values, dict):
            self.mistakes.append("columns.account: must be a table such as account.reference")
            return {}, {}
        return self._columns(values, "columns.account", ACCOUNT, "accounts")

    def _fields(self, values: dict[str, Any], kind: str, path: str | None = None) -> dict[str, Cell]:
        found = {}
        for key, value in values.items():
            where = f"{path or ('attributes' if kind == 'attributes' else 'fields')}.{key}"
            if kind == "attributes":
                if not ATTRIBUTE.fullmatch(key) or SPECIAL_HEADER.search(key):
                    self.mistakes.append(f"{where}: must be a lower-case word and no special category (Article 9 GDPR)")
            elif kind == "activities":
                self.mistakes.append(f"{where}: activities have no catalogue fields; use [columns]")
            elif not self._holdable(key, where):
                continue
            cell = self._cell(where, value, constant=False)
            if cell is not None:
                found[key] = cell
        return found

    def _holdable(self, key: str, where: str) -> bool:
        declared = self._catalogue.fields.get(key)
        if declared is None:
            self.mistakes.append(
                f"{where}: the catalogue has no field {key!r}; add a [[field]] there first or leave it out"
            )
        elif declared.special:
            self.mistakes.append(f"{where}: a special category of personal data (Article 9 GDPR) is not imported")
        elif declared.type in ACTIVITY_TYPES:
            self.mistakes.append(f'{where}: comes from activities; import it with kind = "activities"')
        else:
            return True
        return False

    def _cell(self, where: str, value: Any, *, constant: bool) -> Cell | None:
        if isinstance(value, str):
            return self._column(where, value.strip(), {})
        if isinstance(value, dict):
            return self._inline(where, value, constant=constant)
        if constant and isinstance(value, bool | date):
            return Cell(constant=value.date() if isinstance(value, datetime) else value)
        self.mistakes.append(f'{where}: must be the name of a column or an inline table such as {{ column = "…" }}')
        return None

    def _inline(self, where: str, value: dict[str, Any], *, constant: bool) -> Cell | None:
        unknown = set(value) - {"column", "constant", "prefix", "values", "row_number"}
        self.mistakes += [f"{where}.{key}: unknown key" for key in sorted(unknown)]
        if value.get("row_number"):
            if not where.endswith("reference"):
                self.mistakes.append(f"{where}.row_number: only a reference can be the row number")
            return Cell(row_number=str(value.get("prefix", "")))
        if "constant" in value:
            if not constant or not isinstance(value["constant"], str | bool | date):
                self.mistakes.append(f"{where}.constant: this one comes from a column")
                return None
            return self._constant(where, value["constant"])
        if not isinstance(value.get("column"), str) or not value["column"].strip():
            self.mistakes.append(f"{where}.column: missing; name the column of the file")
            return None
        return self._column(where, value["column"].strip(), value)

    def _constant(self, where: str, value: str | bool | date) -> Cell | None:
        """A constant in the type its target needs; a date may be written with or without quotes."""
        if isinstance(value, datetime):
            return Cell(constant=value.date())
        if where.rsplit(".", 1)[-1] not in DATED or not isinstance(value, str):
            return Cell(constant=value)
        try:
            return Cell(constant=date.fromisoformat(value))
        except ValueError:
            self.mistakes.append(f"{where}.constant: must be a date such as 2026-11-22")
            return None

    def _column(self, where: str, name: str, value: dict[str, Any]) -> Cell:
        if not name:
            self.mistakes.append(f"{where}: must name a column")
        if SPECIAL_HEADER.search(name):
            self.mistakes.append(
                f"{where}: the column speaks of a special category (Article 9 GDPR) and is not imported"
            )
        prefix, values = value.get("prefix"), value.get("values", {})
        if prefix is not None and (not isinstance(prefix, int) or isinstance(prefix, bool) or not 1 <= prefix <= 20):
            self.mistakes.append(f"{where}.prefix: must be a number of characters from 1 to 20")
            prefix = None
        if not isinstance(values, dict) or not all(isinstance(word, str) for word in values.values()):
            self.mistakes.append(f"{where}.values: must be a table of the file's words and ours")
            values = {}
        return Cell(column=name, prefix=prefix, values=MappingProxyType(dict(values)))

    def _legal_form(self, columns: dict[str, Cell], fields: dict[str, Cell]) -> None:
        """The legal form decides who is a person, and is a field as well where the catalogue has one."""
        if "legal_form" in columns and "legal_form" in self._catalogue.fields:
            fields.setdefault("legal_form", columns["legal_form"])
        elif "legal_form" in fields:
            columns["legal_form"] = fields["legal_form"]

    def _for_all(self, kind: str, own: dict[str, Cell], accounts: dict[str, Cell] | None) -> None:
        """`informed`, `contract_active` and `minor` may stand among the options: they then hold for accounts, too."""
        given = self._table("options")
        for key in FOR_ALL:
            if key not in given or kind not in {"contacts", "accounts"}:
                continue
            cell = self._cell(f"options.{key}", given[key], constant=True)
            if cell is not None and key in TARGETS[kind]:
                own.setdefault(key, cell)
            if cell is not None and accounts is not None and key in ACCOUNT:
                accounts.setdefault(key, cell)

    def _currency(self, keys: list[str], currency: str) -> None:
        """Money is kept in the currency of its field; nothing here converts it."""
        if not {"currency"} & {*self._document, *self._table("options")}:
            return
        for key in keys:
            declared = self._catalogue.fields[key]
            if declared.type is FieldType.MONEY and declared.unit != currency:
                self.mistakes.append(f"options.currency: {key} is kept in {declared.unit}; convert it at the source")

    def _needed(self, kind: str, columns: Mapping[str, Cell], fields: Mapping[str, Cell]) -> None:
        if kind != "activities":
            if "reference" not in columns:
                self.mistakes.append("columns.reference: missing; without it nobody is found again")
            if kind == "attributes" and not fields:
                self.mistakes.append("attributes: names no attribute")
            return
        if not {"contact", "account"} & columns.keys():
            self.mistakes.append("columns.contact: missing (or columns.account); an activity needs an owner")
        if "date" not in columns:
            self.mistakes.append("columns.date: missing")
        if "amount" not in columns and not {"quantity", "unit_price"} <= columns.keys():
            self.mistakes.append("columns.amount: missing (or columns.quantity and columns.unit_price)")

    def _options(self) -> Options:
        given = {**{key: self._document[key] for key in Options.__dataclass_fields__ if key in self._document}}
        given.update({key: value for key, value in self._table("options").items() if key not in FOR_ALL})
        choices = {
            "date_format": DATE_FORMATS,
            "decimal": ("auto", ",", "."),
            "on_duplicate": ("first", "error"),
            "counterparty": COUNTERPARTIES,
            "create_owners": (True, False),
            "unit": ("contact", "account"),
        }
        for key, value in list(given.items()):
            if key not in Options.__dataclass_fields__:
                self.mistakes.append(f"options.{key}: unknown option; remove it or mend the spelling")
            elif key in choices and (value not in choices[key] or type(value) is not type(choices[key][0])):
                words = ", ".join(
                    str(choice).lower() if key == "create_owners" else str(choice) for choice in choices[key]
                )
                self.mistakes.append(f"options.{key}: must be one of {words}")
            elif key == "currency" and not (isinstance(value, str) and CURRENCY.fullmatch(value)):
                self.mistakes.append("options.currency: must be an ISO 4217 code such as EUR")
            elif key in {"encoding", "delimiter"} and not isinstance(value, str):
                self.mistakes.append(f"options.{key}: must be a text")
            else:
                continue
            del given[key]
        return Options(**given)
