"""Every page of the console under one prefix."""

from fastapi import APIRouter

from api.console import (
    assignment,
    builder,
    compliance,
    contacts,
    corrections,
    export_form,
    exports,
    front,
    imports,
    letters,
    log,
    log_list,
    person,
    person_papers,
    prices,
    profile,
    progress,
    records,
    schedule,
    segment_compare,
    segment_history,
    segment_migration,
    segments,
    sign_in,
    staff,
    versions,
)

router = APIRouter(include_in_schema=False)
for area in (
    sign_in,
    front,
    contacts,
    imports,
    builder,  # before the pages of a scheme: an address is looked for in this order
    versions,
    schedule,
    segments,
    segment_compare,
    segment_migration,
    segment_history,
    profile,
    person,
    person_papers,
    letters,
    assignment,
    corrections,
    prices,
    export_form,
    exports,
    progress,
    compliance,
    log_list,
    log,
    records,
    staff,
):
    router.include_router(area.router, prefix="/console")
