"""Invented companies, contacts, consents and attributes around the real purchases; the same seed gives the same world.

The files are what a German mid-market company would have at hand: a CRM list in Windows-1252 with semicolons, orders
with decimal commas, consents with and without evidence, and the answers to a voluntary survey for the price check.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from api.demo.names import FAMILY, FORMS, FUNCTIONS, GIVEN_F, GIVEN_M, STEMS, STREETS, TOWNS, TRADES

SEED = 20261122
ACTIVE_DAYS = 120
DRAMA_NUMBERS = ("030 23125", "069 90009", "040 66969", "0221 4710", "089 99998")
"""Ranges that the Bundesnetzagentur keeps free for film and fiction: nobody answers there."""
CONTACT_HEAD = (
    "Kundennr",
    "Anrede",
    "Vorname",
    "Nachname",
    "E-Mail",
    "Telefon",
    "Funktion",
    "Zufriedenheit",
    "Informiert am",
    "Vertrag",
    "Firmennr",
    "Firma",
    "Rechtsform",
    "Branche",
    "Mitarbeiter",
    "Jahresumsatz",
    "Straße",
    "PLZ",
    "Ort",
    "Land",
    "Konzern",
    "Kunde seit",
    "Bemerkung",
    "Systeme",
    "Bedarf",
    "Wachstum",
    "Standorte",
    "Stand",
    "Vertragsende",
    "Letzte Wartung",
    "Kaufmotiv",
)
COMPANY_COLUMN = CONTACT_HEAD.index("Firmennr")
ORDER_HEAD = ("Kundennr", "Firmennr", "Rechnung", "Datum", "Warengruppe", "Betrag", "Menge")
CONSENT_HEAD = ("Kundennr", "Zweck", "Kanal", "Antwort", "Datum", "Nachweis", "Hinweis")
ATTRIBUTE_HEAD = ("Kundennr", "Altersgruppe", "Geschlecht")


@dataclass
class World:
    """The files of one demonstration and the people its story needs."""

    contacts: list[tuple[str, ...]] = field(default_factory=list)
    orders: list[tuple[str, ...]] = field(default_factory=list)
    consents: list[tuple[str, ...]] = field(default_factory=list)
    attributes: list[tuple[str, ...]] = field(default_factory=list)
    objecting: list[str] = field(default_factory=list)
    withholding: list[str] = field(default_factory=list)
    dormant: list[str] = field(default_factory=list)


def make_world(customers: int, *, today: date, seed: int = SEED) -> World:
    """The world around the first *customers* purchase histories, moved so that the newest invoice is a few days old."""
    chance = random.Random(seed)
    lines = _lines(customers, today)
    last_day: dict[int, date] = {}
    for line in lines:
        last_day[line["customer"]] = max(line["day"], last_day.get(line["customer"], line["day"]))
    world = World()
    for number, customer in enumerate(sorted(last_day)):
        _company(world, chance, number, customer, (today - last_day[customer]).days, today)
    _criteria(world, random.Random(seed + 1), today)
    for line in lines:
        amount = f"{line['pence'] / 100:.2f}".replace(".", ",")
        owner, day = line["customer"], line["day"].strftime("%d.%m.%Y")
        world.orders.append(
            (f"K{owner}", f"F{owner}", line["invoice"], day, line["category"], amount, str(line["quantity"]))
        )
    return world


def _criteria(world: World, chance: random.Random, today: date) -> None:
    """Put what sales noted behind each contact; a motive only where the person said yes to personalised offers."""
    agreed = {row[0] for row in world.consents if row[1] == "personalised_offers" and row[3] == "ja" and row[5]}
    for index, row in enumerate(world.contacts):
        ends = today + timedelta(days=chance.randint(-100, 700))
        served = today - timedelta(days=chance.randint(10, 700))
        world.contacts[index] = (
            *row,
            chance.choice(("", "Shopsystem", "ERP", "Kasse")),
            chance.choice(("", "Sortiment", "Lieferzeit", "Beratung")),
            chance.choice(("", "shrinking", "stable", "growing")),
            str(min(40, int(chance.paretovariate(1.5)))),
            chance.choice(("first_order", "regular", "regular", "key_customer")),
            ends.strftime("%d.%m.%Y"),
            served.strftime("%d.%m.%Y"),
            chance.choice(("price", "quality", "sustainability", "convenience")) if row[0] in agreed else "",
        )


def _lines(customers: int, today: date) -> list[dict[str, Any]]:
    """Invoice lines of the first customers by number, their days moved so that the newest is three days old."""
    import pyarrow.parquet as pq

    with resources.files("api.demo").joinpath("data/invoices.parquet").open("rb") as source:
        lines: list[dict[str, Any]] = pq.read_table(source).to_pylist()
    chosen = set(sorted({line["customer"] for line in lines})[:customers])
    shift = timedelta(days=(today - max(line["day"] for line in lines)).days - 3)
    return [{**line, "day": line["day"] + shift} for line in lines if line["customer"] in chosen]


def _company(world: World, chance: random.Random, number: int, customer: int, idle_days: int, today: date) -> None:
    form = chance.choices([name for name, _ in FORMS], [weight for _, weight in FORMS])[0]
    trade, trade_name = chance.choice(TRADES)
    owner = _person(chance)
    sole = form in ("e.K.", "Einzelunternehmen", "GbR")
    name = (
        f"{owner[2]} {trade_name} {form}"
        if sole
        else f"{chance.choice(STEMS)}{chance.choice(STEMS).lower()} {trade_name} {form}"
    )
    employees = 1 + int(chance.paretovariate(1.1)) if not sole else chance.randint(1, 9)
    postcode, town = chance.choice(TOWNS)
    since = today - timedelta(days=chance.randint(400, 4200))
    parent = chance.choice(world.contacts)[COMPANY_COLUMN] if number > 20 and chance.random() < 0.04 else ""
    company = (
        f"F{customer}",
        name.strip(),
        form,
        trade,
        "" if chance.random() < 0.06 else str(min(employees, 2400)),
        "" if chance.random() < 0.15 else f"{employees * chance.randint(60, 190) * 1000:,}".replace(",", ".") + ",00",
        f"{chance.choice(STREETS)} {chance.randint(1, 140)}",
        postcode,
        town,
        "DE",
        parent,
        since.strftime("%d.%m.%Y"),
    )
    people = [owner] + ([_person(chance)] if not sole and chance.random() < 0.1 else [])
    shared = chance.random() < 0.05
    for index, person in enumerate(people):
        _contact(world, chance, f"K{customer}" + ("" if index == 0 else "b"), person, company, shared, idle_days, today)


def _person(chance: random.Random) -> tuple[str, str, str]:
    if chance.random() < 0.5:
        return "Frau", chance.choice(GIVEN_F), chance.choice(FAMILY).replace("ı", "i")
    return "Herr", chance.choice(GIVEN_M), chance.choice(FAMILY).replace("ı", "i")


def _contact(
    world: World,
    chance: random.Random,
    reference: str,
    person: tuple[str, str, str],
    company: Sequence[str],
    shared: bool,
    idle_days: int,
    today: date,
) -> None:
    salutation, given, family = person
    domain = f"{company[0].lower()}.example.org"
    email = f"info@{domain}" if shared else f"{_ascii(given)}.{_ascii(family)}@{domain}"
    informed = "" if chance.random() < 0.03 else (today - timedelta(days=chance.randint(30, 700))).strftime("%d.%m.%Y")
    note = "Ruft gern vormittags an, hat im Mai vom Urlaub erzählt" if chance.random() < 0.1 else ""
    contract = "ja" if idle_days < 200 or chance.random() < 0.4 else "nein"
    phone = "" if chance.random() < 0.2 else f"{chance.choice(DRAMA_NUMBERS)}{chance.randint(0, 999):03d}"
    satisfaction = "" if chance.random() < 0.3 else str(chance.randint(1, 10))
    world.contacts.append(
        (
            reference,
            salutation,
            given,
            family,
            email,
            phone,
            chance.choice(FUNCTIONS),
            satisfaction,
            informed,
            contract,
            *company,
            note,
        )
    )
    _consents(world, chance, reference, today)
    _attributes(world, chance, reference, idle_days)
    for chosen, share in ((world.objecting, 0.006), (world.withholding, 0.012)):
        if chance.random() < share:
            chosen.append(reference)
    if idle_days > 190 and informed:
        world.dormant.append(reference)


def _ascii(name: str) -> str:
    table = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "í": "i", "á": "a", "ğ": "g"})
    return name.lower().translate(table)


def _consents(world: World, chance: random.Random, reference: str, today: date) -> None:
    purposes = (("newsletter", "email", 0.5), ("personalised_offers", "email", 0.45), ("personalised_price", "", 0.7))
    for purpose, channel, share in purposes:
        if chance.random() > 0.9:
            continue  # never asked
        said = today - timedelta(days=chance.randint(20, 900))
        answer = "ja" if chance.random() < share / 0.9 else "nein"
        evidence = (
            "" if answer == "nein" or chance.random() < 0.12 else f"Formular {said.year}-{chance.randint(1000, 9999)}"
        )
        world.consents.append(
            (reference, purpose, channel, answer, said.strftime("%d.%m.%Y"), evidence, "1" if evidence else "")
        )


def _attributes(world: World, chance: random.Random, reference: str, idle_days: int) -> None:
    if chance.random() < 0.25:
        return  # did not take part in the survey
    older = chance.random() < (0.35 if idle_days <= ACTIVE_DAYS else 0.75)
    age = "55 und älter" if older else chance.choice(("18 bis 34", "35 bis 54"))
    world.attributes.append(
        (reference, age, chance.choice(("weiblich", "männlich", "divers" if chance.random() < 0.04 else "weiblich")))
    )


def write_world(world: World, folder: Path) -> None:
    """Write the input files; each in the encoding and format it would really come in."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "kunden.csv", CONTACT_HEAD, world.contacts, "cp1252")
    _write(folder / "bestellungen.csv", ORDER_HEAD, world.orders, "utf-8")
    _write(folder / "einwilligungen.csv", CONSENT_HEAD, world.consents, "utf-8-sig")
    _write(folder / "merkmale.csv", ATTRIBUTE_HEAD, world.attributes, "utf-8")


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]], encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as target:
        writer = csv.writer(target, delimiter=";")
        writer.writerow(head)
        writer.writerows(rows)
