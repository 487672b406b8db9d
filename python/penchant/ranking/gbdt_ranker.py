"""Boosted trees that order the rows of a query."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._gbdt import Boosted, finite_targets

__all__ = ["GBDTRanker"]


class GBDTRanker(Boosted):
    """Gradient-boosted trees that put the rows of a query in order.

    Parameters
    ----------
    trees, leaves, learning_rate, bins, min_leaf_samples, l1, l2, min_gain, min_hessian, max_depth
        As in `GBDTClassifier`.
    growth, feature_fraction, row_fraction, early_stopping, seed, threads
        As in `GBDTClassifier`.
    objective : str, optional
        'lambdamart' (the default), 'xendcg' or 'pairwise'.
    truncation : int
        Of 'lambdamart': pairs count of which one stands among the first so many.
    normalize : bool
        Of 'lambdamart': lambdas by the distance of scores and by a query's sum.
    label_gains : sequence of float, optional
        What labels 0, 1, 2 ... are worth; None for 2^label - 1.
    ndcg_at : int
        Of the NDCG that is watched on `eval_set`.

    Attributes
    ----------
    forest_, feature_importances_, best_iteration_
        As in `GBDTClassifier`.
    eval_losses_ : [steps] array
        Minus the mean NDCG on `eval_set` after each step.
    """

    _objectives = ("lambdamart", "xendcg", "pairwise")

    def __init__(
        self,
        trees: int = 100,
        leaves: int = 63,
        learning_rate: float = 0.1,
        bins: int = 255,
        min_leaf_samples: int = 20,
        l1: float = 0.0,
        l2: float = 0.0,
        min_gain: float = 0.0,
        min_hessian: float = 1e-3,
        max_depth: int | None = None,
        growth: Literal["leaf", "depth"] = "leaf",
        feature_fraction: float = 1.0,
        row_fraction: float = 1.0,
        objective: str | None = None,
        truncation: int = 30,
        normalize: bool = True,
        label_gains: Any = None,
        ndcg_at: int = 10,
        early_stopping: int | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.bins = bins
        self.min_leaf_samples = min_leaf_samples
        self.l1 = l1
        self.l2 = l2
        self.min_gain = min_gain
        self.min_hessian = min_hessian
        self.max_depth = max_depth
        self.growth = growth
        self.feature_fraction = feature_fraction
        self.row_fraction = row_fraction
        self.objective = objective
        self.truncation = truncation
        self.normalize = normalize
        self.label_gains = label_gains
        self.ndcg_at = ndcg_at
        self.early_stopping = early_stopping
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        *,
        group: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        eval_set: tuple[Any, Any, Any] | None = None,
        categorical_features: Any = "auto",
        monotone: Any = None,
    ) -> Self:
        """Learn an order from labels.

        Parameters
        ----------
        X : [n, features] array or DataFrame
        y : [n] whole numbers from 0 up
            How good a row is for its query.
        group : [n]
            The query of each row, by any key; a query's rows must be adjacent.
        sample_weight : [n], optional
        eval_set : (X, y, group), optional
        categorical_features, monotone
            As in `GBDTClassifier.fit`.

        Raises
        ------
        InvalidArgumentError
            On shapes, parameters, labels, and queries whose rows are scattered.
        """
        who = "GBDTRanker"
        self._check_kinds(integers="truncation ndcg_at")
        targets = finite_targets(y, who)
        begin = _group_begin(group, len(targets), who)
        held = None
        if eval_set is not None:
            if len(eval_set) != 3:
                raise InvalidArgumentError(f"{who}: eval_set must be (X, y, group)")
            held_targets = finite_targets(eval_set[1], f"{who}: eval_set")
            held_begin = _group_begin(eval_set[2], len(held_targets), f"{who}: eval_set")
            held = (eval_set[0], held_targets, held_begin)
        extra = {
            "truncation": self.truncation,
            "normalize": bool(self.normalize),
            "label_gains": [] if self.label_gains is None else [float(g) for g in self.label_gains],
            "ndcg_at": self.ndcg_at,
        }
        return self._train(
            X,
            targets,
            self._objective("lambdamart"),
            extra,
            sample_weight,
            held,
            categorical_features,
            monotone,
            begin,
        )

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Score rows [n]; the higher, the nearer to the top of its query."""
        return self.predict_raw(X)


def _group_begin(group: Any, rows: int, who: str) -> npt.NDArray[np.int64]:
    if group is None:
        raise InvalidArgumentError(f"{who}: group must name the query of each row")
    keys = np.asarray(group)
    if keys.shape != (rows,):
        raise InvalidArgumentError(
            f"{who}: group must be [{rows}], the query of each row, not shape {keys.shape}"
        )
    change = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    begin = np.concatenate([[0], change, [rows]]).astype(np.int64)
    if len(np.unique(keys)) != len(begin) - 1:
        raise InvalidArgumentError(
            f"{who}: a query's rows must be adjacent; sort X, y and group by group"
        )
    return begin
