"""Two times, a source, and who may raise what: where somebody stands by everything they ever declared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.decision import decide, state_of
from consent.replay import objections_of, position_of, standing_of
from consent.standing import Standing, SubjectFacts
from governance.vocabulary import CHANNEL_BITS, Act, Channel, ConsentState, Declaration, LegalBasis, Scope, Source
from tests.consent.builders import NOON, a_purpose, objected_to, said

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3))
EMAIL, PHONE = Channel.EMAIL, Channel.PHONE


def standing(*history: Declaration) -> Standing:
    return standing_of(history, "newsletter")


def test_a_letter_of_monday_typed_in_on_wednesday_loses_to_a_consent_of_tuesday() -> None:
    """Article 7(3) GDPR: a denial counts from when it was said, so the subject's last word wins."""
    letter = said(Act.WITHDRAWN, MONDAY, received_at=WEDNESDAY, source=Source.DESK_FOR_SUBJECT)
    portal = said(Act.GIVEN, TUESDAY)

    assert standing(letter, portal).state is ConsentState.GIVEN
    assert standing(portal, letter).state is ConsentState.GIVEN


def test_a_consent_said_before_a_denial_and_heard_after_it_loses() -> None:
    """Article 21(3) GDPR: a grant counts from when it arrived only if nothing was denied in between by word."""
    slow = said(
        Act.GIVEN,
        MONDAY,
        received_at=THURSDAY,
        source=Source.CONTROLLER_API,
        has_evidence=True,
        evidence_said_at=MONDAY,
    )
    objection = said(Act.OBJECTED, TUESDAY)

    assert standing(slow, objection).objected
    assert not standing(slow, objection).channels
    assert standing(slow, objection).state is not ConsentState.GIVEN


def test_at_the_same_instant_the_denial_wins() -> None:
    """PRI-10: doubt is on the subject's side."""
    assert standing(said(Act.WITHDRAWN, MONDAY), said(Act.GIVEN, MONDAY)).state is ConsentState.WITHDRAWN


@pytest.mark.parametrize("denial", [Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED])
@pytest.mark.parametrize(
    ("source", "evidence", "raises"),
    [
        (Source.SUBJECT, None, True),
        (Source.DESK_FOR_SUBJECT, WEDNESDAY, True),
        (Source.CONTROLLER_API, WEDNESDAY, True),
        (Source.DESK_FOR_SUBJECT, MONDAY, False),  # evidence of an act before the denial
        (Source.DESK_FOR_SUBJECT, TUESDAY, False),  # of the very instant
        (Source.DESK_FOR_SUBJECT, None, False),
        (Source.CONTROLLER_API, None, False),
        (Source.IMPORT, WEDNESDAY, False),
        (Source.IMPORT, None, False),
        (Source.SIGNAL, None, False),
    ],
)
def test_only_the_subjects_own_later_act_raises_what_was_denied(
    denial: Act, source: Source, evidence: datetime | None, raises: bool
) -> None:
    """Invariant 2 and OBJ-10: no import, and nobody's word for it."""
    grant = said(Act.GIVEN, THURSDAY, source=source, has_evidence=evidence is not None, evidence_said_at=evidence)
    found = standing(said(denial, TUESDAY), grant)

    assert (found.state is ConsentState.GIVEN and not found.objected) is raises


def test_an_import_may_state_a_first_consent_but_only_with_evidence() -> None:
    """CON-12, Article 7(1) GDPR: a yes without evidence is unknown, and unknown is no consent."""
    with_evidence = said(Act.GIVEN, MONDAY, source=Source.IMPORT, has_evidence=True)
    without = said(Act.GIVEN, MONDAY, source=Source.IMPORT)

    assert standing(with_evidence).state is ConsentState.GIVEN
    assert standing(without).state is ConsentState.UNKNOWN
    assert standing(with_evidence, without).state is ConsentState.GIVEN


def test_an_import_may_always_deny() -> None:
    """Article 7(3) GDPR: a no needs no form and no evidence."""
    assert (
        standing(said(Act.GIVEN, MONDAY), said(Act.REFUSED, TUESDAY, source=Source.IMPORT)).state
        is ConsentState.REFUSED
    )


def test_an_imported_consent_outranks_no_objection() -> None:
    """OBJ-10: nobody saw the subject's own act; whichever came first."""
    imported = said(Act.GIVEN, THURSDAY, source=Source.IMPORT, has_evidence=True)

    assert standing(imported).granted_at is None
    objections = objections_of([objected_to(Scope.MARKETING, MONDAY)])
    newsletter = a_purpose(marketing=True)
    assert not decide(newsletter, SubjectFacts(), standing(imported), objections, now=NOON).lawful


def test_asking_is_no_consent_and_takes_none_away() -> None:
    """Article 4(11) GDPR, CON-8: requested is requested until the subject confirms."""
    assert standing(said(Act.REQUESTED, MONDAY)).state is ConsentState.REQUESTED
    assert standing(said(Act.GIVEN, MONDAY), said(Act.REQUESTED, TUESDAY)).state is ConsentState.GIVEN
    assert standing(said(Act.REFUSED, MONDAY), said(Act.REQUESTED, TUESDAY)).state is ConsentState.REFUSED


def test_a_consent_to_a_channel_is_one_to_the_purpose_by_that_channel() -> None:
    """CON-3: nobody can want the newsletter by e-mail without wanting the newsletter; by phone is another matter."""
    found = standing(said(Act.GIVEN, MONDAY, channel=EMAIL))

    assert (found.state, found.channels) == (ConsentState.GIVEN, CHANNEL_BITS[EMAIL])


def test_withdrawing_the_last_channel_withdraws_the_consent_and_another_one_does_not() -> None:
    """Article 7(3) GDPR: withdrawing is as easy as giving, channel by channel."""
    both = [said(Act.GIVEN, MONDAY, channel=EMAIL), said(Act.GIVEN, MONDAY, channel=PHONE)]
    one_less = standing(*both, said(Act.WITHDRAWN, TUESDAY, channel=PHONE))
    none_left = standing(*both, *(said(Act.WITHDRAWN, TUESDAY, channel=channel) for channel in (EMAIL, PHONE)))

    assert (one_less.state, one_less.channels, one_less.channels_denied) == (ConsentState.GIVEN, 1, 2)
    assert (none_left.state, none_left.channels, none_left.channels_denied) == (ConsentState.WITHDRAWN, 0, 3)


def test_refusing_a_channel_is_no_objection_to_the_purpose() -> None:
    """§ 7 UWG and Article 21 GDPR: no calls is no calls; the customer may still be looked after."""
    found = standing(said(Act.REFUSED, MONDAY, channel=PHONE))

    assert (found.state, found.objected, found.channels_denied) == (None, False, CHANNEL_BITS[PHONE])


def test_a_refusal_or_withdrawal_of_a_purpose_is_an_objection_to_it() -> None:
    """Article 21(1) GDPR: no form is asked for; a no to the purpose stops it on legitimate interests too."""
    for act in (Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED):
        assert standing(said(act, MONDAY)).objected


def test_lifting_an_objection_does_not_bring_a_consent_back() -> None:
    """Article 7(3) GDPR: what was withdrawn has to be given again."""
    found = standing(said(Act.GIVEN, MONDAY), said(Act.OBJECTED, TUESDAY), said(Act.OBJECTION_LIFTED, WEDNESDAY))

    assert (found.state, found.objected) == (ConsentState.WITHDRAWN, False)


@pytest.mark.parametrize("scope", [Scope.GENERAL, Scope.MARKETING, Scope.PROFILING])
def test_a_wide_objection_stands_until_the_subject_lifts_it(scope: Scope) -> None:
    """Article 21 GDPR: an import, a signal or the desk's word alone lifts nothing."""
    objection = objected_to(scope, TUESDAY)
    by = {"scope": scope, "purpose": None}
    attempts = [
        said(Act.OBJECTION_LIFTED, THURSDAY, source=source, **by) for source in Source if source is not Source.SUBJECT
    ]

    assert objections_of([objection, *attempts]).mask == {"general": 1, "marketing": 2, "profiling": 4}[scope]
    assert objections_of([objection, said(Act.OBJECTION_LIFTED, THURSDAY, **by)]).mask == 0
    assert objections_of([objection, said(Act.OBJECTION_LIFTED, MONDAY, **by)]).mask != 0


def test_the_consent_ends_when_the_first_of_its_parts_does() -> None:
    """CON-7: in doubt the shorter time; renewing a part gives it its new time."""
    email = said(Act.GIVEN, MONDAY, channel=EMAIL, valid_until=NOON)
    phone = said(Act.GIVEN, TUESDAY, channel=PHONE, valid_until=NOON + timedelta(days=9))

    assert standing(email, phone).valid_until == NOON
    renewed = said(Act.RENEWED, WEDNESDAY, channel=EMAIL, valid_until=None)
    assert standing(email, phone, renewed).valid_until == phone.valid_until


def test_the_state_of_a_past_day_is_what_had_been_heard_by_then() -> None:
    """Article 7(1) GDPR, CON-1: what we could know on the day, not what we know now."""
    history = [said(Act.GIVEN, MONDAY), said(Act.WITHDRAWN, TUESDAY, received_at=THURSDAY)]

    assert state_of(history, purpose="newsletter", now=WEDNESDAY).state is ConsentState.GIVEN
    assert state_of(history, purpose="newsletter", now=THURSDAY).state is ConsentState.WITHDRAWN
    assert state_of(history, purpose="newsletter", now=MONDAY - timedelta(1)) == Standing()


def withheld(*history: Declaration) -> dict[tuple[str, str], bool]:
    return position_of(history).withheld


def field_act(act: Act, when: datetime, purpose: str | None = "newsletter", **changes: Any) -> Declaration:
    return said(act, when, purpose=purpose, field="employees", **changes)


def test_a_field_is_withheld_for_one_purpose_or_for_all() -> None:
    """Articles 7(3) and 21(1) GDPR, in part: the field, not the purpose."""
    assert withheld(field_act(Act.FIELD_WITHHELD, MONDAY)) == {("newsletter", "employees"): True}
    everywhere = field_act(Act.FIELD_WITHHELD, MONDAY, None)
    assert withheld(everywhere) == {("", "employees"): True}
    narrowed = field_act(Act.FIELD_RELEASED, TUESDAY)
    assert withheld(everywhere, narrowed) == {("", "employees"): True, ("newsletter", "employees"): False}
    assert withheld(everywhere, narrowed, field_act(Act.FIELD_WITHHELD, WEDNESDAY, None)) == {("", "employees"): True}
    assert withheld(everywhere, field_act(Act.FIELD_RELEASED, TUESDAY, None)) == {}


def test_no_import_releases_a_withheld_field() -> None:
    """Invariant 2 holds for fields too."""
    release = field_act(Act.FIELD_RELEASED, TUESDAY, source=Source.IMPORT, has_evidence=True)

    assert withheld(field_act(Act.FIELD_WITHHELD, MONDAY), release) == {("newsletter", "employees"): True}


# --- the table written out as a predicate over whole histories, apart from the code under test -----------------------

DENYING = {Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED}
WHOLE = st.sampled_from([Act.GIVEN, Act.RENEWED, Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED, Act.REQUESTED, Act.UNKNOWN])


def counts_from(d: Declaration) -> datetime:
    return min(d.said_at, d.received_at) if d.act in DENYING else max(d.said_at, d.received_at)


def own_act(d: Declaration) -> datetime | None:
    if d.source is Source.SUBJECT:
        return counts_from(d)
    if d.source in (Source.DESK_FOR_SUBJECT, Source.CONTROLLER_API) and d.has_evidence and d.evidence_said_at:
        return min(d.evidence_said_at, counts_from(d))
    return None


def consent_by_law(history: list[Declaration], now: datetime) -> bool:
    """Whether a consent stands: some grant that no denial follows and that was allowed to follow those before it."""
    denials = [counts_from(d) for d in history if d.scope is Scope.PURPOSE and d.act in DENYING]
    grants = []
    for d in history:
        if d.act not in (Act.GIVEN, Act.RENEWED) or d.source is Source.SIGNAL:
            continue
        if d.source is Source.IMPORT and not d.has_evidence:
            continue
        own = own_act(d)
        before = [at for at in denials if at < counts_from(d)]
        if all(at < counts_from(d) for at in denials) and (not before or (own is not None and own > max(before))):
            grants.append(d)
    if not grants:
        return False
    until = max(grants, key=counts_from).valid_until
    shown = [d for d in grants if own_act(d)]
    own = own_act(max(shown, key=counts_from)) if shown else None
    for scope in (Scope.GENERAL, Scope.MARKETING, Scope.PROFILING):
        wide = [counts_from(d) for d in history if d.scope is scope and d.act is Act.OBJECTED]
        if wide and (own is None or own <= max(wide)):
            return False
    return until is None or until > now


@st.composite
def histories(draw: st.DrawFn) -> list[Declaration]:
    """Declarations about one purpose and wide objections; no two times are equal."""
    size = draw(st.integers(0, 7))
    hours = draw(st.permutations(range(3 * size)))
    moments = [NOON - timedelta(hours=1 + hour) for hour in hours]
    return [_any_declaration(draw, moments[3 * n : 3 * n + 3]) for n in range(size)]


def _any_declaration(draw: st.DrawFn, moments: list[datetime]) -> Declaration:
    times = {"said_at": moments[0], "received_at": moments[1], "source": draw(st.sampled_from(Source))}
    if draw(st.integers(0, 5)) == 0:
        wide = draw(st.sampled_from([Scope.GENERAL, Scope.MARKETING, Scope.PROFILING]))
        return said(Act.OBJECTED, scope=wide, purpose=None, **times)
    act = draw(WHOLE)
    evidence = draw(st.booleans())
    if act in (Act.GIVEN, Act.RENEWED):
        times["valid_until"] = draw(st.sampled_from([None, NOON, NOON + timedelta(1)]))
    return said(act, has_evidence=evidence, evidence_said_at=moments[2] if evidence else None, **times)


@given(histories(), st.randoms(use_true_random=False))
def test_the_replay_is_the_law_written_out_whatever_the_order_of_arrival(
    history: list[Declaration], order: Any
) -> None:
    """Articles 7 and 21 GDPR as one predicate over the history, against the replay and the table."""
    arrived = list(history)
    order.shuffle(arrived)
    purpose = a_purpose(marketing=True, profiling=True)
    position = position_of(arrived)
    found = position.standings.get("newsletter", Standing())

    assert decide(purpose, SubjectFacts(), found, position.objections, now=NOON).lawful is consent_by_law(history, NOON)
    assert found == standing_of(history, "newsletter")


@given(histories())
def test_a_no_is_only_followed_by_the_subjects_own_yes(history: list[Declaration]) -> None:
    """Invariant 2, for every basis: with no own act after the last denial nothing is lawful."""
    denials = [counts_from(d) for d in history if d.act in DENYING and d.scope is Scope.PURPOSE]
    own = [at for d in history if d.act in (Act.GIVEN, Act.RENEWED) and (at := own_act(d))]
    if not denials or any(at > max(denials) for at in own):
        return
    position = position_of(history)
    for basis in (LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTERESTS):
        facts = SubjectFacts(informed=True)
        assert not decide(
            a_purpose(basis), facts, position.standings["newsletter"], position.objections, now=NOON
        ).lawful
