"""Everything under /api/v1."""

from fastapi import APIRouter

from api.routes import (
    activations,
    confirmations,
    decisions,
    exports,
    imports,
    log,
    people,
    preferences,
    prices,
    records,
    schedules,
    schemes,
    segment_life,
    templates,
    webhooks,
)

router = APIRouter()
# Decisions first: they are asked before each use, and an address is looked for in this order.
for area in (
    decisions,
    activations,
    schemes,
    segment_life,
    schedules,
    templates,
    people,
    preferences,
    confirmations,
    imports,
    prices,
    exports,
    webhooks,
    log,
    records,
):
    router.include_router(area.router, prefix="/api/v1")
