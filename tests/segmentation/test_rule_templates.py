"""Rules to start from: each fills to a definition that runs, and dates ahead are judged by the calendar."""

from __future__ import annotations

import json

import numpy as np
import pytest

from audit.database import Database
from audit.errors import BadInput
from segmentation.conditions import parse_condition
from segmentation.definitions import parse_definition
from segmentation.errors import DefinitionInvalid
from segmentation.facts import Values
from segmentation.methods.rules import Judge
from segmentation.reading import Node
from segmentation.rule_templates import RuleTemplate, fill, rule_template, rule_templates
from tests.segmentation.builders import CATALOGUE, NAME, a_world, ran, reactivation

each_template = pytest.mark.parametrize("template", rule_templates(), ids=lambda template: str(template.key))


@each_template
def test_every_template_runs_as_it_stands(template: RuleTemplate, sqlite_work: Database) -> None:
    """Issue 4: a template is a definition of the default catalogue, no draft."""
    a_world(sqlite_work)

    report = ran(sqlite_work, fill(template, CATALOGUE, "sales_care"))

    assert [segment.key for segment in report.segments] == [template.key, "others"]


def test_a_parameter_replaces_its_default_and_an_unknown_one_is_refused() -> None:
    """Numbers stay numbers; a misspelt name is no silent default."""
    top = rule_template("top_revenue")

    assert fill(top, CATALOGUE, "sales_care", {"amount": "900"})["segments"][0]["rule"]["at_least"] == 900
    with pytest.raises(BadInput, match="no parameter 'amuont'"):
        fill(top, CATALOGUE, "sales_care", {"amuont": "900"})
    with pytest.raises(BadInput, match="must be a number"):
        fill(top, CATALOGUE, "sales_care", {"amount": "much"})


def test_a_coming_date_is_from_today_to_the_end_of_the_period() -> None:
    """Yesterday is over, today and the last day count, the day after does not."""
    document = fill(rule_template("contract_ends"), CATALOGUE, "sales_care")
    features = parse_definition(json.dumps(document), CATALOGUE).features
    condition = parse_condition(Node(document["segments"][0]["rule"]), {one.key: one for one in features})
    numbers = np.array([[1.0, 0.0, -60.0, -61.0]])
    values = Values(numbers, np.ones((1, 4), bool), np.zeros((1, 4), bool))

    assert Judge(features, values, 20_000).surely(condition).tolist() == [False, True, True, False]


def test_no_order_lies_ahead() -> None:
    """`coming` of an activity would never be true: refused instead."""
    document = reactivation()
    document["segments"][0]["rule"] = {"feature": document["features"][0]["key"], "coming": "P60D"}

    with pytest.raises(DefinitionInvalid, match=r"coming"):
        parse_definition(json.dumps(document), CATALOGUE)


def test_a_word_that_only_a_block_names_is_known(sqlite_work: Database) -> None:
    """A category without levels takes its words from every rule, blocks included."""
    a_world(sqlite_work)
    document = reactivation()
    document["features"] = [*document["features"], {"key": "country", "field": "country"}]
    document["blocks"] = [{"key": "german", "rule": {"feature": "country", "equals": "DE"}}]
    document["segments"] = [{"key": "home", "name": NAME, "rule": {"block": "german"}}]

    assert ran(sqlite_work, document).segments[0].key == "home"
