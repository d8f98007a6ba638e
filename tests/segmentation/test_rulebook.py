"""Rules that build on one another: read as a graph, judged once, never in a ring."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from audit.database import Database
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.facts import Values
from segmentation.methods.rules import Judge, _shared
from segmentation.report import report_from_json, rounded
from tests.segmentation.builders import CATALOGUE, NAME, a_world, ran, reactivation

SMALL = {"feature": "employees", "at_most": 50}
GERMAN = {"key": "german", "rule": {"feature": "country", "equals": "DE"}}


def nested(**changes: Any) -> dict[str, Any]:
    """Sleepers in Germany, sleepers elsewhere, and the regulars who do not sleep."""
    base = reactivation()
    segments = [
        {"key": "asleep_de", "name": NAME, "rule": {"all": [{"segment": "asleep"}, {"block": "german"}]}},
        *base["segments"],
        {"key": "awake", "name": NAME, "rule": {"all": [{"not": {"segment": "asleep"}}, {"segment": "regular"}]}},
    ]
    features = [*base["features"], {"key": "country", "field": "country", "levels": ["DE", "AT"]}]
    return base | {"features": features, "segments": segments, "blocks": [GERMAN]} | changes


def test_a_rule_may_name_the_rule_of_another_segment_or_a_block() -> None:
    """The named rule is the same condition, however often it is named."""
    definition = parse_definition(json.dumps(nested()), CATALOGUE)
    rules = [segment.rule for segment in definition.segments if segment.rule is not None]

    assert rules[1] in _shared(tuple(rules))
    assert rules[0].items[0] == rules[1]  # type: ignore[union-attr]


def test_the_people_are_those_of_the_rules_written_out(work: Database) -> None:
    """Naming is writing once; precedence is still the order of the segments."""
    a_world(work)
    short = ran(work, nested(minimum_size=10))
    asleep, german = {"last_order_before": "P180D"}, {"feature": "country", "equals": "DE"}
    regular = {"feature": "orders", "at_least": 3}
    written = nested(scheme="written", minimum_size=10)
    written.pop("blocks")
    for segment, rule in zip(
        written["segments"],
        ({"all": [asleep, german]}, asleep, regular, {"all": [{"not": asleep}, regular]}),
        strict=True,
    ):
        segment["rule"] = rule

    long = ran(work, written)

    assert [each.effective for each in short.segments] == [each.effective for each in long.segments]


def test_a_shared_condition_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph computed once: no segment is rebuilt for each that names it."""
    definition = parse_definition(json.dumps(nested()), CATALOGUE)
    rules = tuple(segment.rule for segment in definition.segments if segment.rule is not None)
    seen: list[Any] = []
    judge = Judge(definition.features, _nobody(len(definition.features)), 0, shared=_shared(rules))
    monkeypatch.setattr(judge, "_fits", lambda condition: seen.append(condition) or _nobody(1).known[0])
    for rule in rules:
        judge.surely(rule)

    assert seen.count(rules[1]) == 1


def _nobody(features: int) -> Values:
    """Values of three people, all known."""
    return Values(np.zeros((features, 3)), np.ones((features, 3), bool), np.zeros((features, 3), bool))


@pytest.mark.parametrize(
    ("changes", "path", "word"),
    [
        (
            {"blocks": [GERMAN, {"key": "a", "rule": {"block": "b"}}, {"key": "b", "rule": {"block": "a"}}]},
            ".block",
            "a → b → a",
        ),
        ({"blocks": [GERMAN, GERMAN]}, "$.blocks", "twice"),
        ({"blocks": []}, "$.segments[0].rule.all[1].block", "known"),
        ({"blocks": [GERMAN | {"name": "x"}]}, "$.blocks[0]", "unknown key"),
    ],
)
def test_a_ring_or_a_name_that_is_not_there_is_refused_with_its_path(
    changes: dict[str, Any], path: str, word: str
) -> None:
    """Bad input says where and how to mend it."""
    with pytest.raises(DefinitionInvalid) as refusal:
        parse_definition(json.dumps(nested(**changes)), CATALOGUE)

    assert any(path in mistake.path and word in mistake.what for mistake in refusal.value.mistakes)


def test_only_rules_build_on_one_another() -> None:
    """A manual scheme has nothing to name."""
    document = reactivation(kind="manual", blocks=[GERMAN])
    document["segments"] = [{"key": "a", "name": NAME}]

    with pytest.raises(DefinitionInvalid, match="blocks"):
        parse_definition(json.dumps(document), CATALOGUE)


def test_segments_whose_rules_fit_the_same_people_are_told(work: Database) -> None:
    """Marketing sees where precedence decides, and how many people it concerns."""
    a_world(work)

    report = ran(work, nested(minimum_size=10))

    told = {(each.first, each.second): each.people for each in report.overlaps}
    sizes = {each.key: each.scored for each in report.segments}
    assert told["asleep_de", "asleep"] == sizes["asleep_de"]
    assert ("asleep", "awake") not in told
    assert list(told.values()) == sorted(told.values(), reverse=True)


def test_a_rule_that_earlier_ones_leave_nobody_is_told_and_a_few_left_look_the_same(sqlite_work: Database) -> None:
    """The conflict report names it; marketing cannot tell nobody from a few (XPT-3)."""
    a_world(sqlite_work)
    document = reactivation(minimum_size=10)
    again = {"key": "again", "name": NAME, "rule": {"last_order_before": "P190D"}}
    few = {"key": "few", "name": NAME, "rule": {"any": [{"feature": "orders", "at_least": 1}, SMALL]}}
    document["segments"] = [*document["segments"], again, few]

    report = ran(sqlite_work, document)

    sizes = {segment.key: segment.scored for segment in report.segments}
    assert sizes["again"] == 0
    assert report.fits["asleep"] == sizes["asleep"]
    assert report.never_reached == {"again": report.fits["again"]}
    assert {each["segment"] for each in rounded(report)["never_reached"]} == {"again", "few"}
    assert 0 < sizes["few"] < 10
    assert report_from_json(json.dumps(report.to_json())) == report
    assert rounded(replace(report, fits={"again": 9}))["never_reached"] == []


def test_old_reports_are_read_without_the_counts_of_rules(sqlite_work: Database) -> None:
    """A run from before knows no fits; nothing is said of it."""
    a_world(sqlite_work)
    told = ran(sqlite_work, reactivation()).to_json()
    del told["fits"]

    assert report_from_json(json.dumps(told)).never_reached == {}
