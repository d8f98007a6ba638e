"""Everything under /api/v1."""

from fastapi import APIRouter

from api.routes import exports, imports, log, people, preferences, prices, schemes

router = APIRouter()
for area in (schemes, people, preferences, imports, prices, exports, log):
    router.include_router(area.router, prefix="/api/v1")
