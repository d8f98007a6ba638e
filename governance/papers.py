"""A document that the law asks for, as data: headings with their article, lines with values, in both languages; pure.

One shape for the record of processing, the evidence of a segment, the impact assessment and the inventory of systems,
so that page, PDF and JSON say the same and two states can be compared line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from governance.vocabulary import Language, Text

__all__ = ["Change", "Line", "Paper", "Part", "both", "changes", "lines_of"]


def both(value: object) -> Text:
    """A value that reads the same in both languages, such as a name or a number."""
    return Text(str(value), str(value))


@dataclass(frozen=True)
class Line:
    """One statement. `key` names it for comparison within its part; no value means that it is not known."""

    key: str
    label: Text
    values: tuple[Text, ...] = ()
    open: bool = False
    """Somebody has to add this: the system does not know it."""
    code: bool = False
    """Values are digests or other marks for machines."""

    def to_json(self, language: Language) -> dict[str, Any]:
        """The line in one language."""
        return {
            "key": self.key,
            "label": self.label.in_language(language),
            "values": [value.in_language(language) for value in self.values],
            "open": self.open,
            "code": self.code,
        }


@dataclass(frozen=True)
class Part:
    """Some lines under a heading, with the provision that asks for them."""

    key: str
    heading: Text
    source: Text
    lines: tuple[Line, ...]
    note: Text | None = None

    def to_json(self, language: Language) -> dict[str, Any]:
        """The part in one language."""
        return {
            "key": self.key,
            "heading": self.heading.in_language(language),
            "source": self.source.in_language(language),
            "note": self.note.in_language(language) if self.note else "",
            "lines": [line.to_json(language) for line in self.lines],
        }


@dataclass(frozen=True)
class Paper:
    """A whole document."""

    kind: str
    title: Text
    lead: Text
    controller: str
    parts: tuple[Part, ...]

    @property
    def open_lines(self) -> tuple[tuple[Part, Line], ...]:
        """What somebody has still to add."""
        return tuple((part, line) for part in self.parts for line in part.lines if line.open)

    def to_json(self, language: Language) -> dict[str, Any]:
        """The paper in one language."""
        return {
            "kind": self.kind,
            "language": language,
            "title": self.title.in_language(language),
            "lead": self.lead.in_language(language),
            "controller": self.controller,
            "open": len(self.open_lines),
            "parts": [part.to_json(language) for part in self.parts],
        }


@dataclass(frozen=True)
class Change:
    """One line that differs between two states; empty where it was not there."""

    part: Text
    line: Text
    before: tuple[Text, ...]
    after: tuple[Text, ...]

    @property
    def word(self) -> str:
        """added, removed or changed."""
        if not self.before:
            return "added"
        return "changed" if self.after else "removed"

    def to_json(self, language: Language) -> dict[str, Any]:
        """The change in one language."""
        return {
            "change": self.word,
            "part": self.part.in_language(language),
            "line": self.line.in_language(language),
            "before": [value.in_language(language) for value in self.before],
            "after": [value.in_language(language) for value in self.after],
        }


def lines_of(paper: Paper) -> Iterator[tuple[tuple[str, str], Part, Line]]:
    """Every line with what names it."""
    for part in paper.parts:
        for line in part.lines:
            yield (part.key, line.key), part, line


def changes(before: Paper, after: Paper) -> tuple[Change, ...]:
    """What differs, in the order of the later state; what is gone comes last."""
    old = {name: (part, line) for name, part, line in lines_of(before)}
    found = []
    for name, part, line in lines_of(after):
        was = old.pop(name, None)
        earlier = was[1].values if was else ()
        if earlier != line.values:
            found.append(Change(part.heading, line.label, earlier, line.values))
    found += [Change(part.heading, line.label, line.values, ()) for part, line in old.values() if line.values]
    return tuple(found)
