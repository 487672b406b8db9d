"""Implicit-feedback matrix factorization."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError
from ._base import Model
from ._params import optional_duration

__all__ = ["ALS"]


class ALS(Model):
    """Alternating least squares on implicit feedback.

    It minimizes (Hu, Koren & Volinsky 2008, eq. 3, with the unobserved weight and the
    frequency-scaled regularization of iALS, Rendle et al. 2022)::

        sum_observed (1 + alpha v)(1 - x.y)^2 + w0 sum_unobserved (x.y)^2
          + regularization (sum_u n_u^e |x_u|^2 + sum_i n_i^e |y_i|^2)

    with v the pair's weight, w0 the `unobserved_weight`, e the `regularization_exponent` and n the
    row's observed count + w0 * its length. ``implicit`` with alpha=11 on binary data is
    ``ALS(alpha=10)``; iALS with alpha0 and nu=1 is
    ``ALS(alpha=0, unobserved_weight=alpha0/(1+alpha0), regularization_exponent=1)``, up to scale.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    regularization : float
        Positive.
    alpha : float
        How much more an observed pair counts, per unit of weight.
    iterations : int
        Each solves all items, then all subjects.
    solver : {"cg", "cholesky"}
        A few conjugate-gradient steps in whitened space, or the exact solution.
    unobserved_weight : float
        In (0, 1].
    regularization_exponent : float
        0: the same for every row; 1: in proportion to its count.
    weighting : {"linear", "log", "binary", "capped"}
        The pair's weight from its summed value: as it is, ln(1 + value), 1,
        or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event ("60d").
    cg_steps : int
        Steps a row and iteration, warm started.
    compute_loss : bool
        Put the objective after each iteration into `history_` (a pass over the data each).
    seed : int
    threads : int, optional
        None: all cores. The result does not depend on it.

    Attributes
    ----------
    subject_factors, item_factors : ndarray float32 [subjects, factors], [items, factors]
        Read-only views of the model's own memory.
    history_ : list of dict
        ``iteration, seconds, loss`` (None unless `compute_loss`).
    """

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.01,
        alpha: float = 1.0,
        iterations: int = 15,
        solver: str = "cg",
        unobserved_weight: float = 1.0,
        regularization_exponent: float = 0.0,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        cg_steps: int = 3,
        compute_loss: bool = False,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.solver = solver
        self.unobserved_weight = unobserved_weight
        self.regularization_exponent = regularization_exponent
        self.weighting = weighting
        self.half_life = half_life
        self.cg_steps = cg_steps
        self.compute_loss = compute_loss
        self.seed = seed
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        if not isinstance(self.iterations, (int, np.integer)) or self.iterations < 1:
            raise InvalidArgumentError(
                f"ALS: iterations must be an integer from 1 up, not {self.iterations!r}"
            )
        self._check_kinds(
            integers="factors cg_steps",
            numbers="regularization alpha unobserved_weight regularization_exponent",
            texts="solver weighting",
            seed=True,
        )
        trainer = _core.AlsTrainer(
            context.history,
            context.as_of,
            factors=self.factors,
            regularization=self.regularization,
            alpha=self.alpha,
            unobserved_weight=self.unobserved_weight,
            regularization_exponent=self.regularization_exponent,
            solver=self.solver,
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            cg_steps=self.cg_steps,
            seed=self.seed,
            threads=self._threads(),
        )
        history: list[dict[str, Any]] = []
        for iteration in range(1, int(self.iterations) + 1):
            started = time.perf_counter()
            trainer.iterate()
            seconds = time.perf_counter() - started
            loss = trainer.loss() if self.compute_loss else None
            history.append({"iteration": iteration, "seconds": seconds, "loss": loss})
            progress(iteration, int(self.iterations), **({} if loss is None else {"loss": loss}))
        # Only now: a fit that is interrupted leaves everything as it was.
        self.history_: list[dict[str, Any]] = history
        return trainer.finish()

    @property
    def subject_factors(self) -> np.ndarray:
        """Vectors of the subjects, float32 [subjects, factors]; folded-in ones in a view."""
        state = self._state()
        if state.newcomers:
            return np.asarray(state.model.fold_in(state.pairs, state.context.as_of))
        return np.asarray(state.model.user_factors)

    @property
    def item_factors(self) -> np.ndarray:
        """Vectors of the items, float32 [items, factors]."""
        return np.asarray(self._state().model.item_factors)

    def loss(self, train: Dataset) -> float:
        """Return the objective on the data the model was fitted on.

        Raises
        ------
        InvalidArgumentError
            When the data has other subjects or items.
        """
        context = self._state().context
        core = train._core
        if core.subjects != context.subjects or core.items != context.items:
            raise InvalidArgumentError("ALS.loss wants the data the model was fitted on")
        return float(self._state().model.loss(core.interactions(), context.as_of, self._threads()))
