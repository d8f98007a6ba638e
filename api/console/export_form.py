"""The request for an export: scheme first, then what may leave; built into the document the workflow reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.access import Right
from api.console.contacts import CHANNELS
from api.console.forms import Mistake, missing, refused
from api.console.schemes import SchemeChoice, scheme_choice, scheme_choices
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.workflows import export_requests as requests
from audit.errors import LauterError
from governance.fields import ACTIVITY_TYPES
from governance.vocabulary import Channel
from segmentation.export import DETAIL_LABELS
from segmentation.export_request import BY_CHANNEL, NAMES

router = APIRouter()

VALID = {"P7D": N_("7 days"), "P14D": N_("14 days"), "P30D": N_("30 days"), "P90D": N_("90 days")}
ROLES = {
    "processor": N_("Processor, acts on our instructions"),
    "controller": N_("Controller, decides itself"),
    "joint_controller": N_("Joint controller, decides with us"),
}
WANTED = {
    "recipient": N_("Recipient: name the company that gets the file"),
    "country": N_("Country: two capital letters, such as DE"),
    "mode": N_("Content: choose what stands for a person"),
}


@dataclass(frozen=True)
class RequestForm:
    """What can be asked for, and what was ticked already; free text is never sent back."""

    scheme: SchemeChoice
    purpose: str
    channels: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    roles: Mapping[str, str]
    valid: Mapping[str, str]
    ticked: frozenset[str]


def request_form(visit: Visit, name: str) -> RequestForm:
    """The form for one scheme."""
    choice = scheme_choice(visit, name)
    purpose = visit.house.catalogue.purpose(choice.purpose)
    tongue = visit.tongue
    permitted = visit.house.catalogue.permitted_fields(purpose)
    needed = NAMES.union(*(BY_CHANNEL[channel] for channel in purpose.channels))
    chosen = {f"{key}={value}" for key, value in visit.form.items() if key not in {"recipient", "reference", "country"}}
    return RequestForm(
        scheme=choice,
        purpose=tongue.pick(purpose.label),
        channels=tuple((c.value, tongue.say(CHANNELS[c])) for c in Channel if c in purpose.channels),
        fields=tuple((f.key, tongue.pick(f.label)) for f in permitted if f.type not in ACTIVITY_TYPES),
        details=tuple((key, tongue.pick(word)) for key, word in DETAIL_LABELS.items() if key in needed),
        roles=ROLES,
        valid=VALID,
        ticked=frozenset(chosen),
    )


def document_of(form: Mapping[str, str], choice: SchemeChoice) -> str:
    """The request as the JSON document that the workflow checks."""
    ticked = [key for key, value in form.items() if value == "1"]
    recipient: dict[str, Any] = {key: form.get(key, "") for key in ("country", "role")}
    recipient["name"] = form.get("recipient", "")
    if form.get("ground"):
        recipient.update(ground=form["ground"], reference=form.get("reference", ""))
    wanted: dict[str, Any] = {
        "purpose": choice.purpose,
        "scheme": choice.name,
        "segments": [key.removeprefix("segment-") for key in ticked if key.startswith("segment-")],
        "recipient": recipient,
        "fields": [key.removeprefix("field-") for key in ticked if key.startswith("field-")]
        + ["contact." + key.removeprefix("contact-") for key in ticked if key.startswith("contact-")],
        "valid": form.get("valid", "P7D"),
        "mode": form.get("mode", ""),
        "language": "de",
    }
    if form.get("channel"):
        wanted["channel"] = form["channel"]
    return json.dumps(wanted, ensure_ascii=False)


def _again(visit: Visit, name: str, mistakes: list[Mistake]) -> Response:
    return visit.page("export_form.html", 422, view=request_form(visit, name), mistakes=mistakes)


@router.get("/exports/new")
def choose(visit: Annotated[Visit, Depends(visiting(Right.REQUEST_EXPORT))], scheme: str = "") -> Response:
    """Choose a scheme, or fill in the form for it."""
    if not scheme:
        return visit.page("export_choose.html", choices=scheme_choices(visit))
    return visit.page("export_form.html", view=request_form(visit, scheme), mistakes=[])


@router.post("/exports/new")
def ask(visit: Annotated[Visit, Depends(posting(Right.REQUEST_EXPORT))]) -> Response:
    """Store the request; nothing leaves yet."""
    name = visit.form.get("scheme", "")
    mistakes = missing(visit, WANTED)
    if mistakes:
        return _again(visit, name, mistakes)
    try:
        text = document_of(visit.form, scheme_choice(visit, name))
        made = requests.request(visit.house, text, actor=visit.who.actor, now=visit.now)
    except LauterError as error:
        return _again(visit, name, refused(visit, error))
    return visit.go(f"/console/exports/{made.number}")
