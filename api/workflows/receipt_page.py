"""What a receipt says to people, line by line: the page of the portal and the PDF say the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from api.i18n import N_, Tongue
from api.workflows.receipts import notice, receipt_input
from audit.errors import NotFound
from consent.receipt_source import UNDETERMINED
from consent.receipt_texts import CHANNELS, SOURCES, title
from consent.receipts import concerned
from consent.replay import FIELD_ACTS
from governance.deadlines import parse_duration
from governance.vocabulary import LegalBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.wiring import House
    from api.workflows.declaring import Subject
    from consent.receipts import NoticeShown, ReceiptInput
    from governance.purposes import Purpose

BASIS_TEXT = {
    LegalBasis.CONSENT: N_("your consent (Art. 6(1)(a) GDPR)"),
    LegalBasis.CONTRACT: N_("the contract with you (Art. 6(1)(b) GDPR)"),
    LegalBasis.LEGITIMATE_INTERESTS: N_("a legitimate interest (Art. 6(1)(f) GDPR)"),
}


@dataclass(frozen=True)
class Line:
    """A name and what it is."""

    name: str
    text: str
    code: bool = False
    """A number or hash, set in figures of one width."""


@dataclass(frozen=True)
class Part:
    """Some lines under a heading."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class NoticeRead:
    """A notice text with its version, as it was shown."""

    digest: str
    version: str
    language: str
    text: str


@dataclass(frozen=True)
class ReceiptPage:
    """A receipt in one language."""

    seq: int
    language: str
    title: str
    lead: str
    controller: str
    rights: str
    portal: str
    parts: tuple[Part, ...]
    notices: tuple[NoticeRead, ...]

    def to_json(self) -> dict[str, Any]:
        """As the template of the PDF reads it."""
        return asdict(self)


def receipt_page(house: House, subject: Subject, seq: int, tongue: Tongue) -> ReceiptPage:
    """One receipt for the eye.

    Raises:
        NotFound: it is none of this subject's declarations.
    """
    given = receipt_input(house, subject, seq)
    d, catalogue = given.declaration, given.catalogue
    purposes = concerned(d, catalogue)
    return ReceiptPage(
        seq=seq,
        language=tongue.language,
        title=tongue.pick(title(d, purposes, catalogue)),
        lead=_lead(given, tongue),
        controller=catalogue.controller.name,
        rights=_rights(purposes, tongue),
        portal=f"{given.public_url}/portal",
        parts=(
            Part(tongue.say("What was declared"), tuple(_declared(given, purposes, tongue))),
            Part(tongue.say("Who answers for it"), tuple(_controller(given, tongue))),
            Part(tongue.say("How it can be proven"), tuple(_proof(given, tongue))),
        ),
        notices=tuple(_notices(house, given, tongue)),
    )


def _lead(given: ReceiptInput, tongue: Tongue) -> str:
    d, formats = given.declaration, tongue.formats
    if d.said_at == d.received_at:
        return tongue.say("Received on %(at)s.", at=formats.moment(d.received_at))
    said, received = formats.moment(d.said_at), formats.moment(d.received_at)
    return tongue.say("Said on %(said)s, received on %(received)s.", said=said, received=received)


def _declared(given: ReceiptInput, purposes: tuple[Purpose, ...], tongue: Tongue) -> Iterator[Line]:
    d = given.declaration
    yield Line(tongue.say("Purpose"), ", ".join(tongue.pick(one.label) for one in purposes))
    if d.channel is not None:
        yield Line(tongue.say("Channel"), tongue.pick(CHANNELS[d.channel]))
    bases = dict.fromkeys(tongue.say(BASIS_TEXT[one.basis]) for one in purposes)
    yield Line(tongue.say("Legal basis"), ", ".join(bases))
    yield Line(tongue.say("Data concerned"), _data(given, purposes, tongue))
    yield Line(tongue.say("Results are kept for"), _kept(purposes, tongue))
    yield Line(tongue.say("How it reached us"), tongue.pick(SOURCES[d.source]))
    if d.valid_until is not None:
        yield Line(tongue.say("Valid until"), tongue.formats.moment(d.valid_until))


def _data(given: ReceiptInput, purposes: tuple[Purpose, ...], tongue: Tongue) -> str:
    fields = dict.fromkeys(field for one in purposes for field in given.catalogue.permitted_fields(one))
    if given.declaration.act in FIELD_ACTS:
        fields = {field: None for field in fields if field.key == given.declaration.field}
    return ", ".join(tongue.pick(field.label) for field in fields) or tongue.say("as the notice says")


def _kept(purposes: tuple[Purpose, ...], tongue: Tongue) -> str:
    return ", ".join(dict.fromkeys(period(one.retention, tongue) for one in purposes))


def period(duration: str, tongue: Tongue) -> str:
    """An ISO 8601 duration in words: 24 months, 30 days; as it stands where it is neither."""
    length = parse_duration(duration)
    if length.months and not length.days and not length.seconds:
        return tongue.say("%(n)s months", n=tongue.formats.number(length.months))
    if length.days and not length.months and not length.seconds:
        return tongue.say("%(n)s days", n=tongue.formats.number(length.days))
    return duration


def _controller(given: ReceiptInput, tongue: Tongue) -> Iterator[Line]:
    controller = given.catalogue.controller
    yield Line(tongue.say("Controller"), controller.name)
    found = (
        (tongue.say("Address"), controller.address),
        (tongue.say("Contact"), controller.email),
        (tongue.say("Data protection officer"), controller.officer),
        (tongue.say("Supervisory authority"), controller.authority),
    )
    yield from (Line(name, text) for name, text in found if text)


def _proof(given: ReceiptInput, tongue: Tongue) -> Iterator[Line]:
    yield Line(tongue.say("Number of the receipt"), str(given.receipt), code=True)
    yield Line(tongue.say("Number of the record"), str(given.record), code=True)
    yield Line(tongue.say("Number that stands for you"), str(given.subject), code=True)
    if given.log_index is not None:
        index = tongue.formats.number(given.log_index)
        entry = tongue.say("entry %(index)s of %(log)s", index=index, log=given.log_origin)
        yield Line(tongue.say("Place in the log"), entry)


def _rights(purposes: tuple[Purpose, ...], tongue: Tongue) -> str:
    if any(one.basis is LegalBasis.CONSENT for one in purposes):
        return tongue.say(
            "You can change it at any time, as easily as you declared it. What happened until then stays lawful."
        )
    return tongue.say("You can object or change it at any time. You need not give a reason against marketing.")


def _notices(house: House, given: ReceiptInput, tongue: Tongue) -> Iterator[NoticeRead]:
    for shown in _chosen(given, tongue):
        try:
            text = notice(house, shown.digest).notice.text
        except NotFound:  # in force, but nobody was ever shown it here
            text = ""
        yield NoticeRead(shown.digest.hex(), shown.version or "–", shown.language, text)


def _chosen(given: ReceiptInput, tongue: Tongue) -> Iterator[NoticeShown]:
    """The one that was shown; of those in force, the ones in the reader's language."""
    for shown in given.notices:
        if given.declaration.notice is not None or shown.language in (tongue.language, UNDETERMINED):
            yield shown
