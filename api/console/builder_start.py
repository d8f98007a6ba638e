"""What a scheme can begin with: a template, an existing scheme, or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.console.schemes import scheme_lines
from api.workflows.activations import version_row
from audit.errors import LauterError, Refused
from segmentation import store_activation
from segmentation.rule_templates import filled, rule_template, rule_templates

if TYPE_CHECKING:
    from api.deps import Visit


class TemplateNeeds(Refused):
    """A template looks at a detail that the catalogue does not have; names it."""

    def __init__(self, field: str) -> None:
        super().__init__(f"the catalogue has no field {field!r}; `lauter template show {field}` gives an entry for it")


@dataclass(frozen=True)
class Start:
    """One thing to begin with."""

    key: str
    label: str
    note: str


@dataclass(frozen=True)
class Starts:
    """Everything to begin with."""

    templates: tuple[Start, ...]
    schemes: tuple[Start, ...]
    purposes: tuple[tuple[str, str], ...]


def starts(visit: Visit) -> Starts:
    """What this house can begin with."""
    pick = visit.tongue.pick
    schemes = tuple(Start(line.name, line.label, line.kind) for line in scheme_lines(visit))
    found = visit.house.catalogue.purposes.items()
    purposes = tuple((key, pick(purpose.label)) for key, purpose in found if purpose.profiling)
    templates = tuple(Start(each.key, pick(each.label), pick(each.description)) for each in rule_templates())
    return Starts(templates, schemes, purposes)


def begin(visit: Visit, base: str, purpose: str) -> dict[str, Any]:
    """The definition to begin with; names are left to whoever builds, so that no two schemes read alike.

    Raises:
        NotFound: there is no such template or scheme.
        TemplateNeeds: the catalogue lacks a detail of the template.
    """
    if base.startswith("template:"):
        template = rule_template(base.removeprefix("template:"))
        unknown = [
            each["field"] for each in template.needs if each.get("field", "") not in {"", *visit.house.catalogue.fields}
        ]
        if unknown:
            raise TemplateNeeds(unknown[0])
        return filled(template, purpose)
    found = dict(base_of(visit, base))
    if not found:
        purposes = visit.house.catalogue.purposes
        return {"kind": "rules", "purpose": purpose if purpose in purposes else "", "unit": "contact"} | {
            "label": {"de": "", "en": ""}
        }
    return found


def named(visit: Visit, base: str) -> str:
    """`scheme:KEY` as the newest version of that scheme; anything else as it is."""
    if not base.startswith("scheme:"):
        return base
    with visit.house.work.reading() as connection:
        row = version_row(connection, base.removeprefix("scheme:"))
    return f"{row.scheme}:{row.version}"


def base_of(visit: Visit, base: str) -> Mapping[str, Any]:
    """The definition that a form began with: `SCHEME:VERSION`; empty where it began with nothing."""
    match = re.fullmatch(r"([a-z][a-z0-9_]{0,63}):(\d{1,6})", base)
    if match is None:
        return {}
    with visit.house.work.reading() as connection:
        row = store_activation.version_of(connection, match[1], int(match[2]))
    try:
        found: dict[str, Any] = json.loads(row.document) if row else {}
    except (ValueError, LauterError):
        return {}
    return found
