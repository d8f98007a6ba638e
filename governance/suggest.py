"""Proposing a mapping from headers and values: an allow-list to be read by a person before it is used. Pure.

A proposal leaves out what has no place here and says why; salutation and gender are never proposed, because addressing
people by them is not necessary (C-394/23, Mousse).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from governance import cells
from governance.catalogue import Catalogue
from governance.cells import DateEvidence
from governance.contact_points import email_match_form, phone_match_form
from governance.fields import ACTIVITY_TYPES
from governance.formats import ROW, Detected
from governance.mapping import SPECIAL_HEADER

_SPLIT = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])|[\s_./-]+")
_NAMES: tuple[tuple[str, str], ...] = (
    (
        "reference",
        r"(kunden|kontakt|partner|debitor(en)?|customer|contact|client)(nr|nummer|no|number|id|key|ref(erenz|erence)?)|reference|referenz|kdnr",
    ),
    ("email", r"(e)?mail(adresse|address)?|emailaddress"),
    ("phone", r"(telefon|phone|tel|mobil|mobile|handy|rufnummer)(nr|nummer|number)?"),
    ("given_name", r"vorname|(given|first)name"),
    ("family_name", r"nachname|familienname|zuname|(family|last|sur)name|surname|contactname|ansprechpartner"),
    ("company_name", r"firma|firmenname|unternehmen|company(name)?|organi[sz]ation|resellername|kontoname|accountname"),
    ("street", r"stra(ss|ß)e|str|adresse|anschrift|street|address(line)?1?|straßeundhausnummer"),
    ("postcode", r"plz|postleitzahl|zip(code)?|post(al)?code"),
    ("city", r"ort|stadt|city|town|wohnort"),
    ("country", r"land|country|ländercode|laendercode|countrycode"),
    ("legal_form", r"rechtsform|legalform|companytype"),
    ("parent", r"mutter(gesellschaft|firma|nr)?|konzern(nr|nummer)?|parent(id|account)?"),
    ("account.reference", r"(firmen|konto|account|company|organisations)(nr|nummer|no|number|id|key)"),
    ("contract_active", r"vertrag(aktiv)?|vertragläuft|contractactive|activecontract"),
    ("informed", r"informiert(am)?|informed(at|on)?|art(13|14).*"),
    ("date", r"(rechnungs|bestell|auftrags|beleg|buchungs)?datum|(invoice|order|transaction)?date"),
    ("occasion", r"(rechnungs|beleg|auftrags|bestell)(nr|nummer)|(invoice|order)(no|nr|number|id)"),
    ("quantity", r"menge|anzahl|stück|stueck|quantity|qty"),
    ("unit_price", r"(einzel|stück|stueck)preis|unitprice|priceperunit"),
    ("amount", r"betrag|umsatz|nettobetrag|summe|amount|total|netamount|wert"),
    ("currency", r"währung|waehrung|currency"),
    ("category", r"warengruppe|kategorie|produktgruppe|category|productline"),
)
_FIELD_NAMES: tuple[tuple[str, str], ...] = (
    ("industry", r"branche|wz|wz2008|wzcode|industry|naics|nace|sector"),
    ("employees", r"mitarbeiter(zahl|anzahl)?|beschäftigte|beschaeftigte|(number)?employees|headcount"),
    ("annual_revenue", r"jahresumsatz|annualrevenue|annualsales|revenue|turnover"),
    ("customer_since", r"kundeseit|customersince|since"),
    ("job_function", r"funktion|position|abteilung|jobtitle|jobfunction|contacttitle|rolle"),
    ("legal_form", r"rechtsform|legalform"),
    ("satisfaction", r"zufriedenheit|satisfaction|nps"),
    ("contract_type", r"vertragsart|vertragstyp|contract(type)?"),
    ("region_sales", r"vertriebsgebiet|gebiet|region|salesterritory|territory"),
)
_NEVER = re.compile(r"anrede|salutation|gender|geschlecht|^sex$|^title$|^titel$|^(mr|ms)$", re.IGNORECASE)
_ACTIVITY = {"date", "occasion", "quantity", "unit_price", "amount", "currency", "category"}
_ACCOUNT = {"company_name", "legal_form", "parent"}
_POSTCODE = r"^(?:D-)?\d{5}$"
_SHAPE = 0.8


@dataclass
class _Found:
    """What was found out about the columns."""

    targets: dict[str, str]
    fields: dict[str, str]
    left: list[tuple[str, str]]


def suggest(sample: pa.RecordBatch, detected: Detected, catalogue: Catalogue) -> str:
    """Propose a mapping as TOML.

    Args:
        sample: the first rows, from `SourceTable.sample`.
        detected: how the file is written.
        catalogue: what may be held at all.
    """
    found = _look(sample, catalogue)
    kind = _kind(found)
    _settle(found, kind)
    return _render(found, kind, detected, catalogue)


def _words(header: str) -> str:
    return "".join(_SPLIT.split(header)).casefold()


def _look(sample: pa.RecordBatch, catalogue: Catalogue) -> _Found:
    found = _Found({}, {}, [])
    names = [name for name in sample.schema.names if name != ROW]
    undecided = []
    for header in names:
        words = _words(header)
        if _NEVER.search(header):
            found.left.append(
                (header, "Anrede und Geschlecht sind für Werbung nicht nötig / salutation and gender are not needed")
            )
        elif SPECIAL_HEADER.search(header):
            found.left.append((header, "besondere Kategorie, Art. 9 DSGVO / special category, Article 9 GDPR"))
        elif (target := _match(_NAMES, words)) and target not in found.targets:
            found.targets[target] = header
        elif (key := _field(words, catalogue)) and key not in found.fields:
            found.fields[key] = header
        else:
            undecided.append(header)
    if not {"reference", "account.reference"} & found.targets.keys():
        numbered = next((header for header in undecided if _is_reference(header, sample.column(header))), None)
        if numbered is not None:
            found.targets["reference"] = numbered
            undecided.remove(numbered)
    for header in undecided:
        target = _shape(sample.column(header))
        if target is not None and target not in found.targets:
            found.targets[target] = header
        else:
            found.left.append((header, "kein Feld des Katalogs passt / no field of the catalogue fits"))
    return found


def _match(names: tuple[tuple[str, str], ...], words: str) -> str | None:
    return next((target for target, pattern in names if re.fullmatch(pattern, words)), None)


def _field(words: str, catalogue: Catalogue) -> str | None:
    declared = {
        key: field for key, field in catalogue.fields.items() if field.type not in ACTIVITY_TYPES and not field.special
    }
    for key, field in declared.items():
        if words in {key.replace("_", ""), _words(field.label.de), _words(field.label.en)}:
            return key
    known = _match(_FIELD_NAMES, words)
    return known if known in declared else None


def _shape(column: pa.Array) -> str | None:
    """What the values look like, where the header said nothing."""
    if not pa.types.is_string(column.type):
        return "date" if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type) else None
    values = [value for value in cells.text(column).to_pylist() if value]
    if not values:
        return None
    if _share(values, lambda value: "@" in value and email_match_form(value) is not None):
        return "email"
    if _share(values, lambda value: value.startswith(("+", "00")) and phone_match_form(value) is not None):
        return "phone"
    words = pa.array(values)
    if (pc.sum(pc.match_substring_regex(words, _POSTCODE)).as_py() or 0) >= _SHAPE * len(values):
        return "postcode"
    evidence = DateEvidence()
    evidence.look(words)
    return "date" if evidence.german + evidence.iso + evidence.slashed >= _SHAPE * len(values) else None


def _is_reference(header: str, column: pa.Array) -> bool:
    """A header that ends like a number's, above values that are all there and all different."""
    ends = re.search(r"(key|id|nr|nummer|number)$", _words(header)) is not None
    return ends and len(column) > 1 and not column.null_count and len(column.unique()) == len(column)


def _share(values: list[str], test: Callable[[str], bool]) -> bool:
    return sum(map(test, values)) >= _SHAPE * len(values)


def _kind(found: _Found) -> str:
    targets = found.targets
    personal = {"email", "given_name", "family_name"} & targets.keys()
    if "date" in targets and not personal and ("amount" in targets or {"quantity", "unit_price"} <= targets.keys()):
        return "activities"
    return "accounts" if "company_name" in targets and not personal else "contacts"


def _settle(found: _Found, kind: str) -> None:
    """Move each target to where this kind of file puts it; what has no place is left out."""
    targets = found.targets
    if kind == "activities":
        if "reference" in targets:
            targets["contact"] = targets.pop("reference")
        if "account.reference" in targets:
            targets["account"] = targets.pop("account.reference")
        allowed = _ACTIVITY | {"contact", "account"}
        for target in [name for name in targets if name not in allowed]:
            found.left.append(
                (
                    targets.pop(target),
                    "gehört zum Kontakt, nicht zum Vorgang / belongs to the contact, not to the activity",
                )
            )
        for key in list(found.fields):
            found.left.append(
                (
                    found.fields.pop(key),
                    "gehört zum Kontakt, nicht zum Vorgang / belongs to the contact, not to the activity",
                )
            )
        return
    for target in [name for name in targets if name in _ACTIVITY]:
        found.left.append((targets.pop(target), "gehört zu einem Vorgang / belongs to an activity"))
    if kind == "accounts":
        if "reference" not in targets and "account.reference" in targets:
            targets["reference"] = targets.pop("account.reference")
        elif "account.reference" in targets:
            found.left.append((targets.pop("account.reference"), "zweite Nummer / a second reference"))
        return
    for target in [name for name in targets if name in _ACCOUNT]:
        if "account.reference" in targets:
            targets[f"account.{target}"] = targets.pop(target)
        elif target != "company_name":
            found.left.append(
                (targets.pop(target), "ohne Firmennummer kein Konto / no account without an account reference")
            )


def _render(found: _Found, kind: str, detected: Detected, catalogue: Catalogue) -> str:
    lines = [
        "# Vorschlag: eine Liste dessen, was übernommen wird. Alles andere wird beim Lesen verworfen. Bitte prüfen.",
        "# Proposal: a list of what is taken. Everything else is dropped while reading. Please check.",
        f'kind = "{kind}"',
        "",
        "[columns]",
    ]
    if kind != "activities" and "reference" not in found.targets:
        lines.append(
            'reference = { row_number = true, prefix = "R" }  # keine Kundennummer gefunden / no reference found'
        )
    if kind == "activities" and not {"contact", "account"} & found.targets.keys():
        lines.append('contact = "?"  # wessen Vorgang? / whose activity?')
    lines += [f"{target} = {_quoted(header)}" for target, header in found.targets.items()]
    fields = [f"{key} = {_quoted(header)}" for key, header in found.fields.items()]
    if kind != "activities" and "postcode" in found.targets and "postcode_prefix" in catalogue.fields:
        fields.append(f"postcode_prefix = {{ column = {_quoted(found.targets['postcode'])}, prefix = 2 }}")
    if fields:
        lines += ["", "[fields]", *dict.fromkeys(fields)]
    lines += ["", "[options]"]
    if kind == "activities":
        lines += ['currency = "EUR"', "create_owners = false"]
    else:
        lines += [
            'on_duplicate = "first"',
            'counterparty = "unknown"  # business, wenn nur Firmenkunden / if all are businesses',
        ]
    if found.left:
        lines += ["", "# Nicht übernommen / left out:"]
        lines += [f"#   {_quoted(header)}: {why}" for header, why in found.left]
    lines.append(f"# Datei / file: {detected.format}, {detected.encoding or '-'}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
