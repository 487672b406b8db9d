"""What a model depends on: permutation importance and partial dependence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._forest import Forest

if TYPE_CHECKING:
    from ._gbdt import Boosted

__all__ = [
    "PartialDependence",
    "PermutationImportance",
    "partial_dependence",
    "permutation_importance",
]

Metric = Callable[[npt.NDArray[Any], npt.NDArray[np.float64]], float]


@dataclass(frozen=True)
class PermutationImportance:
    """By how much a metric falls when a column is shuffled.

    Attributes
    ----------
    names : list of str
    drops : [features, repeats] float64 array
        The metric as it was less the metric with the column shuffled; above 0 the column helps.
    score : float
        The metric as it was.
    """

    names: list[str]
    drops: npt.NDArray[np.float64]
    score: float

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean drop of each feature."""
        return self.drops.mean(axis=1)

    @property
    def std(self) -> npt.NDArray[np.float64]:
        """Standard deviation of the drop over the shuffles."""
        return self.drops.std(axis=1)

    def plot(self, ax: Any = None, *, top: int = 20) -> Any:
        """Draw the features of the largest drops as bars, with one standard deviation."""
        from ._plots import plot_importances

        drawn = plot_importances(self.names, self.mean, ax, spread=self.std, top=top)
        drawn.set_xlabel("the metric falls by")
        return drawn


@dataclass(frozen=True)
class PartialDependence:
    """The mean prediction as one feature takes each value of a grid, all else as it is.

    Attributes
    ----------
    name : str
    grid : [g] float64 array
    mean : [g] float64 array
    rows : [n, g] float64 array
        The same row by row (individual conditional expectation).
    """

    name: str
    grid: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float64]

    def plot(self, ax: Any = None, *, lines: int = 50) -> Any:
        """Draw the mean over ``lines`` of the rows."""
        from ._plots import plot_partial_dependence

        return plot_partial_dependence(self, ax, lines=lines)


def permutation_importance(
    model: Forest | Boosted,
    X: Any,
    y: npt.ArrayLike,
    metric: Metric,
    *,
    repeats: int = 5,
    seed: int = 0,
    threads: int = 1,
) -> PermutationImportance:
    """Measure what shuffling each column costs (Breiman 2001, "Random forests", section 10).

    Parameters
    ----------
    model : Forest or fitted estimator
    X : [n, num_features] array, or a DataFrame for an estimator
        Rows that training has not seen, or the importance is that of fitting noise, too.
    y : [n] array
    metric : callable
        ``metric(y, predictions)``, larger is better.
    repeats : int
        Shuffles of each column.
    seed : int
    threads : int
    """
    forest, rows, names = _opened(model, X)
    truth = np.asarray(y)
    if truth.shape[:1] != rows.shape[:1]:
        raise InvalidArgumentError(f"y has {truth.shape[0]} rows, X {rows.shape[0]}")
    if repeats < 1:
        raise InvalidArgumentError(f"repeats must be at least 1, not {repeats}")
    if not callable(metric):
        raise InvalidArgumentError(
            "metric must be a function of (y, predictions), such as "
            f"sklearn.metrics.roc_auc_score, not {metric!r}"
        )
    rng = np.random.default_rng(seed)
    score = float(metric(truth, forest.predict(rows, threads=threads)))
    drops = np.zeros((forest.num_features, repeats))
    used = np.flatnonzero(forest.importances("splits"))  # no other column can matter
    for feature in used:
        kept = rows[:, feature].copy()
        for repeat in range(repeats):
            rows[:, feature] = rng.permutation(kept)
            shuffled = metric(truth, forest.predict(rows, threads=threads))
            drops[feature, repeat] = score - float(shuffled)
        rows[:, feature] = kept
    return PermutationImportance(names, drops, score)


def partial_dependence(
    model: Forest | Boosted,
    X: Any,
    feature: int | str,
    *,
    grid: int | Sequence[float] = 20,
    output: int = 0,
    threads: int = 1,
) -> PartialDependence:
    """Predict with one feature set to each value of a grid (Friedman 2001, section 8.2).

    Parameters
    ----------
    model : Forest or fitted estimator
    X : [n, num_features] array, or a DataFrame for an estimator
    feature : int or str
        A column, by number or by name.
    grid : int or values
        A number asks for that many quantiles of the column's own values.
    output : int
        Of a forest of several.
    threads : int
    """
    forest, rows, names = _opened(model, X)
    column = _column(names, feature)
    if not 0 <= output < forest.num_outputs:
        raise InvalidArgumentError(f"output {output} of {forest.num_outputs}")
    if isinstance(grid, int):
        known = rows[:, column][np.isfinite(rows[:, column])]
        if grid < 2 or known.size == 0:
            raise InvalidArgumentError(
                "a grid needs 2 or more values, and a column some that are finite"
            )
        values = np.unique(np.quantile(known, np.linspace(0, 1, grid), method="nearest"))
    else:
        values = np.asarray(grid, dtype=np.float64)
    found = np.empty((rows.shape[0], values.size))
    for place, value in enumerate(values):
        rows[:, column] = value
        predicted = forest.predict(rows, threads=threads)
        found[:, place] = predicted if predicted.ndim == 1 else predicted[:, output]
    return PartialDependence(names[column], values, found.mean(axis=0), found)


def _opened(model: Forest | Boosted, X: Any) -> tuple[Forest, npt.NDArray[np.float64], list[str]]:
    """Return the forest of a model, rows as it takes them, and the columns' names."""
    if isinstance(model, Forest):
        return model, _as_rows(model, X), _names(model)
    model._check_fitted()
    forest = model.forest_
    return forest, _as_rows(forest, model._columns.dense(X)), _names(forest)


def _as_rows(forest: Forest, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Copy rows, at least one."""
    rows = np.array(values, dtype=np.float64, order="C")
    if rows.ndim != 2 or rows.shape[1] != forest.num_features or rows.shape[0] == 0:
        raise InvalidArgumentError(
            f"X must be [rows, {forest.num_features}] with a row or more, not shape {rows.shape}"
        )
    return rows


def _names(forest: Forest) -> list[str]:
    return forest.feature_names or [f"feature {i}" for i in range(forest.num_features)]


def _column(names: list[str], feature: int | str) -> int:
    if isinstance(feature, str):
        if feature not in names:
            raise InvalidArgumentError(f"there is no feature '{feature}'")
        return names.index(feature)
    if not 0 <= feature < len(names):
        raise InvalidArgumentError(f"feature {feature} of {len(names)}")
    return int(feature)
