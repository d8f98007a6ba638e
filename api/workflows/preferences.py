"""What somebody chooses about their data, from a page or through the controller's own systems, becomes declarations.

Every option a page offers is one the ledger takes (`consent.choices`), a choice that changes nothing is recorded as
nothing, and of two that contradict each other the refusal counts. A consent to e-mail from whoever has not proven the
mailbox is confirmed by mail first (CON-8). What is recorded acts when it commits (Article 7(3) GDPR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api.workflows import confirming, declaring, signals
from api.workflows.preference_state import Standpoint, preferences, standpoint
from api.workflows.preference_views import Preferences
from audit.errors import BadInput
from consent import choice_acts, ledger, notices
from consent.choices import Aim, Answer, Choice, field_aims, rests_on_choice
from consent.replay import position_of
from governance.contact_points import email_match_form
from governance.deadlines import add_duration
from governance.vocabulary import Act, Actor, Channel, Declaration, Language, Scope, Source

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from api.workflows.declaring import Subject
    from consent.store_ledger import Recorded
    from governance.purposes import Purpose

__all__ = ["Aim", "Answer", "Choice", "ChoiceNotOffered", "Chosen", "Preferences", "choose", "preferences", "undo"]

GRANTS = frozenset({Act.GIVEN, Act.RENEWED})


class ChoiceNotOffered(BadInput):
    """The choice is about something that nobody decides: a contract, or a channel or field the purpose does not use."""


@dataclass(frozen=True)
class Proof:
    """What shows that it was the person, and when; kept sealed beside each consent and objection that needs it."""

    evidence: bytes = field(repr=False)
    said_at: datetime | None = None
    """When the act happened that the evidence shows; None: now."""
    mailbox: str | None = field(default=None, repr=False)
    """The address whose mail the person showed to read; never stored with the evidence."""


@dataclass(frozen=True)
class Chosen:
    """What came of it; everything recorded is in effect."""

    at: datetime
    seqs: tuple[int, ...]
    """Numbers of the declarations in the ledger, ascending; empty when nothing changed."""
    entry: int | None
    """Index of the first entry in the log."""
    to_confirm: tuple[Aim, ...]
    """Consents that wait for the button in a mail."""
    contradicted: tuple[Choice, ...]
    """Channels that were not opened, because the purpose they belong to was refused in the same breath."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "at": self.at.isoformat(),
            "declarations": list(self.seqs),
            "entry": self.entry,
            "to_confirm": [_aim_json(aim) for aim in self.to_confirm],
            "contradicted": [_aim_json(choice.aim) for choice in self.contradicted],
        }


def choose(  # noqa: PLR0913 - who says what, through whom, since when, read how, shown by what
    house: House,
    subject: Subject,
    choices: Sequence[Choice],
    *,
    source: Source,
    actor: Actor,
    now: datetime,
    language: Language,
    gpc: bool = False,
    proof: Proof | None = None,
    expected: int | None = None,
) -> Chosen:
    """Record some choices of one person in one act.

    Args:
        source: who says it; the portal is `SUBJECT`, the controller's systems are `CONTROLLER_API`.
        language: in which the notice was read.
        gpc: the browser signals an objection: it is written down first, as a source of its own.
        proof: sealed beside each consent, and beside an objection that somebody gave reasons for. A consent to e-mail
            by somebody who has not shown to read that mailbox waits for the button in a mail.
        expected: the version of the preferences that were read before; None: whatever it is.

    Raises:
        ChoiceNotOffered: something nobody decides; nothing is recorded.
        ChangedMeanwhile: something was declared since that version.
        MayNotRaise: the controller's system brings a yes where the person said no, and no later act of theirs.
        NotFound: nobody is kept under that number any more, or the catalogue has no such purpose.
    """
    for choice in choices:
        check_offered(house, choice)
    if gpc:
        signals.record_gpc(house, subject, now=now)
    with house.work.reading() as connection:
        stands = standpoint(house, connection, subject, now=now)
        renew = {
            c.aim.purpose
            for c in choices
            if c.answer is Answer.ALLOW and c.aim.purpose and not c.aim.field
            and notices.asks_again(connection, subject.number, house.catalogue.purpose(c.aim.purpose), now=now)
        }  # fmt: skip
    dropped = choice_acts.contradicted(choices)
    wanted = choice_acts.completed([c for c in choices if c not in dropped], house.catalogue, stands.words)
    acts = choice_acts.acts_of(wanted, house.catalogue, stands.position, now=now, renew=renew)
    waiting = _unproven(acts, stands, proof) if source is Source.SUBJECT else []
    said = [_declaration(house, act, aim, source, now, language, proof) for act, aim in acts if aim not in waiting]
    done = _record(house, subject, said, actor=actor, now=now, proof=proof, expected=expected)
    for aim in waiting:
        _confirm(house, subject, stands, aim, actor=actor, now=now, language=language)
    return Chosen(now, done[0], done[1], tuple(waiting), tuple(dropped))


def undo(
    house: House,
    subject: Subject,
    seqs: Sequence[int],
    *,
    actor: Actor,
    now: datetime,
    language: Language,
    proof: Proof | None = None,
) -> Chosen:
    """Go back to what held before the declarations numbered *seqs*, as a new act of the person.

    What others or the person declared since then stays.

    Raises:
        ChoiceNotOffered: these are no declarations of theirs, made together.
    """
    with house.work.reading() as connection:
        rows = ledger.recorded(connection, subject.number)
    wanted = [row for row in rows if row.seq in set(seqs) and row.declaration.source is Source.SUBJECT]
    if not wanted or len(wanted) != len(set(seqs)):
        raise ChoiceNotOffered("there is nothing of that number to take back")
    before = [row.declaration for row in rows if row.seq < wanted[0].seq]
    position = position_of(before)
    after = position_of([*before, *(row.declaration for row in wanted)])
    back = choice_acts.restoring(house.catalogue, position, after)
    return choose(house, subject, back, source=Source.SUBJECT, actor=actor, now=now, language=language, proof=proof)


def check_offered(house: House, choice: Choice) -> None:
    """Refuse a choice about something that nobody decides.

    Raises:
        ChoiceNotOffered: it is.
        UnknownPurpose: the catalogue declares no such purpose.
    """
    aim = choice.aim
    if aim.scope is not Scope.PURPOSE:
        if aim.purpose or aim.channel or aim.field or choice.answer is Answer.ALLOW:
            raise ChoiceNotOffered(f"{aim.scope.value}: a wide objection is refuse or lift, and names no purpose")
        return
    if aim.field is not None:
        if aim.channel is not None or aim not in field_aims(house.catalogue) or choice.answer is Answer.LIFT:
            raise ChoiceNotOffered(f"{aim.field}: not a field that is used there")
        return
    if aim.purpose is None:
        raise ChoiceNotOffered("a choice names a purpose, a field or a scope")
    purpose = house.catalogue.purpose(aim.purpose)
    if not rests_on_choice(purpose):
        raise ChoiceNotOffered(f"{purpose.key}: it is needed for the contract, and nobody decides about it")
    if aim.channel is not None and aim.channel not in purpose.channels:
        raise ChoiceNotOffered(f"{purpose.key}: it sends nothing by {aim.channel.value}")


def _unproven(acts: Sequence[tuple[Act, Aim]], stands: Standpoint, proof: Proof | None) -> list[Aim]:
    """Consents to e-mail whose mailbox the person has not shown to read."""
    wanted = [aim for act, aim in acts if act in GRANTS and aim.channel is Channel.EMAIL]
    address = stands.addresses.get(Channel.EMAIL)
    if address is None and wanted:
        raise ChoiceNotOffered(f"{wanted[0].purpose}: no e-mail address is held that could be asked")
    mailbox = proof.mailbox if proof is not None else None
    if address and mailbox and email_match_form(mailbox) == email_match_form(address):
        return []
    return wanted


def _declaration(
    house: House, act: Act, aim: Aim, source: Source, now: datetime, language: Language, proof: Proof | None
) -> Declaration:
    purpose = house.catalogue.purpose(aim.purpose) if aim.purpose else None
    grants = act in GRANTS and purpose is not None
    shown = proof is not None and _needs_proof(act, aim, source)
    return Declaration(
        act=act,
        scope=aim.scope,
        purpose=aim.purpose,
        channel=aim.channel,
        field=aim.field,
        said_at=now,
        received_at=now,
        source=source,
        notice=notices.notice_hash(purpose.notice.text.in_language(language)) if purpose and grants else None,
        has_evidence=shown,
        evidence_said_at=proof.said_at if proof and shown else None,
        valid_until=_valid_until(house, purpose, now) if purpose and grants else None,
    )


def _needs_proof(act: Act, aim: Aim, source: Source) -> bool:
    """A consent is proven (Article 7(1) GDPR), reasons of an objection are kept, and what a system brings is shown."""
    return act in GRANTS or (act is Act.OBJECTED and aim.scope is Scope.GENERAL) or source is not Source.SUBJECT


def _valid_until(house: House, purpose: Purpose, now: datetime) -> datetime | None:
    if purpose.consent_validity is None:
        return None
    return add_duration(now, purpose.consent_validity, house.catalogue.controller.time_zone)


def _record(
    house: House,
    subject: Subject,
    said: Sequence[Declaration],
    *,
    actor: Actor,
    now: datetime,
    proof: Proof | None,
    expected: int | None,
) -> tuple[tuple[int, ...], int | None]:
    """The numbers of what was recorded, and the first entry in the log."""
    if not said:
        return (), None
    evidence = [proof.evidence if proof is not None and each.has_evidence else None for each in said]
    done = declaring.declare(house, subject, said, actor=actor, now=now, evidence=evidence, expected=expected)
    with house.work.reading() as connection:
        rows = ledger.recorded(connection, subject.number)
    return tuple(row.seq for row in rows if _is_of(row, said)) if done.recorded else (), done.entry


def _is_of(row: Recorded, said: Sequence[Declaration]) -> bool:
    return row.declaration in said


def _confirm(
    house: House,
    subject: Subject,
    stands: Standpoint,
    aim: Aim,
    *,
    actor: Actor,
    now: datetime,
    language: Language,
) -> None:
    address = stands.addresses.get(Channel.EMAIL)
    if address is None or aim.purpose is None:
        return  # seen to in `_unproven`, before anything was recorded
    confirming.request_confirmation(
        house,
        subject=subject,
        address=address,
        purpose=aim.purpose,
        channel=Channel.EMAIL,
        language=language,
        actor=actor,
        now=now,
    )


def _aim_json(aim: Aim) -> dict[str, Any]:
    channel = None if aim.channel is None else aim.channel.value
    return {"purpose": aim.purpose, "channel": channel, "field": aim.field, "scope": aim.scope.value}
