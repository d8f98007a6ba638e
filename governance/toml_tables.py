"""Reading a TOML document part by part, naming every mistake with its path instead of stopping at the first; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from governance.deadlines import DurationInvalid, parse_duration
from governance.vocabulary import Text

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Keys of purposes and fields: they stand in tables, logs and addresses as they are."""

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class TomlTable:
    """One table of the document; each reader removes its key, so that `finish` can name what nobody asked for.

    A reader that finds a mistake notes it and gives back something harmless: the result is never used.
    """

    def __init__(self, values: object, path: str, mistakes: list[str]) -> None:
        self.path = path
        self._mistakes = mistakes
        self._values: dict[str, Any] = dict(values) if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            self._mistakes.append(f"{path}: must be a table")

    def mistake(self, key: str, text: str) -> None:
        """Note a mistake at the key of this table (empty: at the table itself)."""
        where = f"{self.path}.{key}" if self.path and key else self.path or key
        self._mistakes.append(f"{where}: {text}")

    def finish(self) -> None:
        """Note every key that was not read: a misspelt word must not pass for a default."""
        for key in self._values:
            self.mistake(key, "unknown key; remove it or mend the spelling")

    def tables(self, key: str) -> Iterator[TomlTable]:
        """The tables of an array `[[key]]`."""
        values = self._values.pop(key, [])
        if not isinstance(values, list):
            self.mistake(key, f"must be an array of tables: [[{key}]]")
            return
        for position, value in enumerate(values):
            yield TomlTable(value, f"{self.path}.{key}[{position}]".lstrip("."), self._mistakes)

    def table(self, key: str) -> TomlTable:
        """A table that must be there."""
        if key not in self._values:
            self.mistake(key, "missing")
            return TomlTable({}, f"{self.path}.{key}".lstrip("."), [])
        return TomlTable(self._values.pop(key), f"{self.path}.{key}".lstrip("."), self._mistakes)

    def keys(self) -> frozenset[str]:
        """The keys that nobody read yet."""
        return frozenset(self._values)

    def has(self, key: str) -> bool:
        """Whether the key is there and not read yet."""
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty, without control characters but line ends."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value.strip():
            return self._wrong(key, value, "must be a text that is not empty", "")
        if any(ord(letter) < 32 and letter not in "\n\t" for letter in value):
            return self._wrong(key, value, "must not hold control characters", "")
        return value.strip()

    def optional_text(self, key: str) -> str | None:
        """A text, or None where the key is absent."""
        return self.text(key) if key in self._values else None

    def key(self, key: str = "key") -> str:
        """A key: lower-case letters, digits and underscores."""
        value = self.text(key)
        if value and not KEY.fullmatch(value):
            self.mistake(key, "must be at most 40 lower-case letters, digits and underscores, starting with a letter")
        return value

    def both(self, key: str) -> Text:
        """A text in both languages: { de = "…", en = "…" }."""
        part = self.table(key)
        text = Text(part.text("de"), part.text("en"))
        part.finish()
        return text

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self._take(key, default)
        return value if isinstance(value, bool) else self._wrong(key, value, "must be true or false", False)

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            return self._wrong(key, value, f"must be a whole number from {least} to {most}", default)
        return value

    def day(self, key: str) -> date:
        """A day, such as 2027-12-31 without quotes."""
        value = self._take(key, None)
        if not isinstance(value, date) or isinstance(value, datetime):
            return self._wrong(key, value, "must be a day such as 2027-12-31, without quotes", date.min)
        return value

    def choice(self, key: str, words: type[E], default: E | None = None) -> E:
        """One word of a closed list."""
        value = self._take(key, default)
        known = [word.value for word in words]
        if value not in known:
            return self._wrong(key, value, f"must be one of {', '.join(known)}", next(iter(words)))
        return words(value)

    def choices(self, key: str, words: type[E]) -> frozenset[E]:
        """Any of a closed list of words, each once."""
        known = {word.value for word in words}
        given = self.texts(key)
        for position, value in enumerate(given):
            if value not in known:
                self.mistake(f"{key}[{position}]", f"must be one of {', '.join(word.value for word in words)}")
        return frozenset(words(value) for value in given if value in known)

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """An array of texts, each once."""
        value = self._take(key, list(default) if default is not None else None)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            return self._wrong(key, value, "must be an array of texts", ())
        if len(set(value)) != len(value):
            self.mistake(key, "must not name anything twice")
        return tuple(value)

    def duration(self, key: str) -> str:
        """An ISO 8601 duration such as P24M."""
        value = self.text(key)
        if value:
            try:
                parse_duration(value)
            except DurationInvalid as error:
                self.mistake(key, str(error))
        return value

    def optional_duration(self, key: str) -> str | None:
        """An ISO 8601 duration, or None where the key is absent."""
        return self.duration(key) if key in self._values else None

    def _take(self, key: str, default: object) -> Any:
        return self._values.pop(key, default)

    def _wrong(self, key: str, value: object, text: str, harmless: T) -> T:
        self.mistake(key, "missing" if value is None else text)
        return harmless
