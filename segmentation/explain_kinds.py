"""What weighed how much in one assignment, by the kind of the model that made it; pure."""

from __future__ import annotations

from segmentation.definitions import Kind
from segmentation.explain_clv import weigh_clv
from segmentation.explain_forecast import weigh_forecast
from segmentation.explain_latent_class import weigh_latent_class
from segmentation.explain_methods import weigh_abc, weigh_kmeans, weigh_rfm, weigh_rules
from segmentation.explain_mixture import weigh_mixture
from segmentation.explain_texts import NOT_WEIGHED
from segmentation.facts import Values
from segmentation.methods.abc import AbcMethod
from segmentation.methods.clv import ClvMethod
from segmentation.methods.forecast import ForecastMethod
from segmentation.methods.kmeans import KMeansMethod
from segmentation.methods.latent_class import LatentClassMethod
from segmentation.methods.mixture import MixtureMethod
from segmentation.methods.rfm import RfmMethod
from segmentation.methods.rules import RulesMethod
from segmentation.models import Model, parse_model
from segmentation.record import NO_SEGMENT, Flag, Record
from segmentation.scoring import today_of, with_standing
from segmentation.weighing import Weighing


def weigh(model: Model, record: Record, values: Values, suppressed: frozenset[int]) -> Weighing:
    """What weighed in a record, by the kind of its model; segments too small to be told of are *suppressed*."""
    if record.flags & (Flag.LEFT | Flag.NOT_ASSESSED) or model.kind is Kind.MANUAL:
        return Weighing((), NOT_WEIGHED)
    method = model.method
    if isinstance(method, KMeansMethod):
        if record.scored == NO_SEGMENT or len(method.centroids) < 2:
            return Weighing((), NOT_WEIGHED)
        return weigh_kmeans(model, method, record, values, hidden=suppressed)
    if isinstance(method, RfmMethod):
        return weigh_rfm(model, method, values)
    if isinstance(method, AbcMethod):
        return weigh_abc(model, method, values)
    if isinstance(method, RulesMethod):
        return weigh_rules(model, method, record, values)
    if isinstance(method, ForecastMethod):
        return _weigh_forecast(model, method, values, today=today_of(model, record))
    if record.scored == NO_SEGMENT:
        return Weighing((), NOT_WEIGHED)
    return _weigh_model(model, record, values, suppressed)


def _weigh_forecast(model: Model, method: ForecastMethod, values: Values, *, today: int) -> Weighing:
    """A forecast; one of moves also looks at where the other scheme puts the person, whose groups have names."""
    features, values = with_standing(model, values, today=today)
    names = [segment.name_for_subject for segment in model.segments]
    other = () if method.other is None else parse_model(method.other).segments
    groups = tuple(segment.name_for_subject for segment in other)
    return weigh_forecast(method, model.fit, features, values, names, groups)


def _weigh_model(model: Model, record: Record, values: Values, suppressed: frozenset[int]) -> Weighing:
    """The kinds whose model estimates something of each person: a value, or how likely each segment is."""
    method, scored = model.method, record.scored
    names = [segment.name_for_subject for segment in model.segments]
    if isinstance(method, ClvMethod):
        return weigh_clv(method, model.features, values, names, scored)
    if len(names) > 1 and isinstance(method, MixtureMethod):
        return weigh_mixture(method, model.features, values, names, scored, hidden=suppressed)
    if len(names) > 1 and isinstance(method, LatentClassMethod):
        return weigh_latent_class(method, model.features, values, names, scored, hidden=suppressed)
    return Weighing((), NOT_WEIGHED)
