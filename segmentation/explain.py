"""Say why somebody is in a segment: from the stored record and the stored model, never from today's data; pure.

The same words for customer, desk and officer, German and English (Article 15(1)(h) GDPR; C-203/22): procedure, data
used, what weighed how much, how close the next segment was, what would change it, what hangs on it, who can change
it. Nothing here is about anybody else; typical values are told only of segments that were large enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.vocabulary import EffectClass, Language, Text
from segmentation.counterfactual import Act, Change, Counterfactual, find_counterfactual
from segmentation.definitions import Definition
from segmentation.explain_conditions import held_in_words
from segmentation.explain_kinds import weigh
from segmentation.explain_texts import (
    EFFECTS,
    NO_CHANGE,
    NO_CHANGE_CORRECTED,
    NO_PRICE,
    NO_SEGMENT_NAME,
    PROCEDURES,
    WHO_CAN_CHANGE,
    correction_text,
    flag_texts,
    held_price_text,
    price_text,
)
from segmentation.facts import Values, facts_of_one, values_of
from segmentation.inputs import Feature, Part
from segmentation.models import Model
from segmentation.periods import EPOCH_DAY
from segmentation.record import Record
from segmentation.scoring import today_of
from segmentation.weighing import Weighing
from segmentation.wording import FIXED, UNKNOWN, amount_of, day, money, orders, period


@dataclass(frozen=True)
class CorrectionNote:
    """What the desk decided about the person: never who, only in which role and when."""

    kind: str
    segment: Text | None
    role: str
    at: datetime


@dataclass(frozen=True)
class PriceNote:
    """A price in force that hangs on the scheme, and what it makes of the segment. Amounts in minor units."""

    policy: str
    discount: int
    """Per mille."""
    price: int
    base: int
    currency: str
    on_hold: bool = False
    """Its check does not fit any more: nobody may be asked this price until it is checked again."""


@dataclass(frozen=True)
class Input:
    """One thing the scheme looked at, with what the record holds."""

    key: str
    label: Text
    value: Text
    known: bool
    source: Text


@dataclass(frozen=True)
class Explanation:
    """Everything there is to say about one assignment, in both languages."""

    scheme: Text
    segment: str | None
    name: Text
    """The name the person reads."""
    internal_name: Text
    """The name the house uses; disclosed all the same."""
    procedure: Text
    inputs: tuple[Input, ...]
    weighing: Weighing
    steps: tuple[Text, ...]
    counterfactual: Counterfactual | None
    what_would_change_it: Text
    effects: tuple[Text, ...]
    who_can_change_it: tuple[Text, ...]
    run: int
    decided_at: datetime
    model: bytes
    definition: bytes
    watermark: int

    def to_json(self, language: Language) -> dict[str, Any]:
        """The explanation in one language."""

        def say(text: Text) -> str:
            return text.in_language(language)

        return {
            "scheme": say(self.scheme),
            "segment": self.segment,
            "name": say(self.name),
            "internal_name": say(self.internal_name),
            "procedure": say(self.procedure),
            "inputs": [
                {"key": i.key, "label": say(i.label), "value": say(i.value), "known": i.known, "source": say(i.source)}
                for i in self.inputs
            ],
            "weights": [{"key": w.key, "text": say(w.text), "part": w.part} for w in self.weighing.weights],
            "difference": self.weighing.difference,
            "closeness": say(self.weighing.closeness),
            "steps": [say(step) for step in self.steps],
            "what_would_change_it": say(self.what_would_change_it),
            "counterfactual_found": self.counterfactual is not None,
            "effects": [say(effect) for effect in self.effects],
            "who_can_change_it": [say(who) for who in self.who_can_change_it],
            "run": self.run,
            "decided_at": self.decided_at.isoformat(),
            "model": self.model.hex(),
            "definition": self.definition.hex(),
            "watermark": self.watermark,
        }


@dataclass(frozen=True)
class Surroundings:
    """What stands around a record and is needed to explain it."""

    field_labels: Mapping[str, Text]
    """Catalogue field → label, to say where an input comes from."""
    suggestable: Mapping[str, bool]
    """Catalogue field → whether changing it may be suggested."""
    suppressed: frozenset[int] = frozenset()
    """Segments of that run with too few people."""
    correction: CorrectionNote | None = None
    """The correction in force."""
    prices: tuple[PriceNote, ...] = ()
    """Prices in force that hang on this scheme."""
    effective: int | None = None
    """Segment number in effect, where a correction is newer than the record."""


def explain(
    definition: Definition, model: Model, record: Record, around: Surroundings, *, decided_at: datetime
) -> Explanation:
    """Explain one record by the definition and model it was made with; *decided_at* is the run's instant."""
    field_labels, suppressed, correction = around.field_labels, around.suppressed, around.correction
    values = values_of(model.features, facts_of_one(record.facts, record.presence), today=today_of(model, record))
    weighing = weigh(model, record, values, suppressed)
    counterfactual = None
    if correction is None:
        counterfactual = find_counterfactual(model, record, around.suggestable, suppressed=suppressed)
    effective = record.effective if around.effective is None else around.effective
    segment = model.segments[effective] if effective >= 0 else None
    return Explanation(
        scheme=definition.label,
        segment=segment.key if segment else None,
        name=segment.name_for_subject if segment else NO_SEGMENT_NAME,
        internal_name=segment.name if segment else NO_SEGMENT_NAME,
        procedure=PROCEDURES[model.kind],
        inputs=_inputs(model, record, values, field_labels),
        weighing=weighing,
        steps=_steps(model, record, correction),
        counterfactual=counterfactual,
        what_would_change_it=_what_would(model, counterfactual, field_labels, corrected=correction is not None),
        effects=_effects(definition, around.prices),
        who_can_change_it=WHO_CAN_CHANGE,
        run=record.run,
        decided_at=decided_at,
        model=model.digest,
        definition=definition.digest,
        watermark=record.watermark,
    )


def _inputs(model: Model, record: Record, values: Values, labels: Mapping[str, Text]) -> tuple[Input, ...]:
    found = []
    slot = 0
    for row, feature in enumerate(model.features):
        width = len(feature.parts)
        known = all(record.presence[slot : slot + width])
        value = held_in_words(feature, row, values) if known else UNKNOWN
        if known and feature.parts[0] in (Part.LAST_DAY, Part.FIRST_DAY, Part.DAY):
            value = _with_date(value, record.facts[slot])
        found.append(Input(feature.key, feature.label, value, known, _source(feature, labels)))
        slot += width
    return tuple(found)


def _with_date(value: Text, fact: float) -> Text:
    if math.isnan(fact):
        return value
    date = day(int(fact))
    return Text(f"{value.de} (am {date.de})", f"{value.en} (on {date.en})")


def _source(feature: Feature, labels: Mapping[str, Text]) -> Text:
    label = labels.get(feature.field, Text(feature.field, feature.field))
    if feature.window is None:
        return label
    span = period(feature.window)
    return Text(f"{label.de}, letzte {span.de}", f"{label.en}, last {span.en}")


def _steps(model: Model, record: Record, correction: CorrectionNote | None) -> tuple[Text, ...]:
    def name(number: int) -> Text:
        return model.segments[number].name_for_subject if 0 <= number < len(model.segments) else NO_SEGMENT_NAME

    steps = list(flag_texts(record.flags, name(record.scored), name(record.previous), record.reason))
    if correction is not None:
        steps.append(correction_text(correction.kind, correction.segment, correction.role, day_text(correction.at)))
    return tuple(steps)


def day_text(moment: datetime) -> Text:
    """The date of an instant in both languages."""
    return day((moment.date() - EPOCH_DAY).days)


def _what_would(model: Model, found: Counterfactual | None, labels: Mapping[str, Text], *, corrected: bool) -> Text:
    if corrected:
        return NO_CHANGE_CORRECTED
    if found is None:
        return NO_CHANGE
    parts = [change_in_words(change, model, labels) for change in found.changes]
    name = model.segments[found.segment].name_for_subject
    return Text(
        f"{' und '.join(part.de for part in parts)}: Dann wäre es „{name.de}“ gewesen. Das ist nachgerechnet.",
        f"{' and '.join(part.en for part in parts)}: then it would have been “{name.en}”. This was recalculated.",
    )


def change_in_words(change: Change, model: Model, labels: Mapping[str, Text]) -> Text:
    """One suggested change as part of a sentence."""
    if change.act is Act.MORE_ORDERS:
        count, each = orders(change.count), money(change.amount, change.currency)
        if change.count == 1:
            return Text(f"Eine weitere Bestellung über {each.de}", f"One more order of {each.en}")
        return Text(
            f"{count.de.replace(FIXED, f'{FIXED}weitere ')} über je {each.de}",
            f"{count.en.replace(FIXED, f'{FIXED}more ')} of {each.en} each",
        )
    feature = next(f for f in model.features if f.field == change.target and f.measure is None)
    label = labels.get(change.target, feature.label)
    value = amount_of(feature, change.value)
    return Text(f"{label.de}: {value.de}", f"{label.en}: {value.en}")


def _effects(definition: Definition, prices: Sequence[PriceNote]) -> tuple[Text, ...]:
    lines = [EFFECTS[definition.effect_class]]
    for note in prices:
        if note.on_hold:
            lines.append(held_price_text(note.policy))
            continue
        lines.append(
            price_text(note.policy, note.discount, money(note.price, note.currency), money(note.base, note.currency))
        )
    if not prices and definition.effect_class is EffectClass.PRICE:
        lines.append(NO_PRICE)
    return tuple(lines)
