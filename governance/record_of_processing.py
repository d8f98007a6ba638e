"""The record of processing activities, made from what is in force at this instant (Article 30(1) GDPR; GOV-1); pure.

Nobody writes it by hand, so it cannot drift from what the house does: another purpose, field, recipient or key is
another record. What the system cannot know stands there as an open line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from governance.catalogue import Catalogue
from governance.fields import Field
from governance.papers import Line, Paper, Part, both
from governance.purposes import Purpose
from governance.record_words import BASES, CHANNELS, EFFECTS, NO, YES, category, period
from governance.vocabulary import Text

ROLES: dict[str, Text] = {
    "processor": Text("Auftragsverarbeiter", "processor"),
    "controller": Text("eigener Verantwortlicher", "controller of its own"),
    "joint_controller": Text("gemeinsam verantwortlich", "joint controller"),
}


@dataclass(frozen=True)
class RecipientSeen:
    """Somebody who was sent data for a purpose, by an export that was approved."""

    purpose: str
    name: str
    country: str
    role: str
    ground: str | None
    reference: str | None


@dataclass(frozen=True)
class SchemeSeen:
    """A scheme that sorts people for a purpose."""

    purpose: str
    scheme: str
    label: Text
    kind: str


@dataclass(frozen=True)
class Circumstances:
    """What the record needs beside the catalogue."""

    now: datetime
    today: date
    recipients: tuple[RecipientSeen, ...]
    schemes: tuple[SchemeSeen, ...]
    measures: tuple[Line, ...]
    """Technical and organisational measures, as they are switched on (Article 32(1) GDPR)."""


def record_of_processing(catalogue: Catalogue, seen: Circumstances) -> Paper:
    """The controller's record as it is now."""
    return Paper(
        kind="record_of_processing",
        title=Text("Verzeichnis von Verarbeitungstätigkeiten", "Record of processing activities"),
        lead=Text(
            "Erstellt aus der Einrichtung, wie sie in Kraft ist (Art. 30 Abs. 1 DSGVO). Umfasst, was dieser Dienst "
            "verarbeitet, nichts darüber hinaus.",
            "Made from the settings in force (Art. 30(1) GDPR). It covers what this service processes and "
            "nothing else.",
        ),
        controller=catalogue.controller.name,
        parts=(
            _controller(catalogue),
            *(_activity(catalogue, purpose, seen) for purpose in catalogue.purposes.values()),
            _measures(seen),
        ),
    )


def _controller(catalogue: Catalogue) -> Part:
    controller = catalogue.controller
    given = (
        ("name", Text("Verantwortlicher", "Controller"), controller.name),
        ("address", Text("Anschrift", "Address"), controller.address),
        ("email", Text("Kontakt für Betroffene", "Contact for people concerned"), controller.email),
        ("officer", Text("Datenschutzbeauftragte", "Data protection officer"), controller.officer),
        ("authority", Text("Aufsichtsbehörde", "Supervisory authority"), controller.authority),
    )
    lines = [Line(key, label, (both(value),) if value else (), open=not value) for key, label, value in given]
    lines.append(
        Line(
            "catalogue",
            Text("Fassung des Katalogs", "Version of the catalogue"),
            (both(catalogue.digest.hex()),),
            code=True,
        )
    )
    return Part(
        "controller",
        Text("Verantwortlicher", "Controller"),
        Text("Art. 30 Abs. 1 Buchst. a DSGVO", "Art. 30(1)(a) GDPR"),
        tuple(lines),
    )


def _activity(catalogue: Catalogue, purpose: Purpose, seen: Circumstances) -> Part:
    return Part(
        f"purpose:{purpose.key}",
        purpose.label,
        Text("Art. 30 Abs. 1 Buchst. b bis f DSGVO", "Art. 30(1)(b) to (f) GDPR"),
        (
            *_why(purpose, seen.today),
            *_what(catalogue.permitted_fields(purpose), purpose),
            *_where(catalogue, purpose, seen),
            *_until(purpose),
        ),
    )


def _why(purpose: Purpose, today: date) -> Iterator[Line]:
    yield Line("basis", Text("Rechtsgrundlage", "Legal basis"), (BASES[purpose.basis],))
    yield Line("effect", Text("Wirkung", "Effect"), (EFFECTS[purpose.effect],))
    yield Line("marketing", Text("Direktwerbung", "Direct marketing"), (YES if purpose.marketing else NO,))
    yield Line(
        "profiling", Text("Profiling (Art. 4 Nr. 4)", "Profiling (Art. 4(4))"), (YES if purpose.profiling else NO,)
    )
    if purpose.assessment is not None:
        until = purpose.assessment.valid_until
        holds = purpose.assessment.holds_on(today)
        state = Text("gilt bis", "valid until") if holds else Text("abgelaufen am", "expired on")
        told = Text(
            f"{purpose.assessment.reference}, {state.de} {until:%d.%m.%Y}",
            f"{purpose.assessment.reference}, {state.en} {until.isoformat()}",
        )
        yield Line("assessment", Text("Abwägung, Folgenabschätzung", "Assessment"), (told,), open=not holds)
    yield Line("notice", Text("Fassung der Information", "Version of the notice"), (both(purpose.notice.version),))


def _what(fields: Iterable[Field], purpose: Purpose) -> Iterator[Line]:
    people = Text(
        "Kundinnen, Kunden und Interessenten; Ansprechpersonen von Unternehmen; Unternehmen, die natürliche "
        "Personen sind",
        "Customers and prospects; contact persons of companies; companies that are natural persons",
    )
    yield Line("people", Text("Betroffene", "People concerned"), (people,))
    yield Line(
        "categories",
        Text("Kategorien von Daten", "Categories of data"),
        tuple(category(key) for key in sorted(purpose.categories)),
    )
    known = tuple(fields)
    yield Line("fields", Text("Verwendete Felder", "Fields used"), tuple(field.label for field in known))
    special = tuple(field.label for field in known if field.special)
    yield Line("special", Text("Besondere Kategorien (Art. 9)", "Special categories (Art. 9)"), special or (NO,))


def _where(catalogue: Catalogue, purpose: Purpose, seen: Circumstances) -> Iterator[Line]:
    schemes = tuple(
        Text(f"{one.label.de} ({one.scheme}, {one.kind})", f"{one.label.en} ({one.scheme}, {one.kind})")
        for one in seen.schemes
        if one.purpose == purpose.key
    )
    yield Line("schemes", Text("Segmentierungen", "Segmentations"), schemes or (Text("keine", "none"),))
    ways = tuple(CHANNELS[channel] for channel in sorted(purpose.channels))
    yield Line("channels", Text("Wege der Ansprache", "Ways of contact"), ways or (Text("keine", "none"),))
    mine = [one for one in seen.recipients if one.purpose == purpose.key]
    named = tuple(_recipient(one) for one in mine)
    yield Line("recipients", Text("Empfänger", "Recipients"), named or (Text("keine", "none"),))
    storage = catalogue.controller.storage or catalogue.controller.country
    away = tuple(_transfer(one) for one in mine if one.ground)
    kept = Text(f"keine; gespeichert in {storage}", f"none; stored in {storage}")
    yield Line("transfers", Text("Drittländer und Garantien", "Third countries and safeguards"), away or (kept,))


def _recipient(one: RecipientSeen) -> Text:
    role = ROLES.get(one.role, both(one.role))
    return Text(f"{one.name}, {one.country} ({role.de})", f"{one.name}, {one.country} ({role.en})")


def _transfer(one: RecipientSeen) -> Text:
    papers = f", {one.reference}" if one.reference else ""
    return both(f"{one.name}, {one.country}: {one.ground}{papers}")


def _until(purpose: Purpose) -> Iterator[Line]:
    yield Line("retention", Text("Löschfrist", "Kept for"), (period(purpose.retention),))
    if purpose.consent_validity:
        yield Line("validity", Text("Einwilligung gilt", "A consent counts for"), (period(purpose.consent_validity),))


def _measures(seen: Circumstances) -> Part:
    return Part(
        "measures",
        Text("Technische und organisatorische Maßnahmen", "Technical and organisational measures"),
        Text("Art. 30 Abs. 1 Buchst. g, Art. 32 Abs. 1 DSGVO", "Art. 30(1)(g), Art. 32(1) GDPR"),
        seen.measures,
    )
