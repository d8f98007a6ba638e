"""The SQL of the ledger and of its projections; rows go in as tuples, instants as microseconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from audit.database import insert_rows, to_microseconds
from consent.replay import Position
from consent.standing import Objections
from consent.tables import declaration, notice, objection, standing, withheld
from governance.tables import subject
from governance.vocabulary import Act, Channel, Declaration, Scope, Source

IDS_PER_QUERY = 8192

DECLARATION_COLUMNS = (
    "seq", "subject", "act", "scope", "purpose", "channel", "field", "said_at", "received_at", "source", "notice",
    "valid_until", "evidence_said_at", "evidence", "batch",
)  # fmt: skip
STANDING_COLUMNS = (
    "purpose", "subject", "state", "valid_until", "granted_at", "objected", "channels", "channels_denied", "seq",
)  # fmt: skip
OBJECTION_COLUMNS = ("subject", "general_at", "marketing_at", "profiling_at", "seq")
WITHHELD_COLUMNS = ("purpose", "field", "subject", "released", "seq")


@dataclass(frozen=True)
class Recorded:
    """One row of the ledger."""

    seq: int
    subject: int
    declaration: Declaration
    batch: int | None


def lock_subjects(connection: Connection, numbers: Sequence[int]) -> set[int]:
    """Keep others from declaring for the same subjects until commit; those found and not erased come back."""
    found: set[int] = set()
    for piece in _pieces(sorted(set(numbers))):
        rows = select(subject.c.id, subject.c.erased_at).where(subject.c.id.in_(piece)).order_by(subject.c.id)
        found.update(row.id for row in connection.execute(rows.with_for_update()) if row.erased_at is None)
    return found


def histories(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Recorded]]:
    """The whole history of each subject, in the order of arrival."""
    found: dict[int, list[Recorded]] = {number: [] for number in numbers}
    for piece in _pieces(sorted(found)):
        for row in connection.execute(_rows().where(declaration.c.subject.in_(piece))):
            found[row.subject].append(_recorded(row))
    return found


def latest_seq(connection: Connection, number: int) -> int:
    """Number of the newest declaration about a subject; 0 when there is none."""
    newest = select(func.coalesce(func.max(declaration.c.seq), 0)).where(declaration.c.subject == number)
    return int(connection.execute(newest).scalar_one())


def declarations_of(connection: Connection, seqs: Sequence[int]) -> dict[int, Recorded]:
    """Some declarations by their numbers; one that is not kept any more is left out."""
    found: dict[int, Recorded] = {}
    for piece in _pieces(sorted(set(seqs))):
        rows = connection.execute(select(declaration).where(declaration.c.seq.in_(piece)))
        found.update((row.seq, _recorded(row)) for row in rows)
    return found


def _rows() -> Any:
    return select(declaration).order_by(declaration.c.subject, declaration.c.seq)


def _recorded(row: Any) -> Recorded:
    return Recorded(
        row.seq,
        row.subject,
        Declaration(
            act=Act(row.act),
            scope=Scope(row.scope),
            purpose=row.purpose,
            channel=None if row.channel is None else Channel(row.channel),
            field=row.field,
            said_at=row.said_at,
            received_at=row.received_at,
            source=Source(row.source),
            notice=row.notice,
            has_evidence=row.evidence is not None,
            evidence_said_at=row.evidence_said_at,
            valid_until=row.valid_until,
        ),
        row.batch,
    )


def next_seq(connection: Connection) -> int:
    """The number of the next declaration; ask under the log's lock, so that numbers follow the order of commits."""
    return int(connection.execute(select(func.coalesce(func.max(declaration.c.seq), 0))).scalar_one()) + 1


def add(connection: Connection, rows: Iterable[tuple[Recorded, bytes | None]]) -> None:
    """Append declarations with their sealed evidence."""
    insert_rows(connection, declaration, DECLARATION_COLUMNS, (_declaration_row(*row) for row in rows))


def _declaration_row(recorded: Recorded, evidence: bytes | None) -> tuple[Any, ...]:
    d = recorded.declaration
    return (
        recorded.seq, recorded.subject, d.act.value, d.scope.value, d.purpose, _value(d.channel), d.field,
        to_microseconds(d.said_at), to_microseconds(d.received_at), d.source.value, d.notice, _us(d.valid_until),
        _us(d.evidence_said_at), evidence, recorded.batch,
    )  # fmt: skip


def write_positions(
    connection: Connection, positions: Mapping[int, Position], histories_of: Mapping[int, Sequence[Recorded]]
) -> None:
    """Put each subject's projections where its history says, replacing what stood there."""
    _clear(connection, histories_of)
    standings, objections, fields = _projected(positions, histories_of)
    insert_rows(connection, standing, STANDING_COLUMNS, sorted(standings, key=lambda row: row[:2]))
    insert_rows(connection, objection, OBJECTION_COLUMNS, sorted(objections, key=lambda row: row[0]))
    insert_rows(connection, withheld, WITHHELD_COLUMNS, sorted(fields, key=lambda row: row[:3]))


def _clear(connection: Connection, histories_of: Mapping[int, Sequence[Recorded]]) -> None:
    purposes: dict[str, set[int]] = {}
    fields: dict[tuple[str, str], set[int]] = {}
    for number, history in histories_of.items():
        for d in (each.declaration for each in history):
            if d.field is not None:
                fields.setdefault((d.purpose or "", d.field), set()).add(number)
            elif d.purpose is not None:
                purposes.setdefault(d.purpose, set()).add(number)
    clear(connection, purposes, fields, histories_of)


def clear(
    connection: Connection,
    purposes: Mapping[str, Collection[int]],
    fields: Mapping[tuple[str, str], Collection[int]],
    subjects: Collection[int],
) -> None:
    """Take out the projected rows of some subjects: by purpose, by purpose and field, and their wide objections."""
    for purpose, numbers in sorted(purposes.items()):
        _delete(connection, delete(standing).where(standing.c.purpose == purpose), standing.c.subject, numbers)
    for (purpose, field), numbers in sorted(fields.items()):
        about = delete(withheld).where(withheld.c.purpose == purpose, withheld.c.field == field)
        _delete(connection, about, withheld.c.subject, numbers)
    _delete(connection, delete(objection), objection.c.subject, subjects)


def _delete(connection: Connection, statement: Any, column: Any, numbers: Collection[int]) -> None:
    for piece in _pieces(sorted(numbers)):
        connection.execute(statement.where(column.in_(piece)))


Rows = list[tuple[Any, ...]]


def _projected(
    positions: Mapping[int, Position], histories_of: Mapping[int, Sequence[Recorded]]
) -> tuple[Rows, Rows, Rows]:
    standings: Rows = []
    objections: Rows = []
    fields: Rows = []
    for number, position in positions.items():
        last = _last_seqs(histories_of[number])
        for purpose, s in position.standings.items():
            standings.append(
                (purpose, number, _value(s.state), _us(s.valid_until), _us(s.granted_at), int(s.objected),
                 s.channels, s.channels_denied, last["standing", purpose])
            )  # fmt: skip
        objections += _objection_row(number, position.objections, last)
        fields += _field_rows(number, position.withheld, last)
    return standings, objections, fields


def _objection_row(number: int, o: Objections, last: Mapping[tuple[str, str], int]) -> Rows:
    if ("objection", "") not in last:
        return []
    return [(number, _us(o.general_at), _us(o.marketing_at), _us(o.profiling_at), last["objection", ""])]


def _field_rows(number: int, hidden: Mapping[tuple[str, str], bool], last: Mapping[tuple[str, str], int]) -> Rows:
    return [
        (purpose, key, number, int(not withheld), last["field", key]) for (purpose, key), withheld in hidden.items()
    ]


def rows_beyond_purposes(number: int, history: Sequence[Recorded], position: Position) -> tuple[Rows, Rows]:
    """The rows of `objection` and `withheld` for one subject."""
    last = _last_seqs(history)
    return _objection_row(number, position.objections, last), _field_rows(number, position.withheld, last)


def _last_seqs(history: Sequence[Recorded]) -> dict[tuple[str, str], int]:
    """The newest declaration that each projected row took in."""
    last: dict[tuple[str, str], int] = {}
    for each in history:
        d = each.declaration
        if d.field is not None:
            key = ("field", d.field)
        elif d.scope is Scope.PURPOSE:
            key = ("standing", d.purpose or "")
        else:
            key = ("objection", "")
        last[key] = max(each.seq, last.get(key, 0))
    return last


def restrict(connection: Connection, number: int, since: datetime) -> bool:
    """Mark a subject as restricted; False when it was already, or is not here."""
    changed = update(subject).where(subject.c.id == number, subject.c.restricted_at.is_(None))
    return connection.execute(changed.values(restricted_at=since)).rowcount == 1


def numbers_of(connection: Connection, handles: Sequence[bytes]) -> dict[bytes, int]:
    """The subject behind each vault handle; erased ones have none."""
    found: dict[bytes, int] = {}
    for piece in _pieces(handles):
        rows = select(subject.c.id, subject.c.pseudonym).where(subject.c.pseudonym.in_(piece))
        found.update(
            (bytes(row.pseudonym), row.id) for row in connection.execute(rows.where(subject.c.erased_at.is_(None)))
        )
    return found


def add_notices(connection: Connection, rows: Sequence[tuple[bytes, str, str, str, str, int, int]]) -> int:
    """Keep notice texts that are not kept yet."""
    columns = ("hash", "purpose", "version", "language", "text", "since", "material")
    return insert_rows(connection, notice, columns, rows, ignore=True)


def known_notices(connection: Connection, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of the hashes whose text is kept."""
    return set(connection.execute(select(notice.c.hash).where(notice.c.hash.in_(hashes))).scalars())


def notice_rows(connection: Connection, purpose: str | None = None) -> list[Any]:
    """Every notice that is kept, or those of one purpose: by purpose, the newest first, German before English."""
    rows = select(notice).order_by(notice.c.purpose, notice.c.since.desc(), notice.c.version.desc(), notice.c.language)
    return list(connection.execute(rows if purpose is None else rows.where(notice.c.purpose == purpose)))


def notice_row(connection: Connection, digest: bytes) -> Any:
    """The notice of that hash with all that is known about it, or None."""
    return connection.execute(select(notice).where(notice.c.hash == digest)).one_or_none()


def notice_hashes(connection: Connection) -> dict[tuple[str, str], bytes]:
    """(purpose, version) to the hash of the notice; German where both languages are kept."""
    rows = connection.execute(select(notice).order_by(notice.c.language.desc(), notice.c.since))
    return {(row.purpose, row.version): row.hash for row in rows}


def notice_text(connection: Connection, digest: bytes) -> str | None:
    """The text of that hash, byte for byte."""
    return connection.execute(select(notice.c.text).where(notice.c.hash == digest)).scalar_one_or_none()


def _pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), IDS_PER_QUERY):
        yield items[start : start + IDS_PER_QUERY]


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def _value(word: Any) -> str | None:
    return None if word is None else str(word.value)
