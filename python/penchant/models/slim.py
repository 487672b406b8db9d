"""Each item regressed on the others, with few coefficients."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["SLIM"]


class SLIM(Model):
    """Sparse linear method: regressions with coefficients that are few and not negative.

    For each item j, with G = W'DW of the pair weights W (Ning & Karypis 2011)::

        min over b >= 0, b_j = 0 of  1/2 |W_j - W b|^2_D + l1 |b|_1 + l2/2 |b|^2

    by coordinate descent on G's columns. Without `neighbors` that takes items^2 floats of memory.

    Parameters
    ----------
    l1 : float
        0 or more: what a coefficient costs; decides how many there are.
    l2 : float
        Positive: what its square costs.
    neighbors : int, optional
        Regress each item on its nearest items only (as `LocalRidge` chooses them), which needs no
        dense matrix. None: on all.
    user_exponent : float
        D weighs each subject by (sum of its weights)^-user_exponent.
    iterations : int
        Passes over an item's coefficients at most.
    tolerance : float
        A pass that changes no coefficient by more is the last.
    max_memory : float
        In GB (10^9 bytes). A fit that needs more is refused before it allocates anything.
    weighting : {"linear", "log", "binary", "capped"}
        A pair's weight from its summed value: as it is, ln(1 + value), 1, or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event.
    threads : int, optional
        None: all cores. The result does not depend on it.
    """

    def __init__(
        self,
        l1: float = 1.0,
        l2: float = 100.0,
        neighbors: int | None = None,
        user_exponent: float = 0.0,
        iterations: int = 50,
        tolerance: float = 1e-4,
        max_memory: float = 8.0,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        threads: int | None = None,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.neighbors = neighbors
        self.user_exponent = user_exponent
        self.iterations = iterations
        self.tolerance = tolerance
        self.max_memory = max_memory
        self.weighting = weighting
        self.half_life = half_life
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(
            integers="iterations", numbers="l1 l2 user_exponent tolerance max_memory",
            texts="weighting",
        )  # fmt: skip
        neighbors = self.neighbors
        if neighbors is not None and (
            isinstance(neighbors, bool)
            or not isinstance(neighbors, (int, np.integer))
            or not 1 <= neighbors <= 10_000
        ):
            self._refuse("neighbors", "be an integer from 1 to 10000, or None for all items")
        return _core.fit_slim(
            context.history,
            context.as_of,
            l1=self.l1,
            l2=self.l2,
            neighbors=0 if neighbors is None else int(neighbors),
            user_exponent=self.user_exponent,
            iterations=self.iterations,
            tolerance=self.tolerance,
            max_memory=self.max_memory * 1e9,
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            threads=self._threads(),
            progress=progress,
        )
