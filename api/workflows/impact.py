"""A data protection impact assessment, filled in as far as the system knows (Article 35(7) GDPR; GOV-2).

It describes, it does not judge: necessity, risks and the officer's opinion are open lines for people. The criteria of
WP 248 rev.01 that the system can see are told, because two of them usually mean that an assessment is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from api.workflows.evidence import assessment_line
from api.workflows.measures import measures
from api.workflows.records import recipients_seen
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from governance.papers import Line, Paper, Part, both
from governance.record_words import BASES, CHANNELS, EFFECTS, category, period
from governance.vocabulary import EffectClass, Text, Unit
from segmentation import store, store_activation
from segmentation.errors import SchemeUnknown
from segmentation.report import report_from_json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from segmentation.report import RunReport

LARGE_SCALE = 10_000
"""People from which we call it large scale; the law names no number (recital 91, WP 248 rev.01)."""
TO_BE_WRITTEN = Text("Von Menschen zu beurteilen.", "For people to judge.")


def impact_assessment(house: House, scheme: str, *, now: datetime) -> Paper:
    """The template of one scheme.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        row = store_activation.active_definition(connection, scheme) or store.latest_definition(connection, scheme)
        if row is None:
            raise SchemeUnknown(scheme)
        stored = stored_definition(house, connection, row)
        run = store.live_run(connection, scheme)
        report = report_from_json(run.report) if run and run.report else None
        parts = (
            _criteria(stored, report, house, now),
            _description(connection, stored, report, now),
            _necessity(stored),
            _risks(stored),
            Part(
                "measures",
                Text("Abhilfemaßnahmen", "Measures envisaged"),
                Text("Art. 35 Abs. 7 Buchst. d DSGVO", "Art. 35(7)(d) GDPR"),
                (*_built_in(stored), *measures(house, connection)),
            ),
            _people(),
        )
    label = stored.definition.label
    return Paper(
        kind="impact_assessment",
        title=Text(f"Folgenabschätzung: {label.de}", f"Impact assessment: {label.en}"),
        lead=Text(
            "Vorlage nach Art. 35 Abs. 7 DSGVO. Ausgefüllt ist, was das System weiß; offen, was Menschen "
            "beurteilen müssen.",
            "Template under Art. 35(7) GDPR. Filled in is what the system knows; open is what people have to judge.",
        ),
        controller=house.catalogue.controller.name,
        parts=parts,
    )


def _criteria(stored: StoredDefinition, report: RunReport | None, house: House, now: datetime) -> Part:
    definition, fields = stored.definition, stored.catalogue.fields
    decides = definition.effect_class in {EffectClass.PRICE, EffectClass.CONTRACT}
    people = report.total if report else 0
    seen = (
        (stored.purpose.profiling, Text("Bewerten oder Einstufen", "evaluation or scoring")),
        (decides, Text("Entscheidung mit erheblicher Wirkung", "decision with significant effect")),
        (any(fields[key].special for key in definition.fields), Text("besondere Kategorien", "special categories")),
        (people >= LARGE_SCALE, Text("großer Umfang", "large scale")),
    )
    met = tuple(text for holds, text in seen if holds)
    usual = len(met) >= 2 or decides
    need = (
        Text("in der Regel erforderlich", "usually required")
        if usual
        else Text("nach den sichtbaren Merkmalen nicht zwingend", "not compulsory by what can be seen")
    )
    return Part(
        "criteria",
        Text("Ob sie nötig ist", "Whether it is needed"),
        Text("Art. 35 Abs. 1, 3 DSGVO; WP 248 rev.01", "Art. 35(1), (3) GDPR; WP 248 rev.01"),
        (
            Line("met", Text("Erfüllte Merkmale", "Criteria met"), met or (Text("keine", "none"),)),
            Line("need", Text("Folgenabschätzung", "Impact assessment"), (need,)),
            assessment_line(stored.purpose, definition.effect_class, house.today(now)),
        ),
    )


def _description(connection: Connection, stored: StoredDefinition, report: RunReport | None, now: datetime) -> Part:
    definition, purpose = stored.definition, stored.purpose
    unit = Text("Personen", "people") if definition.unit is Unit.CONTACT else Text("Unternehmen", "companies")
    data = tuple(
        Text(f"{field.label.de}: {category(field.category).de}", f"{field.label.en}: {category(field.category).en}")
        for field in (stored.catalogue.fields[key] for key in definition.fields)
    )
    to = tuple(
        both(f"{one.name}, {one.country}")
        for one in recipients_seen(connection, before=now)
        if one.purpose == purpose.key
    )
    ways = tuple(CHANNELS[channel] for channel in sorted(purpose.channels))
    lines = [
        Line("purpose", Text("Zweck", "Purpose"), (purpose.label,)),
        Line("effect", Text("Wirkung", "Effect"), (EFFECTS[definition.effect_class],)),
        Line("kind", Text("Verfahren", "Method"), (both(definition.kind.value),)),
        Line("unit", Text("Eingeteilt werden", "What is sorted"), (unit,)),
        Line("data", Text("Daten", "Data"), data or (Text("keine", "none"),)),
        Line("channels", Text("Wege der Ansprache", "Ways of contact"), ways or (Text("keine", "none"),)),
        Line("recipients", Text("Empfänger", "Recipients"), to or (Text("keine", "none"),)),
        Line("retention", Text("Löschfrist", "Kept for"), (period(purpose.retention),)),
    ]
    if report is not None:
        told = Text(
            f"{report.permitted} von {report.total} zulässig", f"{report.permitted} of {report.total} permitted"
        )
        lines.append(Line("size", Text("Umfang", "Scale"), (told,)))
    return Part(
        "description",
        Text("Systematische Beschreibung", "Systematic description"),
        Text("Art. 35 Abs. 7 Buchst. a DSGVO", "Art. 35(7)(a) GDPR"),
        tuple(lines),
    )


def _necessity(stored: StoredDefinition) -> Part:
    return Part(
        "necessity",
        Text("Notwendigkeit und Verhältnismäßigkeit", "Necessity and proportionality"),
        Text("Art. 35 Abs. 7 Buchst. b DSGVO", "Art. 35(7)(b) GDPR"),
        (
            Line("basis", Text("Rechtsgrundlage", "Legal basis"), (BASES[stored.purpose.basis],)),
            Line("milder", Text("Mildere Mittel", "Less intrusive means"), (TO_BE_WRITTEN,), open=True),
            Line(
                "proportionate",
                Text("Verhältnis von Nutzen und Eingriff", "Benefit against intrusion"),
                (TO_BE_WRITTEN,),
                open=True,
            ),
        ),
    )


def _risks(stored: StoredDefinition) -> Part:
    risks = [
        ("wrong", Text("Falsche Einstufung", "Wrong assignment")),
        ("unfair", Text("Benachteiligung geschützter Gruppen", "Disadvantage of protected groups")),
        ("revealed", Text("Aufdeckung der Person hinter einer Nummer", "Somebody behind a number is revealed")),
        ("surprise", Text("Verwendung, mit der niemand rechnet", "Use that nobody expects")),
    ]
    if stored.definition.effect_class in {EffectClass.PRICE, EffectClass.CONTRACT}:
        risks.append(
            ("decision", Text("Automatisierte Entscheidung ohne Menschen", "Automated decision without a human"))
        )
    return Part(
        "risks",
        Text("Risiken für die Betroffenen", "Risks to people concerned"),
        Text("Art. 35 Abs. 7 Buchst. c DSGVO", "Art. 35(7)(c) GDPR"),
        tuple(Line(key, label, (TO_BE_WRITTEN,), open=True) for key, label in risks),
        Text("Je Risiko Eintrittswahrscheinlichkeit und Schwere angeben.", "State likelihood and severity of each."),
    )


def _built_in(stored: StoredDefinition) -> Iterator[Line]:
    least = stored.definition.minimum_size
    given = (
        (
            "objection",
            Text("Widerspruch", "Objection"),
            Text(
                "wirkt mit der Erklärung in jedem Segment und jeder Ausgabe",
                "acts in every segment and output when it is declared",
            ),
        ),
        (
            "explained",
            Text("Erklärung", "Explanation"),
            Text("jede Zuordnung, aus dem gespeicherten Stand", "of each assignment, from what was stored"),
        ),
        (
            "corrected",
            Text("Korrektur", "Correction"),
            Text("durch Menschen, hält gegen jeden Lauf", "by people, outlasts every run"),
        ),
        (
            "withheld",
            Text("Zurückgehaltene Felder", "Withheld fields"),
            Text("zählen nicht und werden nicht erraten", "do not count and are not guessed"),
        ),
        ("minimum", Text("Kleinstes Segment", "Smallest segment"), both(least)),
    )
    for key, label, value in given:
        yield Line(key, label, (value,))


def _people() -> Part:
    return Part(
        "opinions",
        Text("Beteiligte", "Opinions"),
        Text("Art. 35 Abs. 2, 9, 11 DSGVO", "Art. 35(2), (9), (11) GDPR"),
        (
            Line(
                "officer", Text("Rat der Datenschutzbeauftragten", "Advice of the officer"), (TO_BE_WRITTEN,), open=True
            ),
            Line("views", Text("Standpunkt der Betroffenen", "Views of people concerned"), (TO_BE_WRITTEN,), open=True),
            Line("review", Text("Nächste Überprüfung", "Next review"), (TO_BE_WRITTEN,), open=True),
        ),
    )
