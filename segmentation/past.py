"""What a forecast learns from: people as they stood on a past day, and what happened to them within the horizon after.

Nobody and nothing is in it that is not permitted today. Features are computed from what was done up to the past day;
profiles keep no history, so a value stated later counts as missing. Whom a later activity concerns changes the outcome
and no feature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from consent.permission import permitted
from governance.vocabulary import Text
from segmentation import store
from segmentation.definitions import Definition, Kind
from segmentation.errors import OtherSchemeUnfit
from segmentation.facts import Bools, Facts, Values, values_of
from segmentation.features import FactSource, Subjects
from segmentation.inputs import Feature, Measure, Quantity
from segmentation.methods.forecast_fit import Past
from segmentation.models import Model, parse_model
from segmentation.periods import Period, days_before, iso_day, parse_period
from segmentation.record import NO_SEGMENT
from segmentation.sampling import drawn_by, halved
from segmentation.scoring import score
from segmentation.settings.forecast import ForecastSettings, Outcome, too_long

AFTER = "after"


@dataclass(frozen=True)
class Lookback:
    """Two past days with their people: one to learn from, a later one to calibrate and judge by."""

    learn: Past
    check: Past
    horizon: int
    """Days from the later one to today."""
    told: Text | None
    """Label of the scheme whose segments count."""
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
    if settings.of is Outcome.LEAVING:
        learn, check = (_gather(_leaving(span, definition, settings), definition, settings, span) for span in spans)
        return Lookback(learn, check, today - later, None, days)
    other, told = _other(source, definition, settings)
    wide = _widened(source, definition, other)
    pair = [replace(span, source=wide) for span in spans]
    learn, check = (_gather(_moving(span, definition, other), definition, settings, span) for span in pair)
    return Lookback(learn, check, today - later, told, days)


@dataclass(frozen=True)
class _Piece:
    """Some people: their facts on the past day, who counts, and to whom it happened."""

    subjects: Subjects
    facts: Facts
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
        yield _Piece(before.subjects, before.facts, counts, outcome.facts.values[0] == 0)


def _moving(span: _Span, definition: Definition, other: Model) -> Iterator[_Piece]:
    """Whoever had a segment on the day; it happened to whom the same model would give another one a horizon later.

    Profile values of after the day are unknown at both ends: what was only learned later is no move.
    """
    then = span.source.on(span.since, definition.features, stated_by=span.since)
    first = span.source.on(span.since, other.features, stated_by=span.since)
    second = span.source.on(span.until, other.features, stated_by=span.since)
    for own, before, after in zip(then.batches(), first.batches(), second.batches(), strict=True):
        start = score(other, before.facts, today=span.since)
        end = score(other, after.facts, today=span.until)
        counts = (start.segment != NO_SEGMENT) & end.assessed
        yield _Piece(own.subjects, own.facts, counts, start.segment != end.segment)


def _gather(pieces: Iterator[_Piece], definition: Definition, settings: ForecastSettings, span: _Span) -> Past:
    """Those drawn by the seed, with the features that the forecast uses."""
    index = {feature.key: row for row, feature in enumerate(definition.features)}
    rows = [index[key] for key in settings.features]
    share = settings.sample / max(span.source.population.size, 1)
    parts = [_nobody(len(rows))]
    for piece in pieces:
        taken = piece.counts & drawn_by(piece.subjects, share, settings.seed)
        found = values_of(definition.features, piece.facts, today=span.since)
        own = Values(found.numbers[rows][:, taken], found.known[rows][:, taken], found.none[rows][:, taken])
        parts.append(Past(own, piece.happened[taken], halved(piece.subjects[taken], settings.seed)))
    values = Values(
        np.concatenate([part.values.numbers for part in parts], axis=1),
        np.concatenate([part.values.known for part in parts], axis=1),
        np.concatenate([part.values.none for part in parts], axis=1),
    )
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


def _widened(source: FactSource, definition: Definition, other: Model) -> FactSource:
    """The same people with the fields of the other scheme besides, each permitted for the purpose now.

    Raises:
        FieldNotPermitted: the catalogue does not permit one any more.
    """
    population, catalogue = source.population, source.catalogue
    named = [name for feature in other.features for name in (feature.field, feature.category_field) if name]
    keys = dict.fromkeys((*definition.fields, *named))
    purpose = population.request.purpose
    fields = tuple(catalogue.field_for(key, purpose.key) for key in keys)
    wider = permitted(population.connection, replace(population.request, fields=fields), now=population.now)
    return FactSource(wider, definition.features, catalogue, today=0)
