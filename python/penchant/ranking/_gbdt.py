"""What the three estimators of boosted trees share."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress
from ..errors import BadDataError, InvalidArgumentError, NotFittedError
from ..models._params import Parametrized
from ._callbacks import Measure, derivatives_of
from ._forest import Forest
from ._rows import Columns, bin_held_out, bin_rows, by_blocks
from ._sample import Sample
from ._start import Start

__all__ = ["Boosted"]

_INTEGERS = "trees leaves bins min_leaf_samples most_categories"
_LINKS = {"logistic": "sigmoid", "softmax": "softmax", "poisson": "exp"}
_NUMBERS = (
    "learning_rate l1 l2 min_gain min_hessian feature_fraction row_fraction top_rate other_rate "
    "category_smoothing category_l2"
)


class Boosted(Parametrized):
    """Parameters, fit and raw scores; a subclass says what y is and what is predicted."""

    forest_: Forest
    _objectives: tuple[str, ...] = ()
    _show_progress: bool | None = None  # None: where someone watches; a pipeline passes its own

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "forest_")

    # -- fitting -----------------------------------------------------------------------------------

    def _options(self) -> dict[str, Any]:
        self._check_kinds(integers=_INTEGERS, numbers=_NUMBERS, texts="growth", seed=True)
        if self.growth not in ("leaf", "depth"):  # type: ignore[attr-defined]
            self._refuse("growth", "be 'leaf' or 'depth'")
        for name in ("max_depth", "early_stopping"):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1
            ):
                self._refuse(name, "be an integer from 1 up, or None")
        names = (
            "trees learning_rate row_fraction feature_fraction seed leaves l1 l2 min_gain "
            "min_hessian category_smoothing category_l2 most_categories"
        )
        options: dict[str, Any] = {name: getattr(self, name) for name in names.split()}
        if self.sampling not in ("rows", "goss"):  # type: ignore[attr-defined]
            self._refuse("sampling", "be 'rows' or 'goss'")
        if self.sampling == "goss":  # type: ignore[attr-defined]
            if not self.other_rate > 0:  # type: ignore[attr-defined]
                self._refuse("other_rate", "be above 0")
            options["top_rate"] = self.top_rate  # type: ignore[attr-defined]
            options["other_rate"] = self.other_rate  # type: ignore[attr-defined]
        options["seed"] = int(options["seed"])
        options["threads"] = self._threads()
        options["min_leaf_rows"] = self.min_leaf_samples  # type: ignore[attr-defined]
        options["depth_wise"] = self.growth == "depth"  # type: ignore[attr-defined]
        options["max_depth"] = self.max_depth or 0  # type: ignore[attr-defined]
        options["early_stopping"] = self.early_stopping or 0  # type: ignore[attr-defined]
        return options

    def _objective(self, default: str) -> Any:
        objective = self.objective  # type: ignore[attr-defined]
        if objective is None:
            return default
        if callable(objective):
            return objective
        if objective not in self._objectives:
            self._refuse("objective", f"be one of {', '.join(self._objectives)}, or a function")
        return str(objective)

    def _train(
        self,
        sample: Sample,
        watched: Sample | None,
        objective: Any,
        options: dict[str, Any],
        start: Start,
        *,
        categorical: Any,
        monotone: Any,
        interaction: Any,
    ) -> Self:
        """Fit. `objective`: a name or a function; `options`: those of the estimator alone."""
        who = sample.who
        options = {**self._options(), **options}
        threads = options["threads"]
        if start.again:
            options["trees"] -= start.steps
            if options["trees"] < 0:
                self._refuse("trees", f"be {start.steps} or more, which warm_start has already")
            if options["trees"] == 0:
                self._position_bias = np.array(options.get("position_bias", []))
                return self
        columns = start.columns(sample.X, categorical, who)
        rows = columns.matrix(sample.X, threads)
        sample.check(rows)
        options["monotone"] = _monotone(monotone, columns)
        options["interaction"] = _groups(interaction, columns)
        options["link"] = self._link(objective, options)
        options["feature_names"] = columns.names or []
        outputs = options["classes"] if options["link"] == "softmax" else 1
        start_scores = start.scores(sample, rows, outputs, threads)
        binned = bin_rows(
            rows,
            weights=sample.weight,
            bins=self.bins,  # type: ignore[attr-defined]
            categorical=columns.categorical,
            seed=options["seed"],
            threads=threads,
        )
        more: dict[str, Any] = {}
        if start.forest is not None:
            more["start"] = start.forest._core
        if watched is not None:
            held_rows = columns.matrix(watched.X, threads)
            watched.check(held_rows)
            more["held_out"] = bin_held_out(binned, held_rows, threads)
            more["held_out_labels"] = watched.labels()
            more["held_out_start_scores"] = start.scores(watched, held_rows, outputs, threads)
            more["metric"] = self._metric(objective, watched, options["link"])
        elif options["early_stopping"]:
            raise InvalidArgumentError(f"{who}: early_stopping needs an eval_set to watch")
        with Progress(who, self._show_progress) as progress:
            result = _core.train_forest(
                binned,
                sample.labels(),
                objective=derivatives_of(objective, sample) if callable(objective) else objective,
                options=options,
                start_scores=start_scores,
                progress=lambda done, total, _loss: progress(done, total),
                **more,
            )
        self._learned(columns, result)
        if isinstance(more.get("metric"), Measure):
            self.loss_name_ = more["metric"].name
        return self

    def _learned(self, columns: Columns, result: dict[str, Any]) -> None:
        self.forest_ = Forest._of(result["forest"])
        self.n_features_in_ = columns.count
        if columns.names is not None:
            self.feature_names_in_ = np.array(columns.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._columns = columns
        self.eval_losses_ = result["losses"]
        self.loss_name_ = str(result["loss_name"])
        self.best_iteration_ = int(result["steps"])
        self._position_bias = result["position_bias"]

    def _link(self, objective: Any, options: dict[str, Any]) -> str:
        """From raw scores to predictions."""
        del options
        return _LINKS.get(objective, "identity")

    def _metric(self, objective: Any, watched: Sample, link: str) -> Any:
        """What `eval_set` is watched by: None for the objective's loss."""
        metric = self.eval_metric  # type: ignore[attr-defined]
        if metric is None:
            if callable(objective):
                raise InvalidArgumentError(
                    f"{type(self).__name__}: eval_set needs eval_metric where the objective is a "
                    "function, whose loss is not known"
                )
            return None
        if callable(metric):
            return Measure(metric, watched, link)
        if not isinstance(metric, str):
            self._refuse("eval_metric", "be the name of a metric or a function")
        return metric

    # -- asking ------------------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not hasattr(self, "forest_"):
            raise _not_fitted(type(self).__name__)

    def predict_raw(self, X: Any) -> npt.NDArray[np.float64]:
        """Score rows before the link: what boosting added up.

        Parameters
        ----------
        X : [n, features] array, DataFrame or scipy.sparse

        Returns
        -------
        [n] float64 array; [n, classes] where there are more than two classes.
        """
        self._check_fitted()
        threads = self._threads()
        return by_blocks(
            self._columns.matrix(X, threads),
            lambda rows: self.forest_.predict_raw(rows, threads=threads),
        )

    def _predicted(self, X: Any) -> npt.NDArray[np.float64]:
        self._check_fitted()
        threads = self._threads()
        return by_blocks(
            self._columns.matrix(X, threads),
            lambda rows: self.forest_.predict(rows, threads=threads),
        )

    def shap_values(self, X: Any, *, background: Any = None) -> npt.NDArray[np.float64]:
        """Explain raw scores exactly: how far each feature moved a row from the expected score.

        Parameters
        ----------
        X : [n, features] array, DataFrame or scipy.sparse
        background : [m, features] array or DataFrame, optional
            Where the values of features that are left out come from; None goes by the training rows
            of each split. See `Forest.shap_values`.

        Returns
        -------
        [n, features + 1] float64 array, or [n, classes, features + 1]; a row adds up to
        `predict_raw`, its last value is the expected score.
        """
        self._check_fitted()
        threads = self._threads()
        others = None if background is None else self._columns.dense(background)
        return by_blocks(
            self._columns.matrix(X, threads),
            lambda rows: self.forest_.shap_values(rows, background=others, threads=threads),
        )

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each feature [features] by `importance_type`; zeros without a split."""
        self._check_fitted()
        found = self.forest_.importances(self.importance_type)  # type: ignore[attr-defined]
        total = found.sum()
        return np.asarray(found / total if total > 0 else found)

    # -- keeping -----------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if "forest_" in state:
            state["forest_"] = state["forest_"].to_arrays()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "forest_" in state:
            state["forest_"] = Forest(state["forest_"])
        self.__dict__.update(state)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect; it is only asked when scikit-learn is there."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )


def _not_fitted(who: str) -> NotFittedError:
    message = f"{who} is not fitted; call fit first"
    if "sklearn.exceptions" not in sys.modules:
        return NotFittedError(message)
    theirs = sys.modules["sklearn.exceptions"].NotFittedError
    # What a pipeline of scikit-learn's catches is its own.
    return type("NotFittedError", (NotFittedError, theirs), {})(message)


def _monotone(monotone: Any, columns: Columns) -> list[int]:
    if monotone is None:
        return []
    signs = [0] * columns.count
    if isinstance(monotone, dict):
        for column, sign in monotone.items():
            signs[columns.number_of(column, "monotone")] = sign
    else:
        given = list(monotone)
        if len(given) != columns.count:
            raise InvalidArgumentError(
                f"{columns.who}: monotone has {len(given)} signs for {columns.count} features"
            )
        signs = given
    if any(sign not in (-1, 0, 1) for sign in signs):
        raise InvalidArgumentError(f"{columns.who}: monotone signs must be -1, 0 or 1")
    return [int(sign) for sign in signs]


def _groups(interaction: Any, columns: Columns) -> list[list[int]]:
    if interaction is None:
        return []
    groups = [
        None if isinstance(group, str) or not isinstance(group, Iterable) else list(group)
        for group in interaction
    ]
    if not groups or any(not group for group in groups):
        raise InvalidArgumentError(
            f"{columns.who}: interaction must list groups of columns, such as [['a', 'b'], ['c']]"
        )
    return [[columns.number_of(c, "interaction") for c in group or []] for group in groups]


def one_column(y: Any, who: str) -> npt.NDArray[Any]:
    """Targets or labels as an array of one dimension, of whatever kind they are.

    Raises
    ------
    InvalidArgumentError
        On None, on another shape, on complex numbers.
    """
    if y is None:
        raise InvalidArgumentError(f"{who}: requires y to be passed, but the target y is None")
    raw = np.asarray(y)
    if raw.ndim == 2 and raw.shape[1] == 1:
        _warn_column(who)
        raw = raw[:, 0]
    if raw.ndim != 1:
        raise InvalidArgumentError(f"{who}: y must have one dimension, not shape {raw.shape}")
    if raw.dtype.kind == "c":
        raise InvalidArgumentError(f"{who}: Complex data not supported")
    return raw


def finite_targets(y: Any, who: str) -> npt.NDArray[np.float32]:
    """Targets as [n] float32.

    Raises
    ------
    InvalidArgumentError
        On another shape or on what is no number.
    BadDataError
        On NaN or infinity, naming the row.
    """
    raw = one_column(y, who)
    try:
        targets = raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{who}: a value of y is not a number: {error}") from error
    bad = np.flatnonzero(~np.isfinite(targets))
    if len(bad):
        raise BadDataError(
            f"{who}: y, row {bad[0]}: NaN or infinity; a target must be a finite number"
        )
    return targets.astype(np.float32)


def _warn_column(who: str) -> None:
    import warnings

    message = f"A column-vector y was passed when a 1d array was expected by {who}."
    category: type[Warning] = UserWarning
    try:
        from sklearn.exceptions import DataConversionWarning

        category = DataConversionWarning
    except ImportError:
        pass
    warnings.warn(message, category, stacklevel=5)
