"""Everything under /api/v1."""

from fastapi import APIRouter

from api.routes import confirmations, decisions, exports, imports, log, people, preferences, prices, schemes, webhooks

router = APIRouter()
for area in (schemes, people, preferences, decisions, confirmations, imports, prices, exports, webhooks, log):
    router.include_router(area.router, prefix="/api/v1")
