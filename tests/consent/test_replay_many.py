"""The replay on columns says of every history what the replay of one history says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from audit.database import Database, from_microseconds, to_microseconds
from consent import rebuilding
from consent.declarations import OBJECTION_ACTS, SIGNAL_ACTS
from consent.ledger import Entry, bulk_declare
from consent.openings import CUSTOMER_FACTS
from consent.rebuilding import rebuild, rebuild_at_once
from consent.replay import FIELD_ACTS, standing_of
from consent.replay_many import ACTS, AT_LAST, CHANNELS, NEVER, SOURCES, STATES, Acts, standings_of
from consent.standing import Standing
from consent.tables import objection, open_channel, standing, withheld
from governance.vocabulary import OPERATOR, Act, Channel, Declaration, Scope, Source
from tests.consent.builders import DAY, NOON, objected_to, people, said
from tests.consent.test_grounds import a_fact
from tests.consent.test_grounds import record as show
from tests.consent.test_ledger import projections, record

PURPOSES = ("care", "newsletter")
HOURS = st.integers(-6, -1).map(lambda hours: NOON + timedelta(hours=hours))
"""Few instants, so that many declarations meet at the same one."""


@st.composite
def declared(draw: st.DrawFn) -> Declaration:
    """Anything about a purpose that the ledger would take."""
    source = draw(st.sampled_from([*Source, Source.SUBJECT, Source.SUBJECT, Source.SUBJECT]))
    words = sorted(SIGNAL_ACTS if source is Source.SIGNAL else set(Act) - FIELD_ACTS)
    grants = [] if source is Source.SIGNAL else [Act.GIVEN] * 6
    act = draw(st.sampled_from([*grants, *(word for word in words if word not in FIELD_ACTS)]))
    evidence = draw(st.booleans())
    until = draw(st.sampled_from([None, NOON - timedelta(hours=3), NOON, NOON + DAY]))
    return said(
        act,
        draw(HOURS),
        received_at=draw(HOURS),
        purpose=draw(st.sampled_from(PURPOSES)),
        channel=draw(st.sampled_from([None, *Channel])),
        source=source,
        has_evidence=evidence,
        evidence_said_at=draw(HOURS) if evidence and draw(st.booleans()) else None,
        valid_until=until if act in (Act.GIVEN, Act.RENEWED) else None,
    )


def as_columns(rows: list[tuple[int, Declaration]]) -> Acts:
    def times(found: list[Any], absent: int) -> Any:
        return np.array([absent if at is None else to_microseconds(at) for at in found], np.int64)

    every = [d for _, d in rows]
    return Acts(
        subject=np.array([number for number, _ in rows], np.int64),
        purpose=np.array([PURPOSES.index(d.purpose or "") for d in every], np.int64),
        seq=np.arange(1, len(rows) + 1),
        act=np.array([ACTS.index(d.act) for d in every], np.int8),
        channel=np.array([CHANNELS.index(d.channel) for d in every], np.int8),
        source=np.array([SOURCES.index(d.source) for d in every], np.int8),
        evidence=np.array([d.has_evidence for d in every], np.bool_),
        said_at=times([d.said_at for d in every], NEVER),
        received_at=times([d.received_at for d in every], NEVER),
        valid_until=times([d.valid_until for d in every], AT_LAST),
        evidence_said_at=times([d.evidence_said_at for d in every], NEVER),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), declared()), max_size=24))
def test_columns_and_single_histories_are_replayed_alike(rows: list[tuple[int, Declaration]]) -> None:
    """CON-1: every act, source, channel and expiry, with many declarations at the very same instant."""
    found = standings_of(as_columns(rows))

    keys = list(zip(found.purpose.tolist(), found.subject.tolist(), strict=True))
    assert keys == sorted({(PURPOSES.index(d.purpose or ""), number) for number, d in rows})
    for at, (code, number) in enumerate(keys):
        purpose = PURPOSES[code]
        history = [d for who, d in rows if who == number]
        assert _standing(found, at) == standing_of(history, purpose)
        places = [seq for seq, (who, d) in enumerate(rows, 1) if who == number and d.purpose == purpose]
        assert found.seq[at] == max(places)


def _standing(found: Any, at: int) -> Standing:
    def time(moment: Any) -> Any:
        return None if moment == NEVER else from_microseconds(int(moment))

    return Standing(
        STATES[found.state[at]],
        time(found.valid_until[at]),
        time(found.granted_at[at]),
        bool(found.objected[at]),
        int(found.channels[at]),
        int(found.channels_denied[at]),
    )


@pytest.mark.parametrize("act", sorted(set(Act) - FIELD_ACTS))
def test_every_word_has_a_code(act: Act) -> None:
    """A new word without one would be taken for another."""
    source = Source.SUBJECT
    row = said(act, NOON - DAY, channel=None, source=source)
    [state] = standings_of(as_columns([(1, row)])).state.tolist()

    assert STATES[state] == standing_of([row], "newsletter").state
    assert {act} <= OBJECTION_ACTS or STATES[state] is not None


# --- in the database, range by range ---------------------------------------------------------------------------------


def test_damaged_projections_are_put_right_range_by_range(work: Database) -> None:
    """Article 7(1) GDPR: whatever was changed, lost or made up beside the ledger; on both engines."""
    people(work, range(1, 13))
    with work.writing() as connection:
        entries = [Entry(n, said(Act.GIVEN, channel=Channel.EMAIL)) for n in range(1, 11)]
        entries += [Entry(n, said(Act.REFUSED, NOON, purpose="care")) for n in range(2, 11, 2)]
        entries += [Entry(3, objected_to(Scope.GENERAL)), Entry(4, said(Act.FIELD_WITHHELD, field="f", purpose=None))]
        bulk_declare(connection, entries, batch=1, actor=OPERATOR, now=NOON)
        kept = projections(connection)
        connection.execute(delete(standing).where(standing.c.subject == 5))
        connection.execute(update(standing).where(standing.c.subject == 6).values(state="given", channels=15))
        connection.execute(insert(standing), _row("care", 7) | {"state": "given"})
        connection.execute(insert(standing), _row("made_up", 12))
        connection.execute(delete(objection))
        connection.execute(update(withheld).values(released=1))
        connection.execute(insert(withheld), {"purpose": "", "field": "g", "subject": 11, "released": 0, "seq": 1})
        assert projections(connection) != kept

    steps: list[int] = []
    assert rebuild(work, rows=4, progress=steps.append) == 10

    assert steps == sorted(steps)
    assert len(steps) > 3
    with work.writing() as connection:
        assert projections(connection) == kept
        assert rebuild_at_once(connection) == 10
        assert projections(connection) == kept


def _row(purpose: str, number: int) -> dict[str, Any]:
    row = {"purpose": purpose, "subject": number, "state": None, "valid_until": None, "granted_at": None}
    return row | {"objected": 0, "channels": 0, "channels_denied": 0, "seq": 1}


def test_what_is_declared_meanwhile_is_taken_in(work: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """OBJ-10: an objection between the reading of a range and its writing is not overwritten by what was read."""
    people(work, [1, 2, 3])
    record(work, 1, said(Act.GIVEN))
    read = rebuilding._replay
    words = iter([said(Act.WITHDRAWN, NOON), None])

    def and_then_somebody_withdraws(connection: Any, range_: Any) -> Any:
        found = read(connection, range_)
        if word := next(words):
            record(work, 1, word)
            record(work, 2, said(Act.REFUSED, NOON, purpose="care"))
        return found

    monkeypatch.setattr(rebuilding, "_replay", and_then_somebody_withdraws)

    assert rebuild(work) == 2

    with work.writing() as connection:
        kept = projections(connection)
        assert [(row[0], row[1], row[2]) for row in kept[0]] == [("care", 2, "refused"), ("newsletter", 1, "withdrawn")]
        monkeypatch.undo()
        rebuild_at_once(connection)
        assert projections(connection) == kept


def test_an_empty_ledger_has_empty_projections(work: Database) -> None:
    """Nobody declared anything."""
    people(work, [1])
    with work.writing() as connection:
        connection.execute(insert(standing), _row("care", 1))

    assert rebuild(work) == 0
    with work.reading() as connection:
        assert projections(connection) == [[], [], []]


def test_a_large_import_of_refusals_ends_what_opened_a_channel_without_consent(work: Database) -> None:
    """§ 7(3) no. 3 UWG: the way of the columns leaves no other projection behind."""
    people(work, range(1, 31))
    for number in (3, 29):
        show(work, number, *(a_fact(kind) for kind in CUSTOMER_FACTS))
    with work.writing() as connection:
        assert opened(connection) == [3, 29]
        refusals = [Entry(n, said(Act.REFUSED, NOON, purpose="sales_care", source=Source.IMPORT)) for n in range(1, 29)]
        bulk_declare(connection, refusals, batch=1, actor=OPERATOR, now=NOON)
    with work.reading() as connection:
        assert opened(connection) == [29]


def opened(connection: Connection) -> list[int]:
    return sorted(connection.execute(select(open_channel.c.subject)).scalars())
