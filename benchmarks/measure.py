"""Run something in a fresh process and read its time and peak memory: both sides of a comparison pay for imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Measured:
    """What one process took."""

    seconds: float
    peak_mb: float
    cpu_seconds: float
    """User and system time: what is left when others load the machine."""
    answer: Any
    """The last line of its standard output as JSON; None when it printed nothing."""


def measure(*arguments: str) -> Measured:
    """Run `python ARGUMENTS…` (such as `-m`, `benchmarks.intake`, …) from start to end.

    Raises:
        RuntimeError: it failed; its error output has gone to ours.
    """
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=_ROOT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read().decode().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit {process.returncode}")
    answer = json.loads(output.splitlines()[-1]) if output else None
    return Measured(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, answer)
