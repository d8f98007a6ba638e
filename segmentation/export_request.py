"""What an export must say before it exists: purpose, recipient, fields, channel, validity (XPT-1, XPT-6); pure.

Nothing has a default that widens it: a field that is not named does not leave, and a field the purpose may not see
cannot be named.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from audit.errors import Refused
from governance.catalogue import Catalogue
from governance.deadlines import DurationInvalid, parse_duration
from governance.errors import FieldNotPermitted
from governance.fields import ACTIVITY_TYPES, Field
from governance.policy_reader import DocumentInvalid, Place, canonical_json, read_document
from governance.purposes import Purpose
from governance.transfers import Transfers
from governance.vocabulary import Channel, Language

DOCUMENT = "export request"
KEYS = (
    "purpose",
    "scheme",
    "segments",
    "recipient",
    "channel",
    "fields",
    "valid",
    "mode",
    "language",
    "byte_order_mark",
)
RECIPIENT_KEYS = ("name", "country", "role", "ground", "reference")
CONTACT_PREFIX = "contact."
NAMES = frozenset({"given_name", "family_name", "company_name"})
BY_CHANNEL: dict[Channel, frozenset[str]] = {
    Channel.EMAIL: frozenset({"email"}),
    Channel.PHONE: frozenset({"phone"}),
    Channel.SMS: frozenset({"phone"}),
    Channel.POST: frozenset({"street", "postcode", "city", "country"}),
}
"""Contact details that a channel needs; no other detail leaves with it (Article 5(1)(c) GDPR)."""
REACHED_BY: dict[Channel, str] = {
    Channel.EMAIL: "email",
    Channel.PHONE: "phone",
    Channel.SMS: "phone",
    Channel.POST: "street",
}
"""The detail without which nobody can be reached on that channel."""
LONGEST_DAYS = 92
_COUNTRY = re.compile(r"[A-Z]{2}")


class Mode(StrEnum):
    """What stands for a person in the file."""

    PSEUDONYMS = "pseudonyms"
    """Random values of this export alone; still personal data."""
    CONTACT_POINTS = "contact_points"
    """Names and addresses of people who may lawfully be reached on the channel."""


class RecipientRole(StrEnum):
    """What the recipient is under the GDPR."""

    PROCESSOR = "processor"
    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint_controller"


class RecipientRefused(Refused):
    """The recipient's country has no adequate protection and the request names no safeguards."""


class ChannelRefused(Refused):
    """The purpose does not declare that channel."""


@dataclass(frozen=True)
class Recipient:
    """A named legal entity that data goes to."""

    name: str
    country: str
    """ISO 3166-1 alpha-2 code."""
    role: RecipientRole
    ground: str | None
    """Ground of a transfer to a third country."""
    reference: str | None
    """Where the papers of that ground lie."""

    @property
    def key(self) -> str:
        """The same for every spelling of the same name: outputs to one recipient are compared by it."""
        folded = unicodedata.normalize("NFKC", self.name).casefold()
        return f"{''.join(c for c in folded if c.isalnum())}|{self.country}"


@dataclass(frozen=True)
class ExportRequest:
    """A request that may be put to a second person. `document` is canonical JSON and `digest` its SHA-256."""

    purpose: Purpose
    scheme: str
    segments: tuple[str, ...]
    recipient: Recipient
    channel: Channel | None
    fields: tuple[Field, ...]
    contact_fields: tuple[str, ...]
    valid: str
    """ISO 8601 duration from the build on; no download after."""
    mode: Mode
    language: Language
    byte_order_mark: bool
    document: str
    digest: bytes

    @property
    def carries_links(self) -> bool:
        """Whether each row carries the link that ends it: advertising by e-mail (RFC 8058, OBJ-7)."""
        by_mail = self.mode is Mode.CONTACT_POINTS and self.channel is Channel.EMAIL
        return by_mail and self.purpose.marketing


def recipient_key(document: str) -> str:
    """The key of the recipient that a stored request names."""
    to = json.loads(document)["recipient"]
    return Recipient(to["name"], to["country"], RecipientRole(to["role"]), None, None).key


def parse_request(text: str, catalogue: Catalogue, transfers: Transfers, *, today: date) -> ExportRequest:
    """Read a request from JSON and refuse what its purpose does not permit.

    Raises:
        DocumentInvalid: something is missing or misspelt; names the JSON path.
        FieldNotPermitted: the purpose may not see a field, or the channel does not need a contact detail.
        ChannelRefused: the purpose does not declare the channel.
        RecipientRefused: the recipient's country needs safeguards that are not named.
    """
    root = read_document(DOCUMENT, text).only(KEYS)
    purpose = _purpose(root.at("purpose"), catalogue)
    mode = Mode(root.at("mode").one_of([m.value for m in Mode]))
    channel = _channel(root, purpose, mode)
    fields, contact_fields = _fields(root.at("fields"), catalogue, purpose, mode, channel)
    document = canonical_json(root.value)
    return ExportRequest(
        purpose=purpose,
        scheme=root.at("scheme").token(),
        segments=_segments(root.at("segments")),
        recipient=_recipient(root.at("recipient").only(RECIPIENT_KEYS), transfers, today),
        channel=channel,
        fields=fields,
        contact_fields=contact_fields,
        valid=_validity(root.at("valid")),
        mode=mode,
        language="en" if root.has("language") and root.at("language").one_of(("de", "en")) == "en" else "de",
        byte_order_mark=root.at("byte_order_mark").flag() if root.has("byte_order_mark") else False,
        document=document,
        digest=hashlib.sha256(document.encode()).digest(),
    )


def _purpose(place: Place, catalogue: Catalogue) -> Purpose:
    key = place.token()
    if key not in catalogue.purposes:
        raise place.fail("is no purpose of the catalogue")
    return catalogue.purposes[key]


def _segments(place: Place) -> tuple[str, ...]:
    segments = [item.token() for item in place.items()]
    if len(set(segments)) != len(segments):
        raise place.fail("names a segment twice")
    return tuple(segments)


def _channel(root: Place, purpose: Purpose, mode: Mode) -> Channel | None:
    if not root.has("channel"):
        if mode is Mode.CONTACT_POINTS:
            raise DocumentInvalid(DOCUMENT, "$.channel", "is missing: contact points leave for one channel only")
        return None
    channel = Channel(root.at("channel").one_of([c.value for c in Channel]))
    if channel not in purpose.channels:
        raise ChannelRefused(f"the purpose {purpose.key!r} does not declare the channel {channel.value!r}")
    return channel


def _fields(
    place: Place, catalogue: Catalogue, purpose: Purpose, mode: Mode, channel: Channel | None
) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    fields: list[Field] = []
    details: list[str] = []
    for item in place.items(least=0):
        name = item.text(80)
        if name.startswith(CONTACT_PREFIX):
            details.append(_detail(item, name.removeprefix(CONTACT_PREFIX), purpose, mode, channel))
        else:
            fields.append(_field(item, catalogue, purpose))
    if len(set(details)) != len(details) or len({field.key for field in fields}) != len(fields):
        raise place.fail("names a field twice")
    if mode is Mode.CONTACT_POINTS and channel is not None and REACHED_BY[channel] not in details:
        raise place.fail(f"must name {CONTACT_PREFIX}{REACHED_BY[channel]}: without it nobody is reached")
    return tuple(fields), tuple(details)


def _detail(place: Place, detail: str, purpose: Purpose, mode: Mode, channel: Channel | None) -> str:
    permitted = NAMES | (BY_CHANNEL[channel] if channel else frozenset())
    known = NAMES.union(*BY_CHANNEL.values())
    if detail not in known:
        raise place.fail(f"is no contact detail; known are {', '.join(sorted(known))}")
    if mode is Mode.PSEUDONYMS:
        raise FieldNotPermitted(CONTACT_PREFIX + detail, purpose.key, "a pseudonymous file holds no names or addresses")
    if detail not in permitted:
        raise FieldNotPermitted(CONTACT_PREFIX + detail, purpose.key, "the channel does not need it")
    return detail


def _field(place: Place, catalogue: Catalogue, purpose: Purpose) -> Field:
    key = place.token()
    if key not in catalogue.fields:
        raise place.fail("is no field of the catalogue")
    field = catalogue.field_for(key, purpose.key)
    if field.type in ACTIVITY_TYPES:
        raise place.fail("stands for single orders, which no export holds")
    return field


def _recipient(place: Place, transfers: Transfers, today: date) -> Recipient:
    country = place.at("country").text(2)
    if not _COUNTRY.fullmatch(country):
        raise place.at("country").fail("must be a country code of two capital letters, such as DE")
    ground = place.at("ground").one_of(transfers.grounds) if place.has("ground") else None
    reference = place.at("reference").text(200) if place.has("reference") else None
    if ground is not None and reference is None:
        raise DocumentInvalid(DOCUMENT, f"{place.path}.reference", "is missing: name where the papers lie")
    if not transfers.permits(country, ground, today=today):
        raise RecipientRefused(
            f"recipients in {country} need safeguards: name a ground ({', '.join(sorted(transfers.grounds))}) and a "
            f"reference to the papers (Articles 44 to 49 GDPR; list of {transfers.as_of.isoformat()})"
        )
    role = RecipientRole(place.at("role").one_of([r.value for r in RecipientRole]))
    return Recipient(place.at("name").text(200), country, role, ground, reference)


def _validity(place: Place) -> str:
    text = place.text(20)
    try:
        duration = parse_duration(text)
    except DurationInvalid:
        raise place.fail("must be an ISO 8601 duration such as P7D") from None
    if not 0 < duration.months * 31 + duration.days <= LONGEST_DAYS:
        raise place.fail(f"must be between one day and {LONGEST_DAYS} days, such as P7D")
    return text
