"""The evidence of a scheme: what shows that it was allowed to run, and that it is what it claims (PRI-6, Article 5(2)).

Everything is read from what is in force and stored; digests are computed again here, not believed. What is missing is
an open line, and a pack with open lines is not complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.workflows.price_gates import in_force_on
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from audit import log
from governance.papers import Line, Paper, Part, both
from governance.purposes import Purpose
from governance.record_words import BASES, EFFECTS, category, period
from governance.vocabulary import EffectClass, Language, Text
from segmentation import store, store_activation
from segmentation.errors import SchemeUnknown
from segmentation.reading import digest_of
from segmentation.report import report_from_json

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from segmentation.store import DefinitionRow, RunRow


@dataclass(frozen=True)
class EvidencePack:
    """A scheme's evidence as a paper; complete when nothing is open."""

    scheme: str
    paper: Paper

    @property
    def complete(self) -> bool:
        """Whether every item is there and every digest fits."""
        return not self.paper.open_lines

    def to_json(self, language: Language) -> dict[str, Any]:
        """As the command line and the API print it."""
        missing = [f"{part.key}.{line.key}" for part, line in self.paper.open_lines]
        return {"scheme": self.scheme, "complete": self.complete, "missing": missing, **self.paper.to_json(language)}


def evidence_pack(house: House, scheme: str, *, now: datetime) -> EvidencePack:
    """The evidence of the version that is active, or of the newest draft, and of its live run.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        row = store_activation.active_definition(connection, scheme) or store.latest_definition(connection, scheme)
        if row is None:
            raise SchemeUnknown(scheme)
        stored = stored_definition(house, connection, row)
        run = store.live_run(connection, scheme)
        parts = (
            _purpose(stored, house.today(now)),
            _definition(connection, row, stored),
            _run(connection, row, run),
            *_prices(house, connection, stored, now),
        )
    label = stored.definition.label
    return EvidencePack(
        scheme,
        Paper(
            kind="evidence",
            title=Text(f"Nachweise: {label.de}", f"Evidence: {label.en}"),
            lead=Text(
                "Was belegt, dass diese Segmentierung zulässig ist und so läuft, wie sie festgelegt wurde (Art. "
                "5 Abs. 2 DSGVO).",
                "What shows that this segmentation is lawful and runs as it was defined (Art. 5(2) GDPR).",
            ),
            controller=house.catalogue.controller.name,
            parts=parts,
        ),
    )


def _purpose(stored: StoredDefinition, today: date) -> Part:
    purpose, definition = stored.purpose, stored.definition
    notice = hashlib.sha256(purpose.notice.text.de.encode()).hexdigest()
    fields = tuple(
        Text(f"{field.label.de}: {category(field.category).de}", f"{field.label.en}: {category(field.category).en}")
        for field in (stored.catalogue.fields[key] for key in definition.fields)
    )
    return Part(
        "purpose",
        Text("Zweck und Grundlage", "Purpose and basis"),
        Text("Art. 5 Abs. 1 Buchst. b, Art. 6 DSGVO", "Art. 5(1)(b), Art. 6 GDPR"),
        (
            Line("purpose", Text("Zweck", "Purpose"), (purpose.label,), open=not stored.holds),
            Line("basis", Text("Rechtsgrundlage", "Legal basis"), (BASES[purpose.basis],)),
            assessment_line(purpose, definition.effect_class, today),
            Line("notice", Text("Information der Betroffenen", "Notice to people"), (both(purpose.notice.version),)),
            Line("notice_digest", Text("SHA-256 des Textes", "SHA-256 of the text"), (both(notice),), code=True),
            Line("fields", Text("Verwendete Felder", "Fields used"), fields or (Text("keine", "none"),)),
            Line("effect", Text("Wirkung", "Effect"), (EFFECTS[definition.effect_class],)),
            Line("retention", Text("Löschfrist", "Kept for"), (period(purpose.retention),)),
        ),
    )


def assessment_line(purpose: Purpose, effect: EffectClass, today: date) -> Line:
    """The assessment a scheme needs (Articles 6(1)(f) and 35(3)(a) GDPR), open where it is missing or over."""
    label = Text("Abwägung oder Folgenabschätzung", "Assessment")
    found = purpose.assessment
    if found is None:
        needed = purpose.needs_assessment(effect)
        missing = Text("fehlt", "missing") if needed else Text("nicht verlangt", "not required")
        return Line("assessment", label, (missing,), open=needed)
    until = found.valid_until
    if not found.holds_on(today):
        over = Text(f"{found.reference}, abgelaufen am {until:%d.%m.%Y}", f"{found.reference}, expired on {until}")
        return Line("assessment", label, (over,), open=True)
    holds = Text(f"{found.reference}, gilt bis {until:%d.%m.%Y}", f"{found.reference}, valid until {until}")
    return Line("assessment", label, (holds,))


def _definition(connection: Connection, row: DefinitionRow, stored: StoredDefinition) -> Part:
    fits = digest_of(row.document) == row.digest
    told = (
        Text("stimmt", "fits") if fits else Text("stimmt nicht: das Dokument wurde verändert", "does not fit: altered")
    )
    return Part(
        "definition",
        Text("Festlegung und Freigabe", "Definition and approval"),
        Text("Art. 24, 25 DSGVO", "Art. 24, 25 GDPR"),
        (
            Line("version", Text("Fassung", "Version"), (both(row.version),)),
            Line(
                "defined",
                Text("Festgelegt", "Defined"),
                (both(f"{row.created_at:%Y-%m-%d %H:%M} UTC, {_role(row.created_by)}"),),
            ),
            *_approval(connection, row),
            Line(
                "digest",
                Text("SHA-256 der Festlegung", "SHA-256 of the definition"),
                (both(row.digest.hex()),),
                code=True,
            ),
            Line("digest_fits", Text("Nachgerechnet", "Computed again"), (told,), open=not fits),
            Line("minimum", Text("Kleinstes Segment", "Smallest segment"), (both(stored.definition.minimum_size),)),
        ),
    )


def _approval(connection: Connection, row: DefinitionRow) -> Iterator[Line]:
    label = Text("Freigabe", "Approval")
    active = store_activation.in_state(connection, row.scheme, "active")
    if active is None or active.definition != row.digest:
        yield Line("approval", label, (Text("noch nicht aktiv", "not active yet"),), open=True)
        return
    asked, decided = _role(active.requested_by), _role(active.decided_by or active.requested_by)
    when = f"{active.decided_at or active.requested_at:%Y-%m-%d %H:%M} UTC"
    yield Line(
        "approval",
        label,
        (Text(f"{when}; beantragt: {asked}, entschieden: {decided}", f"{when}; asked: {asked}, decided: {decided}"),),
    )


def _run(connection: Connection, row: DefinitionRow, run: RunRow | None) -> Part:
    lines: tuple[Line, ...]
    if run is None or run.model is None or run.fact is None:
        lines = (Line("run", Text("Lauf", "Run"), (Text("noch keiner", "none yet"),), open=True),)
    else:
        lines = tuple(_run_lines(connection, row, run))
    return Part(
        "run",
        Text("Letzter Lauf", "Last run"),
        Text("Art. 5 Abs. 1 Buchst. d, Abs. 2 DSGVO", "Art. 5(1)(d), (2) GDPR"),
        lines,
    )


def _run_lines(connection: Connection, row: DefinitionRow, run: RunRow) -> Iterator[Line]:
    model = store.model_of(connection, run.model or b"")
    entry = log.entry(connection, run.fact or 0)
    body = entry.body
    same = body.get("definition") == run.definition and body.get("model") == run.model
    fits = model is not None and digest_of(model.document) == run.model and same and run.definition == row.digest
    yield Line("run", Text("Lauf", "Run"), (both(f"{run.id}, {run.now:%Y-%m-%d %H:%M} UTC"),))
    yield Line("entry", Text("Eintrag im Protokoll", "Log entry"), (both(run.fact),))
    yield Line("leaf", Text("Hash des Eintrags", "Hash of the entry"), (both(entry.leaf_hash.hex()),), code=True)
    yield Line(
        "model", Text("SHA-256 des Modells", "SHA-256 of the model"), (both((run.model or b"").hex()),), code=True
    )
    yield Line(
        "population",
        Text("Fingerabdruck der zulässigen Menge", "Digest of the permitted population"),
        (both((run.population or b"").hex()),),
        code=True,
    )
    told = (
        Text("stimmt", "fits") if fits else Text("passt nicht zur aktiven Fassung", "does not fit the active version")
    )
    yield Line("fits", Text("Nachgerechnet", "Computed again"), (told,), open=not fits)
    if run.report:
        report = report_from_json(run.report)
        yield Line("code", Text("Programmfassung", "Code version"), (both(body.get("code")),))
        yield Line(
            "smallest",
            Text("Unterdrückte Segmente", "Suppressed segments"),
            (both(sum(one.suppressed for one in report.segments)),),
        )


def _prices(house: House, connection: Connection, stored: StoredDefinition, now: datetime) -> Iterator[Part]:
    definition = stored.definition
    if definition.effect_class is not EffectClass.PRICE:
        return
    lines = tuple(
        Line(
            f"price:{price.stored.policy.name}",
            both(price.stored.policy.name),
            (Text("steht", "stands"),) if price.stands else tuple(one.text for one in price.gate.unmet),
            open=not price.stands,
        )
        for price in in_force_on(house, connection, definition.scheme, now=now)
    )
    yield Part(
        "fairness",
        Text("Prüfung auf Ungleichbehandlung", "Check for unequal treatment"),
        Text("§§ 19, 20, 22 AGG", "§§ 19, 20, 22 AGG"),
        lines or (Line("price", Text("Preise", "Prices"), (Text("keine in Kraft", "none in force"),)),),
    )


def _role(actor: str) -> str:
    return actor.partition(":")[0]
