"""HTML pages: one template environment per language, everything escaped, nothing undefined.

A page gets the same frame everywhere: who is signed in, what this role may open, language, theme and the form token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.access import Right, may
from api.i18n import N_, Tongue
from governance.vocabulary import Language, Role, Text

FOLDER = Path(__file__).parent / "templates"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Place:
    """One entry of the rail."""

    label: str
    path: str
    right: Right


NAVIGATION: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        N_("See"),
        (
            Place(N_("Overview"), "/console", Right.OVERVIEW),
            Place(N_("Contacts"), "/console/contacts", Right.CONTACTS),
            Place(N_("Import"), "/console/imports", Right.IMPORT),
            Place(N_("Segments"), "/console/segments", Right.SEGMENTS),
            Place(N_("Assignments"), "/console/person", Right.PERSON),
            Place(N_("Letters"), "/console/letters", Right.LETTER),
        ),
    ),
    (
        N_("Use"),
        (Place(N_("Prices"), "/console/prices", Right.PRICES), Place(N_("Exports"), "/console/exports", Right.EXPORTS)),
    ),
    (
        N_("Prove"),
        (
            Place(N_("Compliance"), "/console/compliance", Right.COMPLIANCE),
            Place(N_("Log"), "/console/log", Right.LOG),
            Place(N_("Check the log"), "/console/verify", Right.VERIFY),
            Place(N_("Records"), "/console/records", Right.RECORDS),
        ),
    ),
    (N_("Manage"), (Place(N_("Staff"), "/console/staff", Right.ACCOUNTS),)),
)

ROLE_NAMES: dict[Role, str] = {
    Role.DPO: N_("Data protection"),
    Role.MARKETING: N_("Marketing"),
    Role.DESK: N_("Complaint desk"),
    Role.STEWARD: N_("Data stewardship"),
    Role.ADMIN: N_("Administration"),
    Role.AUDITOR: N_("Audit"),
    Role.OPERATOR: N_("Operations"),
    Role.ENGINE: N_("System"),
    Role.SUBJECT: N_("The person concerned"),
}


def navigation(role: Role, path: str) -> list[tuple[str, list[tuple[Place, bool]]]]:
    """What this role may open, in groups, and which entry the path belongs to."""
    shown = []
    for heading, places in NAVIGATION:
        mine = [(place, _current(place, path)) for place in places if may(role, place.right)]
        if mine:
            shown.append((heading, mine))
    return shown


def _current(place: Place, path: str) -> bool:
    return path == place.path or (place.path != "/console" and path.startswith(place.path + "/"))


def role_of(actor: str) -> str:
    """The message of the role's name of a stored actor; never the handle."""
    role = actor.partition(":")[0]
    return ROLE_NAMES.get(Role(role), role) if role in set(Role) else role


def environment(tongue: Tongue) -> Environment:
    """The templates in one language, with its figures as filters."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(tongue.catalogue, newstyle=True)  # type: ignore[attr-defined]
    formats = tongue.formats
    made.filters.update(
        num=formats.number,
        signed=formats.signed,
        pct=formats.percent,
        signed_pct=formats.signed_percent,
        money=formats.money,
        day=formats.day,
        date=formats.long_day,
        moment=formats.moment,
        clock=formats.clock,
        quote=formats.quote,
        t=lambda value: tongue.pick(value) if isinstance(value, Text) else value,
        say=tongue.catalogue.gettext,
        iso=lambda value: value.isoformat(),
    )
    made.globals.update(language=tongue.language, role_names=ROLE_NAMES, narrow="\u202f")
    return made


def render(
    environments: Mapping[Language, Environment],
    language: Language,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """One page in one language."""
    text = environments[language].get_template(template).render(**values)
    return HTMLResponse(text, status, {"Content-Language": language, **(headers or {})})
