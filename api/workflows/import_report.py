"""What an import did: counts, reasons and rows, never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from governance.formats import KEPT_WITHOUT, Detected, RowError

MOST_ERRORS = 1_000
"""Row errors told one by one; the others are counted by column and reason."""


@dataclass(frozen=True)
class ImportReport:
    """The answer to an import; `rows` = created + updated + unchanged + failed + skipped."""

    kind: str
    dry_run: bool
    number: int | None
    """The import's number; None when nothing was written."""
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    skipped: int
    """Rows that repeat an earlier one of the same file."""
    blocked: int
    """Contacts taken whose e-mail address or phone number is on the block list."""
    cells_left_out: int
    """Addresses and numbers that could not be read; the rest of the row was taken."""
    changed: Mapping[str, int]
    """What an update changed, by field."""
    companions: Mapping[str, int]
    """Accounts (or owners) that came along: created, updated, unchanged."""
    dropped_columns: int
    """Columns of the file that the mapping does not name; they were never kept."""
    detected: Detected
    errors: tuple[RowError, ...]
    error_counts: Mapping[str, int]
    """`column: reason` → rows."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "kind": self.kind,
            "dry_run": self.dry_run,
            "import": self.number,
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "skipped": self.skipped,
            "blocked": self.blocked,
            "cells_left_out": self.cells_left_out,
            "changed": dict(self.changed),
            "companions": dict(self.companions),
            "dropped_columns": self.dropped_columns,
            "detected": self.detected.to_json(),
            "errors": [error.to_json() for error in self.errors],
            "errors_not_listed": max(0, sum(self.error_counts.values()) - len(self.errors)),
            "error_counts": dict(self.error_counts),
        }


@dataclass
class Tally:
    """Counts while an import is under way."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    blocked: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    companions: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)
    error_counts: Counter[str] = field(default_factory=Counter)
    failed_rows: int = 0
    cells_left_out: int = 0

    def note(self, errors: Iterable[RowError]) -> None:
        """Count row errors of one batch; a row with several of them fails once."""
        failed = set()
        for error in errors:
            self.error_counts[f"{error.column}: {error.reason.value}" if error.column else error.reason.value] += 1
            if error.reason in KEPT_WITHOUT:
                self.cells_left_out += 1
            else:
                failed.add(error.row)
            if len(self.errors) < MOST_ERRORS:
                self.errors.append(error)
        self.failed_rows += len(failed)

    def report(self, kind: str, detected: Detected, *, number: int | None, dropped: int) -> ImportReport:
        """The frozen answer."""
        return ImportReport(
            kind=kind,
            dry_run=number is None,
            number=number,
            rows=self.created + self.updated + self.unchanged + self.failed_rows + self.skipped,
            created=self.created,
            updated=self.updated,
            unchanged=self.unchanged,
            failed=self.failed_rows,
            skipped=self.skipped,
            blocked=self.blocked,
            cells_left_out=self.cells_left_out,
            changed=MappingProxyType(dict(sorted(self.changed.items()))),
            companions=MappingProxyType(dict(sorted(self.companions.items()))),
            dropped_columns=dropped,
            detected=detected,
            errors=tuple(sorted(self.errors)),
            error_counts=MappingProxyType(dict(sorted(self.error_counts.items()))),
        )
