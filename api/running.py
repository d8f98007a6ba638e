"""Who works in a home: services side by side, or one act that needs it to itself.

A process that knows the older key-encryption key alone would read everybody as erased. The lock is the operating
system's and ends with the process; on another machine, or where there is no such lock, the operator's word counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audit.errors import Refused

if TYPE_CHECKING:
    from api.settings import Settings

NAME = ".running"


class HomeInUse(Refused):
    """A service or worker runs in this home, or its keys are being changed."""


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Work here beside others.

    Raises:
        HomeInUse: the key-encryption key is being changed.
    """
    with _locked(settings, "the keys of this home are being changed; start again when that is done", shared=True):
        yield


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Have the home to oneself.

    Raises:
        HomeInUse: `lauter serve` or `lauter worker` runs here.
    """
    with _locked(settings, "`lauter serve` or `lauter worker` runs in this home; stop it first", shared=False):
        yield


@contextmanager
def _locked(settings: Settings, otherwise: str, *, shared: bool) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        fcntl = None  # type: ignore[assignment]
    if fcntl is None or not settings.home.is_dir():  # whoever opens the home says what is wrong with it
        yield
        return
    handle = os.open(settings.home / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(otherwise) from None
        yield
    finally:
        os.close(handle)
