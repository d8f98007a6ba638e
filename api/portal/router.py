"""Every page of the portal; each module names the addresses it answers to in full, below its prefix."""

from fastapi import APIRouter

from api.portal import about, address, choices, confirm, gpc, one_click, preferences, receipts, sign_in

router = APIRouter(include_in_schema=False)
for area in (sign_in, preferences, address, receipts, about, choices):
    router.include_router(area.router, prefix="/portal")

for links in (one_click, confirm, gpc):
    router.include_router(links.router)
