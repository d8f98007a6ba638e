"""Finding entries: by time, kind, purpose, scheme, role and person; a bounded piece of the log at a time.

What a fact is about stands in its hashed bytes, not in columns, so a search reads and compares. It looks at so many
entries a page and says from where it would go on: an answer comes in the same time however long the log is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from audit import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from audit.log import Entry

CHUNK = 500
MOST_READ = 20_000
"""Entries looked at for one page."""


@dataclass(frozen=True)
class Wanted:
    """What to look for; None or empty is anything. Days are the controller's, both included."""

    kind: str = ""
    since: date | None = None
    until: date | None = None
    purpose: str = ""
    scheme: str = ""
    role: str = ""
    subject: int | None = None

    @property
    def reads_bodies(self) -> bool:
        """Whether entries have to be opened."""
        return bool(self.purpose or self.scheme or self.role)

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is about this purpose and scheme, by this role."""
        return (
            (not self.purpose or entry.body.get("purpose") == self.purpose)
            and (not self.scheme or entry.body.get("scheme") == self.scheme)
            and (not self.role or entry.actor.partition(":")[0] == self.role)
        )


@dataclass(frozen=True)
class Hits:
    """A page of entries, newest first; `older` continues, None at the end."""

    entries: tuple[Entry, ...]
    older: int | None


def search(house: House, wanted: Wanted, *, before: int | None = None, limit: int = 50) -> Hits:
    """The newest entries below *before* that fit."""
    zone = ZoneInfo(house.catalogue.controller.time_zone)
    with house.work.reading() as connection:
        size = log.size(connection)
        start = size if before is None else min(before, size)
        if wanted.until is not None:
            start = min(start, first_at(connection, size, _midnight(wanted.until + timedelta(days=1), zone)))
        lowest = first_at(connection, size, _midnight(wanted.since, zone)) if wanted.since else 0
        return _look(connection, wanted, start, lowest, limit)


def _look(connection: Connection, wanted: Wanted, start: int, lowest: int, limit: int) -> Hits:
    hits: list[Entry] = []
    read, position = 0, start
    step = CHUNK if wanted.reads_bodies else limit + 1
    while position > lowest and read < MOST_READ:
        found = log.entries(connection, before=position, limit=step, kind=wanted.kind or None, subject=wanted.subject)
        read += len(found)
        for entry in found:
            if entry.index < lowest:
                return Hits(tuple(hits), None)
            if len(hits) == limit and wanted.fits(entry):
                return Hits(tuple(hits), hits[-1].index)
            if wanted.fits(entry):
                hits.append(entry)
        if len(found) < step:
            return Hits(tuple(hits), None)
        position = found[-1].index
    return Hits(tuple(hits), position if position > lowest else None)


def facts_since(connection: Connection, since: datetime, *, kinds: Collection[str]) -> Iterator[Entry]:
    """Entries of these kinds from an instant on, kind by kind, newest first."""
    yield from facts_after(connection, first_at(connection, log.size(connection), since), kinds=kinds)


def facts_after(connection: Connection, size: int, *, kinds: Collection[str]) -> Iterator[Entry]:
    """Entries of these kinds from an index on, kind by kind, newest first."""
    for kind in sorted(kinds):
        position = None
        while True:
            found = log.entries(connection, before=position, limit=CHUNK, kind=kind)
            yield from (entry for entry in found if entry.index >= size)
            if len(found) < CHUNK or found[-1].index < size:
                break
            position = found[-1].index


def first_at(connection: Connection, size: int, at: datetime) -> int:
    """The index from which on entries were made at *at* or later; entries lie in the order they took effect."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if log.entry(connection, middle).at < at:
            low = middle + 1
        else:
            high = middle
    return low


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
