"""Boosted trees that order the rows of a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._gbdt import Boosted, finite_targets
from ._sample import Sample
from ._start import Start

__all__ = ["GBDTRanker"]


class GBDTRanker(Boosted):
    """Gradient-boosted trees that put the rows of a query in order.

    Parameters
    ----------
    trees, leaves, learning_rate, bins, min_leaf_samples, l1, l2, min_gain, min_hessian, max_depth
        As in `GBDTClassifier`.
    growth, feature_fraction, row_fraction, sampling, top_rate, other_rate, early_stopping
        As in `GBDTClassifier`.
    category_smoothing, category_l2, most_categories, warm_start, importance_type, seed, threads
        As in `GBDTClassifier`.
    objective : str or callable, optional
        'lambdamart' (the default), 'xendcg' or 'pairwise', or a function as in `GBDTClassifier`;
        its fourth argument is the query of each row.
    eval_metric : str or callable, optional
        'ndcg@k', 'map@k', 'mrr@k', or a function as in `GBDTClassifier`. None: the NDCG.
    truncation : int
        Of 'lambdamart': pairs count of which one stands among the first so many.
    normalize : bool
        Of 'lambdamart': lambdas by the distance of scores and by a query's sum.
    label_gains : sequence of float, optional
        What labels 0, 1, 2 ... are worth; None for 2^label - 1.
    ndcg_at : int
        Of the NDCG that is watched on `eval_set`.
    position_l2 : float
        Penalty on what positions add to scores, where `fit` is given positions.

    Attributes
    ----------
    forest_, feature_importances_, best_iteration_
        As in `GBDTClassifier`.
    eval_losses_ : [steps] array
        Minus the mean NDCG on `eval_set` after each step, or what `eval_metric` says.
    position_bias_ : dict
        What each position added to the scores of rows that were shown there; differences alone
        count. Empty without positions.
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
        sampling: Literal["rows", "goss"] = "rows",
        top_rate: float = 0.2,
        other_rate: float = 0.1,
        category_smoothing: float = 10.0,
        category_l2: float = 10.0,
        most_categories: int = 32,
        objective: str | Callable[..., Any] | None = None,
        eval_metric: str | Callable[..., Any] | None = None,
        truncation: int = 30,
        normalize: bool = True,
        label_gains: Any = None,
        ndcg_at: int = 10,
        position_l2: float = 0.0,
        early_stopping: int | None = None,
        warm_start: bool = False,
        importance_type: Literal["gain", "splits", "cover"] = "gain",
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
        self.sampling = sampling
        self.top_rate = top_rate
        self.other_rate = other_rate
        self.category_smoothing = category_smoothing
        self.category_l2 = category_l2
        self.most_categories = most_categories
        self.objective = objective
        self.eval_metric = eval_metric
        self.truncation = truncation
        self.normalize = normalize
        self.label_gains = label_gains
        self.ndcg_at = ndcg_at
        self.position_l2 = position_l2
        self.early_stopping = early_stopping
        self.warm_start = warm_start
        self.importance_type = importance_type
        self.seed = seed
        self.threads = threads

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        *,
        group: npt.ArrayLike,
        position: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        eval_set: tuple[Any, Any, Any] | None = None,
        categorical_features: Any = "auto",
        monotone: Any = None,
        interaction: Any = None,
        init_model: Any = None,
        init_score: npt.ArrayLike | None = None,
        eval_init_score: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn an order from labels.

        Parameters
        ----------
        X : [n, features] array, DataFrame or scipy.sparse
        y : [n] whole numbers from 0 up
            How good a row is for its query.
        group : [n]
            The query of each row, by any key; a query's rows must be adjacent.
        position : [n], optional
            Where each row stood when it was shown, by any key (1, 2, 3; 'top'), if `y` are clicks.
            What a place brings is then learned beside the trees and left out of the scores.
        sample_weight : [n], optional
        eval_set : (X, y, group), optional
        categorical_features, monotone, interaction, init_model, init_score, eval_init_score
            As in `GBDTClassifier.fit`. What positions brought goes on from a ranker's, too.

        Raises
        ------
        InvalidArgumentError
            On shapes, parameters, labels, and queries whose rows are scattered.
        """
        who = "GBDTRanker"
        self._check_kinds(integers="truncation ndcg_at", numbers="position_l2")
        targets = finite_targets(y, who)
        begin = _group_begin(group, len(targets), who)
        held = None
        if eval_set is not None:
            if len(eval_set) != 3:
                raise InvalidArgumentError(f"{who}: eval_set must be (X, y, group)")
            watched = f"{who}: eval_set"
            held_targets = finite_targets(eval_set[1], watched)
            held_begin = _group_begin(eval_set[2], len(held_targets), watched)
            held = Sample(
                watched, eval_set[0], held_targets, None, eval_set[2], held_begin, watched=True
            )
        extra = {
            "truncation": self.truncation,
            "normalize": bool(self.normalize),
            "label_gains": [] if self.label_gains is None else [float(g) for g in self.label_gains],
            "ndcg_at": self.ndcg_at,
            "position_l2": self.position_l2,
        }
        start = Start.of(self, init_model, init_score, eval_init_score)
        places, shown = _positions(position, len(targets), who)
        if start.estimator is not None:
            known = start.estimator.position_bias_
            extra["position_bias"] = [known.get(place, 0.0) for place in places]
        objective = self._objective("lambdamart")
        if callable(objective) and position is not None:
            raise InvalidArgumentError(f"{who}: position wants an objective of ours")
        self._train(
            Sample(who, X, targets, sample_weight, np.asarray(group), begin, shown),
            held,
            objective,
            extra,
            start,
            categorical=categorical_features,
            monotone=monotone,
            interaction=interaction,
        )
        self.position_bias_ = dict(zip(places, self._position_bias.tolist(), strict=True))
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Score rows [n]; the higher, the nearer to the top of its query."""
        return self.predict_raw(X)


def _positions(position: Any, rows: int, who: str) -> tuple[list[Any], Any]:
    """The different positions, and which of them each row had."""
    if position is None:
        return [], None
    keys = np.asarray(position)
    if keys.shape != (rows,):
        raise InvalidArgumentError(
            f"{who}: position must be [{rows}], where each row was shown, not shape {keys.shape}"
        )
    if keys.dtype.kind == "f" and np.isnan(keys).any():
        raise InvalidArgumentError(
            f"{who}: position, row {np.flatnonzero(np.isnan(keys))[0]}: NaN; a row that was not "
            "shown was not clicked for it, leave it out"
        )
    places, shown = np.unique(keys, return_inverse=True)
    return places.tolist(), shown.astype(np.int32)


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
