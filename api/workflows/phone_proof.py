"""The proof of somebody's consents to calls as one document in one action (§ 7a UWG, CON-11).

What was consented to with the words that were shown, what documents it, every use, and until when it is kept. The vault
opens the evidence here alone; that somebody read it is a fact of its own.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.workflows.declaring import Subject, find
from audit import log
from audit.errors import NotFound
from audit.fact import Fact
from consent import channel_uses, ledger, notices
from consent.openings import GroundKind, RecordedGround
from consent.store_grounds import evidence_of, evidence_of_declarations, rows_of
from governance import store
from governance.identity import Identity, decode_identity
from governance.vocabulary import Unit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from consent.channel_uses import PhoneProof
    from consent.store_ledger import Recorded
    from governance.vocabulary import Actor

NAMED = ("given_name", "family_name", "company_name", "phone")
"""Who is called: without it the authority could not assign the document."""


@dataclass(frozen=True)
class ProofDocument:
    """The proof of somebody's consents to calls, as it is produced to the authority (§ 7a(3) UWG)."""

    document: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return self.document

    def __repr__(self) -> str:
        return "ProofDocument(…)"


def phone_proof(
    house: House, reference: str, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> ProofDocument:
    """Everything that shows somebody's consents to calls, as one document; that it was read is a fact.

    Of somebody who was erased it opens as long as § 7a UWG keeps it, by the reference or the number they had.

    Args:
        reference: the controller's own; of an erased person their telephone number does, too.

    Raises:
        NotFound: no such reference, and no proof is retained under it.
        SealBroken: evidence was altered.
    """
    subject, identity = _whose(house, reference, unit)
    with house.work.reading() as connection:
        document = _document(house, connection, subject, identity, reference, now)
    with house.work.writing() as connection:
        here = store.subject_row(connection, subject.number)
        about = (subject.number,) if here is not None and here.erased_at is None else ()  # nobody stands behind it
        log.append(connection, [Fact("subject:viewed", str(actor), now, {"view": "phone_proof"}, about)])
    return ProofDocument(document)


def _whose(house: House, reference: str, unit: Unit) -> tuple[Subject, Identity | None]:
    """Somebody who is here, or an erased person whose proof is retained."""
    try:
        subject = find(house, reference, unit)
    except NotFound:
        for pseudonym, sealed in house.retained.find(unit, reference=reference, phone=reference):
            opened = house.vault.open_evidence([(pseudonym, sealed)])[0]
            with house.work.reading() as connection:
                number = store.subject_of(connection, [pseudonym])[0]
            if opened is not None and number is not None:
                return Subject(number, pseudonym), decode_identity(opened)
        raise
    return subject, house.vault.reveal([subject.pseudonym])[0]


def _document(
    house: House, connection: Connection, subject: Subject, identity: Identity | None, reference: str, now: datetime
) -> dict[str, Any]:
    proof = channel_uses.phone_proof(connection, subject.number)
    details = {} if identity is None else identity.details
    until = proof.retain_until
    return {
        "document": "lauter/phone-proof/1",
        "law": "§ 7a UWG",
        "controller": {
            "name": house.catalogue.controller.name,
            "address": house.catalogue.controller.address,
        },
        "produced_at": now.isoformat(),
        "reference": reference,
        "person": {key: details[key] for key in NAMED if key in details},
        "consents": _said(house, connection, subject, proof.grants),
        "denials": _said(house, connection, subject, proof.denials),
        "uses": _uses(proof),
        "presumed": _presumed(house, connection, subject),
        "retain_until": None if until is None else until.isoformat(),
    }


def _uses(proof: PhoneProof) -> list[dict[str, Any]]:
    return [{"purpose": use.purpose, "used_at": use.used_at.isoformat(), "export": use.export} for use in proof.uses]


def _said(
    house: House, connection: Connection, subject: Subject, recorded: tuple[Recorded, ...]
) -> list[dict[str, Any]]:
    sealed = evidence_of_declarations(connection, [each.seq for each in recorded])
    entries = ledger.entries_of(connection, [each.seq for each in recorded])
    return [
        {
            "declaration": each.seq,
            "log_entry": entries.get(each.seq),
            "purpose": each.declaration.purpose,
            "act": each.declaration.act.value,
            "said_at": each.declaration.said_at.isoformat(),
            "received_at": each.declaration.received_at.isoformat(),
            "valid_until": _iso(each.declaration.valid_until),
            "source": each.declaration.source.value,
            "notice": _notice(connection, each.declaration.notice),
            "evidence": _opened(house, subject, sealed.get(each.seq)),
            "evidence_said_at": _iso(each.declaration.evidence_said_at),
        }
        for each in recorded
    ]


def _presumed(house: House, connection: Connection, subject: Subject) -> list[dict[str, Any]]:
    """The recorded reasons for presumed consent, and their ends."""
    sealed = evidence_of(connection, subject.number)
    rows = rows_of(connection, [subject.number]).get(subject.number, [])

    def told(row: RecordedGround) -> dict[str, Any]:
        return {
            "ground": row.seq,
            "purpose": row.ground.purpose,
            "holds": row.holds,
            "since": row.ground.since.isoformat(),
            "recorded_at": row.recorded_at.isoformat(),
            "evidence": _opened(house, subject, sealed[row.seq]),
        }

    return [told(row) for row in rows if row.ground.kind is GroundKind.PRESUMED_CONSENT]


def _notice(connection: Connection, digest: bytes | None) -> dict[str, str | None] | None:
    if digest is None:
        return None
    return {"sha256": digest.hex(), "text": notices.text_of(connection, digest)}


def _opened(house: House, subject: Subject, sealed: bytes | None) -> dict[str, str | None] | None:
    """Evidence in clear: as text, or in Base64 where it is none; None where there is none or its key is gone."""
    if sealed is None:
        return None
    opened = house.vault.open_evidence([(subject.pseudonym, sealed)])[0]
    if opened is None:
        return {"text": None}
    try:
        return {"text": opened.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(opened).decode()}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
