"""What may be chosen is what the ledger takes, and a tick is the person's own word and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.channels import Opening, openings
from consent.choice_acts import acts, acts_of, completed, contradicted, everything_refused, restoring
from consent.choices import (
    Aim,
    Answer,
    Choice,
    asks_for_whole,
    field_aims,
    is_closed,
    is_withheld,
    offered,
    outranks,
    since_of,
    wide_scopes_on,
    words,
)
from consent.declarations import check
from consent.replay import Position, is_denied, position_of
from consent.standing import NO_STANDING, PERMITTING_STATES, Standing
from governance.catalogue import parse_catalogue
from governance.purposes import Purpose
from governance.vocabulary import CHANNEL_BITS, Act, Channel, Declaration, LegalBasis, Scope, Source
from tests.builders import default_catalogue

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CATALOGUE = parse_catalogue(default_catalogue())
NEWS, OFFERS, CARE, SERVICE, PRICE = (
    "newsletter", "personalised_offers", "sales_care", "service_segmentation", "personalised_price",
)  # fmt: skip
EMAIL, POST, PHONE = Channel.EMAIL, Channel.POST, Channel.PHONE


def said(act: Act, aim: Aim, at: datetime, source: Source = Source.SUBJECT) -> Declaration:
    return Declaration(act, aim.scope, aim.purpose, aim.channel, aim.field, at, at, source)


def choosing(history: Sequence[Declaration], *choices: Choice, at: datetime) -> list[Declaration]:
    """The history after a form with these choices was sent."""
    position = position_of(history)
    now = words(CATALOGUE, history, now=at)
    whole = completed([c for c in choices if c not in contradicted(choices)], CATALOGUE, now)
    found = acts_of(whole, CATALOGUE, position, now=at)
    return [*history, *(said(act, aim, at) for act, aim in found)]


def yes(purpose: str, channel: Channel | None = None) -> Choice:
    return Choice(Aim(purpose, channel), Answer.ALLOW)


def no(purpose: str | None = None, channel: Channel | None = None, **more: object) -> Choice:
    return Choice(Aim(purpose, channel, **more), Answer.REFUSE)  # type: ignore[arg-type]


def said_of(history: Sequence[Declaration], purpose: str, channel: Channel | None = None) -> Answer | None:
    word = words(CATALOGUE, history, now=NOON + timedelta(days=1)).get(Aim(purpose, channel))
    return None if word is None else word.answer


@given(st.data())
def test_whatever_is_offered_is_accepted_and_comes_about(data: st.DataObject) -> None:
    """No page offers what the ledger refuses, after any sequence of choices (peers' pain 19, Article 7(3) GDPR)."""
    history: list[Declaration] = []
    for step in range(data.draw(st.integers(1, 6))):
        at = NOON + step * MINUTE
        choices = sorted(offered(CATALOGUE, position_of(history)), key=repr)
        choice = data.draw(st.sampled_from(choices))
        after = choosing(history, choice, at=at)
        for position in range(len(history), len(after)):
            check(after[position], now=at)
            assert not is_denied(after[:position], after[position]), choice
        history = after
        _comes_about(choice, history, at)


def _comes_about(choice: Choice, history: Sequence[Declaration], at: datetime) -> None:
    aim, position, refused = choice.aim, position_of(history), choice.answer is Answer.REFUSE
    if aim.scope is not Scope.PURPOSE:
        assert (since_of(position.objections)[aim.scope] is not None) is refused
        return
    if aim.field is not None:
        assert is_withheld(position, aim.purpose, aim.field) is refused
        return
    purpose = CATALOGUE.purpose(aim.purpose or "")
    standing = position.standings.get(purpose.key, NO_STANDING)
    if aim.channel is not None:
        bit = CHANNEL_BITS[aim.channel]
        opened = standing.state in PERMITTING_STATES and bool(standing.channels & bit)
        assert opened is not refused
        assert bool(standing.channels_denied & bit) is refused or not standing.channels & bit
    elif purpose.basis is LegalBasis.CONSENT:
        assert (standing.state in PERMITTING_STATES) is not refused
    else:
        assert standing.objected is refused
    if choice.answer is not Answer.LIFT:
        word = words(CATALOGUE, history, now=at).get(aim)
        assert word is not None
        assert word.answer is choice.answer


@given(st.data())
def test_going_back_restores_what_stood_before(data: st.DataObject) -> None:
    """Undo leads to the same permissions as before, by the person's own later act; silence alone is not restored."""
    history: list[Declaration] = []
    for step in range(data.draw(st.integers(1, 5))):
        choices = sorted(offered(CATALOGUE, position_of(history)), key=repr)
        before, history = history, choosing(history, data.draw(st.sampled_from(choices)), at=NOON + step * MINUTE)
    old, new = position_of(before), position_of(history)
    back = choosing(history, *restoring(CATALOGUE, old, new), at=NOON + 10 * MINUTE)
    found = position_of(back)

    assert since_of(found.objections).keys() == since_of(old.objections).keys()
    for scope in (Scope.MARKETING, Scope.PROFILING, Scope.GENERAL):
        assert (since_of(found.objections)[scope] is None) is (since_of(old.objections)[scope] is None)
    for aim in field_aims(CATALOGUE):
        field = aim.field or ""
        # withheld for all again: an exception to it takes a later act
        stricter = is_withheld(old, None, field) and not is_withheld(new, None, field)
        assert is_withheld(found, aim.purpose, field) is (is_withheld(old, aim.purpose, field) or stricter)
    for purpose in CATALOGUE.purposes.values():
        was, is_ = (p.standings.get(purpose.key, NO_STANDING) for p in (old, found))
        assert _runs(purpose, found) is _runs(purpose, old)
        if _runs(purpose, old):  # a channel that needed no consent may have one now: it is as open as before
            assert is_.channels & ~_free(purpose, was) == was.channels & ~_free(purpose, was)
            assert not was.channels & ~is_.channels


def _free(purpose: Purpose, standing: Standing) -> int:
    """The channels that were open without consent, as bits."""
    free = (c for c in purpose.channels if Opening.NO_OBJECTION in openings(c, "unknown") or not purpose.marketing)
    return sum(CHANNEL_BITS[channel] for channel in free if not is_closed(standing, channel))


def _runs(purpose: Purpose, position: Position) -> bool:
    """Whether a purpose runs by what its person said: nothing wide stands above it."""
    standing = position.standings.get(purpose.key, NO_STANDING)
    wide = wide_scopes_on(purpose, position.objections)
    consents = purpose.basis is not LegalBasis.CONSENT or standing.state in PERMITTING_STATES
    return consents and not standing.objected and all(outranks(purpose, standing, since) for _, since in wide)


def test_going_back_never_opens_what_an_objection_had_closed() -> None:
    """Refusing a purpose under an objection and undoing it leaves it closed, whoever objected (OBJ-9, Article 21)."""
    for source in (Source.SUBJECT, Source.SIGNAL):
        given_ = choosing([], yes(OFFERS, EMAIL), at=NOON)
        before = [*given_, said(Act.OBJECTED, Aim(scope=Scope.PROFILING), NOON + MINUTE, source)]
        after = choosing(before, no(OFFERS), at=NOON + 2 * MINUTE)
        back = restoring(CATALOGUE, position_of(before), position_of(after))
        assert not _runs(CATALOGUE.purpose(OFFERS), position_of(choosing(after, *back, at=NOON + 3 * MINUTE)))


def test_nothing_is_ticked_before_the_person_decided() -> None:
    """Silence and pre-ticked boxes are no consent (recital 32, C-673/17); an import and a signal are nobody's word."""
    assert words(CATALOGUE, [], now=NOON) == {}
    others = [
        said(Act.GIVEN, Aim(NEWS, EMAIL), NOON, Source.IMPORT),
        said(Act.OBJECTED, Aim(scope=Scope.PROFILING), NOON, Source.SIGNAL),
    ]
    assert words(CATALOGUE, others, now=NOON) == {}


def test_a_signal_takes_the_yes_from_the_ticks_and_says_no_for_nobody() -> None:
    """GPC is shown as its own source, never as the person's tick (OBJ-9)."""
    history = choosing([], yes(OFFERS, EMAIL), yes(NEWS, EMAIL), at=NOON)
    history += [said(Act.OBJECTED, Aim(scope=Scope.PROFILING), NOON + MINUTE, Source.SIGNAL)]

    assert said_of(history, OFFERS) is None
    assert said_of(history, OFFERS, EMAIL) is None
    assert said_of(history, NEWS, EMAIL) is Answer.ALLOW


def test_allowing_a_channel_of_an_evaluation_allows_the_evaluation_visibly() -> None:
    """No message without what it rests on: both are recorded, so that taking back the channel leaves the other."""
    history = choosing([], yes(OFFERS, EMAIL), at=NOON)
    assert [(d.act, d.channel) for d in history] == [(Act.GIVEN, None), (Act.GIVEN, EMAIL)]

    history = choosing(history, no(OFFERS, EMAIL), at=NOON + MINUTE)
    assert said_of(history, OFFERS) is Answer.ALLOW
    assert said_of(history, OFFERS, EMAIL) is Answer.REFUSE


def test_refusing_the_evaluation_beats_allowing_a_channel_of_it_in_one_form() -> None:
    """Of two answers that contradict each other the refusal counts (doubt is on the person's side)."""
    choices = [no(OFFERS), yes(OFFERS, EMAIL), yes(NEWS, EMAIL)]
    assert contradicted(choices) == {yes(OFFERS, EMAIL)}

    history = choosing([], *choices, at=NOON)
    assert said_of(history, OFFERS, EMAIL) is Answer.REFUSE
    assert said_of(history, NEWS, EMAIL) is Answer.ALLOW


def test_allowing_one_part_again_opens_nothing_that_is_shown_as_refused() -> None:
    """After refusing all of it, a yes to e-mail leaves post closed, though post needs no consent (§ 7 UWG)."""
    history = choosing([], yes(OFFERS, EMAIL), at=NOON)
    history = choosing(history, no(OFFERS), at=NOON + MINUTE)
    history = choosing(history, yes(OFFERS, EMAIL), at=NOON + 2 * MINUTE)
    standing = position_of(history).standings[OFFERS]

    assert standing.channels == CHANNEL_BITS[EMAIL]
    assert standing.channels_denied == CHANNEL_BITS[POST]


def test_an_objection_to_marketing_is_a_word_about_every_purpose_of_it_and_a_later_consent_about_its_own() -> None:
    """Article 21(3), and the later act of the person (Article 7 GDPR): one newsletter, nothing else."""
    history = choosing([], yes(NEWS, EMAIL), yes(OFFERS, EMAIL), yes(PRICE), at=NOON)
    history = choosing(history, no(scope=Scope.MARKETING), at=NOON + MINUTE)
    assert said_of(history, NEWS, EMAIL) is Answer.REFUSE
    assert said_of(history, OFFERS, EMAIL) is Answer.REFUSE
    assert said_of(history, PRICE) is Answer.ALLOW

    history = choosing(history, yes(NEWS, EMAIL), at=NOON + 2 * MINUTE)
    assert said_of(history, NEWS, EMAIL) is Answer.ALLOW
    assert said_of(history, OFFERS, EMAIL) is Answer.REFUSE


def test_what_rests_on_interests_is_objected_to_and_not_consented_to() -> None:
    """Article 21: no 'allow' for it, and under a wide objection only that one can be taken back."""
    free = offered(CATALOGUE, position_of([]))
    assert Choice(Aim(SERVICE), Answer.REFUSE) in free
    assert Choice(Aim(SERVICE), Answer.ALLOW) not in free

    history = choosing([], no(SERVICE), at=NOON)
    assert Choice(Aim(SERVICE), Answer.LIFT) in offered(CATALOGUE, position_of(history))
    stopped = choosing([], no(scope=Scope.PROFILING), at=NOON)
    assert not [c for c in offered(CATALOGUE, position_of(stopped)) if c.aim.purpose == CARE and not c.aim.field]


def test_what_holds_already_is_recorded_as_nothing() -> None:
    """Saving a page unchanged adds no line to anybody's history."""
    history = choosing([], yes(OFFERS, EMAIL), no(NEWS, EMAIL), no(SERVICE), at=NOON)
    again = choosing(history, yes(OFFERS, EMAIL), no(NEWS, EMAIL), no(SERVICE), at=NOON + MINUTE)

    assert again == history


def test_everything_can_be_refused_at_once_and_contracts_are_left_alone() -> None:
    """UX-2: withdraw all, in one act per purpose."""
    history = choosing([], yes(NEWS, EMAIL), yes(OFFERS, EMAIL), yes(PRICE), at=NOON)
    history = choosing(history, *everything_refused(CATALOGUE), at=NOON + MINUTE)

    standings = position_of(history).standings
    assert set(standings) == {NEWS, OFFERS, CARE, SERVICE, PRICE}
    assert all(s.state not in PERMITTING_STATES and s.objected for s in standings.values())


def test_an_expired_consent_is_no_tick_and_can_be_given_anew() -> None:
    """CON-7: what has run out is asked as if it had never been answered."""
    given_ = Declaration(
        Act.GIVEN, Scope.PURPOSE, NEWS, EMAIL, None, NOON, NOON, Source.SUBJECT, valid_until=NOON + MINUTE
    )
    late = NOON + 2 * MINUTE
    assert words(CATALOGUE, [given_], now=late) == {}
    assert acts(yes(NEWS, EMAIL), CATALOGUE, position_of([given_]), now=late) == [(Act.GIVEN, Aim(NEWS, EMAIL))]


@pytest.mark.parametrize("key", [NEWS, CARE])
def test_only_an_evaluation_or_a_purpose_without_messages_is_decided_as_a_whole(key: str) -> None:
    """A newsletter is a newsletter: its one channel is the whole question."""
    assert not asks_for_whole(CATALOGUE.purpose(key))
    assert asks_for_whole(CATALOGUE.purpose(OFFERS))
    assert asks_for_whole(CATALOGUE.purpose(PRICE))


def test_a_field_is_kept_out_of_one_purpose_or_of_all_and_let_in_again() -> None:
    """Partial objection and narrowed consent (Articles 7(3) and 21 GDPR)."""
    one, every = Aim(OFFERS, field="purchase_history"), Aim(field="purchase_history")
    history = choosing([], Choice(every, Answer.REFUSE), at=NOON)
    assert is_withheld(position_of(history), OFFERS, "purchase_history")
    history = choosing(history, Choice(one, Answer.ALLOW), at=NOON + MINUTE)
    assert not is_withheld(position_of(history), OFFERS, "purchase_history")
    assert is_withheld(position_of(history), CARE, "purchase_history")
    history = choosing(history, Choice(every, Answer.ALLOW), at=NOON + 2 * MINUTE)
    assert not is_withheld(position_of(history), CARE, "purchase_history")


def test_going_back_takes_back_a_yes_that_rose_above_an_objection() -> None:
    """A newsletter allowed under an objection to everything, and undone, runs no more (Article 7(3) GDPR)."""
    before = [said(Act.OBJECTED, Aim(scope=Scope.GENERAL), NOON, Source.SUBJECT)]
    newsletter = Aim("newsletter", Channel.EMAIL)
    after = choosing(before, Choice(newsletter, Answer.ALLOW), at=NOON + MINUTE)
    back = restoring(CATALOGUE, position_of(before), position_of(after))

    assert _runs(CATALOGUE.purpose("newsletter"), position_of(after))
    assert not _runs(CATALOGUE.purpose("newsletter"), position_of(choosing(after, *back, at=NOON + 2 * MINUTE)))
