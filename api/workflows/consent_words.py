"""The words of a consent file: column names, answers, channels, and what keeps a row from counting; pure."""

from __future__ import annotations

from enum import StrEnum

from governance.vocabulary import Act, Channel, Scope, Source, Text

COLUMNS = ("reference", "purpose", "channel", "answer", "date", "evidence", "notice")
NEEDED = ("reference", "purpose", "answer")
GUESSES: dict[str, tuple[str, ...]] = {
    "reference": ("reference", "customer_reference", "kundennummer", "kundennr", "referenz", "contact", "contact_id"),
    "purpose": ("purpose", "zweck"),
    "channel": ("channel", "kanal", "kontaktweg"),
    "answer": ("answer", "consent", "opt_in", "optin", "antwort", "einwilligung", "status"),
    "date": ("date", "datum", "consent_date", "said_at", "erteilt_am", "am"),
    "evidence": ("evidence", "source", "nachweis", "quelle", "beleg", "evidence_reference"),
    "notice": ("notice", "notice_version", "text", "textversion", "hinweis", "fassung"),
}
ANSWERS: dict[str, Act] = {
    **dict.fromkeys(("ja", "yes", "y", "j", "true", "1", "opt-in", "optin", "opt_in", "given", "erteilt"), Act.GIVEN),
    **dict.fromkeys(("nein", "no", "n", "false", "0", "refused", "abgelehnt"), Act.REFUSED),
    **dict.fromkeys(("opt-out", "optout", "opt_out", "withdrawn", "widerrufen", "widerruf"), Act.WITHDRAWN),
    **dict.fromkeys(("objected", "objection", "widersprochen", "widerspruch"), Act.OBJECTED),
    **dict.fromkeys(("requested", "pending", "angefragt"), Act.REQUESTED),
    **dict.fromkeys(("unknown", "unbekannt"), Act.UNKNOWN),
}
CHANNELS: dict[str, Channel] = {
    **dict.fromkeys(("email", "e-mail", "mail"), Channel.EMAIL),
    **dict.fromkeys(("phone", "telefon", "tel", "anruf"), Channel.PHONE),
    **dict.fromkeys(("post", "brief", "letter", "mailing"), Channel.POST),
    **dict.fromkeys(("sms", "text message"), Channel.SMS),
}
WIDE: dict[str, Scope] = {
    **dict.fromkeys(("general", "alles", "everything"), Scope.GENERAL),
    **dict.fromkeys(("marketing", "werbung"), Scope.MARKETING),
    **dict.fromkeys(("profiling", "profilbildung"), Scope.PROFILING),
}


ACT_WORDS: dict[Act, Text] = {
    Act.REFUSED: Text("Ablehnung", "refusal"),
    Act.WITHDRAWN: Text("Widerruf", "withdrawal"),
    Act.OBJECTED: Text("Widerspruch", "objection"),
}
SOURCE_WORDS: dict[Source, Text] = {
    Source.SUBJECT: Text("von der Person selbst", "by the person"),
    Source.DESK_FOR_SUBJECT: Text("vom Kundendienst aufgenommen", "taken down by the desk"),
    Source.CONTROLLER_API: Text("über die Schnittstelle gemeldet", "told by the API"),
    Source.IMPORT: Text("aus einem Import", "from an import"),
    Source.SIGNAL: Text("durch ein Signal des Browsers", "by a signal of the browser"),
}


class Problem(StrEnum):
    """What is wrong with a row, or keeps its yes from counting."""

    REFERENCE_MISSING = "reference_missing"
    PERSON_UNKNOWN = "person_unknown"
    PURPOSE_UNKNOWN = "purpose_unknown"
    CHANNEL_UNKNOWN = "channel_unknown"
    ANSWER_UNKNOWN = "answer_unknown"
    DATE_NOT_READ = "date_not_read"
    DATE_IN_FUTURE = "date_in_future"
    EVIDENCE_MISSING = "evidence_missing"
    DATE_MISSING = "date_missing"
    NOTICE_MISSING = "notice_missing"
    CHANNEL_MISSING = "channel_missing"
    DENIED_BEFORE = "denied_before"
    ROW_SPOILED = "row_spoiled"


_UNKNOWN_DE = "Bis dahin zählt die Einwilligung als unbekannt, also als Nein."
_UNKNOWN_EN = "Until then the consent counts as unknown, which is a no."
MEND: dict[Problem, Text] = {
    Problem.REFERENCE_MISSING: Text("Eine Kundennummer eintragen.", "Fill in the reference."),
    Problem.PERSON_UNKNOWN: Text("Zuerst den Kontakt importieren.", "Import the contact first."),
    Problem.PURPOSE_UNKNOWN: Text(
        "Einen Zweck des Katalogs eintragen oder `values.purpose` in der Zuordnung ergänzen.",
        "Fill in a purpose of the catalogue, or add it to `values.purpose` in the mapping.",
    ),
    Problem.CHANNEL_UNKNOWN: Text(
        "email, phone, post oder sms eintragen oder `values.channel` ergänzen.",
        "Fill in email, phone, post or sms, or add it to `values.channel`.",
    ),
    Problem.ANSWER_UNKNOWN: Text(
        "ja oder nein eintragen oder `values.answer` ergänzen.", "Fill in yes or no, or add it to `values.answer`."
    ),
    Problem.DATE_NOT_READ: Text("Ein Datum wie 31.12.2025 eintragen.", "Fill in a date such as 2025-12-31."),
    Problem.DATE_IN_FUTURE: Text("Das Datum liegt in der Zukunft; prüfen.", "The date lies in the future; check it."),
    Problem.EVIDENCE_MISSING: Text(
        f"Angeben, woher die Einwilligung stammt. {_UNKNOWN_DE}", f"Say where the consent comes from. {_UNKNOWN_EN}"
    ),
    Problem.DATE_MISSING: Text(
        f"Das Datum der Einwilligung angeben. {_UNKNOWN_DE}", f"Give the date of the consent. {_UNKNOWN_EN}"
    ),
    Problem.NOTICE_MISSING: Text(
        f"Die Fassung des gezeigten Hinweises angeben. {_UNKNOWN_DE}",
        f"Give the version of the notice that was shown. {_UNKNOWN_EN}",
    ),
    Problem.CHANNEL_MISSING: Text(
        f"Den Kontaktweg angeben. {_UNKNOWN_DE}", f"Give the channel of the consent. {_UNKNOWN_EN}"
    ),
    Problem.DENIED_BEFORE: Text(
        "Hier wurde schon abgelehnt, widerrufen oder widersprochen; nur die Person selbst kann das ändern.",
        "This was refused, withdrawn or objected to before; only the person can change that.",
    ),
    Problem.ROW_SPOILED: Text("Die Zeile richtigstellen.", "Correct the row."),
}
INCOMPLETE = (Problem.EVIDENCE_MISSING, Problem.DATE_MISSING, Problem.NOTICE_MISSING, Problem.CHANNEL_MISSING)
