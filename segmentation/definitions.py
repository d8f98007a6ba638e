"""Schemes as data: a JSON document of a closed vocabulary, checked against what the purpose may see; pure.

A definition that names a field its purpose may not see does not validate, and says which and why (Article 5(1)(b)
GDPR). Every mistake names its JSON path. Nothing in a definition is ever evaluated. See docs/definitions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from governance.catalogue import Catalogue
from governance.purposes import Purpose
from governance.vocabulary import EffectClass, Text, Unit
from segmentation.conditions import Condition
from segmentation.definition_features import parse_features
from segmentation.inputs import Feature
from segmentation.reading import Node, canonical, digest_of, each, no_doubles, read_json
from segmentation.rfm_names import DEFAULT_RFM
from segmentation.rulebook import RuleBook
from segmentation.settings.abc import AbcSettings, parse_abc
from segmentation.settings.clv import ClvSettings, parse_clv
from segmentation.settings.forecast import ForecastSettings, check_reach, parse_forecast
from segmentation.settings.kinds import GIVES_EVERYBODY_ONE, NAMED_BY_MODEL, Kind
from segmentation.settings.kmeans import KMeansSettings, parse_kmeans
from segmentation.settings.latent_class import LatentClassSettings, parse_latent_class
from segmentation.settings.mixture import MixtureSettings, parse_mixture
from segmentation.settings.rfm import RfmSettings, ScoreRanges, parse_rfm, parse_scores
from segmentation.settings.stability import Stability, parse_stability
from segmentation.settings.ward import WardSettings, parse_ward

__all__ = ["Definition", "Kind", "Segment", "Settings", "parse_definition"]

MAX_SEGMENTS = 1000
NO_PROFILING = (
    "the purpose {0!r} does not cover profiling (Article 4(4) GDPR): whoever agreed to it was not told of groups; take "
    "a purpose with profiling = true, or assign by hand with the kind manual"
)
Settings: TypeAlias = (
    AbcSettings
    | RfmSettings
    | ClvSettings
    | KMeansSettings
    | WardSettings
    | MixtureSettings
    | LatentClassSettings
    | ForecastSettings
)
"""What a kind asks for beside features and segments."""

PARTS: dict[Kind, Callable[[Node, Mapping[str, Feature]], Settings]] = {
    Kind.ABC: parse_abc,
    Kind.RFM: parse_rfm,
    Kind.CLV: parse_clv,
    Kind.KMEANS: parse_kmeans,
    Kind.WARD: parse_ward,
    Kind.MIXTURE: parse_mixture,
    Kind.LATENT_CLASS: parse_latent_class,
    Kind.FORECAST: parse_forecast,
}
"""The part of a definition that bears the name of its kind; rules and manual schemes have none."""
KEYS = (
    "scheme",
    "label",
    "unit",
    "purpose",
    "kind",
    "effect_class",
    "minimum_size",
    "stability",
    "features",
    "blocks",
    "segments",
    "otherwise",
    *(kind.value for kind in PARTS),
)


@dataclass(frozen=True)
class Segment:
    """A segment of a scheme; its number is its position, and the first that fits takes a person."""

    key: str
    name: Text
    name_for_subject: Text
    rule: Condition | None = None
    scores: ScoreRanges | None = None


@dataclass(frozen=True)
class Definition:
    """A scheme as it was defined. `otherwise` is the number of the segment for everybody whom none takes."""

    scheme: str
    label: Text
    unit: Unit
    purpose: str
    kind: Kind
    effect_class: EffectClass
    minimum_size: int
    features: tuple[Feature, ...]
    segments: tuple[Segment, ...]
    """Empty where the kind names its segments itself: then the model holds them."""
    otherwise: int | None
    settings: Settings | None
    """None for rules and for manual schemes."""
    stability: Stability
    zone: str
    """Time zone whose calendar tells the day."""
    document: str
    """Canonical JSON, as it was defined."""
    digest: bytes

    def feature(self, key: str) -> Feature:
        """The feature of that key, which the definition has."""
        return next(feature for feature in self.features if feature.key == key)

    @property
    def fields(self) -> tuple[str, ...]:
        """Catalogue fields that the scheme reads, each once, in order of first use."""
        named = (name for feature in self.features for name in (feature.field, feature.category_field) if name)
        return tuple(dict.fromkeys(named))


def parse_definition(text: str, catalogue: Catalogue) -> Definition:
    """Read and check a definition.

    Raises:
        DefinitionInvalid: lists the mistakes, each with its JSON path.
        FieldNotPermitted: a field the purpose may not see; says which and why.
    """
    root = read_json(text).object(allowed=KEYS)
    kind = root.at("kind").one_of(Kind)
    purpose = _purpose(root.at("purpose"), catalogue)
    if kind is not Kind.MANUAL and not purpose.profiling:
        raise root.at("purpose").fail(NO_PROFILING.format(purpose.key))
    features = parse_features(root, catalogue, purpose)
    by_key = {feature.key: feature for feature in features}
    settings = PARTS[kind](root, by_key) if kind in PARTS else None
    if isinstance(settings, ForecastSettings):
        check_reach(root, settings, by_key, {field.key: field.window for field in catalogue.fields.values()})
    _only_of_kind(root, kind)
    segments, otherwise = _segments(root, kind, by_key, settings)
    document = canonical(root.value)
    scheme = root.at("scheme").token()
    return Definition(
        scheme=scheme,
        label=root.at("label").both_languages() if root.has("label") else Text(scheme, scheme),
        unit=root.at("unit").one_of(Unit),
        purpose=purpose.key,
        kind=kind,
        effect_class=_effect(root, purpose),
        minimum_size=_minimum_size(root, catalogue),
        features=features,
        segments=segments,
        otherwise=otherwise,
        settings=settings,
        stability=parse_stability(root),
        zone=catalogue.controller.time_zone,
        document=document,
        digest=digest_of(document),
    )


def _purpose(node: Node, catalogue: Catalogue) -> Purpose:
    key = node.token()
    if key not in catalogue.purposes:
        raise node.fail(f"the catalogue has no purpose {key!r}; it has {', '.join(sorted(catalogue.purposes))}")
    return catalogue.purposes[key]


def _effect(root: Node, purpose: Purpose) -> EffectClass:
    if not root.has("effect_class"):
        return EffectClass.NONE
    node = root.at("effect_class")
    effect = node.one_of(EffectClass)
    permitted = {EffectClass.NONE, purpose.effect} | ({EffectClass.MARKETING} if purpose.marketing else set())
    if effect not in permitted:
        words = ", ".join(sorted(member.value for member in permitted))
        raise node.fail(f"the purpose {purpose.key!r} does not permit the effect {effect.value!r}, only: {words}")
    return effect


def _minimum_size(root: Node, catalogue: Catalogue) -> int:
    least = catalogue.controller.minimum_cell
    return root.at("minimum_size").integer(least, 1_000_000_000) if root.has("minimum_size") else least


def _only_of_kind(root: Node, kind: Kind) -> None:
    for part in PARTS:
        if root.has(part.value) and part is not kind:
            raise root.at(part.value).fail(f"does not fit the kind {kind.value!r}")
    if root.has("blocks") and kind is not Kind.RULES:
        raise root.at("blocks").fail("only rules build on one another")
    if root.has("otherwise") and kind in GIVES_EVERYBODY_ONE:
        raise root.at("otherwise").fail(f"{kind.value} gives everybody who is assessed a segment of its own")


def _segments(
    root: Node, kind: Kind, features: Mapping[str, Feature], settings: Settings | None
) -> tuple[tuple[Segment, ...], int | None]:
    cuts = settings.cuts if isinstance(settings, RfmSettings) else 0
    if not root.has("segments"):
        if kind in NAMED_BY_MODEL or cuts == 5:
            return (_default_rfm() if cuts else ()), None
        raise root.at("segments").fail("is missing")
    count = settings.segments if settings else None
    if count is None and kind in NAMED_BY_MODEL:
        raise root.at("segments").fail("the data choose how many segments there are; leave the names to the model")
    nodes = root.at("segments").items(least=count or 1, most=count or MAX_SEGMENTS)
    book = RuleBook(root, features) if kind is Kind.RULES else None
    segments = each(nodes, partial(_segment, kind=kind, book=book, cuts=cuts))
    if book is not None:
        book.check_blocks()
    otherwise = None
    if root.has("otherwise"):
        otherwise = len(segments)
        nodes.append(root.at("otherwise"))
        segments.append(_segment(root.at("otherwise"), kind=Kind.MANUAL, book=None, cuts=0))
    no_doubles(nodes, [segment.key for segment in segments])
    return tuple(segments), otherwise


def _segment(node: Node, *, kind: Kind, book: RuleBook | None, cuts: int) -> Segment:
    extra = {Kind.RULES: ("rule",), Kind.RFM: ("scores",)}.get(kind, ())
    node.object(allowed=("key", "name", "name_for_subject", *extra))
    name = node.at("name").both_languages()
    return Segment(
        key=node.at("key").token(),
        name=name,
        name_for_subject=node.at("name_for_subject").both_languages() if node.has("name_for_subject") else name,
        rule=book.rule(node.at("rule")) if book is not None else None,
        scores=parse_scores(node.at("scores"), cuts) if kind is Kind.RFM else None,
    )


def _default_rfm() -> tuple[Segment, ...]:
    return tuple(
        Segment(key, Text(*name), Text(*for_subject), scores=ScoreRanges(*ranges))
        for key, name, for_subject, ranges in DEFAULT_RFM
    )
