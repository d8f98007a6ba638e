"""Which declarations make sense, which are repetitions, and what the log says about one; pure."""

from __future__ import annotations

from datetime import datetime

from audit.fact import Fact, FactValue
from audit.instants import to_microseconds
from consent.errors import DeclarationInvalid
from consent.replay import FIELD_ACTS, WIDE_SCOPES
from governance.vocabulary import Act, Actor, Channel, Declaration, Scope, Source

FACT_KIND: dict[Act, str] = {
    Act.REQUESTED: "consent:requested",
    Act.GIVEN: "consent:given",
    Act.RENEWED: "consent:renewed",
    Act.REFUSED: "consent:refused",
    Act.WITHDRAWN: "consent:withdrawn",
    Act.UNKNOWN: "consent:unknown",
    Act.OBJECTED: "objection:raised",
    Act.OBJECTION_LIFTED: "objection:lifted",
    Act.FIELD_WITHHELD: "field:withheld",
    Act.FIELD_RELEASED: "field:released",
}
BULK_KIND = "consents:imported"
"""One piece of an import: one fact for all of its declarations, with the first and the last of their numbers."""
SIGNAL_ACTS = frozenset({Act.OBJECTED, Act.WITHDRAWN, Act.REFUSED, Act.FIELD_WITHHELD})
OBJECTION_ACTS = frozenset({Act.OBJECTED, Act.OBJECTION_LIFTED})
CONSENT_ACTS = frozenset({Act.GIVEN, Act.RENEWED})
HEARD_BY_US = frozenset({Source.DESK_FOR_SUBJECT, Source.CONTROLLER_API})
"""Sources that are our own word for it; an import without evidence is unknown anyway."""


def check(declaration: Declaration, *, now: datetime) -> None:
    """Refuse what cannot have been declared.

    Raises:
        DeclarationInvalid: a time lies in the future or has no zone, or a part is missing or does not belong.
    """
    d = declaration
    name = d.act.value
    for label in ("said_at", "received_at", "evidence_said_at"):
        moment = getattr(d, label)
        if moment is not None and moment.tzinfo is None:
            raise DeclarationInvalid(f"{name}: {label} needs a time zone")
        if moment is not None and moment > now:
            raise DeclarationInvalid(f"{name}: {label} lies in the future; give the time it really happened")
    if d.source is Source.SIGNAL and d.act not in SIGNAL_ACTS:
        raise DeclarationInvalid(f"{name}: a signal can only deny (Article 21(5) GDPR); let the subject declare it")
    if d.evidence_said_at is not None and not d.has_evidence:
        raise DeclarationInvalid(f"{name}: evidence_said_at without evidence; attach the evidence")
    if d.valid_until is not None and d.act not in CONSENT_ACTS:
        raise DeclarationInvalid(f"{name}: valid_until belongs to a consent; leave it out")
    if d.act in CONSENT_ACTS and d.channel is Channel.PHONE and d.source in HEARD_BY_US and not d.has_evidence:
        raise DeclarationInvalid(f"{name}: a consent to calls needs evidence (§ 7a UWG); attach what documents it")
    _check_aim(d)


def _check_aim(d: Declaration) -> None:
    name = d.act.value
    if d.act in FIELD_ACTS:
        if not d.field or d.channel is not None or d.scope is not Scope.PURPOSE:
            raise DeclarationInvalid(f"{name}: name a field, and a purpose or none for every purpose; no channel")
        return
    if d.field is not None:
        raise DeclarationInvalid(f"{name}: a field belongs to field_withheld and field_released; leave it out")
    if d.scope in WIDE_SCOPES:
        if d.act not in OBJECTION_ACTS or d.purpose is not None or d.channel is not None:
            raise DeclarationInvalid(f"{name}: scope {d.scope.value} is for an objection to all of it; name a purpose")
    elif not d.purpose:
        raise DeclarationInvalid(f"{name}: name the purpose")


def content(declaration: Declaration) -> tuple[object, ...]:
    """What makes two declarations the same one: everything but when we heard it."""
    d = declaration
    return (
        d.act, d.scope, d.purpose, d.channel, d.field, to_microseconds(d.said_at), d.source, d.notice, d.has_evidence,
        d.evidence_said_at and to_microseconds(d.evidence_said_at), d.valid_until and to_microseconds(d.valid_until),
    )  # fmt: skip


def fact_of(seq: int, subject: int, declaration: Declaration, *, actor: Actor, now: datetime) -> Fact:
    """One declaration as one entry of the log; whose it is stands beside the entry, never in it."""
    d = declaration
    body: dict[str, FactValue] = {
        "declaration": seq,
        "scope": d.scope.value,
        "purpose": d.purpose,
        "channel": None if d.channel is None else d.channel.value,
        "field": d.field,
        "source": d.source.value,
        "notice": d.notice,
        "said_at": to_microseconds(d.said_at),
        "evidence": d.has_evidence,
    }
    return Fact(FACT_KIND[d.act], str(actor), now, body, (subject,))
