"""Rows that can't be used: set aside with a reason each, counted, never fatal to the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._frames import Source

__all__ = ["Quarantine"]


class Quarantine:
    """The reasons found so far; a row keeps the first one that is marked.

    Parameters
    ----------
    rows
        Number of rows that came in.
    """

    def __init__(self, rows: int) -> None:
        self._code = np.zeros(rows, np.uint8)  # 0: good; else 1 + position in _reasons
        self._reasons: list[str] = []

    def mark(self, faults: list[tuple[np.ndarray, str]]) -> None:
        """Set rows aside: masks [rows], each with its reason."""
        for mask, reason in faults:
            if reason not in self._reasons:
                if len(self._reasons) == np.iinfo(np.uint8).max - 1:
                    reason = "other reasons"
                self._reasons.append(reason)
            code = np.uint8(1 + self._reasons.index(reason))
            self._code[mask & (self._code == 0)] = code

    @property
    def good(self) -> np.ndarray:
        """Mask [rows] of the rows that may stay."""
        return self._code == 0

    def counts(self) -> dict[str, int]:
        """Rows by reason, the most frequent first, then by name."""
        tally = np.bincount(self._code, minlength=1 + len(self._reasons))[1:]
        pairs = [(reason, int(n)) for reason, n in zip(self._reasons, tally, strict=False) if n > 0]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def frame(self, source: Source) -> Any:
        """Return the rows set aside, as they came, with a column `reason`.

        The column is called `quarantine_reason` where the frame has a `reason` of its own.
        """
        name = "reason" if "reason" not in source.columns else "quarantine_reason"
        bad = self._code > 0
        texts = np.array(["", *self._reasons], dtype=object)[self._code[bad]]
        return source.rows(bad, name, texts)
