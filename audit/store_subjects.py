"""All SQL on the bridge from entries to people: outside the hashed bytes, and it dies with the person (ERA-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from audit.tables import log_leaf, log_subject

KEPT_KIND = "subject:erasure_ordered"
"""The one entry that still names the number of an erased subject.

A run that began before the erasure is published after it only when everybody about whom something was recorded since
was asked again; without this row it would not ask.
"""


class LogSubjects:
    """Holder of which entries are about whom."""

    holds: Mapping[str, str] = {"log_subject": "until erasure; then the entry of the erasure alone"}
    stays = frozenset({"log_subject"})

    def describe(self, connection: Connection, subject: int) -> dict[str, int]:
        """Entries about a subject."""
        about = select(func.count()).select_from(log_subject).where(log_subject.c.subject == subject)
        return {"log_subject": int(connection.scalar(about) or 0)}

    def erase(self, connection: Connection, subject: int, *, now: datetime) -> int:  # noqa: ARG002
        """All but the entry that ordered the erasure."""
        about = select(log_subject.c.idx).where(log_subject.c.subject == subject)
        kept = select(log_leaf.c.idx).where(log_leaf.c.idx.in_(about), log_leaf.c.kind == KEPT_KIND)
        numbers = connection.execute(kept).scalars().all()
        statement = delete(log_subject).where(log_subject.c.subject == subject, log_subject.c.idx.not_in(numbers))
        return int(connection.execute(statement).rowcount)


def subjects_of_kind(connection: Connection, kind: str, start: int) -> list[int]:
    """Whom the entries of one kind from *start* on are about."""
    about = select(log_subject.c.subject).join(log_leaf, log_leaf.c.idx == log_subject.c.idx)
    rows = connection.execute(about.where(log_leaf.c.kind == kind, log_leaf.c.idx >= start).distinct())
    return [int(number) for number in rows.scalars()]
