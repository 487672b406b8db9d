"""Boosted trees whose scores are turned into probabilities that can be believed."""

from __future__ import annotations

from typing import Any, Literal, Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ..models._params import Parametrized
from ._calibration import Calibration
from ._forest import Forest
from ._gbdt import _not_fitted, finite_targets
from .gbdt_classifier import GBDTClassifier, _labels
from .gbdt_ranker import GBDTRanker

__all__ = ["Calibrated"]


# Parameters of an estimator's `fit` that have an entry a row.
_BY_ROW = ("group", "position", "sample_weight")


class Calibrated(Parametrized):
    """Fits trees and, on rows that they have not seen, what their scores are worth.

    The scores are those of cross-fitting: each of `cv` parts is scored by trees that were fitted to
    the others; the trees that are kept are fitted to all rows. Parts have the same shares of the
    classes; a ranker's are made of whole queries.

    Parameters
    ----------
    estimator : GBDTClassifier, GBDTRanker, or Forest
        A forest, imported or trained, with ``cv='prefit'`` only.
    method : 'isotonic' or 'sigmoid'
        'isotonic' learns any curve that does not fall and wants a thousand rows or more; 'sigmoid'
        (Platt) learns two numbers.
    cv : int or 'prefit'
        Parts, from 2 up; or the estimator is fitted and all rows given to `fit` are new to it.
    relevant : float
        Of a ranker: rows with labels from here up are positive.
    seed : int
        Of the parts.

    Attributes
    ----------
    estimator_ : GBDTClassifier, GBDTRanker or Forest
        What scores.
    calibration_ : Calibration
    forest_ : Forest
        Both: its `predict` gives the probabilities, and it can be saved.
    classes_ : array
        Of a ranker: False and True, for relevant.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        estimator: Any,
        method: Literal["isotonic", "sigmoid"] = "isotonic",
        cv: int | Literal["prefit"] = 5,
        relevant: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.relevant = relevant
        self.seed = seed

    # -- fitting -----------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        *,
        group: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        **fit_parameters: Any,
    ) -> Self:
        """Learn trees and probabilities.

        Parameters
        ----------
        X, y
            As the estimator's `fit` takes them.
        group : [n]
            Of a ranker: the query of each row.
        sample_weight : [n], optional
            Counts for the trees and for the probabilities.
        fit_parameters
            What else the estimator's `fit` takes, the same for every part.

        Raises
        ------
        InvalidArgumentError
            On parameters, on an estimator of another kind, on classes of fewer rows than `cv` has
            parts, and on what the estimator refuses.
        """
        prefit = self._check_parameters()
        if isinstance(self.estimator, GBDTRanker):
            codes = (finite_targets(y, "Calibrated") >= self.relevant).astype(np.int32)
            classes: Any = np.array([False, True])
        else:
            classes, codes = self._classes(y, prefit)
        weight = _row_weights(sample_weight, len(codes))
        if prefit:
            scores = self.estimator.predict_raw(X)
            fitted = self.estimator
        else:
            fit = dict(fit_parameters)
            if group is not None:
                fit["group"] = np.asarray(group)
            if weight is not None:
                fit["sample_weight"] = weight
            # All rows first: what the estimator refuses, it names by their own numbers.
            fitted = _fit(self.estimator, X, y, None, fit)
            scores = self._cross_fitted(X, y, codes, fit)
        calibration = Calibration.fit(scores, codes, method=self.method, sample_weight=weight)
        self.estimator_, self.calibration_, self.classes_ = fitted, calibration, classes
        forest = fitted if isinstance(fitted, Forest) else fitted.forest_
        self.n_features_in_ = forest.num_features
        if hasattr(fitted, "feature_names_in_"):
            self.feature_names_in_ = fitted.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _check_parameters(self) -> bool:
        """Whether the estimator is fitted already."""
        self._check_kinds(numbers="relevant", texts="method", seed=True)
        if self.method not in ("isotonic", "sigmoid"):
            self._refuse("method", "be 'isotonic' or 'sigmoid'")
        if not isinstance(self.estimator, (GBDTClassifier, GBDTRanker, Forest)):
            self._refuse("estimator", "be a GBDTClassifier, a GBDTRanker or a Forest")
        if isinstance(self.cv, str) and self.cv == "prefit":
            return True
        if isinstance(self.cv, bool) or not isinstance(self.cv, (int, np.integer)) or self.cv < 2:
            self._refuse("cv", "be an integer from 2 up, or 'prefit'")
        if isinstance(self.estimator, Forest):
            raise InvalidArgumentError(
                "Calibrated: a Forest can't be fitted again; give cv='prefit' and rows that it has "
                "not seen"
            )
        return False

    def _classes(self, y: npt.ArrayLike, prefit: bool) -> tuple[Any, npt.NDArray[np.int32]]:
        labels = _labels(y, "Calibrated")
        if not prefit:
            classes, codes = np.unique(labels, return_inverse=True)
            if len(classes) < 2:
                raise InvalidArgumentError(
                    f"Calibrated: y has one class only, {classes.tolist()}; there is nothing to "
                    "tell apart"
                )
            return classes, codes.astype(np.int32)
        if isinstance(self.estimator, Forest):
            outputs = self.estimator.num_outputs
            classes = np.unique(labels) if outputs == 1 else np.arange(outputs)
            if outputs == 1 and len(classes) != 2:
                raise InvalidArgumentError(
                    f"Calibrated: y has {len(classes)} classes; a forest of one output wants two"
                )
        else:
            self.estimator._check_fitted()
            classes = self.estimator.classes_
        unknown = ~np.isin(labels, classes)
        if unknown.any():
            raise InvalidArgumentError(
                f"Calibrated: y has the class {labels[unknown].tolist()[0]!r}, which the estimator "
                "has not"
            )
        return classes, np.searchsorted(classes, labels).astype(np.int32)

    def _cross_fitted(
        self, X: Any, y: Any, codes: npt.NDArray[np.int32], fit: dict[str, Any]
    ) -> npt.NDArray[np.float64]:
        """Raw scores of each row by trees that have not seen it."""
        part = self._parts(codes, fit.get("group"))
        scores: Any = None
        for number in range(self.cv):  # type: ignore[arg-type]
            held = part == number
            fitted = _fit(self.estimator, X, y, ~held, fit)
            found = fitted.predict_raw(_take(X, held))
            if scores is None:
                scores = np.empty((len(codes), *found.shape[1:]))
            scores[held] = found
        return np.asarray(scores)

    def _parts(self, codes: npt.NDArray[np.int32], group: Any) -> npt.NDArray[np.intp]:
        cv = int(self.cv)
        random = np.random.Generator(np.random.Philox(int(self.seed)))
        if isinstance(self.estimator, GBDTRanker):
            queries, query = np.unique(group, return_inverse=True)
            if len(queries) < cv:
                raise InvalidArgumentError(f"Calibrated: {len(queries)} queries for cv={cv} parts")
            return _dealt(len(queries), cv, random)[query]
        counts = np.bincount(codes)
        if counts.min() < cv:
            raise InvalidArgumentError(
                f"Calibrated: a class has {counts.min()} rows, fewer than cv={cv} parts"
            )
        part = np.empty(len(codes), dtype=np.intp)
        for code in range(len(counts)):
            part[codes == code] = _dealt(int(counts[code]), cv, random)
        return part

    # -- asking ------------------------------------------------------------------------------------

    @property
    def forest_(self) -> Forest:
        """The trees with their calibration, ready to be saved."""
        self._check_fitted()
        fitted = self.estimator_
        return (fitted if isinstance(fitted, Forest) else fitted.forest_).with_calibration(
            self.calibration_
        )

    def predict_raw(self, X: Any) -> npt.NDArray[np.float64]:
        """Score rows, before calibration: [n], or [n, classes] where there are more than two."""
        self._check_fitted()
        return np.asarray(self.estimator_.predict_raw(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities of the classes, [n, classes]; of a ranker, of not relevant and relevant."""
        scores = self.predict_raw(X)
        p = self.calibration_.predict(scores)
        return np.column_stack([1 - p, p]) if p.ndim == 1 else p

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest class of each row [n]; of a ranker the scores, as it gives them."""
        if isinstance(self.estimator, GBDTRanker):
            return self.predict_raw(X)
        p = self.predict_proba(X)
        return np.asarray(self.classes_[p.argmax(axis=1)])

    def score(self, X: Any, y: npt.ArrayLike, sample_weight: Any = None) -> float:
        """Accuracy."""
        right = self.classes_[self.predict_proba(X).argmax(axis=1)] == np.asarray(y)
        return float(np.average(right, weights=sample_weight))

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise _not_fitted(type(self).__name__)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "calibration_")

    # -- scikit-learn's manners --------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, with `deep` the estimator's as ``estimator__name``."""
        found = super().get_params()
        if deep and hasattr(self.estimator, "get_params"):
            inner = self.estimator.get_params()
            found.update({f"estimator__{name}": value for name, value in inner.items()})
        return found

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters; ``estimator__name`` changes one of the estimator's.

        Raises
        ------
        InvalidArgumentError
            On a name that is not a parameter.
        """
        prefix = "estimator__"
        own = {name: v for name, v in parameters.items() if not name.startswith(prefix)}
        inner = {name[len(prefix) :]: v for name, v in parameters.items() if name not in own}
        super().set_params(**own)
        if inner:
            self.estimator.set_params(**inner)
        return self

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect; it is only asked when scikit-learn is there."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )


def _fit(estimator: Any, X: Any, y: Any, rows: Any, fit: dict[str, Any]) -> Any:
    """A fresh estimator of the same parameters, fitted to some of the rows (None: all)."""
    fresh = type(estimator)(**estimator.get_params())
    if rows is None:
        return fresh.fit(X, y, **fit)
    some = {
        name: np.asarray(value)[rows] if name in _BY_ROW and value is not None else value
        for name, value in fit.items()
    }
    return fresh.fit(_take(X, rows), np.asarray(y)[rows], **some)


def _take(X: Any, rows: npt.NDArray[np.bool_]) -> Any:
    """Some of the rows, as the kind of thing that X is."""
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return frame[np.flatnonzero(rows)].to_native()
    return np.asarray(X)[rows]


def _dealt(count: int, parts: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Parts of about equal size, by lot."""
    return random.permutation(count) % parts


def _row_weights(sample_weight: Any, rows: int) -> npt.NDArray[np.float64] | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim == 0:
        weight = np.full(rows, weight)
    if weight.shape != (rows,):
        raise InvalidArgumentError(
            f"Calibrated: sample_weight must be [{rows}], one a row, not shape {weight.shape}"
        )
    return weight
