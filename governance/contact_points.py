"""E-mail addresses, phone numbers and postal addresses in one spelling each; pure.

The *match form* finds the same address in every spelling (look-up, block list); the *delivery form* is what may be
written to, and never changes the letter case of the local part (RFC 5321, section 2.4). docs/canonical-forms.md has the
rules with examples. Raising FORM_VERSION needs a function for the old version too: block-list entries live on in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

import idna

FORM_VERSION = 1
"""Version of the match forms below."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f\ud800-\udfff]{1,64}")
_PLAIN_EMAIL = re.compile(
    rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@(?:{_LABEL}\.)+{_LABEL}"
)

_SHORTEST_E164 = 7
"""Plus sign and digits: shorter ones are emergency and service numbers, nobody's own."""
_SEPARATORS = str.maketrans("", "", " /-.")
_GERMAN = re.compile(r"(?:\+49(?:\(0\))?|0049(?:\(0\))?|0)([1-9][0-9]{6,10})")

_ROLE_PREFIXES = frozenset(
    re.findall(
        r"\w+",
        """
    bestellung bewerbung buchhaltung contact einkauf info kontakt marketing office order orders rechnung rechnungen
    sales service support vertrieb verwaltung
""",
    )
)
_ROLE_NAMES = _ROLE_PREFIXES | frozenset(
    re.findall(
        r"[\w-]+",
        """
    abuse accounting admin administrator anfrage anfragen auftrag bewerbungen billing buero büro datenschutz disposition
    edv empfang hallo hello hilfe hostmaster hr invoice it jobs kanzlei karriere kasse kundenservice lager leitung mail
    mailbox newsletter noreply no-reply personal post postmaster praxis presse press privacy reception redaktion
    reservierung root security sekretariat shop team technik webmaster welcome werkstatt willkommen zentrale
""",
    )
)
_ROLE_SPLIT = re.compile(r"[._+-]")


def _trimmed(value: str) -> str:
    """NFC without white space or zero-width characters around it."""
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    return text.strip().strip("\u200b\u200c\u200d\u2060\ufeff").strip()


@lru_cache(maxsize=65_536)
def _domain(domain: str) -> str | None:
    """The domain in ASCII and lower case (IDNA 2008 with UTS #46 mapping), or None."""
    text = domain.rstrip(".") if domain.endswith(".") and not domain.endswith("..") else domain
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    text = text.lower()
    return text if len(text) <= 253 and _DOMAIN.fullmatch(text) else None


def _local_and_domain(value: str) -> tuple[str, str] | None:
    local, at, domain = _trimmed(value).rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        return None
    ascii_domain = _domain(domain)
    return None if ascii_domain is None else (local, ascii_domain)


def email_match_form(value: str) -> str | None:
    """The one spelling under which an address is looked up: local part case-folded; None when it is no address."""
    if len(value) <= 254:
        lowered = value.lower()
        if lowered.isascii() and _PLAIN_EMAIL.fullmatch(lowered) and lowered.index("@") <= 64:
            return lowered
    parts = _local_and_domain(value)
    if parts is None:
        return None
    return f"{unicodedata.normalize('NFC', parts[0].casefold())}@{parts[1]}"


def email_delivery_form(value: str) -> str | None:
    """The address as it may be written to: local part as given, domain in ASCII; None when it is no address."""
    parts = _local_and_domain(value)
    return None if parts is None else f"{parts[0]}@{parts[1]}"


def phone_match_form(value: str, region: str = "DE") -> str | None:
    """The number in E.164 without extension, read as dialled in *region*; None when it is no possible number."""
    if region == "DE":
        fast = _german_phone(value)
        if fast is not None:
            return fast
    return _any_phone(value, region)


def _german_phone(value: str) -> str | None:
    """E.164 of the common German shapes; None leaves the answer to the full parser."""
    if len(value) > 40 or not value.isascii():
        return None
    match = _GERMAN.fullmatch(value.translate(_SEPARATORS))
    return None if match is None else f"+49{match[1]}"


def _any_phone(value: str, region: str) -> str | None:
    """E.164 by the full metadata of every country, or None."""
    import phonenumbers

    text = _trimmed(value)
    if not text or len(text) > 60:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    form = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return form if len(form) > _SHORTEST_E164 else None


_LONG_VOWELS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def postal_line(details: Mapping[str, str]) -> str:
    """A postal address as one line of name, street and postcode; empty where one of them is missing.

    A name belongs to it: many people live in one house.
    """
    name = details.get("family_name") or details.get("company_name") or ""
    parts = (name, details.get("street") or "", details.get("postcode") or "")
    return ", ".join(parts) if all(part.strip() for part in parts) else ""


def postal_match_form(line: str) -> str | None:
    """Letters and digits of a postal line, case-folded, umlauts written out and every street a `str`; None if none."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", line).casefold())
    form = "".join(c for c in folded.translate(_LONG_VOWELS) if c.isalnum())
    while "strasse" in form:  # once is not enough for a form to be its own form
        form = form.replace("strasse", "str")
    return form or None


def is_role_mailbox(email: str) -> bool:
    """Whether the address looks shared (`info@`, `einkauf-sued@`): it relaxes display only, never the law (T30)."""
    form = email_match_form(email)
    if form is None:
        return False
    local = form.rpartition("@")[0].partition("+")[0]
    return local in _ROLE_NAMES or _ROLE_SPLIT.split(local)[0] in _ROLE_PREFIXES
