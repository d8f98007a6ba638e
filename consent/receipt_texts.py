"""What a receipt says in words, in German and English; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.vocabulary import Act, Channel, Scope, Source, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.catalogue import Catalogue
    from governance.purposes import Purpose
    from governance.vocabulary import Declaration

ACTS: dict[Act, Text] = {
    Act.REQUESTED: Text("Um Einwilligung gebeten", "Consent asked for"),
    Act.GIVEN: Text("Einwilligung gegeben", "Consent given"),
    Act.RENEWED: Text("Einwilligung erneuert", "Consent renewed"),
    Act.REFUSED: Text("Abgelehnt", "Refused"),
    Act.WITHDRAWN: Text("Einwilligung widerrufen", "Consent withdrawn"),
    Act.UNKNOWN: Text("Einwilligung ohne Nachweis übernommen", "Consent taken over without evidence"),
    Act.OBJECTED: Text("Widersprochen", "Objected"),
    Act.OBJECTION_LIFTED: Text("Widerspruch zurückgenommen", "Objection taken back"),
    Act.FIELD_WITHHELD: Text("Angabe zurückgehalten", "Detail withheld"),
    Act.FIELD_RELEASED: Text("Angabe freigegeben", "Detail released"),
}
SCOPES: dict[Scope, Text] = {
    Scope.GENERAL: Text("jeder Verwendung ohne Vertrag", "every use without a contract"),
    Scope.MARKETING: Text("Werbung", "marketing"),
    Scope.PROFILING: Text("Profilbildung", "profiling"),
}
CHANNELS: dict[Channel, Text] = {
    Channel.EMAIL: Text("E-Mail", "e-mail"),
    Channel.PHONE: Text("Telefon", "phone"),
    Channel.POST: Text("Post", "post"),
    Channel.SMS: Text("SMS", "text message"),
}
SOURCES: dict[Source, Text] = {
    Source.SUBJECT: Text("von der Person selbst erklärt", "declared by the person themselves"),
    Source.DESK_FOR_SUBJECT: Text(
        "gegenüber dem Verantwortlichen erklärt und dort aufgenommen", "declared to the controller and taken down there"
    ),
    Source.CONTROLLER_API: Text(
        "über ein System des Verantwortlichen erklärt", "declared through a system of the controller"
    ),
    Source.IMPORT: Text("aus einer Datei des Verantwortlichen übernommen", "taken over from a file of the controller"),
    Source.SIGNAL: Text("durch ein Signal des Browsers erklärt", "declared by a signal of the browser"),
}
PROCESSORS = Text(
    "Dienstleister, die im Auftrag und nach Weisung arbeiten; der Hinweistext nennt sie",
    "service providers who work on behalf and on instructions; the notice tells of them",
)
UNTIL_WITHDRAWN = Text("bis zum Widerruf", "until withdrawn")
UNTIL_CHANGED = Text("bis die Person etwas anderes erklärt", "until the person declares otherwise")


def both(text: Text) -> list[dict[str, str]]:
    """A text in both languages, as JSON-LD has it."""
    return [{"@value": text.de, "@language": "de"}, {"@value": text.en, "@language": "en"}]


def aim(declaration: Declaration, purposes: Sequence[Purpose], catalogue: Catalogue) -> Text:
    """What a declaration is about: a field, a purpose, a channel of it, or all of something."""
    parts: list[Text] = []
    if declaration.field is not None:
        field = catalogue.fields.get(declaration.field)
        parts.append(Text(declaration.field, declaration.field) if field is None else field.label)
    if declaration.purpose is not None:
        parts += [purpose.label for purpose in purposes]
    elif declaration.field is not None:
        parts.append(Text("alle Zwecke", "every purpose"))
    else:
        parts.append(SCOPES[declaration.scope])
    if declaration.channel is not None:
        parts.append(CHANNELS[declaration.channel])
    return Text(", ".join(part.de for part in parts), ", ".join(part.en for part in parts))


def title(declaration: Declaration, purposes: Sequence[Purpose], catalogue: Catalogue) -> Text:
    """What was declared, in one line."""
    act, about = ACTS[declaration.act], aim(declaration, purposes, catalogue)
    return Text(f"{act.de}: {about.de}", f"{act.en}: {about.en}")


def titled(declaration: Declaration, purposes: Sequence[Purpose], catalogue: Catalogue) -> list[dict[str, str]]:
    """The same as JSON-LD has it."""
    return both(title(declaration, purposes, catalogue))
