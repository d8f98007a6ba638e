"""What the command line and the API say of templates."""

from __future__ import annotations

import pytest

from api.workflows.templates import listed, shown
from audit.errors import NotFound
from tests.segmentation.builders import CATALOGUE


def test_a_template_says_what_it_is_fit_for_and_why_not_for_the_rest() -> None:
    """Issue 4: each with its data category and the purposes it is fit for."""
    (motive,) = shown(CATALOGUE, "buying_motive").to_json()["fields"]

    assert motive["fit_for"] == ["personalised_offers"]
    assert "explicit consent" in motive["not_for"]["sales_care"]
    assert set(motive["fit_for"]) | set(motive["not_for"]) == set(CATALOGUE.purposes)


def test_every_template_is_listed_and_an_unknown_one_is_not_found() -> None:
    """Field and rule templates stand in one list."""
    found = listed(CATALOGUE).to_json()

    assert {"industry", "contract_end"} <= {field["key"] for field in found["fields"]}
    assert {"reactivate", "service_due"} <= {rule["key"] for rule in found["rules"]}
    with pytest.raises(NotFound, match="no template"):
        shown(CATALOGUE, "nothing")
