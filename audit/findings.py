"""What a check of the stored log found; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MAX_FINDINGS = 100
"""Most findings one check lists: whoever rewrote a table does not get the machine's memory as well."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not what was written."""

    where: str
    """Table and row, such as `log_leaf 5`."""
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class LogReport:
    """The outcome of a check of the whole log."""

    ok: bool
    size: int
    findings: tuple[Finding, ...]


def at_most(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first findings, and a word when there are more."""
    found = tuple(islice(findings, MAX_FINDINGS + 1))
    if len(found) <= MAX_FINDINGS:
        return found
    return (*found[:MAX_FINDINGS], Finding("more", f"only the first {MAX_FINDINGS} findings are listed"))
