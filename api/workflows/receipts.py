"""Receipts of one person: the list, each as JSON-LD, as a page to print, and with its proof file.

Whose they are is decided before anybody gets here; a number that is not among the subject's own declarations is not
found, whoever else it belongs to. A receipt tells what was so when the declaration was received and never changes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from audit import checkpoint, log
from audit.errors import NotFound
from audit.fact import Fact
from audit.prove import prove_fact
from consent import ledger, notices, receipt_source
from consent.notices import Notice
from consent.receipt_source import LogPlace
from consent.receipt_texts import title
from consent.receipts import ReceiptInput, concerned, receipt, to_bytes
from governance.catalogue import Catalogue, parse_catalogue
from governance.errors import CatalogueInvalid, UnknownPurpose
from governance.keys import length_prefixed
from governance.store_catalogue import catalogue_text
from governance.vocabulary import Text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from consent.store_ledger import Recorded
    from governance.vocabulary import Actor, Declaration

UUID_BYTES = 16


@dataclass(frozen=True)
class ReceiptLine:
    """One declaration and the ways to its receipt."""

    seq: int
    record: UUID
    title: Text
    declaration: Declaration
    place: LogPlace | None
    """The entry of the log; None where there is none to prove it by."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        d = self.declaration
        return {
            "seq": self.seq,
            "record": str(self.record),
            "title": {"de": self.title.de, "en": self.title.en},
            "act": d.act.value,
            "scope": d.scope.value,
            "purpose": d.purpose,
            "channel": None if d.channel is None else d.channel.value,
            "field": d.field,
            "said_at": d.said_at.isoformat(),
            "received_at": d.received_at.isoformat(),
            "source": d.source.value,
            "notice": None if d.notice is None else d.notice.hex(),
            "entry": None if self.place is None else self.place.index,
            "imported": self.place is not None and self.place.bulk,
        }


@dataclass(frozen=True)
class Receipts:
    """Every receipt of a subject, newest first."""

    lines: tuple[ReceiptLine, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"receipts": [line.to_json() for line in self.lines]}


@dataclass(frozen=True)
class NoticeFound:
    """A notice as it was shown, and the hash of the same version in the other language."""

    notice: Notice
    other: bytes | None


def receipts(house: House, subject: Subject) -> Receipts:
    """The receipts of everything a subject declared, newest first."""
    with house.work.reading() as connection:
        rows = ledger.recorded(connection, subject.number)
        places = receipt_source.places(connection, subject.number, rows)
        shelf = _Shelf(house, connection)
        lines = [_line(subject, row, places.get(row.seq), shelf) for row in rows]
    return Receipts(tuple(reversed(lines)))


def receipt_input(house: House, subject: Subject, seq: int) -> ReceiptInput:
    """Everything the receipt of one declaration tells.

    Raises:
        NotFound: it is none of this subject's declarations.
    """
    with house.work.reading() as connection:
        row, place = _own(connection, subject, seq)
        catalogue = _Shelf(house, connection).for_(row.declaration)
        return ReceiptInput(
            record=_number(subject, "record", seq),
            receipt=_number(subject, "receipt", seq),
            subject=_number(subject, "subject"),
            declaration=row.declaration,
            catalogue=catalogue,
            notices=receipt_source.notices_shown(connection, row.declaration, catalogue),
            public_url=house.settings.public_url.rstrip("/"),
            log_origin=house.settings.origin,
            log_index=None if place is None else place.index,
        )


def receipt_json(house: House, subject: Subject, seq: int) -> bytes:
    """The receipt of one declaration as JSON-LD; the same bytes each time.

    Raises:
        NotFound: it is none of this subject's declarations.
    """
    return to_bytes(receipt(receipt_input(house, subject, seq)))


def proof_of(house: House, subject: Subject, seq: int, *, now: datetime) -> bytes:
    """The proof file of the fact of one declaration; of an imported one it proves the import of its file.

    Raises:
        NotFound: it is none of this subject's declarations, or the log tells of none.
    """
    with house.work.reading() as connection:
        _, place = _own(connection, subject, seq)
        if place is None:
            raise NotFound("the log holds no entry of this declaration")
        if checkpoint.covering(connection, place.index) is not None:
            return prove_fact(connection, place.index)
    with house.work.writing() as connection:
        checkpoint.sign(connection, house.signer, now=now)
        return prove_fact(connection, place.index)


def note_view(house: House, subject: Subject, *, actor: Actor, now: datetime) -> None:
    """Somebody else than the person reads their receipts: that is one fact of the log."""
    with house.work.writing() as connection:
        log.append(connection, [Fact("subject:viewed", str(actor), now, {"view": "receipts"}, (subject.number,))])


def notice(house: House, digest: bytes) -> NoticeFound:
    """A notice text by its hash, byte for byte (CON-1).

    Raises:
        NotFound: it was never shown here.
    """
    with house.work.reading() as connection:
        found = notices.notice_of(connection, digest)
        everything = notices.notices(connection)
    if found is None:
        raise NotFound("no notice of that hash was ever shown")
    same = (one for one in everything if (one.purpose, one.version) == (found.purpose, found.version))
    return NoticeFound(found, next((one.digest for one in same if one.language != found.language), None))


class _Shelf:
    """The catalogues that were in force, each read once."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._current = house.catalogue
        self._connection = connection
        self._changes = receipt_source.catalogue_changes(connection)

    def for_(self, declaration: Declaration) -> Catalogue:
        """The catalogue in force when the declaration was received; the present one where that cannot be read."""
        found = self._read(self._digest_at(declaration.received_at))
        try:
            concerned(declaration, found)
        except UnknownPurpose:
            found = self._current
            concerned(declaration, found)
        return found

    def _digest_at(self, moment: datetime) -> bytes:
        earlier = (digest for at, digest in self._changes if at <= moment)
        oldest = self._changes[-1][1] if self._changes else self._current.digest
        return next(earlier, oldest)

    def _read(self, digest: bytes) -> Catalogue:
        if digest == self._current.digest:
            return self._current
        text = catalogue_text(self._connection, digest)
        try:
            return self._current if text is None else _parsed(text)
        except CatalogueInvalid:  # written before the catalogue had to say more
            return self._current


@lru_cache(maxsize=16)
def _parsed(text: str) -> Catalogue:
    return parse_catalogue(text)


def _own(connection: Connection, subject: Subject, seq: int) -> tuple[Recorded, LogPlace | None]:
    rows = ledger.recorded(connection, subject.number)
    for row in rows:
        if row.seq == seq:
            return row, receipt_source.places(connection, subject.number, rows).get(seq)
    raise NotFound("there is no such receipt")


def _line(subject: Subject, row: Recorded, place: LogPlace | None, shelf: _Shelf) -> ReceiptLine:
    try:
        catalogue = shelf.for_(row.declaration)
        told = title(row.declaration, concerned(row.declaration, catalogue), catalogue)
    except UnknownPurpose:  # no catalogue that can still be read declares it: the key must do
        told = Text(row.declaration.purpose or "", row.declaration.purpose or "")
    return ReceiptLine(row.seq, _number(subject, "record", row.seq), told, row.declaration, place)


def _number(subject: Subject, what: str, seq: int = 0) -> UUID:
    """A stable number under the subject's own random pseudonym: it tells nothing, and no key's rotation changes it."""
    message = length_prefixed(b"receipt", what.encode(), seq.to_bytes(8, "big"))
    return UUID(bytes=hmac.digest(subject.pseudonym, message, "sha256")[:UUID_BYTES], version=4)
