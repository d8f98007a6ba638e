"""Every page of the portal; each module names the addresses it answers to in full, below its prefix."""

from fastapi import APIRouter

from api.portal import choices

router = APIRouter(include_in_schema=False)
for area in (choices,):
    router.include_router(area.router, prefix="/portal")
