"""Which column of a file of consents or facts holds what: by a TOML mapping, or by the names of the columns; pure."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.workflows.consent_words import COLUMNS, GUESSES, NEEDED
from audit.errors import BadInput
from governance.vocabulary import Unit

DATE_FORMATS = ("auto", "german", "iso", "compact", "day_first", "month_first")


@dataclass(frozen=True)
class FileWords:
    """What a kind of file may hold."""

    kind: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    guesses: Mapping[str, tuple[str, ...]]
    """Column → names under which it is found without a mapping."""


CONSENTS = FileWords("consents", COLUMNS, NEEDED, GUESSES)


@dataclass(frozen=True)
class ConsentMapping:
    """Which column holds what; `constants` stand in every row; `values` translate a file's own words."""

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unit: Unit = Unit.CONTACT
    date_format: str = "auto"
    digest: bytes = b""

    def word(self, target: str, cell: str | None) -> str:
        """The cell of a row, translated; empty where there is none."""
        found = (cell if target in self.columns else self.constants.get(target)) or ""
        return self.values.get(target, {}).get(found.strip(), found.strip())


def read_mapping(text: str | None, present: Sequence[str], words: FileWords = CONSENTS) -> ConsentMapping:
    """The mapping as the TOML says, or by the names of the columns without one.

    Raises:
        BadInput: a key is not known, or a needed column is not there; every mistake is named with its path.
    """
    if text is None:
        found = {_plain(name): name for name in present}
        columns = {
            key: found[guess] for key, names in words.guesses.items() for guess in reversed(names) if guess in found
        }
        return _checked(
            ConsentMapping(columns, digest=_digest(json.dumps(columns, sort_keys=True))), present, words, []
        )
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib raises both
        raise BadInput(f"the mapping is not TOML: {error}") from None
    mistakes = [f"{key}: not known" for key in document.keys() - {"kind", "columns", "constants", "values", "options"}]
    if document.get("kind", words.kind) != words.kind:
        mistakes.append(f"kind: this is a mapping of {words.kind}")
    parts: dict[str, dict[str, Any]] = {
        name: document.get(name, {}) for name in ("columns", "constants", "values", "options")
    }
    for name in ("columns", "constants", "values"):
        known = set(words.columns)
        mistakes += [f"{name}.{key}: not one of {', '.join(words.columns)}" for key in parts[name].keys() - known]
    mistakes += [f"options.{key}: not known" for key in parts["options"].keys() - {"unit", "date_format"}]
    unit, date_format = parts["options"].get("unit", "contact"), parts["options"].get("date_format", "auto")
    if unit not in set(Unit):
        mistakes.append("options.unit: contact or account")
    if date_format not in DATE_FORMATS:
        mistakes.append(f"options.date_format: one of {', '.join(DATE_FORMATS)}")
    mapping = ConsentMapping(
        columns={key: str(name) for key, name in parts["columns"].items()},
        constants={key: str(value) for key, value in parts["constants"].items()},
        values={key: {str(a): str(b) for a, b in pairs.items()} for key, pairs in parts["values"].items()},
        unit=Unit(unit) if unit in set(Unit) else Unit.CONTACT,
        date_format=str(date_format),
        digest=_digest(text),
    )
    return _checked(mapping, present, words, mistakes)


def _checked(mapping: ConsentMapping, present: Sequence[str], words: FileWords, mistakes: list[str]) -> ConsentMapping:
    for key, name in mapping.columns.items():
        if name not in present:
            mistakes.append(f"columns.{key}: the file has no such column")
    for key in words.needed:
        if key not in mapping.columns and key not in mapping.constants:
            mistakes.append(f"columns.{key}: missing; name the column that holds the {key}")
    if mistakes:
        raise BadInput("the mapping has mistakes:\n" + "\n".join(sorted(mistakes)))
    return mapping


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_").replace(".", "")
