"""Technical and organisational measures as they are switched on in this house, not as somebody wrote them down once.

Article 32(1) GDPR asks for pseudonymisation and encryption, confidentiality, integrity, availability, resilience and
regular testing; each line tells the state at this instant, and an open line what nobody has set up yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audit import checkpoint, log
from governance import staff
from governance.keys import KeyRole
from governance.papers import Line
from governance.vocabulary import Role, Text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House

ROLES: dict[Role, Text] = {
    Role.DPO: Text("Datenschutz", "data protection"),
    Role.MARKETING: Text("Marketing", "marketing"),
    Role.DESK: Text("Beschwerdestelle", "complaint desk"),
    Role.STEWARD: Text("Datenpflege", "data stewardship"),
    Role.ADMIN: Text("Verwaltung", "administration"),
    Role.AUDITOR: Text("Prüfung", "audit"),
}
LOCAL = ("127.0.0.1", "localhost", "::1")


def measures(house: House, connection: Connection) -> tuple[Line, ...]:
    """Every measure with its present state."""
    return (
        *_pseudonymisation(house),
        *_encryption(house),
        *_confidentiality(house, connection),
        *_integrity(house, connection),
        *_transport(house),
    )


def _pseudonymisation(house: House) -> Iterator[Line]:
    epoch = house.keys.current(KeyRole.LOOKUP).epoch
    yield Line(
        "pseudonymisation",
        Text("Pseudonymisierung", "Pseudonymisation"),
        (
            Text(
                f"Auswertungen sehen zufällige Nummern. Zu Personen führen sie nur über den Tresor (Schlüssel "
                f"{epoch}).",
                f"Evaluations see random numbers. They lead to people only through the vault (key {epoch}).",
            ),
            Text("Jede Ausgabe an Dritte hat eigene Nummern.", "Each output to others has numbers of its own."),
        ),
    )
    apart = house.settings.database_url.startswith("postgresql")
    yield Line(
        "separation",
        Text("Trennung der Speicher", "Separation of stores"),
        (
            Text(
                "eigene Datenbankrollen für Auswertung, Tresor und geschützte Merkmale",
                "database roles of their own for evaluation, vault and protected attributes",
            )
            if apart
            else Text(
                "eigene Dateien unter einem Benutzer des Betriebssystems",
                "files of their own under one user of the operating system",
            ),
        ),
    )


def _encryption(house: House) -> Iterator[Line]:
    epoch = house.keys.current(KeyRole.WRAP).epoch
    yield Line(
        "encryption",
        Text("Verschlüsselung", "Encryption"),
        (
            Text(
                f"Namen und Anschriften mit AES-256-GCM, je Person ein Schlüssel, verpackt unter Hauptschlüssel "
                f"{epoch}.",
                f"Names and addresses under AES-256-GCM, one key a person, wrapped under main key {epoch}.",
            ),
        ),
    )


def _confidentiality(house: House, connection: Connection) -> Iterator[Line]:
    members = Counter(member.role for member in staff.list_staff(connection))
    told = tuple(
        Text(f"{ROLES[role].de}: {members[role]}", f"{ROLES[role].en}: {members[role]}")
        for role in ROLES
        if members[role]
    )
    yield Line(
        "roles",
        Text("Konten nach Rolle", "Accounts by role"),
        told or (Text("Es gibt noch keine.", "There are none yet."),),
        open=not members[Role.DPO],
    )
    least = house.catalogue.controller.minimum_cell
    yield Line(
        "aggregates",
        Text("Kleinste Gruppe in Auswertungen", "Smallest group in evaluations"),
        (Text(f"{least} Personen", f"{least} people"),),
    )


def _integrity(house: House, connection: Connection) -> Iterator[Line]:
    note = checkpoint.latest(connection)
    values = [
        Text(
            f"fälschungssicheres Protokoll mit {log.size(connection)} Einträgen (RFC 6962), Name "
            f"{house.settings.origin}",
            f"tamper-evident log of {log.size(connection)} entries (RFC 6962), named {house.settings.origin}",
        )
    ]
    if note is not None:
        signed = checkpoint.note_claim(note).size
        values.append(Text(f"zuletzt unterschrieben bei {signed} Einträgen", f"last signed at {signed} entries"))
    yield Line("log", Text("Nachvollziehbarkeit", "Accountability"), tuple(values))


def _transport(house: House) -> Iterator[Line]:
    told = urlsplit(house.settings.public_url)
    if told.scheme == "https":
        value = Text("nur verschlüsselt (HTTPS)", "encrypted only (HTTPS)")
    elif told.hostname in LOCAL:
        value = Text("nur auf diesem Rechner erreichbar", "reachable on this machine only")
    else:
        value = Text("unverschlüsselt", "not encrypted")
    yield Line(
        "transport",
        Text("Übertragung", "Transport"),
        (value,),
        open=told.scheme != "https" and told.hostname not in LOCAL,
    )
    yield Line(
        "mail",
        Text("Versand von E-Mails", "Sending of mails"),
        (
            Text("über den Mailserver des Verantwortlichen", "through the controller's mail server")
            if house.settings.smtp_url
            else Text(
                "nicht eingerichtet; Mails liegen im Ausgangsordner", "not set up; mails lie in the outbox folder"
            ),
        ),
        open=not house.settings.smtp_url,
    )
