"""What a fit goes on from: trees of an earlier one, or scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BadDataError, InvalidArgumentError
from ._forest import Forest
from ._rows import Columns, Rows, by_blocks
from ._sample import Sample

if TYPE_CHECKING:
    from ._gbdt import Boosted

__all__ = ["Start"]


@dataclass
class Start:
    """Trees that come first, or scores that the new trees are added to; neither is a fresh start.

    Attributes
    ----------
    model : Boosted or Forest, optional
        As it was given.
    forest : Forest, optional
    score, eval_score : arrays, optional
        For the rows that are learned from, and for those that are watched.
    again : bool
        The model is the estimator itself, `warm_start`: its trees count among those asked for.
    """

    model: Boosted | Forest | None = None
    forest: Forest | None = None
    score: Any = None
    eval_score: Any = None
    again: bool = False

    @classmethod
    def of(cls, estimator: Boosted, init_model: Any, score: Any, eval_score: Any) -> Start:
        """Read what `fit` was given.

        Raises
        ------
        InvalidArgumentError
            On a model of another kind or without trees, on both a model and scores.
        """
        who = type(estimator).__name__
        again = False
        keep: bool = estimator.warm_start  # type: ignore[attr-defined]
        if init_model is None and keep and hasattr(estimator, "forest_"):
            init_model, again = estimator, True
        if init_model is None:
            return cls(score=score, eval_score=eval_score)
        if score is not None or eval_score is not None:
            raise InvalidArgumentError(
                f"{who}: trees to go on from have scores; leave init_score out"
            )
        forest = init_model
        if isinstance(init_model, type(estimator)):
            init_model._check_fitted()
            forest = init_model.forest_
        if not isinstance(forest, Forest):
            raise InvalidArgumentError(
                f"{who}: init_model must be a Forest or a {who}, not {type(init_model).__name__}"
            )
        return cls(init_model, forest, again=again)

    @property
    def estimator(self) -> Any:
        """The earlier estimator, where there is one."""
        return None if isinstance(self.model, Forest) else self.model

    @property
    def steps(self) -> int:
        """Boosting steps that are there."""
        return 0 if self.forest is None else self.forest.num_trees // self.forest.num_outputs

    def columns(self, X: Any, categorical: Any, who: str) -> Columns:
        """What is known of the columns; texts keep the numbers that earlier trees know them by."""
        columns = Columns(X, categorical, who)
        if self.forest is None:
            return columns
        if self.estimator is not None:
            earlier: Columns = self.estimator._columns
            if columns.names != earlier.names or columns.count != earlier.count:
                raise InvalidArgumentError(
                    f"{who}: X has not the columns of the model to go on from, "
                    f"{earlier.names or earlier.count}"
                )
            return earlier
        arrays = self.forest.to_arrays()
        asked = set(arrays["feature"][arrays["categories"] >= 0].tolist())
        for f in sorted(asked & set(columns.values)):
            raise InvalidArgumentError(
                f"{who}: X, column {columns.name(f)}: the forest to go on from knows categories "
                "by number, not by text; give the numbers"
            )
        return columns

    def scores(self, sample: Sample, rows: Rows, outputs: int, threads: int) -> Any:
        """Where rows start, [outputs, rows]; None on a fresh start."""
        if self.forest is not None:
            forest = self.forest
            raw = by_blocks(rows, lambda some: forest.predict_raw(some, threads=threads))
        else:
            given, name = (
                (self.eval_score, "eval_init_score")
                if sample.watched
                else (self.score, "init_score")
            )
            if self.score is None and self.eval_score is None:
                return None
            if given is None:
                raise InvalidArgumentError(
                    f"{sample.who}: rows that are watched must start as those that are learned "
                    f"from do; give {name}"
                )
            raw = np.asarray(given, dtype=np.float64)
            shape = (rows.shape[0],) if outputs == 1 else (rows.shape[0], outputs)
            if raw.shape != shape:
                raise InvalidArgumentError(
                    f"{sample.who}: {name} must have shape {shape}, not {raw.shape}"
                )
            bad = np.flatnonzero(~np.isfinite(raw.reshape(rows.shape[0], -1)).all(axis=1))
            if len(bad):
                raise BadDataError(f"{sample.who}: {name}, row {bad[0]}: NaN or infinity")
        return np.ascontiguousarray(raw.reshape(rows.shape[0], -1).T)
