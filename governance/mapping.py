"""The mapping of a file's columns: an allow-list in TOML; a column it does not name is never built (PRI-3). Pure.

Every mistake is named with its TOML path. docs/mapping.md has the whole vocabulary with examples.
"""

from __future__ import annotations

import hashlib
import tomllib

from governance.catalogue import Catalogue
from governance.mapping_reader import MappingReader
from governance.mapping_types import COUNTERPARTIES, SPECIAL_HEADER, Cell, ImportMapping, MappingInvalid, Options

__all__ = ["COUNTERPARTIES", "SPECIAL_HEADER", "Cell", "ImportMapping", "MappingInvalid", "Options", "parse_mapping"]


def parse_mapping(text: str, catalogue: Catalogue, kind: str | None = None) -> ImportMapping:
    """Read a mapping and hold it against the catalogue.

    Args:
        text: the TOML.
        catalogue: the fields that may be held at all.
        kind: what the caller imports; must be the mapping's own kind.

    Raises:
        MappingInvalid: with all mistakes, each with its path.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib raises both
        raise MappingInvalid([f"not TOML: {error}"]) from None
    reader = MappingReader(document, catalogue)
    found = reader.read(kind, hashlib.sha256(text.encode()).digest())
    if reader.mistakes:
        raise MappingInvalid(reader.mistakes)
    return found
