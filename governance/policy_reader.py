"""Reading a small JSON document of a closed vocabulary with the path of each mistake; pure.

Nothing is evaluated, a key nobody knows is a mistake, and a message names the place, never the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from audit.errors import BadInput

TOKEN = re.compile(r"[a-z][a-z0-9_]{0,63}")
LONGEST_TEXT = 2_000


class DocumentInvalid(BadInput):
    """A document does not validate; says which document, where in it, and how to mend it."""

    def __init__(self, document: str, path: str, what: str) -> None:
        super().__init__(f"{document}: {path} {what}.")
        self.path = path


class Place:
    """A value in a document, with the path to it."""

    def __init__(self, document: str, value: Any, path: str = "$") -> None:
        self.document, self.value, self.path = document, value, path

    def fail(self, what: str) -> DocumentInvalid:
        """The mistake at this place."""
        return DocumentInvalid(self.document, self.path, what)

    def has(self, key: str) -> bool:
        """Whether a value other than null stands under the key."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def at(self, key: str) -> Place:
        """The value under a required key."""
        if not self.has(key):
            raise Place(self.document, None, f"{self.path}.{key}").fail("is missing")
        return Place(self.document, self.value[key], f"{self.path}.{key}")

    def members(self) -> list[tuple[str, Place]]:
        """Keys and values of an object whose keys are free words of the form a-z, 0-9 and underscore."""
        if not isinstance(self.value, dict):
            raise self.fail("must be an object")
        for key in self.value:
            if not TOKEN.fullmatch(key):
                raise self.fail("has a key that is not a word of a-z, 0-9 and underscore")
        return [(key, Place(self.document, value, f"{self.path}.{key}")) for key, value in self.value.items()]

    def items(self, least: int = 1) -> list[Place]:
        """The values of a list with at least *least* of them."""
        if not isinstance(self.value, list) or len(self.value) < least:
            raise self.fail(f"must be a list of {least} or more")
        return [Place(self.document, value, f"{self.path}[{n}]") for n, value in enumerate(self.value)]

    def only(self, keys: Collection[str]) -> Place:
        """This object, if it has no other keys than these."""
        if not isinstance(self.value, dict):
            raise self.fail("must be an object")
        for key in self.value:
            if key not in keys:
                shown = f"has the key {key!r}" if TOKEN.fullmatch(key) else "has a key"
                raise self.fail(f"{shown} that is not known here; known are {', '.join(sorted(keys))}")
        return self

    def token(self) -> str:
        """A word of a-z, 0-9 and underscore, at most 64 long."""
        if not isinstance(self.value, str) or not TOKEN.fullmatch(self.value):
            raise self.fail("must be a word of a-z, 0-9 and underscore that begins with a letter")
        return self.value

    def text(self, longest: int = LONGEST_TEXT) -> str:
        """Printable text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip() or len(self.value) > longest:
            raise self.fail(f"must be a text of 1 to {longest} characters")
        if not self.value.isprintable():
            raise self.fail("holds a character that cannot be printed")
        return self.value.strip()

    def one_of(self, words: Collection[str]) -> str:
        """One of the given words."""
        if not isinstance(self.value, str) or self.value not in words:
            raise self.fail(f"must be one of {', '.join(sorted(words))}")
        return self.value

    def integer(self, least: int, most: int) -> int:
        """A whole number within bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= most:
            raise self.fail(f"must be a whole number from {least} to {most}")
        return self.value

    def number(self, above: float, most: float) -> float:
        """A finite number above one bound and up to the other."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.fail("must be a number")
        if not above < self.value <= most:
            raise self.fail(f"must be above {above:g} and at most {most:g}")
        return float(self.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.fail("must be true or false")
        return self.value


def read_document(document: str, text: str) -> Place:
    """Parse JSON strictly: no duplicate keys, no NaN.

    Raises:
        DocumentInvalid: it is not such JSON.
    """
    try:
        return Place(document, json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant))
    except json.JSONDecodeError as mistake:
        raise DocumentInvalid(document, f"line {mistake.lineno}, column {mistake.colno}:", "this is not JSON") from None
    except (ValueError, RecursionError):
        raise DocumentInvalid(document, "$", "names a key twice, holds NaN, or is nested too deeply") from None


def canonical_json(value: Any) -> str:
    """The document as one fixed text: sorted keys, no spaces, so that its digest is stable."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _no_constant(_: str) -> None:
    raise ValueError("not a JSON number")
