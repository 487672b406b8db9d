"""What the three estimators of boosted trees share."""

from __future__ import annotations

import sys
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from .._progress import Progress
from ..errors import BadDataError, InvalidArgumentError, NotFittedError
from ..models._params import Parametrized
from ._forest import Forest
from ._rows import Columns

__all__ = ["Boosted"]

_INTEGERS = "trees leaves bins min_leaf_samples"
_NUMBERS = "learning_rate l1 l2 min_gain min_hessian feature_fraction row_fraction"


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
            "min_hessian"
        )
        options: dict[str, Any] = {name: getattr(self, name) for name in names.split()}
        options["seed"] = int(options["seed"])
        options["threads"] = self._threads()
        options["min_leaf_rows"] = self.min_leaf_samples  # type: ignore[attr-defined]
        options["depth_wise"] = self.growth == "depth"  # type: ignore[attr-defined]
        options["max_depth"] = self.max_depth or 0  # type: ignore[attr-defined]
        options["early_stopping"] = self.early_stopping or 0  # type: ignore[attr-defined]
        return options

    def _objective(self, default: str) -> str:
        objective = self.objective  # type: ignore[attr-defined]
        if objective is None:
            return default
        if objective not in self._objectives:
            self._refuse("objective", f"be one of {', '.join(self._objectives)}")
        return str(objective)

    def _train(
        self,
        X: Any,
        targets: npt.NDArray[Any],
        objective: str,
        extra: dict[str, Any],
        sample_weight: Any,
        eval_set: Any,
        categorical: Any,
        monotone: Any,
        group: npt.NDArray[np.int64] | None = None,
    ) -> Self:
        """Fit on targets as the core takes them. `eval_set`: (X, targets, group) or None."""
        who = type(self).__name__
        options = {**self._options(), **extra}
        threads = options["threads"]
        columns = Columns(X, categorical, who)
        rows = columns.matrix(X, threads)
        _check_rows(rows, targets, who)
        weight = _weights(sample_weight, len(targets), who)
        options["monotone"] = _monotone(monotone, columns)
        binned = _core.BinnedRows(
            rows,
            weights=weight,
            bins=self.bins,  # type: ignore[attr-defined]
            categorical=columns.categorical,
            seed=options["seed"],
            threads=threads,
        )
        held: dict[str, Any] = {}
        if eval_set is not None:
            held_rows = columns.matrix(eval_set[0], threads)
            _check_rows(held_rows, eval_set[1], f"{who}: eval_set")
            held = {
                "held_out": binned.held_out(held_rows, threads),
                "held_out_target": eval_set[1],
                "held_out_group_begin": eval_set[2],
            }
        elif options["early_stopping"]:
            raise InvalidArgumentError(f"{who}: early_stopping needs an eval_set to watch")
        with Progress(who, self._show_progress) as progress:
            result = _core.train_forest(
                binned,
                targets,
                objective=objective,
                options=options,
                weight=weight,
                group_begin=group,
                progress=lambda done, total, _loss: progress(done, total),
                **held,
            )
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
        return self

    # -- asking ------------------------------------------------------------------------------------

    def _check_fitted(self) -> None:
        if not hasattr(self, "forest_"):
            raise _not_fitted(type(self).__name__)

    def predict_raw(self, X: Any) -> npt.NDArray[np.float64]:
        """Score rows before the link: what boosting added up.

        Parameters
        ----------
        X : [n, features] array or DataFrame

        Returns
        -------
        [n] float64 array; [n, classes] where there are more than two classes.
        """
        self._check_fitted()
        threads = self._threads()
        return self.forest_.predict_raw(self._columns.matrix(X, threads), threads=threads)

    def _predicted(self, X: Any) -> npt.NDArray[np.float64]:
        self._check_fitted()
        threads = self._threads()
        return self.forest_.predict(self._columns.matrix(X, threads), threads=threads)

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Share of each feature [features] in the gain of all splits; zeros without a split."""
        self._check_fitted()
        arrays = self.forest_.to_arrays()
        gain = np.bincount(
            arrays["feature"],
            weights=arrays["gain"].astype(np.float64),
            minlength=self.n_features_in_,
        )
        total = gain.sum()
        return np.asarray(gain / total if total > 0 else gain)

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
            input_tags=InputTags(allow_nan=True),
        )


def _not_fitted(who: str) -> NotFittedError:
    message = f"{who} is not fitted; call fit first"
    if "sklearn.exceptions" not in sys.modules:
        return NotFittedError(message)
    theirs = sys.modules["sklearn.exceptions"].NotFittedError
    # What a pipeline of scikit-learn's catches is its own.
    return type("NotFittedError", (NotFittedError, theirs), {})(message)


def _check_rows(rows: npt.NDArray[Any], targets: npt.NDArray[Any], who: str) -> None:
    if rows.shape[0] == 0:
        raise InvalidArgumentError(f"{who}: Found array with 0 sample(s) while 1 is required")
    if rows.shape[1] == 0:
        raise InvalidArgumentError(
            f"{who}: 0 feature(s) (shape={rows.shape}) while a minimum of 1 is required."
        )
    if len(targets) != rows.shape[0]:
        raise InvalidArgumentError(f"{who}: X has {rows.shape[0]} rows, y {len(targets)}")


def _weights(sample_weight: Any, rows: int, who: str) -> npt.NDArray[np.float32] | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float32)
    if weight.ndim == 0:
        weight = np.full(rows, weight, dtype=np.float32)
    if weight.shape != (rows,):
        raise InvalidArgumentError(
            f"{who}: sample_weight must be [{rows}], one a row, not shape {weight.shape}"
        )
    return weight


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


def finite_targets(y: Any, who: str) -> npt.NDArray[np.float32]:
    """Targets as [n] float32.

    Raises
    ------
    InvalidArgumentError
        On another shape or on what is no number.
    BadDataError
        On NaN or infinity, naming the row.
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
    warnings.warn(message, category, stacklevel=4)
