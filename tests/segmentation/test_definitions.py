"""Definitions are data of a closed vocabulary: every mistake names its JSON path, nothing is evaluated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.errors import FieldNotPermitted
from segmentation.definitions import Kind, parse_definition
from segmentation.errors import DefinitionInvalid
from tests.segmentation.builders import CATALOGUE, NAME, clusters, reactivation, rfm


def parse(document: Any) -> Any:
    """Read a definition given as a value or text."""
    return parse_definition(document if isinstance(document, str) else json.dumps(document), CATALOGUE)


def path_of(document: Any) -> list[str]:
    """Where the mistakes are."""
    with pytest.raises(DefinitionInvalid) as refused:
        parse(document)
    return [mistake.path for mistake in refused.value.mistakes]


def with_rule(rule: Any) -> dict[str, Any]:
    """A scheme with a single segment of that rule."""
    return reactivation(segments=[{"key": "one", "name": NAME, "rule": rule}])


@pytest.mark.parametrize(("scheme", "kind"), [(reactivation, Kind.RULES), (rfm, Kind.RFM), (clusters, Kind.KMEANS)])
def test_a_valid_definition_reads_the_same_from_its_canonical_text(scheme: Any, kind: Kind) -> None:
    """The digest names the document, however it was spaced."""
    first = parse(json.dumps(scheme(), indent=3))
    again = parse(first.document)

    assert first.kind is kind
    assert again == first
    assert first.minimum_size == CATALOGUE.controller.minimum_cell


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (reactivation(surprise=1), "$"),
        (reactivation(scheme="No Spaces"), "$.scheme"),
        (reactivation(unit="person"), "$.unit"),
        (reactivation(purpose="nothing"), "$.purpose"),
        (reactivation(effect_class="price"), "$.effect_class"),
        (reactivation(minimum_size=2), "$.minimum_size"),
        (reactivation(features=[{"key": "a", "field": "shoe_size"}]), "$.features[0].field"),
        (reactivation(features=[{"key": "a", "activity": "count", "window": "P99Y"}]), "$.features[0].window"),
        (reactivation(features=[{"key": "a", "activity": "count", "window": "soon"}]), "$.features[0].window"),
        (with_rule({"feature": "orders", "at_least": "3"}), "$.segments[0].rule.at_least"),
        (with_rule({"feature": "orders", "at_least": 3, "below": 5}), "$.segments[0].rule"),
        (with_rule({"feature": "orders", "eval": "1"}), "$.segments[0].rule"),
        (with_rule({"all": [{"feature": "age", "at_least": 3}]}), "$.segments[0].rule.all[0].feature"),
        (with_rule({"feature": "employees", "missing": True}), "$.segments[0].rule.missing"),
        (with_rule({"last_order_before": "180"}), "$.segments[0].rule.last_order_before"),
        (clusters(kmeans={"k": 3, "transform": "log1p"}), "$.kmeans.transform"),
        (rfm(rfm={"recency": "monetary", "frequency": "frequency", "monetary": "monetary"}), "$.rfm.recency"),
        (reactivation(kmeans={"k": 3}), "$.kmeans"),
        ('{"kind": "manual", ' + json.dumps(reactivation())[1:], "$"),
        (json.dumps(reactivation()).replace("180", "NaN").replace('"PNaND"', "NaN"), "$"),
        ("[" * 100_000, "$"),
        ('{"minimum_size": ' + "9" * 5_000 + "}", "$"),
        (with_rule({"feature": "orders", "at_least": 10**400}), "$.segments[0].rule.at_least"),
        (reactivation(label={"de": "\ud800", "en": "a"}), "$.label.de"),
        (reactivation(label={"de": "a", "en": "b\u202ec"}), "$.label.en"),
        (reactivation(label={"de": "a", "en": "b\x00c"}), "$.label.en"),
    ],
)
def test_a_mistake_names_its_json_path(document: Any, path: str) -> None:
    """Whoever wrote it can mend it."""
    assert path_of(document) == [path]


def test_all_mistakes_of_a_list_are_told_at_once() -> None:
    """Nobody mends one after the other."""
    features = [{"key": "a", "field": "shoe_size"}, {"key": "b", "activity": "dance"}]
    assert path_of(reactivation(features=features)) == ["$.features[0].field", "$.features[1].activity"]


def test_a_field_that_the_purpose_may_not_see_is_refused_by_name_and_reason() -> None:
    """Invariant 10: it does not validate, and says which and why (PRI-1)."""
    document = reactivation(features=[{"key": "function", "field": "job_function"}], segments=[], kind="manual")
    with pytest.raises(FieldNotPermitted, match="job_function"):
        parse(document)


def test_rfm_has_names_of_its_own_in_both_languages() -> None:
    """The default segments cover every score."""
    names = {segment.name.de for segment in parse(rfm()).segments}
    assert {"Stammkundschaft", "Neue", "Ruhende"} <= names


def test_a_consent_to_a_newsletter_covers_no_groups() -> None:
    """Consent is granular: whoever wants a newsletter has not agreed to be profiled (recital 43 GDPR, CON-3)."""
    nobody = {"key": "one", "name": NAME}
    by_rule = {
        "features": [{"key": "i", "field": "industry"}],
        "segments": [{**nobody, "rule": {"feature": "i", "in": ["47"]}}],
    }

    assert path_of(reactivation(purpose="newsletter", effect_class="none", **by_rule)) == ["$.purpose"]
    by_hand = reactivation(purpose="newsletter", kind="manual", effect_class="none", features=[], segments=[nobody])
    assert parse(by_hand).kind is Kind.MANUAL
