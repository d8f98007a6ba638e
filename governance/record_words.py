"""Words of the records: bases, channels, effects, data categories and periods as an authority reads them; pure."""

from __future__ import annotations

from governance.deadlines import parse_duration
from governance.vocabulary import Channel, EffectClass, LegalBasis, Text

BASES: dict[LegalBasis, Text] = {
    LegalBasis.CONSENT: Text("Einwilligung (Art. 6 Abs. 1 Buchst. a DSGVO)", "Consent (Art. 6(1)(a) GDPR)"),
    LegalBasis.CONTRACT: Text("Vertrag (Art. 6 Abs. 1 Buchst. b DSGVO)", "Contract (Art. 6(1)(b) GDPR)"),
    LegalBasis.LEGITIMATE_INTERESTS: Text(
        "Berechtigtes Interesse (Art. 6 Abs. 1 Buchst. f DSGVO)", "Legitimate interests (Art. 6(1)(f) GDPR)"
    ),
}
CHANNELS: dict[Channel, Text] = {
    Channel.EMAIL: Text("E-Mail", "E-mail"),
    Channel.PHONE: Text("Telefon", "Phone"),
    Channel.POST: Text("Post", "Post"),
    Channel.SMS: Text("SMS", "Text message"),
}
EFFECTS: dict[EffectClass, Text] = {
    EffectClass.NONE: Text("keine Wirkung auf die Person", "no effect on the person"),
    EffectClass.MARKETING: Text("welche Werbung jemand bekommt", "which advertising somebody receives"),
    EffectClass.PRICE: Text("welcher Preis jemandem angeboten wird", "which price somebody is offered"),
    EffectClass.CONTRACT: Text("ob und wie ein Vertrag geschlossen wird", "whether and how a contract is made"),
}
YES = Text("ja", "yes")
NO = Text("nein", "no")

_CATEGORIES: dict[str, Text] = {
    "user.account": Text("Daten zum Kundenkonto", "Customer account data"),
    "user.behavior": Text("Verhalten", "Behaviour"),
    "user.behavior.purchase_history": Text("Bestellungen", "Purchases"),
    "user.contact": Text("Kontaktdaten", "Contact details"),
    "user.contact.address": Text("Anschrift", "Postal address"),
    "user.contact.address.country": Text("Land", "Country"),
    "user.contact.address.postal_code": Text("Postleitzahl", "Postcode"),
    "user.contact.address.state": Text("Region", "Region"),
    "user.contact.email": Text("E-Mail-Adresse", "E-mail address"),
    "user.contact.phone_number": Text("Telefonnummer", "Phone number"),
    "user.demographic": Text("Angaben zur Person", "Demographic details"),
    "user.job_title": Text("Funktion im Unternehmen", "Position in the company"),
    "user.name": Text("Name", "Name"),
    "user.workplace": Text("Angaben zum Unternehmen", "Details of the company"),
}
_UNITS: tuple[tuple[str, int, str, str, str], ...] = (
    ("months", 1, "Monat", "Monate", "month"),
    ("days", 1, "Tag", "Tage", "day"),
    ("seconds", 3600, "Stunde", "Stunden", "hour"),
)


def category(key: str) -> Text:
    """A Fideslang category by its name, with the key behind it."""
    known = key
    while known and known not in _CATEGORIES:
        known = known.rpartition(".")[0]
    name = _CATEGORIES.get(known)
    return Text(f"{name.de} ({key})", f"{name.en} ({key})") if name else Text(key, key)


def period(duration: str) -> Text:
    """An ISO 8601 duration in words: P24M is 24 months."""
    known = parse_duration(duration)
    german, english = [], []
    for name, size, one, many, word in _UNITS:
        count = getattr(known, name) // size
        if count:
            german.append(f"{count} {one if count == 1 else many}")
            english.append(f"{count} {word}{'' if count == 1 else 's'}")
    return Text(" ".join(german), " ".join(english)) if german else both_languages(duration)


def both_languages(value: str) -> Text:
    """A mark that reads the same in both."""
    return Text(value, value)
