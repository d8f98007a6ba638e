"""Tables of the catalogue as values, with the rules that hold between purposes and fields; pure.

What a purpose may see is decided here once, when the catalogue is read, so that no later step has to trust it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from zoneinfo import available_timezones

from governance.controller import Controller
from governance.fields import ACTIVITY_TYPES, NEVER_IN_PRICES, SPECIAL_CATEGORIES, Family, Field, FieldType, falls_under
from governance.notice_reader import Common, Told, read_common, read_notice
from governance.purposes import Assessment, Purpose
from governance.toml_tables import TomlTable
from governance.vocabulary import Channel, EffectClass, LegalBasis

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DECISIONS = frozenset({EffectClass.PRICE, EffectClass.CONTRACT})


@cache
def fideslang_categories() -> frozenset[str]:
    """Keys of the Fideslang data categories that describe people."""
    file = resources.files("governance").joinpath("data/fideslang_categories.csv")
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return frozenset(row["fides_key"] for row in rows if row["fides_key"].split(".")[0] == "user")


@cache
def dpv_purposes() -> frozenset[str]:
    """The purposes of DPV 2.3, without their prefix."""
    file = resources.files("governance").joinpath("data/dpv_purposes.csv")
    return frozenset(file.read_text(encoding="utf-8").split()[1:])


def read_controller(table: TomlTable) -> Controller:
    """The table `[controller]`."""
    country = table.text("country")
    if country and not _COUNTRY.fullmatch(country):
        table.mistake("country", "must be two capital letters, such as DE (ISO 3166-1)")
    storage = table.optional_text("storage") or ""
    if storage and storage != "EEA" and not _COUNTRY.fullmatch(storage):
        table.mistake("storage", "must be EEA or two capital letters, such as DE (ISO 3166-1)")
    time_zone = table.text("time_zone")
    if time_zone and time_zone not in available_timezones():
        table.mistake("time_zone", "must be a name of the IANA list, such as Europe/Berlin")
    controller = Controller(
        name=table.text("name"),
        country=country,
        time_zone=time_zone,
        minimum_cell=table.whole("minimum_cell", 10, least=5, most=1_000),
        address=table.optional_text("address") or "",
        email=table.optional_text("email") or "",
        officer=table.optional_text("officer") or "",
        authority=table.optional_text("authority") or "",
        fresh_for=table.optional_duration("fresh_for") or "P30D",
        storage=storage,
    )
    table.finish()
    return controller


def read_purposes(root: TomlTable, controller: Controller) -> dict[str, Purpose]:
    """The tables `[[purpose]]` by key, their notices filled in."""
    common = read_common(root, controller)
    purposes: dict[str, Purpose] = {}
    for table in root.tables("purpose"):
        purpose = _read_purpose(table, controller, common)
        if purpose.key in purposes:
            table.mistake("key", "stands twice in the catalogue")
        purposes[purpose.key] = purpose
    if not purposes:
        root.mistake("purpose", "missing: declare at least one [[purpose]]")
    return purposes


def _read_purpose(table: TomlTable, controller: Controller, common: Common) -> Purpose:
    told = Told(
        label=table.both("label"),
        basis=table.choice("basis", LegalBasis),
        marketing=table.flag("marketing"),
        effect=table.choice("effect", EffectClass),
    )
    purpose = Purpose(
        key=table.key(),
        label=told.label,
        basis=told.basis,
        notice=read_notice(table.table("notice"), told, controller, common),
        assessment=_read_assessment(table.table("assessment")) if table.has("assessment") else None,
        channels=table.choices("channels", Channel),
        categories=frozenset(_known_categories(table)),
        marketing=told.marketing,
        profiling=table.flag("profiling"),
        effect=told.effect,
        retention=table.duration("retention"),
        consent_validity=table.optional_duration("consent_validity"),
        dpv=_read_dpv(table),
        ask_again_after=table.optional_duration("ask_again_after") or "P6M",
    )
    _check_purpose(table, purpose)
    table.finish()
    return purpose


def _read_assessment(table: TomlTable) -> Assessment:
    assessment = Assessment(table.text("reference"), table.day("valid_until"))
    table.finish()
    return assessment


def _known_categories(table: TomlTable) -> tuple[str, ...]:
    categories = table.texts("categories")
    for position, category in enumerate(categories):
        if category not in fideslang_categories():
            table.mistake(f"categories[{position}]", "no Fideslang data category of people; see data/NOTICE")
    return categories


def _read_dpv(table: TomlTable) -> str | None:
    term = table.optional_text("dpv")
    if term and term.removeprefix("dpv:") not in dpv_purposes():
        table.mistake("dpv", "no purpose of DPV 2.3; it reads like dpv:DirectMarketing, see data/dpv_purposes.csv")
    return f"dpv:{term.removeprefix('dpv:')}" if term else None


def _check_purpose(table: TomlTable, purpose: Purpose) -> None:
    consent = purpose.basis is LegalBasis.CONSENT
    if purpose.basis is LegalBasis.LEGITIMATE_INTERESTS and purpose.assessment is None:
        table.mistake("assessment", "missing: legitimate interests rest on a balancing of interests (Art. 6(1)(f))")
    if purpose.consent_validity is not None and not consent:
        table.mistake("consent_validity", "only a purpose based on consent has one")
    if purpose.effect in _DECISIONS and purpose.basis is LegalBasis.LEGITIMATE_INTERESTS:
        table.mistake("effect", "prices and contracts need consent or contract as basis (Art. 22(2) GDPR)")
    if purpose.effect in _DECISIONS and not purpose.profiling:
        table.mistake("profiling", "must be true: prices and contracts by segment evaluate people (Art. 4(4) GDPR)")
    if not consent:
        for category in sorted(purpose.categories):
            if falls_under(category, SPECIAL_CATEGORIES):
                table.mistake("categories", f"{category} is a special category and needs consent (Art. 9 GDPR)")


def read_fields(root: TomlTable, purposes: Mapping[str, Purpose]) -> dict[str, Field]:
    """The tables `[[field]]` by key."""
    fields: dict[str, Field] = {}
    for table in root.tables("field"):
        field = _read_field(table, purposes)
        if field.key in fields:
            table.mistake("key", "stands twice in the catalogue")
        fields[field.key] = field
    return fields


def _read_field(table: TomlTable, purposes: Mapping[str, Purpose]) -> Field:
    mutable = table.flag("mutable", False)
    names = table.texts("purposes")
    field = Field(
        key=table.key(),
        label=table.both("label"),
        type=table.choice("type", FieldType),
        unit=table.optional_text("unit"),
        category=table.text("category"),
        special=table.flag("special", False),
        quasi_identifier=table.flag("quasi_identifier", False),
        mutable=mutable,
        suggestable=table.flag("suggestable", mutable),
        staleness=table.optional_duration("staleness"),
        window=table.optional_duration("window"),
        purposes=frozenset(names),
        levels=table.texts("levels", ()),
        family=table.choice("family", Family) if table.has("family") else None,
    )
    _check_field(table, field)
    for position, name in enumerate(names):
        why = why_not(field, purposes.get(name))
        if why:
            table.mistake(f"purposes[{position}]", why)
    table.finish()
    return field


def _check_field(table: TomlTable, field: Field) -> None:
    if field.category and field.category not in fideslang_categories():
        table.mistake("category", "no Fideslang data category of people; see data/NOTICE")
    if falls_under(field.category, SPECIAL_CATEGORIES) and not field.special:
        table.mistake("special", "must be true: the category falls under Art. 9(1) GDPR")
    if field.type is FieldType.MONEY and not _CURRENCY.fullmatch(field.unit or ""):
        table.mistake("unit", "money needs its currency in three capital letters, such as EUR (ISO 4217)")
    if field.type in ACTIVITY_TYPES and field.window is None:
        table.mistake("window", "missing: activities need one, such as P24M (PRI-5)")
    if field.type not in ACTIVITY_TYPES and field.window is not None:
        table.mistake("window", "only activities have one; a value that ages has a staleness")
    if field.levels and field.type is not FieldType.CATEGORY:
        table.mistake("levels", "only a category has levels")
    if field.suggestable and (field.special or not field.mutable):
        table.mistake("suggestable", "only what the person can change, and no special category, may be suggested")


def why_not(field: Field, purpose: Purpose | None) -> str | None:
    """Why the purpose may not see the field, or None."""
    if purpose is None:
        return "no purpose of that key is declared"
    if (field.special or falls_under(field.category, SPECIAL_CATEGORIES)) and purpose.basis is not LegalBasis.CONSENT:
        return f"a special category needs consent, and {purpose.key} rests on {purpose.basis} (Art. 9 GDPR)"
    if field.family is Family.PSYCHOGRAPHIC and purpose.basis is not LegalBasis.CONSENT:
        return f"motives and attitudes need explicit consent, and {purpose.key} rests on {purpose.basis}"
    if purpose.effect is EffectClass.PRICE and (field.special or falls_under(field.category, NEVER_IN_PRICES)):
        return f"no price may rest on {field.category}: names, addresses, postcodes and the like discriminate (PRC-4)"
    if not purpose.covers(field.category):
        return f"{purpose.key} does not list {field.category} among its categories"
    return None
