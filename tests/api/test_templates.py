"""What the command line and the API say of templates."""

from __future__ import annotations

import pytest

from api.workflows.templates import listed, shown
from audit.errors import NotFound
from governance.staff import Scope
from governance.vocabulary import Role
from tests.api.web import Served
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


def test_templates_are_read_over_http_by_whoever_may_see_segments(served: Served) -> None:
    """API, command line and console say the same; a token without the scope reads nothing."""
    reader = served.caller(Role.MARKETING, Scope.READ)

    assert {"industry"} <= {field["key"] for field in reader.get("/api/v1/templates").json()["fields"]}
    (margin,) = reader.get("/api/v1/templates/contribution_margin").json()["fields"]
    assert (margin["family"], margin["type"]) == ("value", "money")
    assert "[[field]]" in margin["catalogue_entry"]
    assert reader.get("/api/v1/templates/nothing").status_code == 404
    assert served.caller(Role.MARKETING, Scope.IMPORT).get("/api/v1/templates").status_code == 403
