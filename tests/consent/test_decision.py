"""The table of design 4, line by line: what each basis needs, and what stops it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product

import pytest

from consent.decision import Objections, Standing, SubjectFacts, decide, has_valid_assessment
from governance.purposes import Assessment, Purpose
from governance.vocabulary import ConsentState, EffectClass, LegalBasis, Reason
from tests.consent.builders import DAY, NOON, a_purpose

INFORMED = SubjectFacts(informed=True)
GIVEN = Standing(state=ConsentState.GIVEN, granted_at=NOON - DAY)

# The whole table for a consent, in the order the reasons settle it (Articles 6(1)(a) and 7 GDPR).
STATES = {
    None: Reason.NEVER_ASKED,
    ConsentState.UNKNOWN: Reason.CONSENT_UNKNOWN,
    ConsentState.REQUESTED: Reason.REQUESTED_ONLY,
    ConsentState.REFUSED: Reason.CONSENT_REFUSED,
    ConsentState.WITHDRAWN: Reason.CONSENT_WITHDRAWN,
    ConsentState.EXPIRED: Reason.CONSENT_EXPIRED,
    ConsentState.GIVEN: Reason.CONSENT_GIVEN,
    ConsentState.RENEWED: Reason.CONSENT_GIVEN,
}


def reason(
    purpose: Purpose,
    facts: SubjectFacts = INFORMED,
    standing: Standing = Standing(),  # noqa: B008
    objections: Objections = Objections(),  # noqa: B008
    now: datetime = NOON,
) -> Reason:
    """The reason alone, after a look at whether it is told as lawful."""
    decision = decide(purpose, facts, standing, objections, now=now)
    lawful = {Reason.CONSENT_GIVEN, Reason.CONTRACT_ACTIVE, Reason.INTERESTS_PREVAIL, Reason.NOT_A_PERSON}
    assert decision.lawful is (decision.reason in lawful)
    return decision.reason


@pytest.mark.parametrize(("state", "expected"), STATES.items())
def test_only_a_given_or_renewed_consent_permits(state: ConsentState | None, expected: Reason) -> None:
    """Article 6(1)(a) GDPR: six of eight states are a no."""
    assert reason(a_purpose(), standing=Standing(state=state)) is expected


def test_a_consent_ends_with_its_last_instant() -> None:
    """CON-7: expired at the very instant its validity ends, not after."""
    until = Standing(state=ConsentState.RENEWED, valid_until=NOON)

    assert reason(a_purpose(), standing=until, now=NOON - DAY) is Reason.CONSENT_GIVEN
    assert reason(a_purpose(), standing=until, now=NOON) is Reason.CONSENT_EXPIRED


@pytest.mark.parametrize("state", [None, *ConsentState])
def test_no_basis_stands_in_for_another(state: ConsentState | None) -> None:
    """PRI-9: a valid assessment, an informed subject and a running contract never replace a consent."""
    everything = SubjectFacts(informed=True, contract_active=True)
    permits = state in (ConsentState.GIVEN, ConsentState.RENEWED)

    assert decide(a_purpose(), everything, Standing(state=state), Objections(), now=NOON).lawful is permits
    interests = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, assessment=None)
    assert not decide(interests, everything, Standing(state=state), Objections(), now=NOON).lawful
    contract = a_purpose(LegalBasis.CONTRACT)
    assert not decide(contract, INFORMED, Standing(state=state), Objections(), now=NOON).lawful


def test_legitimate_interests_need_assessment_information_and_no_objection() -> None:
    """Articles 6(1)(f), 13, 14 and 21 GDPR; somebody who was never asked is fine there."""
    purpose = a_purpose(LegalBasis.LEGITIMATE_INTERESTS)

    assert reason(purpose) is Reason.INTERESTS_PREVAIL
    assert reason(purpose, SubjectFacts(informed=False)) is Reason.NOT_INFORMED
    assert reason(purpose, standing=Standing(objected=True)) is Reason.OBJECTED
    assert reason(purpose, objections=Objections(general_at=NOON)) is Reason.OBJECTED
    expired = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, assessment=Assessment("LIA-1", date(2026, 11, 21)))
    assert reason(expired) is Reason.ASSESSMENT_EXPIRED


def test_an_assessment_holds_through_its_last_german_day() -> None:
    """PRI-7: 23:30 in Berlin still counts although a new day has not begun in UTC; midnight there does not."""
    purpose = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, assessment=Assessment("LIA-1", date(2026, 6, 30)))

    assert has_valid_assessment(purpose, datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    assert not has_valid_assessment(purpose, datetime(2026, 6, 30, 22, 0, tzinfo=UTC))


@pytest.mark.parametrize(("marketing", "profiling"), list(product((True, False), repeat=2)))
def test_an_objection_stops_what_it_is_against(marketing: bool, profiling: bool) -> None:
    """Article 21(2) and (3) GDPR: marketing and profiling each where the purpose is or does that."""
    purpose = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, marketing=marketing, profiling=profiling)
    prevails = Reason.INTERESTS_PREVAIL

    to_marketing = reason(purpose, objections=Objections(marketing_at=NOON - DAY))
    assert to_marketing is (Reason.OBJECTED_TO_MARKETING if marketing else prevails)
    to_profiling = reason(purpose, objections=Objections(profiling_at=NOON - DAY))
    assert to_profiling is (Reason.OBJECTED_TO_PROFILING if profiling else prevails)


def test_only_a_later_consent_to_the_very_purpose_outranks_a_wide_objection() -> None:
    """Article 21(3) GDPR and invariant 2: earlier, simultaneous or unproven consents do not."""
    purpose = a_purpose(marketing=True)
    objections = Objections(marketing_at=NOON - DAY)

    assert reason(purpose, standing=GIVEN, objections=objections) is Reason.OBJECTED_TO_MARKETING
    unproven = Standing(state=ConsentState.GIVEN)
    assert reason(purpose, standing=unproven, objections=objections) is Reason.OBJECTED_TO_MARKETING
    later = Standing(state=ConsentState.GIVEN, granted_at=NOON)
    assert reason(purpose, standing=later, objections=objections) is Reason.CONSENT_GIVEN


def test_a_contract_needs_to_run_and_no_objection_to_marketing_stops_it() -> None:
    """Article 6(1)(b) GDPR: whoever wants no advertising still gets the invoice."""
    purpose = a_purpose(LegalBasis.CONTRACT)
    everything = Objections(general_at=NOON, marketing_at=NOON, profiling_at=NOON)

    assert reason(purpose, SubjectFacts(contract_active=True), objections=everything) is Reason.CONTRACT_ACTIVE
    assert reason(purpose) is Reason.NO_CONTRACT


@pytest.mark.parametrize("basis", list(LegalBasis))
def test_restriction_and_erasure_stop_every_basis(basis: LegalBasis) -> None:
    """Articles 17 and 18 GDPR; also for companies."""
    for natural in (True, False):
        facts = SubjectFacts(natural=natural, restricted=True, informed=True, contract_active=True)
        assert reason(a_purpose(basis), facts, GIVEN) is Reason.RESTRICTED
        facts = SubjectFacts(natural=natural, restricted=True, erased=True, informed=True, contract_active=True)
        assert reason(a_purpose(basis), facts, GIVEN) is Reason.ERASED


@pytest.mark.parametrize("basis", list(LegalBasis))
def test_a_legal_person_has_no_data_protection_to_claim(basis: LegalBasis) -> None:
    """Recital 14 GDPR: it does not cover legal persons; nothing else is asked."""
    company = SubjectFacts(natural=False)

    assert reason(a_purpose(basis, assessment=None), company) is Reason.NOT_A_PERSON


def test_children_are_out_of_consent_profiling_prices_and_contracts() -> None:
    """Article 8 GDPR and recital 71; an unknown age excludes nobody (Article 5(1)(c))."""
    child = SubjectFacts(minor=True, informed=True, contract_active=True)
    interests, contract = LegalBasis.LEGITIMATE_INTERESTS, LegalBasis.CONTRACT

    assert reason(a_purpose(), child, GIVEN) is Reason.MINOR
    assert reason(a_purpose(interests, profiling=True), child) is Reason.MINOR
    assert reason(a_purpose(contract, effect=EffectClass.PRICE), child) is Reason.MINOR
    assert reason(a_purpose(contract, effect=EffectClass.CONTRACT), child) is Reason.MINOR
    assert reason(a_purpose(interests), child) is Reason.INTERESTS_PREVAIL
    assert reason(a_purpose(), SubjectFacts(minor=None), GIVEN) is Reason.CONSENT_GIVEN
