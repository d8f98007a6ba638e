"""Reading a JSON document of a closed vocabulary: every refusal names its JSON path; pure.

Nothing is evaluated, nothing unknown is skipped: a key that the vocabulary does not have is a mistake, because it is
most likely a misspelt rule that would otherwise silently not apply.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from governance.vocabulary import Text
from segmentation.errors import DefinitionInvalid, Mistake

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

TOKEN = re.compile(r"[a-z][a-z0-9_]{0,63}")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MAX_DEPTH = 32
MAX_TEXT = 200
LARGEST = 1e18
"""No amount, count or share is larger; 64-bit integers hold it."""


@dataclass(frozen=True)
class Node:
    """A value of the document and the path that leads to it."""

    value: Any
    path: str = "$"

    def fail(self, what: str) -> DefinitionInvalid:
        """The refusal that names this place."""
        return DefinitionInvalid(Mistake(self.path, what))

    def has(self, key: str) -> bool:
        """Whether the object has that key."""
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str) -> Node:
        """The value under a key that must be there."""
        if not self.has(key):
            raise self.fail(f"the key {key!r} is missing")
        return Node(self.value[key], f"{self.path}.{key}")

    def object(self, *, allowed: Collection[str]) -> Node:
        """This value, an object with no other keys than the allowed ones."""
        if not isinstance(self.value, dict):
            raise self.fail("must be an object")
        unknown = sorted(key for key in self.value if key not in allowed)
        if unknown:
            known = ", ".join(sorted(allowed))
            raise self.fail(f"unknown key {_shown(unknown[0])}; known here: {known}")
        return self

    def items(self, *, least: int = 0, most: int = 1000) -> list[Node]:
        """The members of an array."""
        if not isinstance(self.value, list):
            raise self.fail("must be an array")
        if not least <= len(self.value) <= most:
            raise self.fail(f"must have {least} to {most} items, has {len(self.value)}")
        return [Node(item, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    def token(self) -> str:
        """A key: lower-case letters, digits and underscores, a letter first."""
        if not isinstance(self.value, str) or not TOKEN.fullmatch(self.value):
            raise self.fail("must be a key of lower-case letters, digits and underscores, at most 64 long")
        return self.value

    def text(self) -> str:
        """A short text without control characters, halves of a pair and changes of direction."""
        if not isinstance(self.value, str) or not self.value.strip() or len(self.value) > MAX_TEXT:
            raise self.fail(f"must be a text of 1 to {MAX_TEXT} characters")
        if UNSEEN.search(self.value):
            raise self.fail("holds a character that cannot be seen")
        return self.value

    def both_languages(self) -> Text:
        """A text in German and English."""
        self.object(allowed=("de", "en"))
        return Text(self.at("de").text(), self.at("en").text())

    def integer(self, least: int, most: int) -> int:
        """A whole number within bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= most:
            raise self.fail(f"must be a whole number from {least} to {most}")
        return self.value

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.fail("must be a number")
        if not -LARGEST <= self.value <= LARGEST:
            raise self.fail(f"must be a number from -{LARGEST:g} to {LARGEST:g}")
        return float(self.value)

    def one_of(self, kind: type[E]) -> E:
        """A word of an enumeration."""
        try:
            return kind(self.value)
        except ValueError:
            raise self.fail(f"must be one of: {', '.join(member.value for member in kind)}") from None


def _shown(key: str) -> str:
    return repr(key) if TOKEN.fullmatch(key) else "that is not a plain key"


def read_json(text: str) -> Node:
    """The document behind a text; duplicate keys and non-finite numbers are refused."""
    try:
        return Node(json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant))
    except RecursionError:
        raise DefinitionInvalid(Mistake("$", "is nested too deeply")) from None
    except json.JSONDecodeError as error:
        raise DefinitionInvalid(
            Mistake("$", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
        ) from None
    except ValueError:
        raise DefinitionInvalid(Mistake("$", "holds a number of thousands of digits")) from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise DefinitionInvalid(Mistake("$", "a key stands twice in one object"))
    return seen


def _no_constant(_name: str) -> float:
    raise DefinitionInvalid(Mistake("$", "NaN and Infinity are not numbers of JSON"))


def each(nodes: Sequence[Node], read: Callable[[Node], T]) -> list[T]:
    """Read every node; all mistakes are gathered before the refusal."""
    done: list[T] = []
    mistakes: list[Mistake] = []
    for node in nodes:
        try:
            done.append(read(node))
        except DefinitionInvalid as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise DefinitionInvalid(*mistakes)
    return done


def no_doubles(nodes: Sequence[Node], keys: Sequence[str]) -> None:
    """Refuse a key that stands twice."""
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise nodes[index].fail(f"the key {key!r} stands twice")


def canonical(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, UTF-8, floats by shortest repr."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(document: str) -> bytes:
    """SHA-256 of a canonical document."""
    return hashlib.sha256(document.encode()).digest()
