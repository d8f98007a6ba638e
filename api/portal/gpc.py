"""`/.well-known/gpc.json`: this site honours Global Privacy Control (W3C); the date is that of this statement."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

router = APIRouter()
SUPPORT: dict[str, Any] = {"gpc": True, "lastUpdate": "2026-11-22"}


@router.get("/.well-known/gpc.json")
def support() -> dict[str, Any]:
    """Read by browsers; the same for everybody."""
    return SUPPORT
