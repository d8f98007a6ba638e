"""What a forecast learns from: people as they stood on a past day, and what happened to them within the horizon after.

Nobody and nothing is in it that is not permitted today. Features are computed from what was done up to the past day;
profiles keep no history, so a value stated later counts as missing. Whom a later activity concerns changes the outcome
and no feature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from governance.vocabulary import Text
from segmentation import store
from segmentation.definitions import Definition, Kind
from segmentation.errors import OtherSchemeUnfit
from segmentation.facts import Bools, Values, values_of
from segmentation.features import FactSource, Subjects
from segmentation.inputs import Feature, Measure, Quantity
from segmentation.methods.forecast_fit import Past
from segmentation.models import Model, parse_model
from segmentation.periods import Period, days_before, iso_day, parse_period
from segmentation.record import NO_SEGMENT
from segmentation.sampling import drawn_by, halved
from segmentation.scoring import standing, standing_features
from segmentation.settings.forecast import ForecastSettings, Outcome, too_long

AFTER = "after"


@dataclass(frozen=True)
class Lookback:
    """Two past days with their people: one to learn from, a later one to calibrate and judge by."""

    features: tuple[Feature, ...]
    """What the people's values are of: those of the settings and, of moves, where the other scheme put them."""
    learn: Past
    check: Past
    horizon: int
    """Days from the later one to today."""
    other: tuple[Text, str] | None
    """Label and model of the scheme whose segments count."""
    days: tuple[str, str]
    """Both days as dates."""


@dataclass(frozen=True)
class _Span:
    """A past day, the day on which its horizon ends, and the sources of both."""

    since: int
    until: int
    source: FactSource


def look_back(source: FactSource, definition: Definition, settings: ForecastSettings, *, today: int) -> Lookback:
    """Everybody permitted, two horizons ago and one horizon ago.

    Raises:
        OtherSchemeUnfit: the scheme whose segments count has no run, another purpose or unit, or looks back too far.
    """
    period = parse_period(settings.horizon) or Period(0, 0)
    later = days_before(today, period)
    earlier = days_before(later, period)
    days = iso_day(earlier), iso_day(later)
    spans = _Span(earlier, later, source), _Span(later, today, source)
    own = tuple(definition.feature(key) for key in settings.features)
    if settings.of is Outcome.LEAVING:
        learn, check = (_gather(_leaving(span, definition, settings), settings, len(own), span) for span in spans)
        return Lookback(own, learn, check, today - later, None, days)
    other, told = _other(source, definition, settings)
    features = (*own, *standing_features(other))
    learn, check = (
        _gather(_moving(span, definition, settings, other), settings, len(features), span) for span in spans
    )
    return Lookback(features, learn, check, today - later, (told, other.document), days)


@dataclass(frozen=True)
class _Piece:
    """Some people: what was known of them on the past day, who counts, and to whom it happened."""

    subjects: Subjects
    values: Values
    counts: Bools
    happened: Bools


def _leaving(span: _Span, definition: Definition, settings: ForecastSettings) -> Iterator[_Piece]:
    """Whoever ordered within the window before the day; it happened to whom no order followed within the horizon."""
    active = definition.feature(settings.active or "")
    row = definition.features.index(active)
    window = f"P{span.until - span.since - 1}D"  # begins on the day after: no order is feature and outcome at once
    after = Feature(AFTER, active.label, active.field, Quantity.COUNT, Measure.COUNT, window=window, kinds=active.kinds)
    then = span.source.on(span.since, definition.features, stated_by=span.since)
    later = span.source.on(span.until, (after,), stated_by=span.since)
    for before, outcome in zip(then.batches(), later.batches(), strict=True):
        values = values_of(definition.features, before.facts, today=span.since)
        counts = values.usable[row] & outcome.facts.present[0]
        yield _Piece(before.subjects, _own(values, definition, settings), counts, outcome.facts.values[0] == 0)


def _moving(span: _Span, definition: Definition, settings: ForecastSettings, other: Model) -> Iterator[_Piece]:
    """Whoever had a segment on the day; it happened to whom the same model would give another one a horizon later.

    Profile values of after the day are unknown at both ends: what was only learned later is no move.
    """
    features = definition.features
    then = span.source.on(span.since, features, stated_by=span.since)
    later = span.source.on(span.until, features, stated_by=span.since)
    for before, after in zip(then.batches(), later.batches(), strict=True):
        values = values_of(features, before.facts, today=span.since)
        where, start = standing(other, features, values, today=span.since)
        moved = values_of(features, after.facts, today=span.until)
        end = standing(other, features, moved, today=span.until)[1]
        counts = (start.segment != NO_SEGMENT) & end.assessed
        known = _joined([_own(values, definition, settings), where], axis=0)
        yield _Piece(before.subjects, known, counts, start.segment != end.segment)


def _own(values: Values, definition: Definition, settings: ForecastSettings) -> Values:
    """The features that the forecast names, in its order."""
    index = {feature.key: row for row, feature in enumerate(definition.features)}
    rows = [index[key] for key in settings.features]
    return Values(values.numbers[rows], values.known[rows], values.none[rows])


def _joined(parts: Sequence[Values], axis: int) -> Values:
    return Values(
        np.concatenate([part.numbers for part in parts], axis=axis),
        np.concatenate([part.known for part in parts], axis=axis),
        np.concatenate([part.none for part in parts], axis=axis),
    )


def _gather(pieces: Iterator[_Piece], settings: ForecastSettings, features: int, span: _Span) -> Past:
    """Those of whom it can be told whether it happened, drawn by the seed."""
    share = settings.sample / max(span.source.population.size, 1)
    parts = [_nobody(features)]
    for piece in pieces:
        taken = piece.counts & drawn_by(piece.subjects, share, settings.seed)
        whole = Past(piece.values, piece.happened, halved(piece.subjects, settings.seed))
        parts.append(whole.part(taken))
    values = _joined([part.values for part in parts], axis=1)
    happened = np.concatenate([part.happened for part in parts])
    return Past(values, happened, np.concatenate([part.half for part in parts]))


def _nobody(features: int) -> Past:
    none = np.zeros((features, 0), dtype=bool)
    return Past(Values(np.zeros(none.shape), none, none), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))


def _other(source: FactSource, definition: Definition, settings: ForecastSettings) -> tuple[Model, Text]:
    """The model of the live run of the scheme whose segments count, and the scheme's label."""
    scheme, connection = settings.scheme or "", source.population.connection
    live = store.live_run(connection, scheme)
    row = store.definition_of(connection, live.definition) if live is not None else None
    stored = store.model_of(connection, live.model) if live is not None and live.model is not None else None
    if row is None or stored is None:
        raise OtherSchemeUnfit(scheme, "has no published run")
    document, model = json.loads(row.document), parse_model(stored.document, stored.digest)
    if document["purpose"] != definition.purpose:
        raise OtherSchemeUnfit(scheme, f"was made for the purpose {document['purpose']!r}, not {definition.purpose!r}")
    if document["unit"] != definition.unit.value:
        raise OtherSchemeUnfit(scheme, f"sorts the unit {document['unit']!r}, not {definition.unit.value!r}")
    if model.kind is Kind.MANUAL:
        raise OtherSchemeUnfit(scheme, "is kept by hand, and nobody can forecast what people will write")
    for feature in model.features:
        if feature not in definition.features:
            raise OtherSchemeUnfit(
                scheme,
                f"goes by the feature {feature.key!r}; declare it here in the same words, so that a record holds it",
            )
    windows = {field.key: field.window for field in source.catalogue.fields.values()}
    for feature, most in too_long(settings.horizon, model.features, windows):
        room = f"at most {most}" if most else "its own, and the forecast a shorter horizon"
        raise OtherSchemeUnfit(
            scheme,
            f"has the feature {feature.key!r} that looks back too far to be computed for two horizons ago within "
            f"what the catalogue permits; give it a window of {room}",
        )
    label = document.get("label") or {"de": scheme, "en": scheme}
    return model, Text(label["de"], label["en"])
