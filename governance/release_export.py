"""The gate before a file leaves: every condition listed, met or not; pure.

What the gate says is for people to read. Whether somebody may be in the file is decided anew under the log's lock at
each download, whatever a gate said before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from governance.purposes import Purpose
from governance.release import Condition, Gate
from governance.transfers import Transfers
from governance.vocabulary import LegalBasis, Text


@dataclass(frozen=True)
class ExportFacts:
    """What is known of an export."""

    requested_by: str
    approved_by: str | None
    built: bool
    small_cells: bool
    """The last build was refused because it would have told of too few people."""
    expires_at: datetime | None
    country: str
    ground: str | None
    price: bool | None = None
    """Whether the prices that hang on the scheme stand; None for a purpose that sets no prices."""

    @property
    def alone(self) -> bool:
        """Whoever asked for it approved it."""
        return self.approved_by == self.requested_by


def export_gate(facts: ExportFacts, purpose: Purpose, transfers: Transfers, *, now: datetime, today: date) -> Gate:
    """What must hold before an export may be downloaded (XPT-1, XPT-2, XPT-3, XPT-6).

    Args:
        facts: the export as it stands.
        purpose: what it is for.
        transfers: the list of countries in force.
        now: instant of the question.
        today: its date where the controller is.
    """
    return Gate(
        (
            _approved(facts),
            _assessed(purpose, today),
            _country(facts, transfers, today),
            _built(facts),
            _cells(facts),
            _valid(facts, now),
            *_price(facts),
        )
    )


def _approved(facts: ExportFacts) -> Condition:
    met = facts.approved_by is not None
    yes = Text("Eine zweite Person hat zugestimmt.", "A second person has approved.")
    if facts.alone:
        yes = Text(
            "Der Betreiber hat den eigenen Antrag freigegeben; eine zweite Person hat nicht geprüft. So steht es im "
            "Protokoll.",
            "The operator approved their own request; no second person has looked. The log says so.",
        )
    no = Text("Eine zweite Person muss zustimmen.", "A second person must approve.")
    return Condition("approved", met, yes if met else no)


def _assessed(purpose: Purpose, today: date) -> Condition:
    missing = purpose.assessment is None and purpose.basis is LegalBasis.LEGITIMATE_INTERESTS
    met = not missing and (purpose.assessment is None or purpose.assessment.holds_on(today))
    yes = Text("Keine Abwägung fehlt oder ist abgelaufen.", "No assessment is missing or has expired.")
    no = Text(
        "Die Abwägung des Zwecks fehlt oder ist abgelaufen.", "The purpose's assessment is missing or has expired."
    )
    return Condition("assessment_valid", met, yes if met else no)


def _country(facts: ExportFacts, transfers: Transfers, today: date) -> Condition:
    met = transfers.permits(facts.country, facts.ground, today=today)
    yes = Text("In das Land des Empfängers darf übermittelt werden.", "Data may go to the recipient's country.")
    no = Text(
        "Für das Land des Empfängers fehlen Garantien (Art. 44 bis 49 DSGVO).",
        "Safeguards for the recipient's country are missing (Articles 44 to 49 GDPR).",
    )
    return Condition("country_permitted", met, yes if met else no)


def _built(facts: ExportFacts) -> Condition:
    yes = Text(
        "Wer hineindarf, ist entschieden; die Prüfsumme steht fest.", "Who is in it is decided; the hash is fixed."
    )
    no = Text("Die Datei ist noch nicht gebildet oder überholt.", "The file is not built yet, or out of date.")
    return Condition("built", facts.built, yes if facts.built else no)


def _cells(facts: ExportFacts) -> Condition:
    yes = Text("Keine Zahl verrät wenige Menschen.", "No number tells of a few people.")
    no = Text("Die Datei würde zu wenige Menschen erkennen lassen.", "The file would tell of too few people.")
    return Condition("cells_large_enough", not facts.small_cells, no if facts.small_cells else yes)


def _valid(facts: ExportFacts, now: datetime) -> Condition:
    met = facts.expires_at is None or now < facts.expires_at
    yes = Text("Die Frist zum Herunterladen läuft noch.", "The time for downloading is still running.")
    no = Text("Die Frist zum Herunterladen ist vorbei.", "The time for downloading is over.")
    return Condition("not_expired", met, yes if met else no)


def _price(facts: ExportFacts) -> tuple[Condition, ...]:
    if facts.price is None:
        return ()
    yes = Text("Der Preis ist in Kraft und seine Prüfung gilt noch.", "The price is in force and its check still fits.")
    no = Text(
        "Kein Preis mit gültiger Prüfung ist in Kraft. Prüfen Sie den Preis neu.",
        "No price with a check that fits is in force. Check the price again.",
    )
    return (Condition("price_stands", facts.price, yes if facts.price else no),)
