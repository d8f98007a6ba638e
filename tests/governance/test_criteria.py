"""Field templates: nine families, each with its data category and the purposes it is fit for."""

from __future__ import annotations

import pytest

from governance.catalogue import parse_catalogue
from governance.criteria import Family, FieldTemplate, template_catalogue, templates
from governance.errors import CatalogueInvalid
from tests.builders import default_catalogue

HOUSE = parse_catalogue(default_catalogue())


@pytest.mark.parametrize("family", Family)
def test_every_family_has_a_template_and_a_field(family: Family) -> None:
    """Issue 4: at least one field a family, in the templates and in the catalogue that ships."""
    assert any(template.family is family for template in templates())
    assert any(field.family is family for field in HOUSE.fields.values())


@pytest.mark.parametrize("template", templates(), ids=lambda template: str(template.key))
def test_each_entry_is_read_by_the_catalogue_as_the_template_says(template: FieldTemplate) -> None:
    """What is pasted is what was shown: only the purposes are added."""
    purposes = template.fit_for(HOUSE)
    entry = template.catalogue_entry(purposes).replace(f'"{template.key}"', '"pasted"', 1)

    field = parse_catalogue(f"{default_catalogue()}\n{entry}").fields["pasted"]

    assert purposes
    assert field.purposes == frozenset(purposes)
    assert (field.family, field.type, field.levels) == (template.family, template.type, template.levels)


def test_motives_are_only_for_purposes_based_on_consent() -> None:
    """Psychographic criteria need explicit consent; the refusal says so (Art. 6(1)(a) GDPR)."""
    motive = next(one for one in template_catalogue(HOUSE) if one.template.family is Family.PSYCHOGRAPHIC)

    assert motive.template.requires_consent
    assert "explicit consent" in motive.not_for["sales_care"]
    with pytest.raises(CatalogueInvalid, match="explicit consent"):
        parse_catalogue(f"{default_catalogue()}\n{motive.template.catalogue_entry(('sales_care',))}")
