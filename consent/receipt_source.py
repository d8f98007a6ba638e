"""Where a receipt's facts come from: the ledger's row, the entry of the log, the notice that was shown.

The catalogue is that which the log says was in force when the declaration was received: a receipt reads the same after
purposes or addresses have changed (CON-13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from audit import log
from consent import notices
from consent.declarations import BULK_KIND, FACT_KIND
from consent.receipts import NoticeShown, concerned

if TYPE_CHECKING:
    from consent.store_ledger import Recorded
    from governance.catalogue import Catalogue
    from governance.vocabulary import Declaration

PAGE = 500
SINGLE_ACTS = frozenset(FACT_KIND.values())
CATALOGUE_CHANGED = "catalogue:changed"
UNDETERMINED = "und"


@dataclass(frozen=True)
class LogPlace:
    """The entry that proves a declaration; of an import it is the one of the whole file."""

    index: int
    bulk: bool


def places(connection: Connection, subject: int, rows: list[Recorded]) -> Mapping[int, LogPlace]:
    """Declaration number to the entry of the log that tells of it."""
    found: dict[int, LogPlace] = {}
    for entry in _entries(connection, subject=subject):
        body = entry.body
        if entry.kind in SINGLE_ACTS:
            number = body.get("declaration")
            if isinstance(number, int):
                found[number] = LogPlace(entry.index, bulk=False)
        elif entry.kind == BULK_KIND:
            first, last = body.get("first"), body.get("last")
            inside = (row.seq for row in rows if row.batch == body.get("import"))
            if isinstance(first, int) and isinstance(last, int):
                found |= {seq: LogPlace(entry.index, bulk=True) for seq in inside if first <= seq <= last}
    return found


def catalogue_changes(connection: Connection) -> list[tuple[datetime, bytes]]:
    """When which catalogue came into force, newest first, by the log."""
    changes = ((entry.at, entry.body.get("digest")) for entry in _entries(connection, kind=CATALOGUE_CHANGED))
    return [(at, digest) for at, digest in changes if isinstance(digest, bytes)]


def notices_shown(connection: Connection, declaration: Declaration, catalogue: Catalogue) -> tuple[NoticeShown, ...]:
    """The text shown for this declaration, else the texts then in force for the purposes it is about."""
    if declaration.notice is None:
        return tuple(_in_force(declaration, catalogue))
    row = notices.notice_of(connection, declaration.notice)
    if row is None:
        return (NoticeShown(declaration.notice, "", UNDETERMINED),)
    return (NoticeShown(row.digest, row.version, row.language),)


def _in_force(declaration: Declaration, catalogue: Catalogue) -> Iterator[NoticeShown]:
    for purpose in concerned(declaration, catalogue):
        for language, digest in zip(("de", "en"), notices.hashes_of(purpose), strict=True):
            yield NoticeShown(digest, purpose.notice.version, language)


def _entries(connection: Connection, *, subject: int | None = None, kind: str | None = None) -> Iterator[log.Entry]:
    before: int | None = None
    while True:
        page = log.entries(connection, before=before, limit=PAGE, kind=kind, subject=subject)
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].index
