"""Models as JSON documents with a digest; pure. What is stored is all there is: no pickle, no code.

{"format": 1, "kind", "definition": hex, "zone", "features": [...], "segments": [...], "method": {...}, "fit": {...},
 "stability": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from governance.vocabulary import Text
from segmentation.definitions import Kind, Segment
from segmentation.errors import DefinitionInvalid, ModelBroken
from segmentation.inputs import Feature, Slot, feature_from_json, slots_of
from segmentation.methods.abc import AbcMethod, abc_from_json
from segmentation.methods.clv import ClvMethod, clv_from_json
from segmentation.methods.forecast import ForecastMethod, forecast_from_json
from segmentation.methods.kmeans import KMeansMethod, kmeans_from_json
from segmentation.methods.latent_class import LatentClassMethod, latent_class_from_json
from segmentation.methods.manual import ManualMethod, manual_from_json
from segmentation.methods.mixture import MixtureMethod, mixture_from_json
from segmentation.methods.rfm import RfmMethod, rfm_from_json
from segmentation.methods.rules import RulesMethod, rules_from_json
from segmentation.reading import canonical, digest_of
from segmentation.record import RecordLayout
from segmentation.settings.stability import LOOSE, Stability, stability_from_json

FORMAT = 1

Method: TypeAlias = (
    RulesMethod
    | AbcMethod
    | RfmMethod
    | ClvMethod
    | KMeansMethod
    | MixtureMethod
    | LatentClassMethod
    | ForecastMethod
    | ManualMethod
)
READERS: dict[Kind, Callable[[dict[str, Any]], Method]] = {
    Kind.ABC: abc_from_json,
    Kind.RFM: rfm_from_json,
    Kind.KMEANS: kmeans_from_json,
    Kind.WARD: kmeans_from_json,
    Kind.CLV: clv_from_json,
    Kind.MIXTURE: mixture_from_json,
    Kind.LATENT_CLASS: latent_class_from_json,
    Kind.FORECAST: forecast_from_json,
    Kind.MANUAL: manual_from_json,
}
"""How the method's part of a stored model is read; rules need the features besides."""


@dataclass(frozen=True)
class Model:
    """A scoring model: with it and a record's facts the segment can be computed again."""

    kind: Kind
    definition: bytes
    """Digest of the definition it was made for."""
    zone: str
    features: tuple[Feature, ...]
    segments: tuple[Segment, ...]
    """Keys and names; a segment's number is its position. Rules and score ranges stand in `method`."""
    method: Method
    fit: Mapping[str, int | str]
    """How it was fitted: counts, seed and qualities, decimals as text; empty where nothing is fitted."""
    document: str
    digest: bytes
    stability: Stability = LOOSE
    """The guard against flapping that was in force."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The facts of a record, in order."""
        return slots_of(self.features)

    @property
    def layout(self) -> RecordLayout:
        """How wide the records of this model's runs are."""
        return RecordLayout(len(self.slots), len(self.method.rules) if isinstance(self.method, RulesMethod) else 0)


def make_model(
    kind: Kind,
    definition: bytes,
    zone: str,
    features: tuple[Feature, ...],
    segments: tuple[Segment, ...],
    method: Method,
    fit: Mapping[str, int | str],
    stability: Stability = LOOSE,
) -> Model:
    """The model with its canonical document and digest."""
    by_key = {feature.key: feature for feature in features}
    own = method.to_json(by_key) if isinstance(method, RulesMethod) else method.to_json()
    document = canonical(
        {
            "format": FORMAT,
            "kind": kind.value,
            "definition": definition.hex(),
            "zone": zone,
            "features": [feature.to_json() for feature in features],
            "segments": [_segment_to_json(segment) for segment in segments],
            "method": own,
            "fit": dict(fit),
            "stability": stability.to_json(),
        }
    )
    return parse_model(document)


def parse_model(document: str, digest: bytes | None = None) -> Model:
    """Read a stored model.

    Raises:
        ModelBroken: it is not the document that *digest* names, or not a model of this format.
    """
    actual = digest_of(document)
    if digest is not None and digest != actual:
        raise ModelBroken("a stored model was altered: its text does not have the digest it is stored under")
    try:
        return _parsed(json.loads(document), document, actual)
    except (ValueError, KeyError, TypeError, AttributeError, DefinitionInvalid) as error:
        raise ModelBroken(f"a stored model cannot be read: {type(error).__name__}") from None


def _parsed(value: dict[str, Any], document: str, digest: bytes) -> Model:
    if value["format"] != FORMAT:
        raise ModelBroken(f"a stored model has format {int(value['format'])}; this version reads {FORMAT}")
    kind = Kind(value["kind"])
    features = tuple(feature_from_json(item) for item in value["features"])
    return Model(
        kind=kind,
        definition=bytes.fromhex(value["definition"]),
        zone=value["zone"],
        features=features,
        segments=tuple(_segment_from_json(item) for item in value["segments"]),
        method=_method(kind, value["method"], {feature.key: feature for feature in features}),
        fit=value["fit"],
        document=document,
        digest=digest,
        stability=stability_from_json(value["stability"]),
    )


def _method(kind: Kind, value: dict[str, Any], features: Mapping[str, Feature]) -> Method:
    return rules_from_json(value, features) if kind is Kind.RULES else READERS[kind](value)


def _segment_to_json(segment: Segment) -> dict[str, Any]:
    return {
        "key": segment.key,
        "name": {"de": segment.name.de, "en": segment.name.en},
        "name_for_subject": {"de": segment.name_for_subject.de, "en": segment.name_for_subject.en},
    }


def _segment_from_json(value: dict[str, Any]) -> Segment:
    name, for_subject = value["name"], value["name_for_subject"]
    return Segment(value["key"], Text(name["de"], name["en"]), Text(for_subject["de"], for_subject["en"]))
