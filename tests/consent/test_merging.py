"""Two records that are one person: the merged one may do nothing that either of them might not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.declarations import content
from consent.merging import merge
from consent.replay import DENIALS, position_of
from governance.vocabulary import Act, Channel, Declaration, Scope, Source
from tests.consent import by_the_law as law
from tests.consent.builders import DAY, NOON, objected_to, said
from tests.consent.by_the_law import Facts
from tests.consent.test_ledger_property import FIELDS, KINDS, as_word

Histories = tuple[list[Declaration], list[Declaration]]
WORDS = [Act.GIVEN] * 6 + [Act.RENEWED, Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED, Act.OBJECTION_LIFTED, Act.UNKNOWN]


@st.composite
def two_records(draw: st.DrawFn) -> Histories:
    """Declarations of two records; no two times are equal, and most of them are consents."""
    size = draw(st.integers(2, 10))
    hours = draw(st.permutations(range(3 * size)))
    both: Histories = ([], [])
    for n in range(size):
        moments = [NOON - timedelta(hours=1 + hour) for hour in hours[3 * n : 3 * n + 3]]
        both[draw(st.integers(0, 1))].append(draw(declared(moments)))
    return both


@st.composite
def declared(draw: st.DrawFn, moments: list[Any]) -> Declaration:
    """One declaration of any kind at these times."""
    kind = draw(st.integers(0, 9))
    source = draw(st.sampled_from([Source.SUBJECT, Source.SUBJECT, Source.DESK_FOR_SUBJECT, Source.IMPORT]))
    times: dict[str, Any] = {"received_at": moments[1], "source": source}
    shown = {"has_evidence": True, "evidence_said_at": moments[2]}
    if kind == 0:
        scope = draw(st.sampled_from([Scope.GENERAL, Scope.MARKETING, Scope.PROFILING]))
        act = draw(st.sampled_from([Act.OBJECTED, Act.OBJECTED, Act.OBJECTION_LIFTED]))
        about = times | ({} if act is Act.OBJECTED else shown)
        return said(act, moments[0], scope=scope, purpose=None, **about)
    if kind == 1:
        act = draw(st.sampled_from([Act.FIELD_WITHHELD, Act.FIELD_RELEASED]))
        about = {"field": draw(st.sampled_from(FIELDS)), "purpose": draw(st.sampled_from([None, "newsletter", "care"]))}
        return said(act, moments[0], **about, **times)
    act = draw(st.sampled_from(WORDS))
    end = draw(st.sampled_from([None, NOON + DAY, NOON + 9 * DAY])) if act in (Act.GIVEN, Act.RENEWED) else None
    about = {
        "purpose": draw(st.sampled_from(["newsletter", "newsletter", "care"])),
        "channel": draw(st.sampled_from([None, Channel.EMAIL, Channel.PHONE])),
        "valid_until": end,
    }
    return said(act, moments[0], **about, **times, **shown)


@settings(max_examples=400, deadline=None)
@given(two_records())
def test_what_the_merged_record_permits_each_of_the_two_permitted(both: Histories) -> None:
    """REC-5: for every purpose, basis, channel, field and later instant, by the table written out as data."""
    words = [[as_word(d) for d in history] for history in (merge(*both), *both)]

    for kind in KINDS:
        for at in (NOON, NOON + 2 * DAY, NOON + 99 * DAY):
            allowed = [law.decision(kind, Facts(contract=True), each, at)[0] for each in words]
            assert allowed[0] <= (allowed[1] and allowed[2]), (kind, at)
        places = [law.place(each, kind.key) for each in words]
        assert places[0].open <= places[1].open & places[2].open
        assert places[0].closed >= places[1].closed | places[2].closed
        assert places[0].objected >= (places[1].objected or places[2].objected)
        for field in FIELDS:
            hidden = [law.withholds(each, kind.key, field) for each in words]
            assert hidden[0] >= (hidden[1] or hidden[2]), (kind, field)


@given(two_records())
def test_every_no_of_either_record_stays_and_the_order_of_naming_does_not_matter(both: Histories) -> None:
    """OBJ-10: what was denied once is not lost in a merge, so that no later import raises it."""
    merged = merge(*both)

    kept = [content(d) for d in merged]
    assert set(kept) >= {content(d) for history in both for d in history if d.act in DENIALS}
    assert len(kept) == len(set(kept))
    assert position_of(merged) == position_of(merge(both[1], both[0]))


def test_a_consent_that_both_records_hold_stays_until_the_first_of_them_ends() -> None:
    """CON-7, REC-5: with the channels that both name."""
    first = [said(Act.GIVEN, channel=Channel.EMAIL, valid_until=NOON + 9 * DAY), said(Act.GIVEN, channel=Channel.POST)]
    second = [said(Act.GIVEN, NOON - 2 * DAY, channel=Channel.EMAIL, valid_until=NOON + DAY)]

    found = position_of(merge(first, second)).standings["newsletter"]

    assert (found.state, found.valid_until, found.channels) == ("given", NOON + DAY, 1)


def test_a_consent_of_one_record_is_asked_for_again() -> None:
    """REC-5: the record without one permits nothing, and nobody knows which of them the person meant."""
    assert position_of(merge([said(Act.GIVEN)], [])).standings == {}
    later = said(Act.GIVEN, NOON)
    assert position_of([*merge([said(Act.GIVEN)], []), later]).standings["newsletter"].state == "given"


def test_a_consent_that_outranks_an_objection_in_one_record_alone_does_not_count() -> None:
    """Article 21(3) GDPR: the other record's consent came before its objection."""
    first = [said(Act.GIVEN, NOON)]
    second = [said(Act.GIVEN, NOON - 9 * DAY), objected_to(Scope.MARKETING, NOON - DAY)]

    assert "newsletter" not in position_of(merge(first, second)).standings
