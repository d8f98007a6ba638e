"""One spelling for every address and number (PSE-5): an objection must not be missed for a capital letter."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from governance.contact_points import (
    _any_phone,
    _german_phone,
    email_delivery_form,
    email_match_form,
    is_role_mailbox,
    phone_match_form,
    postal_line,
    postal_match_form,
)


@pytest.mark.parametrize(
    ("value", "match", "delivery"),
    [
        ("Max.Muster@Example.ORG", "max.muster@example.org", "Max.Muster@example.org"),
        ("  max@example.org \t", "max@example.org", "max@example.org"),
        ("\ufeffmax@example.org\u200b", "max@example.org", "max@example.org"),
        ("MÜLLER@EXAMPLE.de", "müller@example.de", "MÜLLER@example.de"),
        (unicodedata.normalize("NFD", "MÜLLER@EXAMPLE.de"), "müller@example.de", "MÜLLER@example.de"),
        ("info@bücher.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        (
            unicodedata.normalize("NFD", "info@BÜCHER.example"),
            "info@xn--bcher-kva.example",
            "info@xn--bcher-kva.example",
        ),
        ("info@XN--BCHER-KVA.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("info@straße.example", "info@xn--strae-oqa.example", "info@xn--strae-oqa.example"),
        ("Groß@example.org", "gross@example.org", "Groß@example.org"),
        ("max+shop@example.org", "max+shop@example.org", "max+shop@example.org"),
        ("max@example.org.", "max@example.org", "max@example.org"),
        ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_an_address_has_one_match_form_and_keeps_its_local_part(value: str, match: str, delivery: str) -> None:
    """RFC 5321 section 2.4: only the domain is without case; RFC 5891 for its letters."""
    assert email_match_form(value) == match
    assert email_delivery_form(value) == delivery


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "@", "max", "max@", "@example.org", "max@localhost", "max@@example.org", "max mustermann@example.org",
        "max@exam ple.org", "max@-example.org", "max@example..org", ".max@example.org", "max.@example.org",
        "m..x@example.org", "Max <max@example.org>", "a@example.org;b@example.org", "a@example.org,b@example.org",
        "max@example.org\x00", "ma\nx@example.org", "x" * 65 + "@example.org", "max@" + "x" * 64 + ".org",
        "max@" + "x." * 130 + "org", "k.A.", "-", "unbekannt", "max@ex\u202eample.org", "\ud800@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_has_no_form(value: str) -> None:
    """Garbage is never repaired into somebody else's address."""
    assert email_match_form(value) is None
    assert email_delivery_form(value) is None


@given(st.emails())
def test_both_forms_are_stable_and_agree(address: str) -> None:
    """A form of a form is itself, and the delivery form matches the same person."""
    match, delivery = email_match_form(address), email_delivery_form(address)
    assume(match is not None and delivery is not None)
    assert match is not None
    assert delivery is not None

    assert email_match_form(match) == match
    assert email_delivery_form(delivery) == delivery
    assert email_match_form(delivery) == match
    assert email_match_form(address.upper()) == match


@given(st.text(max_size=80))
def test_no_text_makes_them_fail(value: str) -> None:
    """A file may hold anything."""
    for form in (email_match_form(value), email_delivery_form(value), phone_match_form(value)):
        assert form is None or form
    is_role_mailbox(value)


@pytest.mark.parametrize(
    "value",
    ["030 123456", "030/123456", "030-123456", "(030) 123456", "030 / 12 34 56", "+49 30 123456", "+49 (0)30 123456",
     "+49 (0) 30 / 123456", "0049 30 123456", "0049 (0)30 123456", "+4930123456", " 030 123456 ", "030.123.456",
     "\u00a0030\u00a0123456", "+49-30-123456", "０３０ 123456", "030 123456 ext. 7"],
)  # fmt: skip
def test_every_spelling_of_a_german_number_is_one(value: str) -> None:
    """E.164 without extension."""
    assert phone_match_form(value) == "+4930123456"


@pytest.mark.parametrize(
    ("value", "region", "form"),
    [
        ("030 123456-78", "DE", "+493012345678"),
        ("0171 3920001", "DE", "+491713920001"),
        ("+43 1 5880488", "DE", "+4315880488"),
        ("01 5880488", "AT", "+4315880488"),
        ("+41 44 668 18 00", "DE", "+41446681800"),
        ("044 668 18 00", "CH", "+41446681800"),
        ("0041 44 668 18 00", "DE", "+41446681800"),
        ("+1 (212) 555-0123", "DE", "+12125550123"),
    ],
)
def test_numbers_are_read_as_dialled_in_their_country(value: str, region: str, form: str) -> None:
    """The country code decides; without one, the controller's country."""
    assert phone_match_form(value, region) == form


@pytest.mark.parametrize(
    "value",
    ["", "-", "0", "110", "k.A.", "n/a", "+", "+49", "12", "+999 123456", "0" * 30, "1" * 61, "abc 030", "030/"],
)
def test_what_is_no_number_has_no_form(value: str) -> None:
    """Garbage is never repaired into somebody else's number."""
    assert phone_match_form(value) is None


PREFIXES = st.sampled_from(["0", "+49", "0049", "+49(0)", "+49 (0)", "(0", "0049 (0)", "+49 0", "00490", "+490"])
SEPARATORS = st.sampled_from(["", "", " ", "/", "-", ".", "(", ")", "  ", " - "])


@given(PREFIXES, st.lists(st.tuples(SEPARATORS, st.text("0123456789", min_size=1, max_size=4)), min_size=2, max_size=5))
@settings(max_examples=500)
@example("0", [("", "30"), ("/", "123456")])
@example("+49(0)", [("", "800"), ("", "123456")])
@example("0", [("", "115"), ("", "0000")])
@example("0", [("", "19222"), ("", "000")])
def test_the_fast_path_answers_as_the_full_parser(prefix: str, pieces: list[tuple[str, str]]) -> None:
    """Whatever shape the fast path accepts, phonenumbers gives the same number."""
    value = prefix + "".join(separator + digits for separator, digits in pieces)
    fast = _german_phone(value)

    assert fast is None or fast == _any_phone(value, "DE")


@given(st.from_regex(r"(\+49|0049|0)[ /.-]?[1-9][0-9]{1,3}[ /.-]?[0-9]{3,9}", fullmatch=True))
def test_common_german_shapes_match_the_full_parser(value: str) -> None:
    """The shapes that fill real lists."""
    assert phone_match_form(value) == _any_phone(value, "DE")


def test_common_shapes_never_reach_the_slow_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million numbers in seconds: the parser takes 15 µs and more for each."""
    monkeypatch.setattr("governance.contact_points._any_phone", lambda *_: pytest.fail("slow path"))

    for value in ("030 23125001", "+49 30 23125001", "0049 171 3920001", "089/9999801", "+49 (0)221 4710123"):
        assert phone_match_form(value)


@pytest.mark.parametrize(
    ("email", "shared"),
    [
        ("info@example.org", True), ("INFO@example.org", True), ("einkauf-sued@example.org", True),
        ("vertrieb.nord@example.org", True), ("büro@example.org", True), ("noreply@example.org", True),
        ("max.muster@example.org", False), ("informant@example.org", False), ("hr.meier@example.org", False),
        ("keine Adresse", False), ("info+max@example.org", True),
    ],
)  # fmt: skip
def test_shared_mailboxes_are_recognised(email: str, shared: bool) -> None:
    """T30: `info@` reaches more than one person."""
    assert is_role_mailbox(email) is shared


@pytest.mark.parametrize(
    "details",
    [
        {"family_name": "Groß", "street": "Lange Straße 1a", "postcode": "10115"},
        {"family_name": "GROSS", "company_name": "Muster GmbH", "street": " lange str. 1 A", "postcode": "10115"},
        {"family_name": "Gross", "street": "Lange-Strasse 1A", "postcode": "10 115"},
    ],
)
def test_a_letter_box_has_one_form(details: dict[str, str]) -> None:
    """PSE-5, OBJ-6: name, street and postcode, however they are written."""
    assert postal_match_form(postal_line(details)) == "grosslangestr1a10115"


def test_a_letter_box_without_name_or_house_has_no_form() -> None:
    """Else one person's no would stop letters to the whole house."""
    assert postal_line({"street": "Gasse 1", "postcode": "10115"}) == ""
    assert postal_line({"family_name": "Muster", "postcode": "10115"}) == ""
    assert postal_line({"company_name": "Muster GmbH", "street": "Gasse 1", "postcode": "10115"}) != ""
    assert postal_match_form(", , ") is None


@given(st.text(max_size=30))
@example("Stra.ße")
@example("Strasseasse")
def test_the_form_of_a_letter_box_is_its_own_form(line: str) -> None:
    """Applied twice it gives the same, in NFC and NFD alike."""
    form = postal_match_form(line)
    assert form is None or postal_match_form(form) == form
    assert form == postal_match_form(unicodedata.normalize("NFD", line))
