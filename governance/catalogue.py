"""The controller's catalogue of purposes and fields, read from TOML; every mistake is named with its path.

Nothing is processed for a purpose that is not declared here, and no field reaches a purpose it does not name
(invariant 10). Pure but for `load_catalogue`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from audit.errors import BadInput
from governance.alarms import DEFAULTS, Thresholds, read_thresholds
from governance.catalogue_reader import read_controller, read_fields, read_purposes
from governance.controller import Controller
from governance.errors import CatalogueInvalid, FieldNotPermitted, UnknownPurpose
from governance.fields import Field
from governance.log_retention import read_log_retention
from governance.purposes import Purpose
from governance.toml_tables import TomlTable

MOST_BYTES = 1_048_576
"""A catalogue is a text that people read."""


@dataclass(frozen=True)
class Catalogue:
    """Everything the controller declared, as one value."""

    controller: Controller
    purposes: Mapping[str, Purpose]
    """Key → purpose, in the order of the document."""
    fields: Mapping[str, Field]
    """Key → field, in the order of the document."""
    digest: bytes
    """SHA-256 of the document: runs and facts name the version they followed."""
    document: str
    alarms: Thresholds = DEFAULTS
    log_kept: str | None = None
    """How long entries of the log keep their bytes; None: for ever."""

    def purpose(self, key: str) -> Purpose:
        """The purpose of that key.

        Raises:
            UnknownPurpose: the catalogue declares none.
        """
        if key not in self.purposes:
            raise UnknownPurpose(key)
        return self.purposes[key]

    def permitted_fields(self, purpose: Purpose | str) -> tuple[Field, ...]:
        """The fields this purpose may use, in the order of the document."""
        key = purpose if isinstance(purpose, str) else purpose.key
        self.purpose(key)
        return tuple(field for field in self.fields.values() if key in field.purposes)

    def field_for(self, key: str, purpose: Purpose | str) -> Field:
        """The field of that key, if the purpose may use it (PRI-1).

        Raises:
            FieldNotPermitted: it may not, or there is no such field; says which and why.
            UnknownPurpose: the catalogue declares no such purpose.
        """
        wanted = self.purpose(purpose if isinstance(purpose, str) else purpose.key)
        field = self.fields.get(key)
        if field is None:
            raise FieldNotPermitted(key, wanted.key, "the catalogue has no such field")
        if wanted.key not in field.purposes:
            declared = ", ".join(sorted(field.purposes)) or "no purpose"
            raise FieldNotPermitted(key, wanted.key, f"the catalogue declares it for {declared} only")
        return field


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue.

    Raises:
        CatalogueInvalid: with all mistakes, each with its path in the document.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib raises both
        raise CatalogueInvalid([f"not TOML: {error}"]) from None
    mistakes: list[str] = []
    root = TomlTable(document, "", mistakes)
    controller = read_controller(root.table("controller"))
    purposes = read_purposes(root, controller)
    fields = read_fields(root, purposes)
    alarms, log_kept = read_thresholds(root), read_log_retention(root)
    root.finish()
    if mistakes:
        raise CatalogueInvalid(mistakes)
    digest = hashlib.sha256(text.encode()).digest()
    return Catalogue(controller, MappingProxyType(purposes), MappingProxyType(fields), digest, text, alarms, log_kept)


def load_catalogue(path: Path) -> Catalogue:
    """Read the catalogue file.

    Raises:
        BadInput: it is missing, too large or not UTF-8.
        CatalogueInvalid: it has mistakes.
    """
    try:
        data = path.read_bytes()
    except OSError:
        raise BadInput(f"no catalogue at {path}; run `lauter init` or set the home") from None
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path} is larger than {MOST_BYTES} bytes; a catalogue is a text that people read")
    try:
        return parse_catalogue(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8; save it as UTF-8") from None
