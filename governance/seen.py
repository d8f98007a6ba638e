"""Counting how often a key was met before, for millions of keys, eight bytes each; pure."""

from __future__ import annotations

import numpy as np

Keys = np.ndarray[tuple[int], np.dtype[np.int64]]


class Seen:
    """Remembers keys as sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def count(self, keys: Keys) -> Keys:
        """How often each key was met before, earlier in *keys* included; then remember them all."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        at = np.arange(len(keys), dtype=np.int64)
        starts = np.ones(len(keys), dtype=bool)
        starts[1:] = ordered[1:] != ordered[:-1]
        rank = at - np.maximum.accumulate(np.where(starts, at, 0))
        before = np.empty(len(keys), dtype=np.int64)
        before[order] = rank
        for run in self._runs:
            before += np.searchsorted(run, keys, side="right") - np.searchsorted(run, keys, side="left")
        self._remember(ordered)
        return before

    def _remember(self, ordered: Keys) -> None:
        self._runs.append(ordered)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last, other = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate((other, last)), kind="stable"))


def keys_of(texts: list[str]) -> Keys:
    """A 64-bit key for each text, different in every process: good for counting, never stored."""
    return np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))
