"""Boosted trees that tell classes apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._gbdt import Boosted, one_column
from ._sample import Sample
from ._start import Start

__all__ = ["GBDTClassifier"]


class GBDTClassifier(Boosted):
    """Gradient-boosted trees for two classes (logistic loss) or more (softmax).

    Parameters
    ----------
    trees : int
        Boosting steps; with more than two classes a step grows a tree for each.
    leaves : int
        Of a tree, at most.
    learning_rate : float
        What a tree's values are multiplied by.
    bins : int, 2 to 255
        Of a feature's values; NaN has one more.
    min_leaf_samples : int
        Rows that a leaf has at least.
    l1, l2 : float
        Penalties on leaf values.
    min_gain, min_hessian : float
        What a split gains at least, and the sum of second derivatives on each of its sides.
    max_depth : int, optional
        Of a tree; None for any.
    growth : 'leaf' or 'depth'
        Split the leaf that gains most, or the shallowest first.
    feature_fraction, row_fraction : float
        Drawn anew for each tree.
    sampling : 'rows' or 'goss'
        By 'goss', after 1 / learning_rate steps, a tree is grown from the share `top_rate` of rows
        of the largest gradients and `other_rate` of all rows by lot from the others.
    top_rate, other_rate : float
        Of 'goss'.
    category_smoothing : float
        Added to a category's hessians where categories are sorted by gradient over hessian.
    category_l2 : float
        Penalty on top of `l2` where a split by categories is valued, of which the feature has more
        than four.
    most_categories : int
        That a split sends to the left.
    objective : 'logistic', 'softmax' or callable, optional
        None takes what suits the number of classes. A function ``(y, raw[, weight[, group]]) ->
        (gradient, hessian)`` gives derivatives of a loss of your own by raw scores, [n] or
        [n, classes]; y are numbers of classes. Scores start at 0; of two arguments, weights are
        multiplied in after.
    eval_metric : str or callable, optional
        What is watched on `eval_set` instead of the loss: 'log_loss', 'accuracy', 'auc', or a
        function ``(y, prediction) -> loss`` or ``-> (name, value, higher_is_better)``, where
        predictions are probabilities, [n] of the second of two classes or [n, classes].
    early_stopping : int, optional
        Stop when what is watched on `eval_set` has not bettered for so many steps; keep the best.
    class_weight : dict or 'balanced', optional
        What rows of a class count, times `sample_weight`.
    warm_start : bool
        Whether a second `fit` keeps the trees of the first and adds what `trees` has grown by.
    importance_type : 'gain', 'splits' or 'cover'
        What `feature_importances_` are shares of.
    seed : int
    threads : int, optional
        None for all cores. The result is the same bits at any number.

    Attributes
    ----------
    forest_ : Forest
    classes_ : array
    feature_importances_ : [features] array
        Shares of the gain.
    eval_losses_ : [steps] array
        What was watched on `eval_set` after each step, lower is better (a metric of which more is
        better counts negative); empty without one.
    loss_name_ : str
        Of what was watched.
    best_iteration_ : int
        Steps that are kept.
    """

    _estimator_type = "classifier"
    _objectives = ("logistic", "softmax")

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
        early_stopping: int | None = None,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
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
        self.early_stopping = early_stopping
        self.class_weight = class_weight
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
        """Learn classes.

        Parameters
        ----------
        X : [n, features] array, DataFrame or scipy.sparse
            float32 and float64 arrays are taken without a copy. NaN is a value of its own.
        y : [n] labels of any kind
        sample_weight : [n], optional
        eval_set : (X, y), optional
            Rows to watch the loss on; `early_stopping` needs them.
        categorical_features : names or numbers, or 'auto'
            Columns whose values name categories: texts, or whole numbers from 0 up. 'auto': a
            frame's columns of texts. A category that the fit has not seen goes right.
        monotone : dict of column to sign, or [features] signs, optional
            1: the raw score must not fall when the feature rises; -1: not rise. Two classes.
        interaction : list of lists of names or numbers, optional
            Features on a path of a tree lie within one of these groups; what no group names is not
            used.
        init_model : Forest or GBDTClassifier, optional
            Trees that come first; `trees` more follow. With the rows, parameters and seed of before
            the result is that of one longer fit, to the bit. A `Forest` may come from elsewhere.
        init_score : [n], or [n, classes] of more than two classes, optional
            Scores to start from, which predictions then leave out; `eval_init_score` those of
            `eval_set`.

        Raises
        ------
        InvalidArgumentError
            On shapes, on parameters, on one class.
        BadDataError
            On infinity in X, naming row and column.
        """
        start = Start.of(self, init_model, init_score, eval_init_score)
        labels = _labels(y, "GBDTClassifier")
        classes, codes = _coded(labels, start.estimator)
        if len(classes) < 2:
            raise InvalidArgumentError(
                f"GBDTClassifier: y has one class only, {classes.tolist()}; "
                "there is nothing to tell apart"
            )
        objective = self._objective("logistic" if len(classes) == 2 else "softmax")
        if objective == "logistic" and len(classes) > 2:
            raise InvalidArgumentError(
                f"GBDTClassifier: logistic tells two classes apart, y has {len(classes)}; "
                "leave objective out, or 'softmax'"
            )
        several = objective == "softmax" or len(classes) > 2
        if monotone is not None and several:
            raise InvalidArgumentError("GBDTClassifier: monotone wants two classes")
        held = None
        if eval_set is not None:
            held_labels = _labels(eval_set[1], "GBDTClassifier: eval_set")
            unknown = ~np.isin(held_labels, classes)
            if unknown.any():
                raise InvalidArgumentError(
                    f"GBDTClassifier: eval_set has the class {held_labels[unknown].tolist()[0]!r}, "
                    "which y has not"
                )
            held = Sample(
                "GBDTClassifier: eval_set",
                eval_set[0],
                np.searchsorted(classes, held_labels),
                watched=True,
            )
        weight = self._weighted(sample_weight, classes, codes)
        self._train(
            Sample("GBDTClassifier", X, codes, weight),
            held,
            objective,
            {"classes": len(classes)},
            start,
            categorical=categorical_features,
            monotone=monotone,
            interaction=interaction,
        )
        self.classes_ = classes
        return self

    def _link(self, objective: Any, options: dict[str, Any]) -> str:
        if callable(objective):
            return "sigmoid" if options["classes"] == 2 else "softmax"
        return super()._link(objective, options)

    def _weighted(self, sample_weight: Any, classes: Any, codes: Any) -> Any:
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, str):
            if self.class_weight != "balanced":
                self._refuse("class_weight", "be a dict, 'balanced' or None")
            counts = np.bincount(codes)
            factors = len(codes) / (len(classes) * counts)
        else:
            factors = np.array([float(self.class_weight.get(c, 1.0)) for c in classes.tolist()])
        weight = factors[codes]
        return weight if sample_weight is None else weight * np.asarray(sample_weight)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities of the classes, [n, classes]."""
        p = self._predicted(X)
        return np.column_stack([1 - p, p]) if p.ndim == 1 else p

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest class of each row, [n]."""
        scores = self.predict_raw(X)
        best = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[best])

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Raw scores, under the name scikit-learn knows: [n], or [n, classes]."""
        return self.predict_raw(X)

    def score(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> float:
        """Accuracy."""
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags()
        return tags


def _coded(labels: Any, earlier: GBDTClassifier | None) -> tuple[Any, Any]:
    """Classes, and the number of each row's; an earlier model's, where there is one."""
    classes, codes = np.unique(labels, return_inverse=True)
    if earlier is None:
        return classes, codes
    unknown = ~np.isin(classes, earlier.classes_)
    if unknown.any():
        raise InvalidArgumentError(
            f"GBDTClassifier: y has the class {classes[unknown].tolist()[0]!r}, which the model "
            "to go on from has not"
        )
    return earlier.classes_, np.searchsorted(earlier.classes_, labels)


def _labels(y: Any, who: str) -> npt.NDArray[Any]:
    labels = one_column(y, who)
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise InvalidArgumentError(f"{who}: y has NaN or infinity; name the class of each row")
        if (labels != np.floor(labels)).any():
            raise InvalidArgumentError(
                f"{who}: Unknown label type: y holds fractions; for numbers use GBDTRegressor"
            )
    return labels
