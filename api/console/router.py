"""Every page of the console under one prefix."""

from fastapi import APIRouter

from api.console import contacts, front, log, progress, sign_in

router = APIRouter(prefix="/console", include_in_schema=False)
for area in (sign_in, front, contacts, progress, log):
    router.include_router(area.router)
