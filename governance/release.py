"""Gates: whether a price may become active or a file may leave; pure, every condition listed, met or not.

A gate that is closed says each thing that is missing, not only the first; one unmet condition closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from audit.errors import Refused
from governance.disparity_report import Verdict
from governance.fields import NEVER_IN_PRICES, Field, falls_under
from governance.pricing import PricePolicy
from governance.purposes import Purpose
from governance.vocabulary import EffectClass, Text


@dataclass(frozen=True)
class Condition:
    """One thing a gate asks for."""

    key: str
    met: bool
    text: Text
    """What is the case, in words for people."""


@dataclass(frozen=True)
class Gate:
    """All conditions of one gate."""

    conditions: tuple[Condition, ...]

    @property
    def open(self) -> bool:
        """True when every condition is met."""
        return all(condition.met for condition in self.conditions)

    @property
    def unmet(self) -> tuple[Condition, ...]:
        """What keeps it closed."""
        return tuple(condition for condition in self.conditions if not condition.met)

    def to_json(self) -> dict[str, object]:
        """The gate as plain values."""
        return {
            "open": self.open,
            "conditions": [
                {"key": c.key, "met": c.met, "text": {"de": c.text.de, "en": c.text.en}} for c in self.conditions
            ],
        }


class GateClosed(Refused):
    """A gate stays closed; names the conditions that are not met."""

    def __init__(self, what: str, gate: Gate) -> None:
        self.gate = gate
        reasons = "; ".join(f"{c.key}: {c.text.en}" for c in gate.unmet)
        super().__init__(f"{what} is refused. {reasons}")


@dataclass(frozen=True)
class Check:
    """The last fairness check of a policy."""

    number: int
    policy: bytes
    run: int
    attributes: bytes
    """Digest of the imports of protected attributes that it rests on."""
    verdict: Verdict
    checked_at: datetime


@dataclass(frozen=True)
class Present:
    """What a verdict must be about: what is the case now."""

    run: int | None
    """The run of the scheme that is live."""
    attributes: bytes
    """Digest of the protected attributes as they were imported last."""
    definition_holds: bool = True
    """The catalogue still carries the scheme's definition."""


VERDICT_TEXT: dict[Verdict, Text] = {
    Verdict.WITHIN_LIMITS: Text(
        "Alle Unterschiede liegen innerhalb der Grenzen.", "All differences are within the limits."
    ),
    Verdict.DISPARITY: Text(
        "Ungleichheit gefunden: Eine Gruppe zahlt im Mittel deutlich mehr oder weniger als die übrigen.",
        "Disparity found: on average one group clearly pays more or less than everybody else.",
    ),
    Verdict.NOT_ENOUGH_DATA: Text(
        "Zu wenige Angaben für eine Aussage. Das heißt nicht „in Ordnung“.",
        "Too few details for a statement. That does not mean “in order”.",
    ),
    Verdict.NOT_ASSESSABLE: Text(
        "Nicht prüfbar: Für ein Merkmal liegen keine Angaben vor. Das heißt nicht „in Ordnung“.",
        "Not assessable: for one attribute there are no data. That does not mean “in order”.",
    ),
}


def price_gate(
    policy: PricePolicy,
    check: Check | None,
    *,
    present: Present,
    purpose: Purpose,
    effect: EffectClass,
    fields: Sequence[Field],
    now: datetime,
    today: date,
) -> Gate:
    """What must hold before a price becomes active, and for as long as it is used (FAIR-5, ADM-1, PRI-7).

    Args:
        policy: the version to be activated.
        check: its last check, if there was one.
        present: what the check must be about.
        purpose: purpose of the scheme.
        effect: effect class the scheme declares.
        fields: catalogue fields the scheme looks at.
        now: instant of the question.
        today: its date where the controller is.
    """
    return Gate(
        (
            _checked(policy, check, present.run),
            _same_attributes(check, present.attributes),
            _fresh(policy, check, now),
            _within_limits(check),
            _carried(present),
            _effect(effect),
            _purpose(purpose),
            _assessment(purpose, today),
            _no_protected_field(policy, fields),
        )
    )


def _checked(policy: PricePolicy, check: Check | None, live_run: int | None) -> Condition:
    met = check is not None and check.policy == policy.digest and live_run is not None and check.run == live_run
    yes = Text(
        "Die Prüfung passt zu dieser Fassung und zum laufenden Stand.", "The check fits this version and the live run."
    )
    no = Text(
        "Für genau diese Fassung und den laufenden Stand gibt es keine Prüfung. Prüfen Sie den Preis neu.",
        "No check fits exactly this version and the live run. Check the price again.",
    )
    return Condition("check_fits", met, yes if met else no)


def _same_attributes(check: Check | None, attributes: bytes) -> Condition:
    met = check is not None and check.attributes == attributes
    yes = Text(
        "Seit der Prüfung kamen keine anderen geschützten Merkmale.",
        "No other protected attributes came since the check.",
    )
    no = Text(
        "Zu den geschützten Merkmalen, wie sie zuletzt eingelesen wurden, gibt es keine Prüfung. Prüfen Sie den Preis "
        "neu.",
        "No check rests on the protected attributes as they were imported last. Check the price again.",
    )
    return Condition("attributes_fit", met, yes if met else no)


def _fresh(policy: PricePolicy, check: Check | None, now: datetime) -> Condition:
    met = check is not None and now - check.checked_at <= timedelta(days=policy.fresh_days)
    limit = policy.fresh_days
    yes = Text(f"Die Prüfung ist frisch, Grenze {limit} Tage.", f"The check is fresh, limit {limit} days.")
    no = Text(
        f"Die Prüfung fehlt oder ist älter als {limit} Tage.", f"The check is missing or older than {limit} days."
    )
    return Condition("check_fresh", met, yes if met else no)


def _within_limits(check: Check | None) -> Condition:
    if check is None:
        return Condition(
            "within_limits", met=False, text=Text("Der Preis wurde nie geprüft.", "The price was never checked.")
        )
    return Condition("within_limits", check.verdict is Verdict.WITHIN_LIMITS, VERDICT_TEXT[check.verdict])


def _carried(present: Present) -> Condition:
    yes = Text("Der Katalog trägt die Festlegung des Schemas.", "The catalogue carries the scheme's definition.")
    no = Text(
        "Nach dem heutigen Katalog gilt die Festlegung des Schemas nicht mehr: Legen Sie es neu fest und lassen Sie es "
        "laufen.",
        "Under the present catalogue the scheme's definition does not hold any more: define it anew and run it.",
    )
    return Condition("definition_holds", present.definition_holds, yes if present.definition_holds else no)


def _effect(effect: EffectClass) -> Condition:
    met = effect is EffectClass.PRICE
    yes = Text("Das Schema ist als preiswirksam ausgewiesen.", "The scheme declares that it affects prices.")
    no = Text(
        "Das Schema ist nicht als preiswirksam ausgewiesen: Setzen Sie effect_class auf price.",
        "The scheme does not declare that it affects prices: set effect_class to price.",
    )
    return Condition("effect_class", met, yes if met else no)


def _purpose(purpose: Purpose) -> Condition:
    met = purpose.effect is EffectClass.PRICE
    yes = Text("Der Zweck erlaubt persönliche Preise.", "The purpose permits personal prices.")
    no = Text(
        "Der Zweck des Schemas erlaubt keine persönlichen Preise (Art. 22 DSGVO).",
        "The purpose of the scheme does not permit personal prices (Art. 22 GDPR).",
    )
    return Condition("purpose_permits_price", met, yes if met else no)


def _assessment(purpose: Purpose, today: date) -> Condition:
    met = purpose.assessment is not None and purpose.assessment.holds_on(today)
    yes = Text("Die Abwägung oder Folgenabschätzung gilt.", "The assessment is valid.")
    no = Text(
        "Die Abwägung oder Folgenabschätzung fehlt oder ist abgelaufen.", "The assessment is missing or has expired."
    )
    return Condition("assessment_valid", met, yes if met else no)


def _no_protected_field(policy: PricePolicy, fields: Sequence[Field]) -> Condition:
    named = [field for field in fields if field.key in policy.attributes or field.special]
    met = not named and not any(falls_under(field.category, NEVER_IN_PRICES) for field in fields)
    yes = Text(
        "Kein geschütztes Merkmal geht in die Zuordnung ein.", "No protected attribute is an input of the scheme."
    )
    no = Text(
        "In die Zuordnung geht etwas ein, worauf kein Preis beruhen darf: ein geprüftes Merkmal, Name, Anschrift, "
        "Zahlungsverhalten oder eine besondere Kategorie (§ 19 AGG, Art. 9 und 22 DSGVO).",
        "The scheme looks at something no price may rest on: an attribute under check, name, address, payments or a "
        "special category (§ 19 AGG, Art. 9 and 22 GDPR).",
    )
    return Condition("no_protected_input", met, yes if met else no)
