"""What BPR and WARP share: the loop, the factors, the fold-in."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model

__all__ = ["Pairwise"]


class Pairwise(Model):
    """Base of the models that learn factors by ranking pairs of items."""

    _loss = ""

    factors: int
    learning_rate: float
    regularization: float
    iterations: int
    seed: int
    threads: int | None

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        trials = getattr(self, "max_trials", 1)
        self._check_kinds(
            integers="factors iterations" + (" max_trials" if hasattr(self, "max_trials") else ""),
            numbers="learning_rate regularization",
            seed=True,
        )
        if self.iterations < 1:
            self._refuse("iterations", "be an integer from 1 up")
        trainer = _core.PairwiseTrainer(
            context.history,
            loss=self._loss,
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            max_trials=trials,
            seed=self.seed,
            threads=self._threads(),
        )
        history: list[dict[str, Any]] = []
        for iteration in range(1, int(self.iterations) + 1):
            started = time.perf_counter()
            right = trainer.iterate()
            seconds = time.perf_counter() - started
            history.append({"iteration": iteration, "seconds": seconds, "ranked_right": right})
            progress(iteration, int(self.iterations), ranked_right=right)
        # Only now: a fit that is interrupted leaves everything as it was.
        self.history_: list[dict[str, Any]] = history
        return trainer.finish()

    @property
    def subject_factors(self) -> np.ndarray:
        """Vectors of the subjects, float32 [subjects, factors]; folded-in ones in a view."""
        state = self._state()
        if state.newcomers:
            return np.asarray(state.model.fold_in(state.pairs))[:, :-1]
        return np.asarray(state.model.user_factors)[:, :-1]

    @property
    def item_factors(self) -> np.ndarray:
        """Vectors of the items, float32 [items, factors]."""
        return np.asarray(self._state().model.item_factors)[:, :-1]

    @property
    def item_biases(self) -> np.ndarray:
        """What is added for each item, float32 [items]."""
        return np.asarray(self._state().model.item_factors)[:, -1]
