"""Item-based neighbourhoods."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["ItemKNN"]


class ItemKNN(Model):
    """Scores an item by its similarity to what the subject had to do with.

    Parameters
    ----------
    similarity : {"bm25", "cosine", "tfidf"}
        Of two items' columns of subjects, weighted as docs/models.md says.
    neighbors : int
        Most similar items that each item keeps.
    k1, b : float
        Of BM25: how soon repeats stop counting, how much popular items are held back.
    shrinkage : float
        Of cosine and tfidf: similarity * n / (n + shrinkage) with n common subjects.
    weighting : {"linear", "log", "binary", "capped"}
        A pair's weight from its summed value: as it is, ln(1 + value), 1, or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event.
    threads : int, optional
        None: all cores. The result does not depend on it.
    """

    def __init__(
        self,
        similarity: str = "bm25",
        neighbors: int = 200,
        k1: float = 1.2,
        b: float = 0.75,
        shrinkage: float = 0.0,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        threads: int | None = None,
    ) -> None:
        self.similarity = similarity
        self.neighbors = neighbors
        self.k1 = k1
        self.b = b
        self.shrinkage = shrinkage
        self.weighting = weighting
        self.half_life = half_life
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(
            integers="neighbors", numbers="k1 b shrinkage", texts="similarity weighting"
        )
        return _core.fit_item_knn(
            context.history,
            context.as_of,
            similarity=self.similarity,
            neighbors=self.neighbors,
            k1=self.k1,
            b=self.b,
            shrinkage=self.shrinkage,
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            threads=self._threads(),
            progress=progress,
        )
