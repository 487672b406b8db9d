"""Each item regressed on its nearest items."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["LocalRidge"]


class LocalRidge(Model):
    """Each item regressed on its nearest items: EASE in blocks, for any size of catalogue.

    With W the subjects x items matrix of pair weights, G = W'DW and N the `neighbors` items of
    largest cosine with j in G, item j's coefficients are ``(G_NN + regularization I)^-1 G_Nj``.

    Parameters
    ----------
    neighbors : int
        Items that each item is regressed on; 100 to 400 is the useful range.
    regularization : float
        Positive; on the scale of G's entries, which `user_exponent` makes smaller.
    user_exponent : float
        D weighs each subject by (sum of its weights)^-user_exponent.
    weighting : {"linear", "log", "binary", "capped"}
        A pair's weight from its summed value: as it is, ln(1 + value), 1, or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event.
    threads : int, optional
        None: all cores. The result does not depend on it.
    """

    def __init__(
        self,
        neighbors: int = 200,
        regularization: float = 10.0,
        user_exponent: float = 0.5,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        threads: int | None = None,
    ) -> None:
        self.neighbors = neighbors
        self.regularization = regularization
        self.user_exponent = user_exponent
        self.weighting = weighting
        self.half_life = half_life
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(
            integers="neighbors", numbers="regularization user_exponent", texts="weighting"
        )
        return _core.fit_local_ridge(
            context.history,
            context.as_of,
            neighbors=self.neighbors,
            regularization=self.regularization,
            user_exponent=self.user_exponent,
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            threads=self._threads(),
            progress=progress,
        )
