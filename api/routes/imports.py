"""Imports: the file as the raw body, the mapping by name or in a header; the report never holds a value."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request

from api.access import Right
from api.routes.access import Call, calling
from api.routes.upload import body_of, mapping_of
from audit.errors import BadInput
from governance.staff import Scope

router = APIRouter(tags=["imports"])


class Kind(StrEnum):
    """What a file holds."""

    CONTACTS = "contacts"
    ACCOUNTS = "accounts"
    ACTIVITIES = "activities"
    ATTRIBUTES = "attributes"
    CONSENTS = "consents"


BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string", "format": "binary"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/imports/{kind}", openapi_extra=BODY)
def import_file(
    request: Request,
    call: Annotated[Call, Depends(calling(Scope.IMPORT, Right.IMPORT))],
    kind: Kind,
    mapping: Annotated[str | None, Query(description="Name of a file in the home's folder mappings/.")] = None,
    dry_run: bool = False,
    lauter_mapping: Annotated[str | None, Header(description="The mapping's TOML in base64url.")] = None,
) -> dict[str, Any]:
    """Import a CSV or Parquet file sent as the raw body; the answer is the report.

    Nothing of the body is written anywhere before it was mapped; what the mapping does not name is never kept.
    """
    text = mapping_of(call.house.settings.home, mapping, lauter_mapping)
    report = importer(kind)(
        call.house, body_of(request), _needed(kind, text), actor=call.actor, now=call.now, dry_run=dry_run
    )
    return dict(report.to_json())


def _needed(kind: Kind, text: str | None) -> str | None:
    if text is None and kind is not Kind.CONSENTS:
        raise BadInput("an import needs a mapping: name one with ?mapping= or send it in the header Lauter-Mapping")
    return text


def importer(kind: Kind) -> Callable[..., Any]:
    """What takes in a file of that kind."""
    from api.workflows import consents, imports

    importers: dict[Kind, Callable[..., Any]] = {
        Kind.CONTACTS: imports.import_contacts,
        Kind.ACCOUNTS: imports.import_accounts,
        Kind.ACTIVITIES: imports.import_activities,
        Kind.ATTRIBUTES: imports.import_attributes,
        Kind.CONSENTS: consents.import_consents,
    }
    return importers[kind]
