"""A browser's objection, written down: once, as its own source, and never more than it says (OBJ-9)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from api.workflows import declaring
from consent.signals import gpc_objects
from governance.vocabulary import THE_SUBJECT, Act, Declaration, Scope, Source

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from api.workflows.declaring import Subject
    from consent.ledger import Declared

JUST_BEFORE = timedelta(microseconds=1)


def record_gpc(house: House, subject: Subject, *, now: datetime) -> Declared | None:
    """Take the browser's signal down as an objection to profiling; call it at a POST, before what the form says.

    Returns:
        None when nothing was added: it is in force already, or the person chose otherwise after an earlier signal
        (`consent.signals.gpc_objects`, which pages ask to show the effective state before the POST).
    """
    # The signal stands in the head of the request and what the person says in its body, so it counts from just before:
    # whoever lifts the objection in this very form is heard.
    said = Declaration(
        act=Act.OBJECTED,
        scope=Scope.PROFILING,
        purpose=None,
        channel=None,
        field=None,
        said_at=now - JUST_BEFORE,
        received_at=now,
        source=Source.SIGNAL,
    )
    return declaring.declare_unless(
        house, subject, [said], lambda history: not gpc_objects(history), actor=THE_SUBJECT, now=now
    )
