"""What an import of consents did: counts, reasons and rows, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from api.workflows.consent_rows import ConsentNote
from governance.formats import Detected

MOST_NOTES = 1_000
"""Rows told one by one; the others are counted by column and reason."""


@dataclass(frozen=True)
class ConsentImport:
    """The answer to an import of consents: rows = given + denied + unknown + other + unchanged + refused + failed."""

    dry_run: bool
    number: int | None
    rows: int
    given: int
    denied: int
    unknown: int
    """A yes without evidence, date, notice or channel, or an answer that says so itself: permits nothing."""
    other: int
    """Requests that nobody answered yet."""
    unchanged: int
    refused: int
    """Rows that would have raised what was denied."""
    failed: int
    dropped_columns: int
    detected: Detected
    notes: tuple[ConsentNote, ...]
    note_counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        names = ("dry_run", "rows", "given", "denied", "unknown", "other", "unchanged", "refused", "failed")
        return {
            "kind": "consents",
            "import": self.number,
            **{name: getattr(self, name) for name in (*names, "dropped_columns")},
            "detected": self.detected.to_json(),
            "notes": [note.to_json() for note in self.notes],
            "notes_not_listed": max(0, sum(self.note_counts.values()) - len(self.notes)),
            "note_counts": dict(sorted(self.note_counts.items())),
        }


@dataclass
class Tally:
    """Counts while an import is under way."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[ConsentNote] = field(default_factory=list)
    note_counts: Counter[str] = field(default_factory=Counter)

    def note(self, *notes: ConsentNote) -> None:
        """Count each note, and keep the first ones."""
        for each in notes:
            self.note_counts[f"{each.column}: {each.reason.value}"] += 1
            if len(self.notes) < MOST_NOTES:
                self.notes.append(each)
