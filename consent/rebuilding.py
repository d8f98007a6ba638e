"""The projections computed again from the ledger, range by range, while everybody goes on declaring.

Nothing else is needed than the declarations and the recorded grounds (Article 7(1) GDPR), and nobody waits: a range of
subjects is read and replayed in a snapshot without any lock, then put in place in a short transaction of its own under
the log's lock. Where somebody of the range declared something in between, the range is read again under that lock. At
every moment each subject's rows are the old ones or the new ones, both by everything declared until then; there is no
second table and no moment without projections. Memory is bounded by the range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from audit import log
from audit.database import STAGING_ROWS, Database
from consent import grounds, store_ledger
from consent import store_rebuild as store
from consent.replay import position_of
from consent.replay_many import Standings, standings_of
from consent.store_rebuild import FIRST, Keys, Part, Range

Progress = Callable[[int], None]
Replayed = tuple[Part, Standings]


def rebuild(work: Database, *, rows: int = STAGING_ROWS, progress: Progress | None = None) -> int:
    """Compute every projection again; the number of subjects who declared anything.

    Args:
        work: the work database; others may write meanwhile.
        rows: declarations per range; no transaction writes more projected rows.
        progress: told the number of subjects done.
    """
    with work.reading() as connection:
        keys = store.keys_in(connection)
    low, done = FIRST, 0
    while True:
        with work.reading() as connection:
            mark, range_ = store.newest(connection), store.next_range(connection, low, rows)
            replayed = _replay(connection, range_)
        with work.writing() as connection:
            log.lock(connection)
            if store.changed_in(connection, range_, mark):
                replayed = _replay(connection, range_)
            _put(connection, range_, replayed, keys)
        low, done = range_.high, done + replayed[0].subjects
        if progress is not None:
            progress(done)
        if low == store.LAST:
            grounds.rebuild(work)
            return done


def rebuild_at_once(connection: Connection) -> int:
    """The same within the caller's transaction, which nobody else can write beside."""
    keys, low, done = store.keys_in(connection), FIRST, 0
    while low != store.LAST:
        range_ = store.next_range(connection, low, STAGING_ROWS)
        replayed = _replay(connection, range_)
        _put(connection, range_, replayed, keys)
        low, done = range_.high, done + replayed[0].subjects
    grounds.rebuild_at_once(connection)
    return done


def project(connection: Connection, subjects: Sequence[int]) -> None:
    """Compute the projections of some subjects again, within the caller's transaction and under the log's lock."""
    part = store.read_of(connection, sorted(subjects))
    objections, fields = _others(part)
    everywhere = dict.fromkeys(part.purposes, subjects)
    spoken_of = {
        (each.declaration.purpose or "", each.declaration.field): subjects
        for history in part.others.values()
        for each in history
        if each.declaration.field is not None
    }
    store_ledger.clear(connection, everywhere, spoken_of, subjects)
    store.add(connection, store.standing_rows(standings_of(part.acts), part.purposes), objections, fields)


def _replay(connection: Connection, range_: Range) -> Replayed:
    part = store.read(connection, range_)
    return part, standings_of(part.acts)


def _put(connection: Connection, range_: Range, replayed: Replayed, keys: Keys) -> None:
    part, standings = replayed
    objections, fields = _others(part)
    held = Keys(keys.purposes | set(part.purposes), keys.fields | {(row[0], row[1]) for row in fields})
    store.replace(connection, range_, held, store.standing_rows(standings, part.purposes), objections, fields)


def _others(part: Part) -> tuple[store_ledger.Rows, store_ledger.Rows]:
    """The rows beyond single purposes: wide objections and fields."""
    objections: store_ledger.Rows = []
    fields: store_ledger.Rows = []
    for number, history in sorted(part.others.items()):
        position = position_of(each.declaration for each in history)
        more = store_ledger.rows_beyond_purposes(number, history, position)
        objections += more[0]
        fields += more[1]
    return objections, sorted(fields, key=lambda row: row[:3])
