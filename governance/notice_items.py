"""What a notice has to say, item by item (Articles 13, 14 and 21(4) GDPR), and how the items make one text; pure.

Each item stands under a heading of its own, so that people find it and a check can name the one that is missing. The
right to object is a block apart from everything else, as Article 21(4) asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from governance.vocabulary import EffectClass, Language, LegalBasis, Text


class Item(StrEnum):
    """One piece of information, in the order in which a notice gives them."""

    PURPOSE = "purpose"
    INTERESTS = "interests"
    WITHDRAWAL = "withdrawal"
    OBJECTION = "objection"
    OBLIGATION = "obligation"
    DECISIONS = "decisions"
    CATEGORIES = "categories"
    SOURCE = "source"
    RECIPIENTS = "recipients"
    TRANSFERS = "transfers"
    STORAGE = "storage"
    RIGHTS = "rights"
    COMPLAINT = "complaint"
    CONTROLLER = "controller"
    OFFICER = "officer"


HEADINGS: dict[Item, Text] = {
    Item.PURPOSE: Text("Wofür und auf welcher Rechtsgrundlage", "What for, and on which legal basis"),
    Item.INTERESTS: Text("Unser berechtigtes Interesse", "Our legitimate interest"),
    Item.WITHDRAWAL: Text("Ihre Einwilligung können Sie widerrufen", "You may withdraw your consent"),
    Item.OBJECTION: Text("Ihr Widerspruchsrecht (Art. 21 DSGVO)", "Your right to object (Art. 21 GDPR)"),
    Item.OBLIGATION: Text("Ob Sie uns Angaben geben müssen", "Whether you have to give us any details"),
    Item.DECISIONS: Text("Automatisierte Entscheidungen und Profilbildung", "Automated decisions and profiling"),
    Item.CATEGORIES: Text("Welche Angaben wir verwenden", "Which details we use"),
    Item.SOURCE: Text("Woher die Angaben stammen", "Where the details come from"),
    Item.RECIPIENTS: Text("Wer die Angaben bekommt", "Who receives the details"),
    Item.TRANSFERS: Text("Übermittlung in andere Länder", "Transfer to other countries"),
    Item.STORAGE: Text("Wie lange wir sie aufbewahren", "How long we keep them"),
    Item.RIGHTS: Text("Ihre weiteren Rechte", "Your other rights"),
    Item.COMPLAINT: Text("Beschwerde", "Complaint"),
    Item.CONTROLLER: Text("Wer verantwortlich ist", "Who is responsible"),
    Item.OFFICER: Text("Datenschutzbeauftragte", "Data protection officer"),
}
ASKED_BY: dict[Item, str] = {
    Item.PURPOSE: "purposes and legal basis (Art. 13(1)(c) GDPR)",
    Item.INTERESTS: "the legitimate interest pursued (Art. 13(1)(d) GDPR)",
    Item.WITHDRAWAL: "that consent can be withdrawn at any time (Art. 13(2)(c) GDPR)",
    Item.OBJECTION: "the right to object, under a heading of its own (Art. 21(4) GDPR)",
    Item.OBLIGATION: "whether the data must be given, and what follows if not (Art. 13(2)(e) GDPR)",
    Item.DECISIONS: "automated decisions with logic and consequences, or that there are none (Art. 13(2)(f) GDPR)",
    Item.CATEGORIES: "the categories of data (Art. 14(1)(d) GDPR)",
    Item.SOURCE: "where the data comes from (Art. 14(2)(f) GDPR)",
    Item.RECIPIENTS: "the recipients (Art. 13(1)(e) GDPR)",
    Item.TRANSFERS: "transfers to third countries, or that there are none (Art. 13(1)(f) GDPR)",
    Item.STORAGE: "how long the data is stored (Art. 13(2)(a) GDPR)",
    Item.RIGHTS: "the rights of the person (Art. 13(2)(b) GDPR)",
    Item.COMPLAINT: "the right to complain to a supervisory authority (Art. 13(2)(d) GDPR)",
    Item.CONTROLLER: "who the controller is and how to reach it (Art. 13(1)(a) GDPR)",
    Item.OFFICER: "how to reach the data protection officer (Art. 13(1)(b) GDPR)",
}
_ONLY_SOME = frozenset({Item.INTERESTS, Item.WITHDRAWAL, Item.OBJECTION})
_VERSION = Text("Information zum Datenschutz, Fassung {}", "Privacy information, version {}")


def required(basis: LegalBasis, *, marketing: bool) -> tuple[Item, ...]:
    """The items that a notice for such a purpose cannot do without."""
    interests = basis is LegalBasis.LEGITIMATE_INTERESTS
    some = {
        Item.INTERESTS: interests,
        Item.WITHDRAWAL: basis is LegalBasis.CONSENT,
        Item.OBJECTION: interests or marketing,
    }
    return tuple(item for item in Item if item not in _ONLY_SOME or some[item])


def needs_logic(effect: EffectClass) -> bool:
    """Whether the item on decisions has to tell the logic, and no shared sentence will do (Article 13(2)(f))."""
    return effect in (EffectClass.PRICE, EffectClass.CONTRACT)


def assembled(label: Text, version: str, items: Mapping[Item, Text]) -> Text:
    """The items as the one text that is shown and hashed, in both languages."""
    return Text(_one(label, version, items, "de"), _one(label, version, items, "en"))


def _one(label: Text, version: str, items: Mapping[Item, Text], language: Language) -> str:
    blocks = [f"{label.in_language(language)}\n{_VERSION.in_language(language).format(version)}"]
    for item in Item:
        if item in items:
            heading, body = HEADINGS[item], items[item].in_language(language)
            blocks.append(f"{heading.in_language(language)}\n{' '.join(body.split())}")
    return "\n\n".join(blocks) + "\n"


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Heading and body of each block of a text that `assembled` made; a free text is one block without heading."""
    parts = [part.partition("\n") for part in text.strip().split("\n\n")]
    if not all(body and "\n" not in body for _, _, body in parts):
        return [("", text)]
    return [(heading, body) for heading, _, body in parts]
