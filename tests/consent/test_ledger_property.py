"""The ledger under anything that people, desks, files and clocks do to it, against the table written out as data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from audit import log
from audit.database import Database
from consent import ledger
from consent.errors import MayNotRaise
from consent.ledger import Entry, bulk_declare, declare
from consent.merging import merge
from consent.rebuilding import rebuild, rebuild_at_once
from consent.replay import position_of
from consent.single import decide_about
from consent.standing import Standing
from consent.tables import standing, withheld
from governance.purposes import Assessment, Purpose
from governance.vocabulary import (
    CHANNEL_BITS,
    OPERATOR,
    Act,
    Channel,
    ConsentState,
    Declaration,
    LegalBasis,
    Scope,
    Source,
)
from tests.consent import by_the_law as law
from tests.consent.builders import a_purpose, a_subject
from tests.consent.by_the_law import Facts, Kind, Word
from tests.consent.test_ledger import SEALED, projections

KINDS = (
    Kind("newsletter", "consent", marketing=True),
    Kind("offers", "consent", marketing=True, profiling=True),
    Kind("care", "legitimate_interests", marketing=True, profiling=True),
    Kind("planning", "legitimate_interests"),
    Kind("forgotten", "legitimate_interests", assessed=False),
    Kind("invoice", "contract", profiling=True),
)
KEYS = tuple(kind.key for kind in KINDS)
FIELDS = ("employees", "revenue")
PEOPLE = (Facts(), Facts(informed=False, contract=True), Facts(child=True, contract=True))
BEGIN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
NUMBERS = count(1)
"""Every example has people of its own: one database serves them all."""

LAGS = st.sampled_from([0, 0, 0, 1, 30, 600, 6_000, 60_000])
"""Minutes between an act and the hearing of it."""
WHO = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4])
"""Mostly the same person, so that words meet one another."""
SPOKEN_OF = st.sampled_from(["newsletter", "newsletter", "offers", "care", "planning"])
SOURCES = st.sampled_from(["subject", "subject", "desk_for_subject", "controller_api", "signal"])

WAYS = st.sampled_from([None, "email", "phone"])
YES: dict[str, Any] = {
    "who": WHO, "act": st.sampled_from(["given", "renewed", "given"]), "source": SOURCES, "lag": LAGS,
    "purpose": SPOKEN_OF, "channel": WAYS, "evidence": st.booleans(), "shown": LAGS,
    "ends": st.sampled_from([None, 100, 10_000]),
}  # fmt: skip
NO: dict[str, Any] = {
    "who": WHO, "act": st.sampled_from(["refused", "withdrawn", "objected"]), "source": SOURCES, "lag": LAGS,
    "purpose": SPOKEN_OF, "channel": WAYS,
}  # fmt: skip
OBJECTION: dict[str, Any] = {
    "who": WHO, "source": SOURCES, "lag": LAGS, "lifts": st.booleans(), "evidence": st.booleans(), "shown": LAGS,
    "scope": st.sampled_from(["general", "marketing", "marketing", "profiling", "newsletter", "care"]),
    "channel": st.sampled_from([None, "email"]),
}  # fmt: skip
PAUSE: dict[str, Any] = {"hours": st.sampled_from([1, 24, 120, 9_000])}


def purpose_of(kind: Kind) -> Purpose:
    end = date(2099, 12, 31) if kind.assessed else date(2000, 1, 1)
    marks = {"marketing": kind.marketing, "profiling": kind.profiling, "assessment": Assessment("LIA", end)}
    return a_purpose(LegalBasis(kind.basis), key=kind.key, **marks)


PURPOSES = [(kind, purpose_of(kind)) for kind in KINDS]


def as_declaration(word: Word) -> Declaration:
    return Declaration(
        act=Act(word.act),
        scope=Scope(word.scope),
        purpose=word.purpose,
        channel=None if word.channel is None else Channel(word.channel),
        field=word.field,
        said_at=word.said,
        received_at=word.heard,
        source=Source(word.source),
        has_evidence=word.evidence,
        evidence_said_at=word.shown,
        valid_until=word.until,
    )


def as_word(d: Declaration) -> Word:
    plain = {"scope": d.scope.value, "purpose": d.purpose, "channel": d.channel and d.channel.value, "field": d.field}
    rest = {"evidence": d.has_evidence, "shown": d.evidence_said_at, "until": d.valid_until}
    return Word(d.act.value, d.said_at, d.received_at, d.source.value, **plain, **rest)


class LedgerMachine(RuleBasedStateMachine):
    """Three people, a clock that only goes forward, and every way in."""

    def __init__(self, work: Database) -> None:
        super().__init__()
        self.work = work
        self.now = BEGIN
        self.instants = count(1)
        self.people: dict[int, tuple[Facts, list[Word]]] = {}
        self.visited: list[datetime] = []
        self.touched: set[int] = set()
        """Who has to be looked at after this step."""

    @initialize()
    def people_come(self) -> None:
        for facts in PEOPLE:
            self._join(facts)

    def _join(self, facts: Facts) -> int:
        number = next(NUMBERS)
        informed = BEGIN - timedelta(1) if facts.informed else None
        row = {"informed_at": informed, "minor": facts.child, "contract_active": facts.contract}
        with self.work.writing() as connection:
            a_subject(connection, number, **row)
        self.people[number] = (facts, [])
        self.touched.add(number)
        return number

    def _some(self, who: int) -> int:
        return sorted(self.people)[who % len(self.people)]

    def _ago(self, minutes: int) -> datetime:
        """Some minutes ago, at an instant that nothing else happened at."""
        return self.now - timedelta(minutes=minutes, microseconds=next(self.instants))

    def _word(self, act: str, source: str, lag: int, **more: Any) -> Word:
        self.now += timedelta(minutes=1)
        heard, said = self._ago(0), self._ago(lag)
        if more.get("evidence"):
            more["shown"] = self._ago(more.pop("shown_lag", 0) + lag)
        more.pop("shown_lag", None)
        return Word(act, said, heard, source, **more)

    @rule(**PAUSE)
    def time_passes(self, hours: int) -> None:
        self.visited.append(self.now)
        self.now += timedelta(hours=hours)
        self.touched |= set(self.people)

    @rule(**YES)
    def somebody_says_yes(
        self, who: int, act: str, source: str, lag: int, purpose: str, channel: str | None, evidence: bool, shown: int,
        ends: int | None,
    ) -> None:  # fmt: skip
        source = "subject" if source == "signal" else source
        until = None if ends is None else self.now + timedelta(hours=ends)
        about = {"purpose": purpose, "channel": channel, "evidence": evidence or channel == "phone", "until": until}
        self._declare(self._some(who), self._word(act, source, lag, shown_lag=shown, **about))

    @rule(**NO)
    def somebody_says_no(self, who: int, act: str, source: str, lag: int, purpose: str, channel: str | None) -> None:
        self._declare(self._some(who), self._word(act, source, lag, purpose=purpose, channel=channel))

    @rule(**OBJECTION)
    def somebody_objects_or_lifts(
        self, who: int, source: str, lag: int, lifts: bool, evidence: bool, shown: int, scope: str, channel: str | None
    ) -> None:
        wide = scope not in KEYS
        about: dict[str, Any] = {"scope": scope} if wide else {"purpose": scope, "channel": channel}
        if lifts:
            about |= {"evidence": evidence, "shown_lag": shown}
            source = "desk_for_subject" if source == "signal" else source
        self._declare(self._some(who), self._word("objection_lifted" if lifts else "objected", source, lag, **about))

    @rule(
        turns=st.lists(
            st.one_of(*(st.fixed_dictionaries(each) for each in (YES, YES, NO, OBJECTION, PAUSE))),
            min_size=3,
            max_size=9,
        )
    )
    def somebody_has_a_long_story(self, turns: list[dict[str, Any]]) -> None:
        """Many words of one person, each looked at, so that they meet one another."""
        for turn in turns:
            about = turn | ({} if "hours" in turn else {"who": 0})
            if "hours" in turn:
                self.time_passes(**about)
            elif "ends" in turn:
                self.somebody_says_yes(**about)
            elif "lifts" in turn:
                self.somebody_objects_or_lifts(**about)
            else:
                self.somebody_says_no(**about)
            self.everybody_stands_where_the_law_says()

    @rule(
        who=WHO, source=SOURCES, lag=LAGS, releases=st.booleans(), evidence=st.booleans(), shown=LAGS,
        purpose=st.sampled_from([None, "newsletter", "care"]), field=st.sampled_from(FIELDS),
    )  # fmt: skip
    def somebody_withholds_or_releases_a_field(
        self,
        who: int,
        source: str,
        lag: int,
        releases: bool,
        evidence: bool,
        shown: int,
        purpose: str | None,
        field: str,
    ) -> None:
        about: dict[str, Any] = {"purpose": purpose, "field": field}
        if releases:
            about |= {"evidence": evidence, "shown_lag": shown}
            source = "controller_api" if source == "signal" else source
        self._declare(
            self._some(who), self._word("field_released" if releases else "field_withheld", source, lag, **about)
        )

    @rule(
        rows=st.lists(
            st.tuples(
                st.integers(0, 5), st.sampled_from(["given", "given", "refused", "withdrawn", "requested", "unknown"]),
                st.sampled_from(KEYS[:3]), st.sampled_from([None, "email"]), LAGS, st.booleans(),
            ),
            min_size=1, max_size=4,
        )
    )  # fmt: skip
    def a_file_is_imported(self, rows: list[tuple[int, str, str, str | None, int, bool]]) -> None:
        taken = [
            (self._some(who), self._word(act, "import", lag, purpose=purpose, channel=channel, evidence=evidence))
            for who, act, purpose, channel, lag, evidence in rows
        ]
        outcome = self._bulk(taken)
        refused = []
        for position, (number, word) in enumerate(taken):
            words = self.people[number][1]
            if self._is_blocked(words, word):
                refused.append(position)
            else:
                words.append(word)
        assert list(outcome.refused) == refused
        assert outcome.repeated == ()

    @rule(who=WHO, which=st.integers(0, 50), lag=LAGS, in_bulk=st.booleans())
    def the_same_word_comes_again(self, who: int, which: int, lag: int, in_bulk: bool) -> None:
        number = self._some(who)
        words = self.people[number][1]
        if not words:
            return
        again = replace(words[which % len(words)], heard=self._ago(0))
        with self.work.reading() as connection:
            before, version = log.size(connection), ledger.version_of(connection, number)
        if in_bulk:
            assert self._bulk([(number, again)]).repeated == (0,)
        else:
            self._record(number, again)
        with self.work.reading() as connection:
            assert (log.size(connection), ledger.version_of(connection, number)) == (before, version)

    @rule(who=st.integers(1, 2))
    def processing_is_restricted(self, who: int) -> None:
        number = self._some(who)
        with self.work.writing() as connection:
            ledger.restrict(connection, number, actor=OPERATOR, now=self.now)
        facts, words = self.people[number]
        self.touched.add(number)
        self.people[number] = (replace(facts, restricted=True), words)

    @rule(a=st.integers(0, 5), b=st.integers(0, 5))
    def two_records_are_one_person(self, a: int, b: int) -> None:
        """REC-5: allow(merged) ⇒ allow(a) ∧ allow(b), at every later instant too."""
        if len(self.people) > 5:
            return
        first, second = self._some(a), self._some(b)
        with self.work.reading() as connection:
            both = [ledger.history(connection, number) for number in (first, second)]
        merged = merge(*both)
        assert position_of(merged) == position_of(merge(both[1], both[0]))
        number = self._join(Facts(contract=True))
        taken = [(number, as_word(d)) for d in merged]
        outcome = self._bulk(taken)
        self.people[number][1].extend(word for at, (_, word) in enumerate(taken) if at not in outcome.refused)
        for hours in (0, 50, 5_000, 50_000):
            self._permits_no_more(number, (first, second), self.now + timedelta(hours=hours))

    def _permits_no_more(self, merged: int, both: tuple[int, int], at: datetime) -> None:
        words, sources = self.people[merged][1], [self.people[number][1] for number in both]
        for kind in KINDS:
            answers = [law.decision(kind, Facts(contract=True), each, at)[0] for each in (words, *sources)]
            assert answers[0] <= (answers[1] and answers[2]), kind
            places = [law.place(each, kind.key) for each in (words, *sources)]
            assert places[0].open <= places[1].open & places[2].open
            assert places[0].closed >= places[1].closed | places[2].closed
            for field in FIELDS:
                hidden = [law.withholds(each, kind.key, field) for each in (words, *sources)]
                assert hidden[0] >= (hidden[1] or hidden[2])

    def _declare(self, number: int, word: Word) -> None:
        words = self.people[number][1]
        if self._is_blocked(words, word):
            with pytest.raises(MayNotRaise):
                self._record(number, word)
        else:
            self._record(number, word)
            words.append(word)

    def _is_blocked(self, words: list[Word], word: Word) -> bool:
        if word.act == "field_released":
            return law.blocks_release(words, word)
        if word.scope != "purpose":
            return word in law.objections([*words, word])[1]
        return word in law.place([*words, word], word.purpose or "").blocked

    def _record(self, number: int, word: Word) -> None:
        self.touched.add(number)
        with self.work.writing() as connection:
            evidence = [SEALED if word.evidence else None]
            declare(connection, number, [as_declaration(word)], actor=OPERATOR, now=self.now, evidence=evidence)

    def _bulk(self, taken: list[tuple[int, Word]]) -> ledger.BulkDeclared:
        self.touched |= {number for number, _ in taken}
        entries = [Entry(number, as_declaration(word), SEALED if word.evidence else None) for number, word in taken]
        with self.work.writing() as connection:
            return bulk_declare(connection, entries, batch=1, actor=OPERATOR, now=self.now)

    @invariant()
    def everybody_stands_where_the_law_says(self) -> None:
        with self.work.reading() as connection:
            for number in self.touched:
                facts, words = self.people[number]
                for kind, purpose in PURPOSES:
                    found = decide_about(connection, number.to_bytes(16, "big"), purpose, now=self.now)
                    assert (found.lawful, found.reason.value) == law.decision(kind, facts, words, self.now), kind
                rows = connection.execute(select(standing).where(standing.c.subject == number))
                assert {row.purpose: tuple(row)[2:8] for row in rows} == {
                    key: _columns(law.place(words, key)) for key in _spoken_of(words)
                }
                self._fields_are_withheld(connection, number, words)
        self.touched.clear()

    def _fields_are_withheld(self, connection: Any, number: int, words: list[Word]) -> None:
        rows = connection.execute(select(withheld).where(withheld.c.subject == number))
        held = {(row.purpose, row.field): not row.released for row in rows}
        for field in FIELDS:
            for key in ("", *KEYS):
                found = held.get((key, field), held.get(("", field), False))
                assert found == law.withholds(words, key, field), (key, field)

    @invariant()
    def no_no_was_followed_by_a_yes_that_is_not_the_persons_own(self) -> None:
        """Invariant 2, once more and without any replay: over the bare words."""
        for facts, words in self.people.values():
            for kind in KINDS[:4]:
                noes = [w.counts for w in words if w.purpose == kind.key and w.is_no and not w.channel and not w.field]
                own = [w.own for w in words if w.purpose == kind.key and not w.is_no and w.own and not w.field]
                if noes and not any(at > max(noes) for at in own):
                    assert not law.decision(kind, facts, words, self.now)[0], kind

    def teardown(self) -> None:
        """The state of any past instant is replayed, and the projections come out of the ledger alone."""
        if not self.people:
            return
        with self.work.reading() as connection:
            for at in self.visited[-3:]:
                for number, (_, words) in self.people.items():
                    known = [word for word in words if word.heard <= at and word.counts <= at]
                    for key in KEYS[:3]:
                        assert ledger.state_at(connection, number, key, at) == _standing(law.place(known, key))
        with self.work.writing() as connection:
            kept = projections(connection)
            rebuild_at_once(connection)
            assert projections(connection) == kept
        rebuild(self.work, rows=64)
        with self.work.reading() as connection:
            assert projections(connection) == kept


def _spoken_of(words: list[Word]) -> set[str]:
    return {word.purpose for word in words if word.purpose is not None and word.field is None}


def _standing(at: law.Place) -> Standing:
    state = None if at.state == "never" else ConsentState(at.state)
    return Standing(state, at.until, at.own, at.objected, _mask(at.open), _mask(at.closed))


def _columns(at: law.Place) -> tuple[Any, ...]:
    state = None if at.state == "never" else at.state
    return state, at.until, at.own, int(at.objected), _mask(at.open), _mask(at.closed)


def _mask(channels: frozenset[str]) -> int:
    return sum(CHANNEL_BITS[Channel(channel)] for channel in channels)


def test_the_ledger_does_what_the_table_says_whatever_happens_in_whatever_order(work: Database) -> None:
    """Articles 6, 7, 8, 18 and 21 GDPR; CON-1, CON-7, OBJ-10, REC-5; invariants 2 and 3 of the requirements."""
    with work.writing() as connection:
        log.initialise(connection)
    examples = 60 if work.is_sqlite else 6
    bounds = settings(
        max_examples=examples, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lambda: LedgerMachine(work), settings=bounds)
