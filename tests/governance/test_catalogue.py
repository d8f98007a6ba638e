"""The catalogue: every mistake has its path, and no purpose sees a field it must not (invariant 10, PRI-1, PRC-4)."""

from __future__ import annotations

import csv
import hashlib
import re
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadInput
from consent.notices import missing_items
from governance.catalogue import Catalogue, load_catalogue, parse_catalogue
from governance.catalogue_reader import fideslang_categories
from governance.deadlines import parse_duration
from governance.errors import CatalogueInvalid, FieldNotPermitted, UnknownPurpose
from governance.fields import NEVER_IN_PRICES, FieldType, falls_under
from governance.notice_items import HEADINGS, Item, blocks_of
from governance.vocabulary import Channel, EffectClass, LegalBasis

DEFAULT = resources.files("governance").joinpath("purposes.toml").read_text(encoding="utf-8")

CONTROLLER = """
[controller]
name = "Beispiel GmbH"
country = "DE"
time_zone = "Europe/Berlin"
"""
PURPOSE = """
[[purpose]]
key = "offers"
label = { de = "Angebote", en = "Offers" }
basis = "consent"
marketing = true
profiling = true
effect = "marketing"
channels = ["email"]
categories = ["user.contact", "user.behavior"]
retention = "P24M"
[purpose.notice]
version = "1"
de = "Wir werben."
en = "We advertise."
"""
FIELD = """
[[field]]
key = "needs"
label = { de = "Bedarf", en = "Needs" }
type = "category"
category = "user.behavior"
purposes = ["offers"]
"""
SMALL = CONTROLLER + PURPOSE + FIELD


@pytest.fixture(scope="module")
def default() -> Catalogue:
    """The catalogue that `lauter init` writes."""
    return parse_catalogue(DEFAULT)


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(CatalogueInvalid) as refusal:
        parse_catalogue(text)
    assert all(mistake in str(refusal.value) for mistake in refusal.value.mistakes)
    return refusal.value.mistakes


def test_the_default_catalogue_declares_what_a_german_company_needs(default: Catalogue) -> None:
    """Five purposes, each with its basis; 16 fields."""
    bases = {key: purpose.basis for key, purpose in default.purposes.items()}

    assert bases == {
        "newsletter": LegalBasis.CONSENT,
        "personalised_offers": LegalBasis.CONSENT,
        "sales_care": LegalBasis.LEGITIMATE_INTERESTS,
        "service_segmentation": LegalBasis.LEGITIMATE_INTERESTS,
        "personalised_price": LegalBasis.CONSENT,
    }
    assert default.purpose("sales_care").channels == {Channel.PHONE, Channel.EMAIL, Channel.POST}
    assert default.purpose("personalised_price").effect is EffectClass.PRICE
    assert len(default.fields) == 21
    assert default.fields["purchase_history"].type is FieldType.ACTIVITIES
    assert default.controller.minimum_cell == 10
    assert default.digest == hashlib.sha256(DEFAULT.encode()).digest()


def test_every_assessment_of_the_default_catalogue_holds_for_a_year(default: Catalogue) -> None:
    """PRI-7: an assessment has an end, and its last day counts."""
    assessments = [purpose.assessment for purpose in default.purposes.values() if purpose.assessment]

    assert {one.valid_until for one in assessments} == {date(2027, 12, 31)}
    assert all(one.holds_on(date(2027, 12, 31)) and not one.holds_on(date(2028, 1, 1)) for one in assessments)


ESSENTIALS = {
    "de": ("Verantwortlich ist", "Datenschutzbeauftragte", "Rechtsgrundlage", "Art. 6 Abs. 1", "Empfänger", "EWR",
           "lösch", "Auskunft", "Berichtigung", "Einschränkung", "Übertragbarkeit", "widersprechen", "Aufsichtsbehörde",
           "Ihre Angaben haben wir von"),
    "en": ("controller is", "data protection officer", "legal basis", "Art. 6(1)", "Recipients", "EEA", "delete",
           "right of access", "rectification", "restriction", "portability", "object", "supervisory authority",
           "We have your details from"),
}  # fmt: skip


def test_every_default_notice_says_what_the_law_asks_for(default: Catalogue) -> None:
    """Articles 13 and 14 GDPR in both languages, with nothing left to fill in (INF-1)."""
    for purpose in default.purposes.values():
        for language, words in ESSENTIALS.items():
            text = getattr(purpose.notice.text, language)
            missing = [word for word in words if word not in text]
            withdraw = {"de": "widerrufen", "en": "withdraw"}[language]

            assert not missing, (purpose.key, language, missing)
            assert not re.search(r"[{}]", text), purpose.key
            assert (withdraw in text) is (purpose.basis is LegalBasis.CONSENT), (purpose.key, language)
            assert missing_items(purpose) == ()


def test_the_right_to_object_stands_under_a_heading_of_its_own(default: Catalogue) -> None:
    """Article 21(4) GDPR, OBJ-8: explicit, in both languages, apart from everything else."""
    for purpose in default.purposes.values():
        needed = purpose.marketing or purpose.basis is LegalBasis.LEGITIMATE_INTERESTS
        block = purpose.notice.item(Item.OBJECTION)

        assert (block is not None) is needed, purpose.key
        for heading, body, text in (
            (HEADINGS[Item.OBJECTION].de, block and block.de, purpose.notice.text.de),
            (HEADINGS[Item.OBJECTION].en, block and block.en, purpose.notice.text.en),
        ):
            told = [part for title, part in blocks_of(text) if title == heading]
            assert told == ([" ".join(body.split())] if body else []), purpose.key


def test_a_notice_is_the_same_items_in_both_languages(default: Catalogue) -> None:
    """INF-1, T35: version, headings and order agree; each block is one heading and one body."""
    for purpose in default.purposes.values():
        german, english = blocks_of(purpose.notice.text.de), blocks_of(purpose.notice.text.en)

        titles = [HEADINGS[item] for item, _ in purpose.notice.items]
        assert [title for title, _ in german] == [purpose.label.de, *(each.de for each in titles)]
        assert [title for title, _ in english] == [purpose.label.en, *(each.en for each in titles)]
        assert purpose.notice.version in german[0][1]


ITEMS = "".join(f'{item} = {{ de = "{item}-de", en = "{item}-en" }}\n' for item in Item if item is not Item.INTERESTS)
WITH_ITEMS = SMALL.replace('de = "Wir werben."\nen = "We advertise."\n', f"[purpose.notice.items]\n{ITEMS}")


@pytest.mark.parametrize("item", [item for item in Item if item is not Item.INTERESTS])
def test_an_item_that_the_law_asks_for_and_nobody_wrote_is_named_with_its_path(item: Item) -> None:
    """INF-1: an incomplete notice is never put into force; what all notices share may stand once."""
    line = next(line for line in ITEMS.splitlines(keepends=True) if line.startswith(f"{item} "))
    lacking = WITH_ITEMS.replace(line, "")

    [mistake] = mistakes_of(lacking)

    assert mistake.startswith(f"purpose[0].notice.items.{item}: missing: ")
    assert "(Art. " in mistake
    shared = parse_catalogue(f"{lacking}\n[common.items]\n{line}")
    assert shared.purpose("offers").notice == parse_catalogue(WITH_ITEMS).purpose("offers").notice


NOTICE_MISTAKES = [
    (', en = "storage-en" }', " }", "purpose[0].notice.items.storage.en: missing"),
    ('"storage-de"', '"{company}"', "purpose[0].notice.items.storage.de: unknown placeholder {company}"),
    ('"officer-en"', '"{officer}"', "purpose[0].notice.items.officer.en: names what [controller] does not give"),
    ("storage = ", "store = ", "purpose[0].notice.items.store: unknown key"),
    ('version = "1"', 'version = "1"\nmaterial = true', "purpose[0].notice.changed: missing"),
    ('version = "1"', 'version = "1"\nde = "Noch ein Text."', "purpose[0].notice.de: unknown key"),
    ('basis = "consent"', 'basis = "legitimate_interests"\nassessment = { reference = "x", valid_until = 2027-12-31 }',
     "purpose[0].notice.items.interests: missing"),
    ('retention = "P24M"', 'retention = "P24M"\nask_again_after = "no"', "purpose[0].ask_again_after: not a duration"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "mistake"), NOTICE_MISTAKES)
def test_each_mistake_of_a_notice_is_named_with_its_path(right: str, wrong: str, mistake: str) -> None:
    """Both languages, no other placeholders, nothing twice."""
    assert right in WITH_ITEMS

    found = mistakes_of(WITH_ITEMS.replace(right, wrong))

    assert any(one.startswith(mistake) for one in found), found


def test_a_decision_tells_its_own_logic() -> None:
    """Article 13(2)(f) GDPR, INF-3: a sentence that all notices share is not enough for a price."""
    line = next(line for line in ITEMS.splitlines(keepends=True) if line.startswith("decisions"))
    text = WITH_ITEMS.replace(line, "").replace('effect = "marketing"', 'effect = "price"')

    [mistake] = [one for one in mistakes_of(f"{text}\n[common.items]\n{line}") if "notice" in one]

    assert mistake.startswith("purpose[0].notice.items.decisions: missing")


def test_a_free_text_is_taken_but_nothing_vouches_for_it() -> None:
    """A catalogue of an earlier version goes on to work; `lauter doctor` says that its notice cannot be checked."""
    purpose = parse_catalogue(SMALL).purpose("offers")

    assert purpose.notice.text.de == "Wir werben."
    assert missing_items(purpose) == tuple(item for item in Item if item is not Item.INTERESTS)
    assert blocks_of(purpose.notice.text.de) == [("", "Wir werben.")]


def test_the_price_notice_says_that_the_price_is_personal(default: Catalogue) -> None:
    """Article 246a § 1(1) no. 6 EGBGB and Article 22(3) GDPR."""
    text = default.purpose("personalised_price").notice.text

    assert "auf der Grundlage einer automatisierten Entscheidung personalisiert" in text.de
    assert "personalised on the basis of automated decision-making" in text.en
    assert "Mensch" in text.de


def test_no_default_price_rests_on_name_address_or_postcode(default: Catalogue) -> None:
    """PRC-4."""
    for field in default.permitted_fields("personalised_price"):
        assert not field.special
        assert not falls_under(field.category, NEVER_IN_PRICES)


def test_the_example_in_the_comments_is_a_valid_field() -> None:
    """Whoever takes the hash signs away gets a catalogue that works."""
    lines = DEFAULT.split("wholesaler's file:\n")[1].split("\n\n")[0].splitlines()
    example = "\n".join(line.removeprefix("#").strip() for line in lines)

    assert parse_catalogue(f"{DEFAULT}\n{example}").fields["fresh"].unit == "EUR"


def test_a_field_is_given_to_its_purposes_only(default: Catalogue) -> None:
    """Invariant 10: which field, which purpose, and why."""
    assert default.field_for("industry", "newsletter").key == "industry"
    assert default.field_for("industry", default.purpose("newsletter")).key == "industry"

    with pytest.raises(
        FieldNotPermitted, match=r"'postcode_prefix'.*'personalised_price'.*personalised_offers"
    ) as refusal:
        default.field_for("postcode_prefix", "personalised_price")
    assert (refusal.value.field, refusal.value.purpose) == ("postcode_prefix", "personalised_price")
    with pytest.raises(FieldNotPermitted, match="no such field"):
        default.field_for("shoe_size", "newsletter")
    with pytest.raises(UnknownPurpose, match="'party'"):
        default.field_for("industry", "party")


@given(
    st.sampled_from(sorted(parse_catalogue(DEFAULT).fields)), st.sampled_from(sorted(parse_catalogue(DEFAULT).purposes))
)
def test_permission_is_membership_and_nothing_else(field: str, purpose: str) -> None:
    """PRI-1: allowed exactly when the field names the purpose."""
    catalogue = parse_catalogue(DEFAULT)
    permitted = {one.key for one in catalogue.permitted_fields(purpose)}

    assert (field in permitted) is (purpose in catalogue.fields[field].purposes)
    if field in permitted:
        assert catalogue.field_for(field, purpose).key == field
    else:
        with pytest.raises(FieldNotPermitted):
            catalogue.field_for(field, purpose)


def test_a_small_catalogue_is_enough() -> None:
    """What may be left out has a strict default."""
    catalogue = parse_catalogue(SMALL)

    assert catalogue.controller.minimum_cell == 10
    assert not catalogue.fields["needs"].suggestable
    assert catalogue.purposes["offers"].consent_validity is None
    assert catalogue.document == SMALL


PURPOSE_MISTAKES = [
    ('basis = "consent"', 'basis = "legal_claims"', "purpose[0].basis: must be one of consent, contract"),
    ('basis = "consent"', 'basis = "legitimate_interests"', "purpose[0].assessment: missing"),
    ('basis = "consent"', 'basis = "contract"\nconsent_validity = "P1Y"', "purpose[0].consent_validity: only"),
    ('basis = "consent"', 'basis = "consent"\ndpv = "dpv:ConsentTerminated"', "purpose[0].dpv: no purpose of DPV 2.3"),
    ('channels = ["email"]', 'channels = ["email", "fax"]', "purpose[0].channels[1]: must be one of email, phone"),
    ('channels = ["email"]', 'channels = "email"', "purpose[0].channels: must be an array of texts"),
    ('"user.behavior"]', '"user.behaviour"]', "purpose[0].categories[1]: no Fideslang"),
    ('"user.behavior"]', '"user.contact"]', "purpose[0].categories: must not name anything twice"),
    ('retention = "P24M"', 'retention = "two years"', "purpose[0].retention: not a duration"),
    ('retention = "P24M"\n', "", "purpose[0].retention: missing"),
    ("marketing = true", 'marketing = "yes"', "purpose[0].marketing: must be true or false"),
    ("profiling = true", "profilling = true", "purpose[0].profilling: unknown key"),
    ('en = "We advertise."', "", "purpose[0].notice.en: missing"),
    ('en = "We advertise."', 'en = " "', "purpose[0].notice.en: must be a text that is not empty"),
    ('en = "We advertise."', 'en = "{company} advertises."', "purpose[0].notice.en: unknown placeholder {company}"),
    ('en = "We advertise."', 'en = "Ask {officer}."', "purpose[0].notice.en: names what [controller] does not give"),
    ('key = "offers"', 'key = "Offers!"', "purpose[0].key: must be at most 40"),
    ('effect = "marketing"\n', 'effect = "price"\nassessment = { reference = "x", valid_until = "2027-12-31" }\n',
     "purpose[0].assessment.valid_until: must be a day"),
    ('label = { de = "Angebote", en = "Offers" }', 'label = "Angebote"', "purpose[0].label: must be a table"),
]  # fmt: skip
FIELD_MISTAKES = [
    ('type = "category"', 'type = "string"', "field[0].type: must be one of text, category"),
    ('type = "category"', 'type = "money"\nunit = "Euro"', "field[0].unit: money needs its currency"),
    ('type = "category"', 'type = "activities"', "field[0].window: missing"),
    ('type = "category"', 'type = "integer"\nlevels = ["a"]', "field[0].levels: only a category"),
    ('type = "category"', 'type = "category"\nwindow = "P1Y"', "field[0].window: only activities"),
    ('type = "category"', 'type = "category"\nsuggestable = true', "field[0].suggestable: only what the person"),
    ('type = "category"', 'type = "category"\nstaleness = "P1W2D"', "field[0].staleness: not a duration"),
    ('category = "user.behavior"', 'category = "user.shoe"', "field[0].category: no Fideslang"),
    (
        'category = "user.behavior"',
        'category = "user.device"',
        "field[0].purposes[0]: offers does not list user.device",
    ),
    ('category = "user.behavior"', 'category = "user.health_and_medical"', "field[0].special: must be true"),
    ('purposes = ["offers"]', 'purposes = ["offers", "party"]', "field[0].purposes[1]: no purpose of that key"),
]


@pytest.mark.parametrize(("right", "wrong", "mistake"), PURPOSE_MISTAKES + FIELD_MISTAKES)
def test_each_mistake_is_named_with_its_path(right: str, wrong: str, mistake: str) -> None:
    """Positions count from 0, as the message says."""
    part = PURPOSE if right in PURPOSE and (right, wrong, mistake) in PURPOSE_MISTAKES else FIELD
    assert right in part

    found = mistakes_of(SMALL.replace(part, part.replace(right, wrong)))

    assert any(one.startswith(mistake) for one in found), found


def test_all_mistakes_come_at_once() -> None:
    """Nobody mends a file one message at a time."""
    text = SMALL.replace('"DE"', '"Germany"').replace('"P24M"', '"1 year"').replace('type = "category"', 'type = "x"')

    paths = [one.split(":")[0] for one in mistakes_of(text)]

    assert paths == ["controller.country", "purpose[0].retention", "field[0].type"]


def test_the_place_of_storage_is_a_country_or_the_economic_area() -> None:
    """Receipts name it in the words of DPV 2.3 (ISO/IEC TS 27560)."""
    given = SMALL.replace('country = "DE"', 'country = "DE"\nstorage = "Europe"')

    assert mistakes_of(given) == ("controller.storage: must be EEA or two capital letters, such as DE (ISO 3166-1)",)
    assert parse_catalogue(given.replace('"Europe"', '"EEA"')).controller.storage == "EEA"


def test_what_stands_twice_or_nowhere_is_a_mistake() -> None:
    """Keys are unique, tables known, the document TOML."""
    assert mistakes_of(SMALL + PURPOSE + FIELD) == (
        "purpose[1].key: stands twice in the catalogue",
        "field[1].key: stands twice in the catalogue",
    )
    assert mistakes_of(SMALL + "[surprise]\n") == ("surprise: unknown key; remove it or mend the spelling",)
    assert mistakes_of("") == ("controller: missing", "purpose: missing: declare at least one [[purpose]]")
    for text in ("a = ", "a = " + "[" * 50_000, "a = " + "9" * 5_000):
        assert mistakes_of(text)[0].startswith("not TOML")
    assert mistakes_of(SMALL.replace("[[purpose]]", "[purpose]"))[0].startswith("purpose: must be an array of tables")


def test_special_categories_need_consent() -> None:
    """Article 9(2)(a) GDPR: neither the field nor the purpose's list slips through."""
    purpose = PURPOSE.replace('"user.contact"', '"user.health_and_medical"')
    field = FIELD.replace('"user.behavior"', '"user.health_and_medical"\nspecial = true')
    assert parse_catalogue(CONTROLLER + purpose + field).fields["needs"].special

    without = purpose.replace('basis = "consent"', 'basis = "contract"')

    assert [one.split(":")[0] for one in mistakes_of(CONTROLLER + without + field)] == [
        "purpose[0].categories",
        "field[0].purposes[0]",
    ]


@pytest.mark.parametrize(
    "category",
    ["user.name.last", "user.contact.address.postal_code", "user.contact.address.street", "user.contact.email",
     "user.contact.organization", "user.financial.bank_account", "user.social", "user.childrens"],
)  # fmt: skip
def test_a_price_never_rests_on_who_or_where_somebody_is(category: str) -> None:
    """PRC-4: refused when the catalogue is read, with the reason, whatever the purpose lists."""
    purpose = PURPOSE.replace('effect = "marketing"', 'effect = "price"').replace('"user.contact"', f'"{category}"')
    field = FIELD.replace('"user.behavior"', f'"{category}"')

    [mistake] = mistakes_of(CONTROLLER + purpose + field)

    assert mistake.startswith(f"field[0].purposes[0]: no price may rest on {category}")


@pytest.mark.parametrize("effect", ["price", "contract"])
def test_decisions_about_people_need_consent_or_contract(effect: str) -> None:
    """Article 22(2) GDPR, and they are profiling by nature."""
    text = SMALL.replace('effect = "marketing"', f'effect = "{effect}"')
    interests = text.replace(
        'basis = "consent"',
        'basis = "legitimate_interests"\nassessment = { reference = "x", valid_until = 2027-12-31 }',
    )

    assert mistakes_of(interests)[0].startswith("purpose[0].effect: prices and contracts need consent or contract")
    assert mistakes_of(text.replace("profiling = true", "profiling = false"))[0].startswith("purpose[0].profiling")


def test_the_list_of_categories_is_fideslangs_own() -> None:
    """Unchanged, with its licence beside it; system categories are none of people."""
    folder = resources.files("governance").joinpath("data")
    rows = list(csv.DictReader(folder.joinpath("fideslang_categories.csv").read_text(encoding="utf-8").splitlines()))

    assert len(rows) == 86
    assert len(fideslang_categories()) == 82
    assert "CC BY 4.0" in folder.joinpath("NOTICE").read_text(encoding="utf-8")


def test_every_duration_of_the_default_catalogue_can_be_computed(default: Catalogue) -> None:
    """They were checked when it was read."""
    texts = [one for field in default.fields.values() for one in (field.window, field.staleness) if one]
    texts += [
        one for purpose in default.purposes.values() for one in (purpose.retention, purpose.consent_validity) if one
    ]

    assert all(parse_duration(text).months > 0 for text in texts)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, too large, another encoding: each says how to mend it; a byte order mark does no harm."""
    path = tmp_path / "catalogue.toml"
    with pytest.raises(BadInput, match="lauter init"):
        load_catalogue(path)
    path.write_bytes(SMALL.encode("utf-16"))
    with pytest.raises(BadInput, match="UTF-8"):
        load_catalogue(path)
    path.write_bytes(b"#" * 1_048_577)
    with pytest.raises(BadInput, match="larger"):
        load_catalogue(path)
    path.write_text(SMALL, encoding="utf-8-sig")
    assert load_catalogue(path).purposes.keys() == {"offers"}
