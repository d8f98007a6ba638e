"""A receipt of each declaration: JSON-LD in the DPV 2.3 profile of ISO/IEC TS 27560; pure.

- The data subject is a random handle; no name, address, reference or evidence is ever in it (CON-13).
- One declaration gives the same receipt, byte for byte, as often as it is asked for.
- Only consents claim the profile: an objection, or a withheld field, is told in the same words but is no consent.
- Arrays stand where a property has several values; no key ever comes twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from consent import dpv
from consent.receipt_parts import is_explicit, process
from consent.receipt_texts import SOURCES, UNTIL_CHANGED, UNTIL_WITHDRAWN, both, titled
from consent.replay import FIELD_ACTS
from governance.vocabulary import Act, LegalBasis, Scope

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.purposes import Purpose
    from governance.vocabulary import Declaration

Document = dict[str, Any]


@dataclass(frozen=True)
class NoticeShown:
    """A notice text that was shown or in force; `language` is `und` when the text is not known here."""

    digest: bytes
    version: str
    language: str


@dataclass(frozen=True)
class ReceiptInput:
    """Everything a receipt tells, as it was when the declaration was received."""

    record: UUID
    receipt: UUID
    subject: UUID
    """A random handle of the data subject, the same in all of their receipts."""
    declaration: Declaration
    catalogue: Catalogue
    """The one in force then."""
    notices: tuple[NoticeShown, ...]
    """The text that was shown, or those in force for the purposes concerned; never empty for a consent."""
    public_url: str
    log_origin: str
    log_index: int | None
    """The entry of the log that proves it; None when there is none."""


def concerned(declaration: Declaration, catalogue: Catalogue) -> tuple[Purpose, ...]:
    """The purposes a declaration is about: its own, or all that a wide one reaches.

    Raises:
        UnknownPurpose: the catalogue does not declare its purpose.
    """
    if declaration.purpose is not None:
        return (catalogue.purpose(declaration.purpose),)
    everything = catalogue.purposes.values()
    if declaration.act in FIELD_ACTS:
        field = catalogue.fields.get(declaration.field or "")
        return tuple(purpose for purpose in everything if field is not None and purpose.key in field.purposes)
    optional = (purpose for purpose in everything if purpose.basis is not LegalBasis.CONTRACT)
    return tuple(purpose for purpose in optional if _reaches(declaration.scope, purpose))


def _reaches(scope: Scope, purpose: Purpose) -> bool:
    if scope is Scope.MARKETING:
        return purpose.marketing
    return scope is Scope.GENERAL or purpose.profiling


def on_consent(declaration: Declaration, catalogue: Catalogue) -> bool:
    """Whether it is a consent, or the end of one, and not an objection or a part of either."""
    if declaration.purpose is None or declaration.act not in dpv.CONSENT_STATES:
        return False
    return catalogue.purpose(declaration.purpose).basis is LegalBasis.CONSENT


def record(given: ReceiptInput) -> Document:
    """The consent record; the controller's side of the same statement."""
    return {"@context": dpv.CONTEXT, **_record(given)}


def receipt(given: ReceiptInput) -> Document:
    """The receipt for the person, with the record in it."""
    consent = on_consent(given.declaration, given.catalogue)
    return {
        "@context": dpv.CONTEXT,
        "@id": given.receipt.urn,
        "@type": "dpv:ConsentReceipt" if consent else "dpv:DataProcessingRecord",
        "dct:identifier": str(given.receipt),
        "dct:conformsTo": _conforms("receipt-eu-gdpr", consent=consent),
        "dct:title": titled(given.declaration, concerned(given.declaration, given.catalogue), given.catalogue),
        "dct:references": _node(dpv.VERSION),
        "dct:created": instant(given.declaration.received_at),
        "dct:publisher": _node(_controller_id(given)),
        "dpv:hasRecordOfActivity": [_record(given)],
    }


def to_bytes(document: Document) -> bytes:
    """The document as it is handed out: the same bytes for the same content."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def instant(moment: datetime) -> str:
    """An instant in UTC (ISO 8601)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _record(given: ReceiptInput) -> Document:
    d, catalogue = given.declaration, given.catalogue
    consent = on_consent(d, catalogue)
    made: Document = {
        "@id": given.record.urn,
        "@type": "dpv:ConsentRecord" if consent else "dpv:DataProcessingRecord",
        "dct:identifier": str(given.record),
        "dct:conformsTo": _conforms("record-eu-gdpr", consent=consent),
        "dpv:hasDataSubject": _node(given.subject.urn, "dpv:DataSubject"),
        "dpv:hasDataController": [_controller(given)],
        "dpv:hasJurisdiction": [_node(dpv.place(catalogue.controller.country))],
        "dpv:hasNotice": [_notice(given, shown) for shown in given.notices],
        "dpv:hasProcess": [process(one, d, catalogue, _controller_id(given)) for one in concerned(d, catalogue)],
        "dpv:hasConsentControl" if consent else "dpv:hasEntityControl": [_control(given, consent=consent)],
        "dpv:hasRight": [_right(given, key) for key in _rights(consent=consent)],
        "dpv:hasConsentStatus" if consent else "dpv:hasEntityInvolvement": [_event(given, consent=consent)],
    }
    if catalogue.controller.authority:
        authority = {"@type": "dpv:DataProtectionAuthority", "dpv:hasName": catalogue.controller.authority}
        made["dpv:hasAuthority"] = [authority]
    if given.log_index is not None:
        place = f"entry {given.log_index} of the log {given.log_origin}"
        made["dct:provenance"] = {"@type": "dct:ProvenanceStatement", "rdf:value": place}
    return made


def _conforms(name: str, *, consent: bool) -> Document:
    return _node(dpv.PROFILE + name if consent else dpv.VERSION)


def _controller(given: ReceiptInput) -> Document:
    controller = given.catalogue.controller
    return {
        "@id": _controller_id(given),
        "@type": ["dpv:Organisation", "dpv:DataController"],
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address or controller.country,
        "dpv:hasContact": controller.email or given.public_url,
    }


def _controller_id(given: ReceiptInput) -> str:
    return f"{given.public_url}/#controller"


def _notice(given: ReceiptInput, shown: NoticeShown) -> Document:
    return {
        "@id": f"{given.public_url}/portal/notices/{shown.digest.hex()}",
        "@type": "dpv:ConsentNotice" if on_consent(given.declaration, given.catalogue) else "dpv:PrivacyNotice",
        "dct:identifier": f"sha256:{shown.digest.hex()}",
        "dct:title": shown.version,
        "dct:language": shown.language,
    }


def _control(given: ReceiptInput, *, consent: bool) -> Document:
    """Where it is changed: a consent is withdrawn as easily as it was given (Article 7(3) GDPR)."""
    types = ("dpv:WithdrawConsent", "dpv:ProvideConsent") if consent else ("dpv:ObjectingToProcess",)
    return {"@type": list(types), "dpv:isExercisedAt": f"{given.public_url}/portal"}


def _rights(*, consent: bool) -> tuple[str, ...]:
    return dpv.RIGHTS_ON_CONSENT if consent else dpv.RIGHTS_OTHERWISE


def _right(given: ReceiptInput, key: str) -> Document:
    return {"@type": ["dpv:DataSubjectRight", f"eu-gdpr:{key}"], "dpv:isExercisedAt": f"{given.public_url}/portal"}


def _event(given: ReceiptInput, *, consent: bool) -> Document:
    d = given.declaration
    if consent:
        explicit = is_explicit(concerned(d, given.catalogue)[0], given.catalogue)
        kind = "dpv:ExplicitlyExpressedConsent" if explicit else "dpv:ExpressedConsent"
        types = [dpv.CONSENT_STATES[d.act], kind]
        if d.act is Act.OBJECTED:
            types.append("dpv:ObjectingToProcess")
    else:
        types = [dpv.INVOLVEMENTS.get(d.act, dpv.PARTICIPATING)]
    return {
        "@type": types,
        "dpv:isIndicatedBy": _node(given.subject.urn),
        "dpv:isIndicatedAtTime": instant(d.said_at),
        "dct:dateSubmitted": instant(d.received_at),
        "dpv:hasDuration": _duration(d),
        "dpv:hasIndicationMethod": both(SOURCES[d.source]),
    }


def _duration(d: Declaration) -> Document:
    if d.valid_until is not None:
        return {"@type": "dpv:UntilTimeDuration", "rdf:value": instant(d.valid_until)}
    granted = d.act in (Act.GIVEN, Act.RENEWED)
    return {"@type": "dpv:UntilEventDuration", "rdf:value": both(UNTIL_WITHDRAWN if granted else UNTIL_CHANGED)}


def _node(iri: str, kind: str | None = None) -> Document:
    return {"@id": iri} if kind is None else {"@id": iri, "@type": kind}
