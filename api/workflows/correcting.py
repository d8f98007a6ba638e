"""Correct one person's assignment, and lift a correction: acts at once and outranks every run (REC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.workflows.log import scheme_unit, subject_behind
from api.workflows.segment_results import CorrectionMade, CorrectionOrder
from audit.errors import BadInput, NotFound
from governance.store import subject_row
from segmentation.corrections import CorrectionKind, Ruling
from segmentation.corrections import correct as correct_assignment
from segmentation.corrections import lift as lift_correction
from segmentation.periods import iso_day

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.vocabulary import Actor
    from segmentation.store_corrections import CorrectionRow

MAX_REASON = 2_000
"""Characters of a correction's reason."""


def correct(
    house: House, scheme: str, reference: str, order: CorrectionOrder, *, actor: Actor, now: datetime
) -> CorrectionMade:
    """Correct the assignment of whoever stands under a reference; acts at once and outranks every run.

    Raises:
        SchemeUnknown, SegmentUnknown, NeverRun, NotFound: something named does not exist.
        CorrectionRefused, BadInput: it cannot stand.
    """
    subject, pseudonym = _person(house, scheme, reference)
    return correct_subject(house, scheme, (subject, pseudonym), order, actor=actor, now=now)


def correct_subject(
    house: House, scheme: str, person: tuple[int, bytes], order: CorrectionOrder, *, actor: Actor, now: datetime
) -> CorrectionMade:
    """The same for somebody who was found already: subject number and pseudonym."""
    if order.kind not in {each.value for each in CorrectionKind}:
        raise BadInput(f"The kind of a correction is one of: {', '.join(each.value for each in CorrectionKind)}.")
    if not order.reason.strip() or len(order.reason) > MAX_REASON:
        raise BadInput(f"A correction needs a reason of 1 to {MAX_REASON} characters.")
    # The vault is written first: a sealed reason that no correction names is an orphan, never the other way round.
    sealed = house.vault.seal_evidence([(person[1], order.reason.strip().encode())])[0]
    ruling = Ruling(CorrectionKind(order.kind), order.segment, sealed, order.review_on)
    with house.work.writing() as connection:
        made = correct_assignment(connection, scheme, person[0], ruling, actor=actor, now=now, today=house.today(now))
    return _made(made)


def lift(house: House, scheme: str, reference: str, *, actor: Actor, now: datetime) -> CorrectionMade:
    """End the correction of whoever stands under a reference; the live run decides again.

    Raises:
        SchemeUnknown, NotFound: something named does not exist.
        CorrectionRefused: no correction is in force.
    """
    subject, _ = _person(house, scheme, reference)
    return lift_subject(house, scheme, subject, actor=actor, now=now)


def lift_subject(house: House, scheme: str, subject: int, *, actor: Actor, now: datetime) -> CorrectionMade:
    """The same for somebody who was found already."""
    with house.work.writing() as connection:
        return _made(lift_correction(connection, scheme, subject, actor=actor, now=now))


def _person(house: House, scheme: str, reference: str) -> tuple[int, bytes]:
    """Number and pseudonym behind a reference; somebody erased is as unknown as nobody."""
    with house.work.reading() as connection:
        unit = scheme_unit(connection, scheme)
    pseudonym = house.vault.find(unit, [reference])[0]
    with house.work.reading() as connection:
        subject = subject_behind(connection, pseudonym)
        row = subject_row(connection, subject)
    if row is None or row.erased_at is not None or pseudonym is None:
        raise NotFound("nobody is held under this reference")
    return subject, pseudonym


def _made(row: CorrectionRow) -> CorrectionMade:
    return CorrectionMade(
        number=row.id,
        scheme=row.scheme,
        kind=row.kind,
        segment=row.segment,
        review_on=iso_day(row.review_on),
        lifted=row.lifted_at is not None,
    )
