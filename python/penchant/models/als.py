"""Implicit-feedback matrix factorization."""

from __future__ import annotations

import copy
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError
from ._als_run import Run
from ._base import Model, _Fitted
from ._params import optional_duration

__all__ = ["ALS"]


class ALS(Model):
    """Alternating least squares on implicit feedback.

    It minimizes (Hu, Koren & Volinsky 2008, eq. 3, with the unobserved weight and the
    frequency-scaled regularization of iALS, Rendle et al. 2022)::

        sum_observed (1 + alpha v)(1 - x.y)^2 + w0 sum_unobserved (x.y)^2
          + regularization (sum_u n_u^e |x_u|^2 + sum_i n_i^e |y_i|^2)

    with v the pair's weight, w0 the `unobserved_weight`, e the `regularization_exponent` and n the
    row's observed count + w0 * its length. With biases, x.y + a_u + b_i stands for x.y. How
    ``implicit`` and ``irspack`` call the same numbers is in docs/models.md.

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
    solver : {"cg", "cholesky", "subspace"}
        A few conjugate-gradient steps, the exact solution, or exact solutions in blocks of
        unknowns (iALS++; "ialspp" is another name for it).
    unobserved_weight : float
        In (0, 1].
    regularization_exponent : float
        0: the same for every row; 1: in proportion to its count.
    weighting : {"linear", "log", "binary", "capped"}
        The pair's weight from its summed value: as it is, ln(1 + value), 1,
        or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event ("60d").
    user_bias, item_bias : bool
        Add a number for each subject, each item (its popularity) to the score.
    cg_steps : int, optional
        Steps a row and iteration, warm started. None: one to three, by the ratio of observed to
        unobserved weights.
    block_factors : int
        Unknowns that "subspace" solves together.
    track_loss : bool
        Put the objective after each iteration into `history_` and `loss_`.
    early_stopping : int
        With a validation set: stop after so many iterations without a better metric.
    valid_metric : str
        Which one, as `pn.evaluate` calls it.
    seed : int
    threads : int, optional
        None: all cores. The result does not depend on it.

    Attributes
    ----------
    subject_factors, item_factors : ndarray float32 [subjects, factors], [items, factors]
        Read-only views of the model's own memory.
    subject_biases, item_biases : ndarray float32 or None
    history_ : list of dict
        ``iteration, seconds, loss, metric`` (None where not asked for). The first one's seconds
        include setting up, none those of losses and metrics.
    loss_ : ndarray float64 [iterations]
        Only with `track_loss`.
    best_iteration_ : int
        Whose factors the model has: the last, or the best on the validation set.
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
        user_bias: bool = False,
        item_bias: bool = False,
        cg_steps: int | None = None,
        block_factors: int = 64,
        track_loss: bool = False,
        early_stopping: int = 3,
        valid_metric: str = "ndcg@10",
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
        self.user_bias = user_bias
        self.item_bias = item_bias
        self.cg_steps = cg_steps
        self.block_factors = block_factors
        self.track_loss = track_loss
        self.early_stopping = early_stopping
        self.valid_metric = valid_metric
        self.seed = seed
        self.threads = threads

    # -- fitting ---------------------------------------------------------------------------------

    _run: Run | None = None  # of the fit that is under way

    def fit(
        self,
        train: Dataset,
        *,
        valid: Dataset | None = None,
        callback: Callable[[int, ALS], bool | None] | None = None,
        checkpoint: str | Path | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Fit on a dataset.

        Parameters
        ----------
        train : Dataset
        valid : Dataset, optional
            What came after (or beside) `train`. `valid_metric` is measured on it after each
            iteration; the fit stops when it has not risen for `early_stopping` iterations, and
            keeps the best iteration's factors.
        callback : callable, optional
            ``callback(iteration, model)`` after each iteration, the model fitted so far; the fit
            stops when it returns True.
        checkpoint : path, optional
            A file that is replaced, atomically, after each iteration. Where it is there already,
            the fit goes on from it, and ends with the same bits as without the interruption. It
            must come from the same data and parameters; only `iterations`, `threads` and
            `early_stopping` may differ.
        progress : bool, optional
            Show a progress bar. None: in a terminal or a notebook only.

        Returns
        -------
        self

        Raises
        ------
        InvalidArgumentError
            When a parameter makes no sense, or the checkpoint belongs to another fit.
        """
        self._run = Run(self, train, valid, callback, checkpoint)
        try:
            return super().fit(train, progress=progress)
        finally:
            del self._run

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:
        started = time.perf_counter()
        trainer = self._trainer(context)
        run = self._run or Run(self, data, None, None, None)  # a Blend asks for the model alone
        run.spent = time.perf_counter() - started  # the first iteration's seconds include it
        model = run.iterate(
            trainer, progress, lambda core: self._fitted_view(core, context, data._kind)
        )
        # Only now: a fit that is interrupted leaves everything as it was.
        self._note(run)
        return model

    def partial_fit(
        self, events: Dataset, *, iterations: int = 3, progress: bool | None = None
    ) -> Self:
        """Go on with more events: the model then knows the old ones and these.

        Everyone's history is what it was, plus the new events (a pair's values add up; with a
        dataset's half-life they are brought to the later of the two ends, so make both datasets
        alike). Known subjects and items start from their vectors, new items near zero; all subjects
        are solved once, then `iterations` passes run over all pairs. Not fitted yet: the same as
        `fit`.

        Parameters
        ----------
        events : Dataset
            The new events alone; those that the model has seen would count twice.
        iterations : int
            Passes, 0 for new subjects alone.
        progress : bool, optional

        Returns
        -------
        self

        Raises
        ------
        InvalidArgumentError
            When factors or biases are not those of the fit.
        """
        if self._fitted is None:
            return self.fit(events, progress=progress)
        if not isinstance(events, Dataset):
            raise InvalidArgumentError(
                f"ALS.partial_fit wants a penchant Dataset, not {type(events).__name__}"
            )
        state = self._fitted
        if state.newcomers:
            raise InvalidArgumentError("a view made by fold_in can't be fitted; fit the model")
        if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 0:
            raise InvalidArgumentError(f"ALS: iterations must be 0 or more, not {iterations!r}")
        context, user_rows, item_rows = _core.extended_context(state.context, events._core)
        trainer = self._trainer(context)
        trainer.continue_from(state.model, user_rows, item_rows)
        run = Run(self, events, None, None, None, iterations=iterations)
        with Progress("ALS", progress) as bar:
            model = run.iterate(
                trainer, bar, lambda core: self._fitted_view(core, context, state.kind)
            )
        self._note(run)
        self._fitted = _Fitted(model, context, context.subjects, context.history, state.kind)
        return self

    def _trainer(self, context: Any) -> Any:
        for name, least in (("iterations", 1), ("early_stopping", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                self._refuse(name, f"be an integer from {least} up")
        for name in ("user_bias", "item_bias", "track_loss"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                self._refuse(name, "be True or False")
        self._check_kinds(
            integers="factors block_factors" + ("" if self.cg_steps is None else " cg_steps"),
            numbers="regularization alpha unobserved_weight regularization_exponent",
            texts="solver weighting valid_metric",
            seed=True,
        )
        if self.cg_steps is not None and self.cg_steps < 1:
            self._refuse("cg_steps", "be 1 or more, or None")
        return _core.AlsTrainer(
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
            user_bias=bool(self.user_bias),
            item_bias=bool(self.item_bias),
            cg_steps=0 if self.cg_steps is None else self.cg_steps,
            block_factors=self.block_factors,
            seed=self.seed,
            threads=self._threads(),
        )

    def _fitted_view(self, core: Any, context: Any, kind: str) -> ALS:
        view = copy.copy(self)
        view.__dict__.pop("_run", None)
        view._fitted = _Fitted(core, context, context.subjects, context.history, kind)
        return view

    def _note(self, run: Run) -> None:
        self.history_: list[dict[str, Any]] = run.history
        self.best_iteration_: int = run.best_iteration
        self.__dict__.pop("loss_", None)
        if self.track_loss:
            self.loss_ = np.array([entry["loss"] for entry in run.history], dtype=np.float64)

    # -- what was fitted -------------------------------------------------------------------------

    def _user_rows(self) -> np.ndarray:
        state = self._state()
        if state.newcomers:
            return np.asarray(state.model.fold_in(state.pairs, state.context.as_of))
        return np.asarray(state.model.user_factors)

    @property
    def subject_factors(self) -> np.ndarray:
        """Vectors of the subjects, float32 [subjects, factors]; folded-in ones in a view."""
        return self._user_rows()[:, : self.factors]

    @property
    def item_factors(self) -> np.ndarray:
        """Vectors of the items, float32 [items, factors]."""
        return np.asarray(self._state().model.item_factors)[:, : self.factors]

    @property
    def subject_biases(self) -> np.ndarray | None:
        """What is added for each subject, float32 [subjects]; None without `user_bias`."""
        return self._user_rows()[:, self.factors + bool(self.item_bias)] if self.user_bias else None

    @property
    def item_biases(self) -> np.ndarray | None:
        """What is added for each item, float32 [items]; None without `item_bias`."""
        if not self.item_bias:
            return None
        return np.asarray(self._state().model.item_factors)[:, self.factors]

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
