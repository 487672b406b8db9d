"""Each item regressed on all others."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["EASE"]


class EASE(Model):
    """Each item regressed on all others, in closed form (Steck 2019).

    With the subjects x items matrix W of pair weights it minimizes
    ``|W - W B|^2 + regularization |B|^2`` subject to ``diag(B) = 0``; a subject's scores are
    ``w B``. Takes items^2 numbers of memory and items^3 floating-point operations: for large
    catalogues take `LocalRidge`.

    Parameters
    ----------
    regularization : float
        Positive; on the scale of the subjects that an item has in common with others.
    user_exponent : float
        Weigh each subject by (sum of its weights)^-user_exponent: .5 keeps those with very long
        histories from deciding. 0, the paper's: all alike.
    keep : int, optional
        Entries of largest absolute value kept for each item that is recommended. None: all.
    precision : {"single", "double"}
        Of the matrix inverse.
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
        regularization: float = 200.0,
        user_exponent: float = 0.0,
        keep: int | None = 1000,
        precision: str = "single",
        max_memory: float = 8.0,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        threads: int | None = None,
    ) -> None:
        self.regularization = regularization
        self.user_exponent = user_exponent
        self.keep = keep
        self.precision = precision
        self.max_memory = max_memory
        self.weighting = weighting
        self.half_life = half_life
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(
            numbers="regularization user_exponent max_memory", texts="precision weighting"
        )
        if self.precision not in ("single", "double"):
            self._refuse("precision", "be 'single' or 'double'")
        return _core.fit_ease(
            context.history,
            context.as_of,
            regularization=self.regularization,
            user_exponent=self.user_exponent,
            keep=self._keep(),
            double_precision=self.precision == "double",
            max_memory=self.max_memory * 1e9,
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            threads=self._threads(),
            progress=progress,
        )
