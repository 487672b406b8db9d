"""Lepski's principle for estimators: the narrowest that does not contradict a wider one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ._estimate import Estimate

__all__ = ["narrowest"]

_FACTOR = math.sqrt(6) - 1  # Su, Srinath & Krishnamurthy (2020), theorem 3


def narrowest(found: Mapping[str, Estimate], delta: float) -> tuple[str, dict[str, float]]:
    """Return the chosen name, and the widths of all: Student's t at a confidence of 1 - delta."""
    widths = {
        name: one.value - one.lower_bound(1 - delta, "student_t") for name, one in found.items()
    }
    # The widest first; of equal ones the one named last.
    names = list(found)
    order = np.argsort([widths[name] for name in names])[::-1]
    kept: list[str] = []
    for place in order:
        name = names[place]
        meets = all(
            abs(found[other].value - found[name].value) <= widths[name] + _FACTOR * widths[other]
            for other in kept
        )
        if not meets:
            break
        kept.append(name)
    return kept[-1], widths
