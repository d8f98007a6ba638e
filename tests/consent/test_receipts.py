"""Receipts: every IRI stands in DPV 2.3, every field of ISO/IEC TS 27560 is there, and nothing names the person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from consent import dpv
from consent.receipts import NoticeShown, ReceiptInput, concerned, on_consent, receipt, record, to_bytes
from governance.catalogue import Catalogue, parse_catalogue
from governance.catalogue_reader import dpv_purposes, fideslang_categories
from governance.vocabulary import Act, Channel, Declaration, EffectClass, LegalBasis, Scope, Source
from tests.builders import default_catalogue
from tests.consent.builders import DAY, NOON, a_purpose, objected_to, said

FOLDER = Path(__file__).parents[1] / "data" / "dpv"
TERMS = {line for path in FOLDER.glob("*.txt") for line in path.read_text(encoding="utf-8").split()}
OURS = {key: iri for key, iri in dpv.CONTEXT.items() if iri.startswith("https://w3id.org/dpv")}
PLAIN = {
    "dct:identifier", "dct:conformsTo", "dct:references", "dct:title", "dct:created", "dct:publisher", "dct:language",
    "dct:description",
    "dct:dateSubmitted", "dct:provenance", "dct:ProvenanceStatement", "rdf:value", "skos:broader", "skos:prefLabel",
}  # fmt: skip
"""Terms of Dublin Core, RDF and SKOS that receipts use; they are not of DPV."""
CATALOGUE = parse_catalogue(default_catalogue())
FIELD: dict[str, Any] = {"field": "purchase_history", "purpose": "personalised_offers"}
HEALTH = """
[[field]]
key = "allergies"
label = { de = "Allergien", en = "Allergies" }
type = "category"
category = "user.health_and_medical"
special = true
purposes = ["newsletter"]
"""

DECLARATIONS: dict[str, Declaration] = {
    **{
        act.value: said(act)
        for act in (Act.GIVEN, Act.RENEWED, Act.REFUSED, Act.WITHDRAWN, Act.REQUESTED, Act.UNKNOWN, Act.OBJECTED)
    },
    "given by e-mail": said(Act.GIVEN, channel=Channel.EMAIL, valid_until=NOON + 365 * DAY),
    "given to a price": said(Act.GIVEN, purpose="personalised_price"),
    "objected to sales care": said(Act.OBJECTED, purpose="sales_care"),
    "objected to sales care by phone": said(Act.OBJECTED, purpose="sales_care", channel=Channel.PHONE),
    "refused on interests": said(Act.REFUSED, purpose="sales_care"),
    "requested on interests": said(Act.REQUESTED, purpose="sales_care"),
    "objection lifted": said(Act.OBJECTION_LIFTED, purpose="sales_care"),
    "objected to all": objected_to(Scope.GENERAL),
    "objected to marketing": objected_to(Scope.MARKETING),
    "objected to profiling by signal": objected_to(Scope.PROFILING, source=Source.SIGNAL),
    "field withheld": said(Act.FIELD_WITHHELD, **FIELD),
    "field withheld everywhere": said(Act.FIELD_WITHHELD, **{**FIELD, "purpose": None}),
    "field released": said(Act.FIELD_RELEASED, **FIELD),
    "imported": said(Act.GIVEN, source=Source.IMPORT, said_at=NOON - 90 * DAY),
    "taken down by the desk": said(Act.GIVEN, source=Source.DESK_FOR_SUBJECT, has_evidence=True),
    "told by a system": said(Act.WITHDRAWN, source=Source.CONTROLLER_API),
}

REQUIRED_OF_A_RECORD = (
    ("schema_version", "dct:conformsTo/@id"),
    ("record_id", "dct:identifier"),
    ("pii_principal_id", "dpv:hasDataSubject/@id"),
    ("privacy_notice", "dpv:hasNotice/*/dct:identifier"),
    ("language", "dpv:hasNotice/*/dct:language"),
    ("purpose", "dpv:hasProcess/*/dpv:hasPurpose/*/@id"),
    ("purpose_type", "dpv:hasProcess/*/dpv:hasPurpose/*/skos:broader/*/@id"),
    ("lawful_basis", "dpv:hasProcess/*/dpv:hasLegalBasis/*/@id"),
    ("pii_type", "dpv:hasProcess/*/dpv:hasPersonalData/*/@type"),
    ("pii_optional", "dpv:hasProcess/*/dpv:hasPersonalData/*/dpv:hasNecessity/@id"),
    ("pii_controllers", "dpv:hasDataController/*/@id"),
    ("collection_method", "dpv:hasProcess/*/dpv:hasDataSource/*/@id"),
    ("processing_method", "dpv:hasProcess/*/dpv:hasProcessing/*/@id"),
    ("storage_locations", "dpv:hasProcess/*/dpv:hasStorageCondition/0/dpv:hasLocation/*/@id"),
    ("retention_period", "dpv:hasProcess/*/dpv:hasStorageCondition/1/dpv:hasDuration/rdf:value"),
    ("jurisdiction", "dpv:hasJurisdiction/*/@id"),
    ("recipient_third_parties", "dpv:hasProcess/*/dpv:hasRecipient/*"),
    ("withdrawal_method", "{control}/*/dpv:isExercisedAt"),
    ("privacy_rights", "dpv:hasRight/*/@type"),
    ("authority_party", "dpv:hasAuthority/*/dpv:hasName"),
    ("party_id", "dpv:hasDataController/*/@id"),
    ("party_name", "dpv:hasDataController/*/dpv:hasName"),
    ("party_address", "dpv:hasDataController/*/dpv:hasAddress"),
    ("party_contact", "dpv:hasDataController/*/dpv:hasContact"),
    ("party_type and party_role", "dpv:hasDataController/*/@type"),
    ("event_time", "{event}/*/dpv:isIndicatedAtTime"),
    ("validity_duration", "{event}/*/dpv:hasDuration/rdf:value"),
    ("entity_id", "{event}/*/dpv:isIndicatedBy/@id"),
    ("event_type and event_state", "{event}/*/@type"),
)
"""Format 2.1: mandatory in ISO/IEC TS 27560 or for the GDPR, and where each stands in the DPV profile."""
REQUIRED_OF_A_RECEIPT = ("dct:identifier", "dct:conformsTo", "dct:references", "dct:created", "dpv:hasRecordOfActivity")
ALL = pytest.mark.parametrize("name", DECLARATIONS)


def given(declaration: Declaration, catalogue: Catalogue = CATALOGUE) -> ReceiptInput:
    """What the workflow would hand over."""
    notices = tuple(NoticeShown(bytes([n]) * 32, "2026-11", language) for n, language in enumerate(("de", "en")))
    return ReceiptInput(
        UUID(int=1, version=4), UUID(int=2, version=4), UUID(int=3, version=4), declaration, catalogue, notices,
        "https://consent.example.org", "consent.example.org/log", 17,
    )  # fmt: skip


def strict(data: bytes) -> dict[str, Any]:
    """A parser that refuses what `json.loads` would silently drop (T28)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), f"a key comes twice: {[key for key, _ in pairs]}"
        return dict(pairs)

    found: dict[str, Any] = json.loads(data, object_pairs_hook=unique)
    return found


def walk(node: Any) -> Iterator[tuple[str, str]]:
    """Each key, class and reference of a document, with what it is."""
    if isinstance(node, list):
        for part in node:
            yield from walk(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "@context":
                continue
            yield ("key", key)
            if key == "@type":
                yield from (("class", one) for one in ([value] if isinstance(value, str) else value))
            elif key == "@id":
                yield ("reference", value)
            else:
                yield from walk(value)


def at(node: Any, path: str) -> list[Any]:
    """Everything that stands at a path; `*` is each member of an array, which may not be empty."""
    step, _, rest = path.partition("/")
    if step == "*":
        found = list(node)
    elif step.isdigit():
        found = [node[int(step)]]
    else:
        found = [node[step]]
    return [one for part in found for one in (at(part, rest) if rest else [part])]


@ALL
def test_every_term_that_leaves_the_house_stands_in_dpv_2_3(name: str) -> None:
    """STD-1: no term that a guide once used and no version defines."""
    for document in (receipt(given(DECLARATIONS[name])), record(given(DECLARATIONS[name]))):
        for what, word in walk(document):
            prefix, _, local = word.partition(":")
            if what == "key" and word.startswith("@"):
                assert word in {"@id", "@type", "@value", "@language"}
            elif prefix in OURS:
                assert OURS[prefix] + local in TERMS, word
            elif word.startswith("https://w3id.org/dpv"):
                assert word in TERMS | {dpv.VERSION}, word
            elif what == "reference":
                assert word.startswith(("urn:uuid:", "https://consent.example.org/")), word
            else:
                assert word in PLAIN, word


def test_every_table_of_terms_stands_in_dpv_2_3() -> None:
    """Also what no default purpose leads to (STD-1, STD-2)."""
    words = [*dpv.BASES.values(), *dpv.CONSENT_STATES.values(), *dpv.INVOLVEMENTS.values(), *dpv.CHANNEL_DATA.values()]
    words += [dpv.data_term(category) for category in fideslang_categories()]
    words += [dpv.place(country) for country in dpv.COUNTRIES] + [f"dpv:{term}" for term in dpv_purposes()]
    words += [term for purpose in every_nature() for term in dpv.purpose_terms(purpose)]
    for word in words:
        prefix, _, local = word.partition(":")
        assert OURS[prefix] + local in TERMS, word
    assert dpv.place("US") == "https://www.iso.org/obp/ui/#iso:code:3166:US"


def every_nature() -> Iterator[Any]:
    """A purpose of every basis, effect and kind."""
    for basis in LegalBasis:
        for effect in EffectClass:
            for marketing, profiling in ((False, False), (False, True), (True, False), (True, True)):
                yield a_purpose(basis, effect=effect, marketing=marketing, profiling=profiling)


@ALL
def test_no_key_comes_twice(name: str) -> None:
    """Arrays instead of repeated keys, which a parser would drop without a word (CON-13, T28)."""
    data = to_bytes(receipt(given(DECLARATIONS[name])))

    assert strict(data) == json.loads(data)


@ALL
def test_every_mandatory_field_is_there(name: str) -> None:
    """ISO/IEC TS 27560 and what the GDPR asks for besides (format 2.1)."""
    document = receipt(given(DECLARATIONS[name]))
    [inner] = document["dpv:hasRecordOfActivity"]
    consent = on_consent(DECLARATIONS[name], CATALOGUE)
    event = "dpv:hasConsentStatus" if consent else "dpv:hasEntityInvolvement"
    control = "dpv:hasConsentControl" if consent else "dpv:hasEntityControl"

    for key in REQUIRED_OF_A_RECEIPT:
        assert document[key], key
    for field, path in REQUIRED_OF_A_RECORD:
        found = at(inner, path.replace("{event}", event).replace("{control}", control))
        assert found, field
        assert all(found), field


@ALL
def test_only_a_consent_claims_the_profile_of_consents(name: str) -> None:
    """An objection is told in the same words, but nobody may take it for a consent."""
    declaration = DECLARATIONS[name]
    document = receipt(given(declaration))
    [inner] = document["dpv:hasRecordOfActivity"]

    if on_consent(declaration, CATALOGUE):
        assert document["dct:conformsTo"]["@id"] == dpv.PROFILE + "receipt-eu-gdpr"
        assert inner["dct:conformsTo"]["@id"] == dpv.PROFILE + "record-eu-gdpr"
        assert (document["@type"], inner["@type"]) == ("dpv:ConsentReceipt", "dpv:ConsentRecord")
        assert "dpv:hasEntityInvolvement" not in inner
    else:
        assert document["dct:conformsTo"]["@id"] == inner["dct:conformsTo"]["@id"] == dpv.VERSION
        assert "dpv:hasConsentStatus" not in inner


STATES = [
    ("given", "dpv:ConsentGiven"),
    ("renewed", "dpv:RenewedConsentGiven"),
    ("refused", "dpv:ConsentRefused"),
    ("withdrawn", "dpv:ConsentWithdrawn"),
    ("requested", "dpv:ConsentRequested"),
    ("unknown", "dpv:ConsentUnknown"),
    ("objected", "dpv:ConsentWithdrawn"),
]


@pytest.mark.parametrize(("name", "state"), STATES)
def test_each_act_on_consent_has_its_state(name: str, state: str) -> None:
    """Only given and renewed permit processing (format 2.1)."""
    [status] = record(given(DECLARATIONS[name]))["dpv:hasConsentStatus"]

    assert status["@type"][0] == state
    assert (state in {"dpv:ConsentGiven", "dpv:RenewedConsentGiven"}) == (name in {"given", "renewed"})


INVOLVED = [
    ("objected to sales care", "dpv:ObjectingToProcess", "dpv:LegitimateInterestObjected"),
    ("refused on interests", "dpv:ObjectingToProcess", "dpv:LegitimateInterestObjected"),
    ("objection lifted", "dpv:OptingInToProcess", "dpv:LegitimateInterestNotObjected"),
    ("objected to sales care by phone", "dpv:ObjectingToProcess", None),
    ("field withheld", "dpv:OptingOutFromProcess", None),
    ("field released", "dpv:OptingInToProcess", None),
    ("requested on interests", "dpv:EntityActiveInvolvement", None),
]


@pytest.mark.parametrize(("name", "kind", "status"), INVOLVED)
def test_each_other_act_is_an_involvement(name: str, kind: str, status: str | None) -> None:
    """Article 21 GDPR: an objection ends the interest; one to a channel leaves the rest as it was."""
    made = record(given(DECLARATIONS[name]))
    [event] = made["dpv:hasEntityInvolvement"]
    [process] = made["dpv:hasProcess"]

    assert event["@type"] == [kind]
    assert process.get("dpv:hasStatus") == (None if status is None else [{"@id": status}])


def test_a_wide_objection_names_every_purpose_it_reaches() -> None:
    """To marketing, to profiling, to everything; a contract goes on (Article 21 GDPR)."""
    reached = {scope: [one.key for one in concerned(objected_to(scope), CATALOGUE)] for scope in Scope}

    assert reached[Scope.MARKETING] == ["newsletter", "personalised_offers", "sales_care"]
    assert reached[Scope.PROFILING] == [
        "personalised_offers", "sales_care", "service_segmentation", "personalised_price"
    ]  # fmt: skip
    assert reached[Scope.GENERAL] == list(CATALOGUE.purposes)
    fields = default_catalogue().split("[[field]]")
    document = "[[field]]".join(part for part in fields if 'key = "buying_motive"' not in part)  # needs consent
    contract = parse_catalogue(document.replace('basis = "consent"', 'basis = "contract"').replace(
        'consent_validity = "P36M"', "").replace('consent_validity = "P24M"', ""))  # fmt: skip
    assert [one.key for one in concerned(objected_to(Scope.GENERAL), contract)] == [
        "sales_care",
        "service_segmentation",
    ]


def test_a_withheld_field_is_the_only_data_its_receipt_names() -> None:
    """For one purpose, or for each one that may use it."""
    [process] = record(given(DECLARATIONS["field withheld"]))["dpv:hasProcess"]
    everywhere = record(given(DECLARATIONS["field withheld everywhere"]))["dpv:hasProcess"]

    [data] = process["dpv:hasPersonalData"]
    assert data["dct:identifier"] == "purchase_history"
    assert data["@type"] == ["pd:PurchasesAndSpendingHabit"]
    assert len(everywhere) == len(CATALOGUE.fields["purchase_history"].purposes)


def test_a_consent_to_prices_is_explicit_and_a_purpose_of_our_own() -> None:
    """DPV has no word for it: our own IRI below the nearest one (2.2); Article 22(2)(c) GDPR."""
    made = record(given(DECLARATIONS["given to a price"]))
    [process] = made["dpv:hasProcess"]
    [purpose] = process["dpv:hasPurpose"]

    assert purpose["@id"] == "https://consent.example.org/#purpose-personalised_price"
    assert purpose["skos:broader"] == [{"@id": "dpv:Personalisation"}]
    assert {"@id": "dpv:AutomatedDecisionMaking"} in process["dpv:hasContext"]
    assert made["dpv:hasConsentStatus"][0]["@type"][1] == "dpv:ExplicitlyExpressedConsent"


def test_a_special_category_asks_for_explicit_consent() -> None:
    """Article 9(2)(a) GDPR (CON-10)."""
    text = default_catalogue().replace('"user.workplace"]', '"user.workplace", "user.health_and_medical"]', 1)
    made = record(given(said(Act.GIVEN), parse_catalogue(text + HEALTH)))
    [process] = made["dpv:hasProcess"]

    assert {"@id": "eu-gdpr:A9-2-a"} in process["dpv:hasLegalBasis"]
    assert any("dpv:SpecialCategoryPersonalData" in one["@type"] for one in process["dpv:hasPersonalData"])
    assert made["dpv:hasConsentStatus"][0]["@type"][1] == "dpv:ExplicitlyExpressedConsent"


def test_the_catalogue_may_name_the_purpose_of_dpv() -> None:
    """The controller's own word goes before ours."""
    text = default_catalogue().replace('key = "newsletter"', 'key = "newsletter"\ndpv = "dpv:Marketing"', 1)
    [process] = record(given(said(Act.GIVEN), parse_catalogue(text)))["dpv:hasProcess"]

    assert process["dpv:hasPurpose"][0]["skos:broader"] == [{"@id": "dpv:Marketing"}]


def test_the_person_is_a_handle_and_both_times_are_told() -> None:
    """T37: no e-mail, no reference; when it was said and when it was heard (CON-1)."""
    made = record(given(said(Act.GIVEN, NOON - 3 * DAY, received_at=NOON - timedelta(hours=1))))
    [status] = made["dpv:hasConsentStatus"]

    assert made["dpv:hasDataSubject"]["@id"] == UUID(int=3, version=4).urn == status["dpv:isIndicatedBy"]["@id"]
    assert status["dpv:isIndicatedAtTime"] == "2026-11-19T12:00:00Z"
    assert status["dct:dateSubmitted"] == "2026-11-22T11:00:00Z"


def test_a_consent_ends_when_the_ledger_says() -> None:
    """CON-7: at its end, else with its withdrawal; no consent is endless."""
    bounded = record(given(DECLARATIONS["given by e-mail"]))["dpv:hasConsentStatus"][0]["dpv:hasDuration"]
    until_withdrawn = record(given(DECLARATIONS["given"]))["dpv:hasConsentStatus"][0]["dpv:hasDuration"]

    assert bounded == {"@type": "dpv:UntilTimeDuration", "rdf:value": "2027-11-22T12:00:00Z"}
    assert until_withdrawn["@type"] == "dpv:UntilEventDuration"
    assert "dpv:EndlessDuration" not in json.dumps([bounded, until_withdrawn])


def test_a_channel_is_the_scope_of_the_process() -> None:
    """Consent by channel (CON-3), with the contact point it needs."""
    [process] = record(given(DECLARATIONS["given by e-mail"]))["dpv:hasProcess"]

    assert {"@value": "e-mail", "@language": "en"} in process["dpv:hasScope"]
    assert process["dpv:hasPersonalData"][0]["@type"] == ["pd:EmailAddress"]


@ALL
def test_the_same_declaration_gives_the_same_bytes(name: str) -> None:
    """Two receipts of one declaration cannot be told apart."""
    assert to_bytes(receipt(given(DECLARATIONS[name]))) == to_bytes(receipt(given(DECLARATIONS[name])))
