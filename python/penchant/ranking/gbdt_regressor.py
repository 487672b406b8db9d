"""Boosted trees that predict numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from ._gbdt import Boosted, finite_targets
from ._sample import Sample
from ._start import Start

__all__ = ["GBDTRegressor"]


class GBDTRegressor(Boosted):
    """Gradient-boosted trees for numbers.

    Parameters
    ----------
    trees, leaves, learning_rate, bins, min_leaf_samples, l1, l2, min_gain, min_hessian, max_depth
        As in `GBDTClassifier`.
    growth, feature_fraction, row_fraction, sampling, top_rate, other_rate, early_stopping
        As in `GBDTClassifier`.
    category_smoothing, category_l2, most_categories, warm_start, importance_type, seed, threads
        As in `GBDTClassifier`.
    objective : str or callable, optional
        'l2' (the default: the mean), 'l1' (the median), 'huber', 'quantile' or 'poisson' (counts,
        with a logarithmic link), or a function as in `GBDTClassifier`.
    eval_metric : str or callable, optional
        'mse', 'rmse', 'mae', or a function as in `GBDTClassifier`.
    quantile : float
        Of 'quantile': the share of targets that is to lie below.
    huber_delta : float
        Of 'huber': the residual from which it grows linearly.

    Attributes
    ----------
    forest_, feature_importances_, eval_losses_, best_iteration_
        As in `GBDTClassifier`.
    """

    _estimator_type = "regressor"
    _objectives = ("l2", "l1", "huber", "quantile", "poisson")

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
        quantile: float = 0.5,
        huber_delta: float = 1.0,
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
        self.quantile = quantile
        self.huber_delta = huber_delta
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
        sample_weight: npt.ArrayLike | None = None,
        eval_set: tuple[Any, Any] | None = None,
        categorical_features: Any = "auto",
        monotone: Any = None,
        interaction: Any = None,
        init_model: Any = None,
        init_score: npt.ArrayLike | None = None,
        eval_init_score: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn numbers; the arguments are those of `GBDTClassifier.fit`, y is [n] numbers.

        Scores to start from are [n], before the link.

        Raises
        ------
        InvalidArgumentError
            On shapes and parameters.
        BadDataError
            On infinity in X or y and on NaN in y, naming row and column.
        """
        self._check_kinds(numbers="quantile huber_delta")
        start = Start.of(self, init_model, init_score, eval_init_score)
        targets = finite_targets(y, "GBDTRegressor")
        held = None
        if eval_set is not None:
            who = "GBDTRegressor: eval_set"
            held = Sample(who, eval_set[0], finite_targets(eval_set[1], who), watched=True)
        return self._train(
            Sample("GBDTRegressor", X, targets, sample_weight),
            held,
            self._objective("l2"),
            {"quantile": self.quantile, "huber_delta": self.huber_delta},
            start,
            categorical=categorical_features,
            monotone=monotone,
            interaction=interaction,
        )

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Predict the number of each row, [n]."""
        return self._predicted(X)

    def score(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> float:
        """R^2, the share of the variance that is explained."""
        truth = np.asarray(y, dtype=np.float64)
        mean = np.average(truth, weights=sample_weight)
        off = np.average((truth - self.predict(X)) ** 2, weights=sample_weight)
        spread = np.average((truth - mean) ** 2, weights=sample_weight)
        return float(1 - off / spread) if spread > 0 else float(off == 0)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        return tags
