"""May this be done with this person for this purpose, now? The table of Article 6(1) GDPR as one pure function.

- Consent permits only when given or renewed, not expired, not restricted, of age (Articles 6(1)(a), 7, 8, 18).
- Legitimate interests permit when the balancing is valid, the subject was informed and has not objected
  (Articles 6(1)(f), 13, 14, 21); never asked is fine there.
- A contract permits while it is active; an objection to marketing does not stop it (Article 6(1)(b)).

No basis ever stands in for another (PRI-9), and what is missing or unknown permits nothing (PRI-10).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from consent.replay import effective_at, standing_of
from consent.standing import DENYING_STATES, PERMITTING_STATES, Objections, Standing, SubjectFacts
from governance.vocabulary import ConsentState, Decision, Declaration, EffectClass, LegalBasis, Reason

if TYPE_CHECKING:
    from governance.purposes import Purpose

__all__ = ["Objections", "Standing", "SubjectFacts", "decide", "excludes_minors", "has_valid_assessment", "state_of"]

LAW_ZONE = ZoneInfo("Europe/Berlin")
"""Calendar days (an assessment's last day) are days of this zone (CON-7)."""

REASON_BY_STATE: dict[ConsentState | None, Reason] = {
    None: Reason.NEVER_ASKED,
    ConsentState.UNKNOWN: Reason.CONSENT_UNKNOWN,
    ConsentState.REQUESTED: Reason.REQUESTED_ONLY,
    ConsentState.REFUSED: Reason.CONSENT_REFUSED,
    ConsentState.WITHDRAWN: Reason.CONSENT_WITHDRAWN,
    ConsentState.EXPIRED: Reason.CONSENT_EXPIRED,
}


def state_of(history: Iterable[Declaration], *, purpose: str, now: datetime) -> Standing:
    """Where a subject stood for *purpose* at *now*, by replay of what had been received by then (Article 7(1))."""
    known = [d for d in history if d.received_at <= now and effective_at(d) <= now]
    return standing_of(known, purpose)


def decide(
    purpose: Purpose, facts: SubjectFacts, standing: Standing, objections: Objections, *, now: datetime
) -> Decision:
    """Whether processing for *purpose* is lawful at *now*, and the first reason that settles it."""
    if facts.erased:
        return Decision(False, Reason.ERASED)
    if facts.restricted:
        return Decision(False, Reason.RESTRICTED)
    if not facts.natural:
        return Decision(True, Reason.NOT_A_PERSON)
    if facts.minor and excludes_minors(purpose):
        return Decision(False, Reason.MINOR)
    if purpose.basis is LegalBasis.CONSENT:
        return _on_consent(purpose, standing, objections, now)
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS:
        return _on_interests(purpose, facts, standing, objections, now)
    return _on_contract(facts)


def excludes_minors(purpose: Purpose) -> bool:
    """Whether a child is out: consent below 16, profiling, prices and contracts (Article 8, recital 71)."""
    binding = purpose.effect in (EffectClass.PRICE, EffectClass.CONTRACT)
    return purpose.basis is LegalBasis.CONSENT or purpose.profiling or binding


def has_valid_assessment(purpose: Purpose, now: datetime) -> bool:
    """Whether the balancing of interests stands, its last day included (PRI-7)."""
    assessment = purpose.assessment
    return assessment is not None and now.astimezone(LAW_ZONE).date() <= assessment.valid_until


def objection_reason(purpose: Purpose, objections: Objections, outranked_by: datetime | None) -> Reason | None:
    """The wide objection that stops *purpose*, if any.

    *outranked_by* is the subject's own later consent to this very purpose: it outranks an objection made before it.
    """
    stops = (
        (True, objections.general_at, Reason.OBJECTED),
        (purpose.marketing, objections.marketing_at, Reason.OBJECTED_TO_MARKETING),
        (purpose.profiling, objections.profiling_at, Reason.OBJECTED_TO_PROFILING),
    )
    for concerned, since, reason in stops:
        if concerned and since is not None and (outranked_by is None or outranked_by <= since):
            return reason
    return None


def _on_consent(purpose: Purpose, standing: Standing, objections: Objections, now: datetime) -> Decision:
    state = standing.effective_state(now)
    if state in DENYING_STATES:
        return Decision(False, REASON_BY_STATE[state])
    if standing.objected:
        return Decision(False, Reason.OBJECTED)
    if reason := objection_reason(purpose, objections, standing.granted_at):
        return Decision(False, reason)
    if state in PERMITTING_STATES:
        return Decision(True, Reason.CONSENT_GIVEN)
    if state is None and standing.channels_denied:
        return Decision(False, Reason.CONSENT_REFUSED)
    return Decision(False, REASON_BY_STATE[state])


def _on_interests(
    purpose: Purpose, facts: SubjectFacts, standing: Standing, objections: Objections, now: datetime
) -> Decision:
    if standing.objected:
        return Decision(False, Reason.OBJECTED)
    if reason := objection_reason(purpose, objections, None):
        return Decision(False, reason)
    if not has_valid_assessment(purpose, now):
        return Decision(False, Reason.ASSESSMENT_EXPIRED)
    if not facts.informed:
        return Decision(False, Reason.NOT_INFORMED)
    return Decision(True, Reason.INTERESTS_PREVAIL)


def _on_contract(facts: SubjectFacts) -> Decision:
    if facts.contract_active:
        return Decision(True, Reason.CONTRACT_ACTIVE)
    return Decision(False, Reason.NO_CONTRACT)
