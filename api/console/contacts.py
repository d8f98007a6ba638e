"""Contacts by permission: for each purpose how many may be used and who is left out why; never a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.counts import Counts, Step, funnel
from api.deps import Visit, visiting
from api.i18n import N_
from governance.purposes import Purpose
from governance.vocabulary import REASON_TEXT, Channel, LegalBasis, Reason, Unit

router = APIRouter()

BASES: dict[LegalBasis, str] = {
    LegalBasis.CONSENT: N_("Consent, Art. 6(1)(a) GDPR"),
    LegalBasis.CONTRACT: N_("Contract, Art. 6(1)(b) GDPR"),
    LegalBasis.LEGITIMATE_INTERESTS: N_("Legitimate interests, Art. 6(1)(f) GDPR"),
}
CHANNELS: dict[Channel, str] = {
    Channel.EMAIL: N_("E-mail"),
    Channel.PHONE: N_("Phone"),
    Channel.POST: N_("Post"),
    Channel.SMS: N_("Text message"),
}


@dataclass(frozen=True)
class PurposeView:
    """One purpose and who may be used for it."""

    purpose: Purpose
    basis: str
    channels: tuple[str, ...]
    steps: tuple[Step, ...]
    total: int | None
    lawful: int | None
    share: float
    assessment_ends: bool
    """The assessment has run out or does within sixty days."""


@dataclass(frozen=True)
class ContactsView:
    """Every purpose over one snapshot."""

    total: int | None
    empty: bool
    purposes: tuple[PurposeView, ...]


def contacts_view(visit: Visit) -> ContactsView:
    """Count every purpose over the same snapshot of the ledger."""
    from consent.permission import PopulationRequest, permitted

    counts = Counts(visit.exact, visit.house.catalogue.controller.minimum_cell)
    views, total = [], 0
    with visit.house.work.reading() as connection:
        for purpose in visit.house.catalogue.purposes.values():
            found = permitted(connection, PopulationRequest(purpose, Unit.CONTACT, ()), now=visit.now)
            total = found.total
            views.append(_purpose_view(visit, purpose, found.total, found.size, dict(found.left_out), counts))
    return ContactsView(counts.see(total), total == 0, tuple(views))


def _purpose_view(
    visit: Visit,
    purpose: Purpose,
    total: int,
    lawful: int,
    left_out: dict[Reason, int],
    counts: Counts,
) -> PurposeView:
    say = visit.tongue.say
    steps = funnel(
        (say("All contacts"), total), left_out, REASON_TEXT, (say("Permitted for this purpose"), lawful), counts,
        say("Other reasons"),
    )  # fmt: skip
    told, whole = counts.see(lawful), counts.see(total)
    ends = purpose.assessment is not None and (purpose.assessment.valid_until - visit.now.date()).days < 60
    return PurposeView(
        purpose=purpose,
        basis=say(BASES[purpose.basis]),
        channels=tuple(say(CHANNELS[channel]) for channel in Channel if channel in purpose.channels),
        steps=tuple(steps),
        total=whole,
        lawful=told,
        share=(told or 0) / whole if whole else 0.0,
        assessment_ends=ends,
    )


@router.get("/contacts")
def show(visit: Annotated[Visit, Depends(visiting(Right.CONTACTS))]) -> Response:
    """Every purpose with its picture."""
    return visit.page("contacts.html", view=contacts_view(visit))
