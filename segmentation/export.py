"""Render an export: permitted people only, in an order that says nothing, byte for byte the same each time; pure.

A file is never kept. It is rendered once for its hash and again for the recipient, and both must agree. Rows stand in
the order of their random pseudonyms, so that two exports cannot be laid side by side (PSE-3, T4).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from governance.contact_points import email_delivery_form, phone_match_form
from governance.fields import Field, FieldType
from governance.vocabulary import Channel, Reason, Text
from segmentation.csv_text import BOM, line, number_cell, phone_cell, text_cell
from segmentation.export_request import REACHED_BY, ExportRequest, Mode

if TYPE_CHECKING:
    from segmentation.definitions import Segment

MINOR_UNITS = {"JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""Decimal places of currencies that have other than two (ISO 4217)."""
DETAIL_LABELS: dict[str, Text] = {
    "given_name": Text("Vorname", "Given name"),
    "family_name": Text("Nachname", "Family name"),
    "company_name": Text("Firma", "Company"),
    "email": Text("E-Mail", "E-mail"),
    "phone": Text("Telefon", "Phone"),
    "street": Text("Straße", "Street"),
    "postcode": Text("Postleitzahl", "Postcode"),
    "city": Text("Ort", "City"),
    "country": Text("Land", "Country"),
}
PSEUDONYM_LABEL = Text("Pseudonym", "Pseudonym")
SEGMENT_LABEL = Text("Segment", "Segment")
SEGMENT_NAME_LABEL = Text("Segmentname", "Segment name")
YES, NO = Text("ja", "yes"), Text("nein", "no")

UNSUBSCRIBE_COLUMN = "unsubscribe_url"
"""Called so in both languages: a mail program's template takes it by that name."""

Details = Mapping[str, str]


@dataclass(frozen=True)
class Person:
    """One row before it is rendered; `repr` shows nobody."""

    subject: int
    pseudonym: bytes
    segment: Segment
    cells: tuple[Any, ...]
    """Values of the request's fields, None where they may not be used."""
    details: Details | None = None
    """Contact details; None in a pseudonymous export."""
    unsubscribe_url: str = ""
    """The link that ends it for this person; empty where the export carries none."""

    def __repr__(self) -> str:
        return "Person(…)"


@dataclass(frozen=True)
class Rendering:
    """A file, piece by piece, and what it holds."""

    pieces: tuple[bytes, ...]
    sha256: bytes
    size: int
    segments: Mapping[str, int]
    cells: Mapping[Hashable, int]
    """People by segment and values of quasi-identifying fields."""

    def __repr__(self) -> str:
        return f"Rendering(size={self.size})"


def render(request: ExportRequest, people: Sequence[Person]) -> Rendering:
    """The file of these people; the same people give the same bytes."""
    ordered = sorted(people, key=lambda person: person.pseudonym)
    digest = hashlib.sha256()
    pieces = []
    for text in _lines(request, ordered):
        piece = text.encode("utf-8")
        digest.update(piece)
        pieces.append(piece)
    return Rendering(
        pieces=tuple(pieces),
        sha256=digest.digest(),
        size=sum(map(len, pieces)),
        segments=dict(sorted(Counter(person.segment.key for person in people).items())),
        cells=Counter(_cell(request, person) for person in people),
    )


def reachable(channel: Channel, details: Details | None) -> Details | Reason:
    """The details as they may be delivered, or why nobody is reached by them."""
    if not details or not details.get(REACHED_BY[channel]):
        return Reason.NO_CONTACT_POINT
    if channel is Channel.EMAIL:
        address = email_delivery_form(details["email"])
        return dict(details) | {"email": address} if address else Reason.NO_CONTACT_POINT
    if channel in (Channel.PHONE, Channel.SMS):
        number = phone_match_form(details["phone"])
        return dict(details) | {"phone": number} if number else Reason.NO_CONTACT_POINT
    return details


def _lines(request: ExportRequest, ordered: Sequence[Person]) -> Iterator[str]:
    yield (BOM if request.byte_order_mark else "") + line(text_cell(label) for label in _header(request))
    for person in ordered:
        yield line(_row(request, person))


def _header(request: ExportRequest) -> list[str]:
    labels = [PSEUDONYM_LABEL, SEGMENT_LABEL, SEGMENT_NAME_LABEL]
    labels += [DETAIL_LABELS[detail] for detail in request.contact_fields]
    labels += [_field_label(field) for field in request.fields]
    words = [label.in_language(request.language) for label in labels]
    return [*words, UNSUBSCRIBE_COLUMN] if request.carries_links else words


def _field_label(field: Field) -> Text:
    unit = f" ({field.unit})" if field.unit else ""
    return Text(field.label.de + unit, field.label.en + unit)


def _row(request: ExportRequest, person: Person) -> Iterator[str]:
    yield text_cell(person.pseudonym.hex())
    yield text_cell(person.segment.key)
    yield text_cell(person.segment.name.in_language(request.language))
    details = person.details or {}
    for detail in request.contact_fields:
        value = details.get(detail)
        yield phone_cell(value) if detail == "phone" else text_cell(value)
    for field, value in zip(request.fields, person.cells, strict=True):
        yield _value(field, value, request)
    if request.carries_links:
        yield text_cell(person.unsubscribe_url)


def _value(field: Field, value: Any, request: ExportRequest) -> str:
    """A cell by the field's type: numbers with a point and without grouping, dates by ISO 8601, the rest as text."""
    if value is None:
        return ""
    if field.type is FieldType.MONEY:
        return number_cell(f"{Decimal(int(value)).scaleb(-MINOR_UNITS.get(field.unit or '', 2)):f}")
    if field.type is FieldType.INTEGER:
        return number_cell(str(int(value)))
    if field.type is FieldType.DECIMAL:
        return number_cell(f"{Decimal(repr(float(value))):f}")
    if field.type is FieldType.BOOLEAN:
        return text_cell((YES if value else NO).in_language(request.language))
    return text_cell(value.isoformat() if isinstance(value, date) else str(value))


def _cell(request: ExportRequest, person: Person) -> Hashable:
    if request.mode is Mode.CONTACT_POINTS:
        return person.segment.key
    quasi = (value for field, value in zip(request.fields, person.cells, strict=True) if field.quasi_identifier)
    return (person.segment.key, *quasi)
