"""A model of rewards by context and action, whose predictions never saw the round they are for."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadDataError, InvalidArgumentError, NotFittedError

__all__ = ["RewardModel"]

_Reals = npt.NDArray[np.float64]


class RewardModel:
    """Expected rewards q [rounds, actions], cross-fitted, from any regressor or classifier.

    Each round's predictions come from models fitted to the other folds, without which doubly robust
    estimates trust the model's memory of the very rewards they correct it by.

    Parameters
    ----------
    estimator : scikit-learn regressor or classifier, GBDTClassifier, GBDTRegressor, optional
        By default boosted trees: a classifier where rewards are 0 and 1, else a regressor. A
        classifier must be of two classes, and predicts the chance of the larger one times it.
    folds : int
        1 fits one model to all rounds, for `predict` on others.
    action_features : [actions, features], optional
        What is known of the actions; by default one column each that says which.
    seed : int
        Of the folds.

    Attributes
    ----------
    models_ : list
        The fitted estimators, one a fold.
    fold_ : [rounds] int64
        Which fold each round of `fit_predict` was in.
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        folds: int = 3,
        action_features: npt.ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.folds = folds
        self.action_features = action_features
        self.seed = seed

    def fit(
        self,
        contexts: npt.ArrayLike,
        action: npt.ArrayLike,
        reward: npt.ArrayLike,
        *,
        actions: int | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> RewardModel:
        """Fit one model to all rounds; return self.

        Parameters
        ----------
        contexts : [rounds, features]
        action : [rounds] of int
        reward : [rounds]
        actions : int, optional
            How many there are; by default as ``action_features``, else one more than the largest.
        sample_weight : [rounds], optional

        Raises
        ------
        InvalidArgumentError, BadDataError
        """
        X, done, earned = self._checked(contexts, action, reward, actions)
        self.models_ = [self._fitted(X, done, earned, _weights(sample_weight, len(X)))]
        return self

    def predict(self, contexts: npt.ArrayLike) -> _Reals:
        """Return q [rounds, actions] of new rounds: the mean of the fitted models.

        Raises
        ------
        NotFittedError
        """
        if not hasattr(self, "models_"):
            raise NotFittedError("RewardModel: call fit or fit_predict first")
        X = _contexts(contexts)
        return np.mean([self._predicted(model, X) for model in self.models_], axis=0)

    def fit_predict(
        self,
        contexts: npt.ArrayLike,
        action: npt.ArrayLike,
        reward: npt.ArrayLike,
        *,
        actions: int | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> _Reals:
        """Return q [rounds, actions], each round's by models that have not seen it.

        Parameters are those of `fit`.

        Raises
        ------
        InvalidArgumentError, BadDataError
        """
        X, done, earned = self._checked(contexts, action, reward, actions)
        weight = _weights(sample_weight, len(X))
        folds = self._folds(len(X))
        if folds == 1:
            self.models_ = [self._fitted(X, done, earned, weight)]
            self.fold_ = np.zeros(len(X), dtype=np.int64)
            return self._predicted(self.models_[0], X)
        order = np.random.default_rng(self.seed).permutation(len(X))
        self.fold_ = np.empty(len(X), dtype=np.int64)
        self.fold_[order] = np.arange(len(X)) % folds
        q = np.empty((len(X), self.actions_))
        self.models_ = []
        for fold in range(folds):
            inside = self.fold_ == fold
            others = ~inside
            kept = None if weight is None else weight[others]
            model = self._fitted(X[others], done[others], earned[others], kept)
            q[inside] = self._predicted(model, X[inside])
            self.models_.append(model)
        return q

    def _folds(self, rounds: int) -> int:
        if isinstance(self.folds, bool) or not isinstance(self.folds, (int, np.integer)):
            raise InvalidArgumentError(f"RewardModel: folds must be an integer, not {self.folds!r}")
        if not 1 <= self.folds <= rounds:
            raise InvalidArgumentError(
                f"RewardModel: folds must be from 1 to the rounds, {rounds}; it is {self.folds}"
            )
        return int(self.folds)

    def _checked(
        self, contexts: Any, action: Any, reward: Any, actions: int | None
    ) -> tuple[_Reals, npt.NDArray[np.int64], _Reals]:
        X = _contexts(contexts)
        done = np.asarray(action)
        earned = np.asarray(reward, dtype=np.float64)
        if done.dtype.kind not in "iu" or done.shape != (len(X),) or earned.shape != (len(X),):
            raise InvalidArgumentError(
                f"RewardModel: action must be integers and reward numbers, [{len(X)}] each like "
                f"the contexts, not of shapes {done.shape} and {earned.shape}"
            )
        if not np.isfinite(earned).all():
            row = int(np.flatnonzero(~np.isfinite(earned))[0])
            raise BadDataError(f"RewardModel: round {row}: reward is {earned[row]}")
        self.features_ = self._action_table(done, actions)
        self.actions_ = len(self.features_)
        if not ((done >= 0) & (done < self.actions_)).all():
            raise BadDataError(f"RewardModel: action must be from 0 to {self.actions_ - 1}")
        return X, done.astype(np.int64), earned

    def _action_table(self, done: npt.NDArray[Any], actions: int | None) -> _Reals:
        if self.action_features is None:
            return np.eye(int(done.max()) + 1 if actions is None else int(actions))
        features = np.asarray(self.action_features, dtype=np.float64)
        if features.ndim != 2 or (actions is not None and len(features) != actions):
            raise InvalidArgumentError(
                f"RewardModel: action_features must be [actions, features], not {features.shape}"
            )
        return features

    def _fitted(
        self, X: _Reals, done: npt.NDArray[np.int64], earned: _Reals, weight: _Reals | None
    ) -> Any:
        model = self._new(earned)
        rows = np.concatenate([X, self.features_[done]], axis=1)
        if _is_classifier(model):
            classes = np.unique(earned)
            if len(classes) > 2:
                raise InvalidArgumentError(
                    "RewardModel: a classifier takes rewards of two values; use a regressor"
                )
            if len(classes) == 1:
                return float(classes[0])  # a fold that saw one value only
        if weight is None:
            return model.fit(rows, earned)
        return model.fit(rows, earned, sample_weight=weight)

    def _new(self, earned: _Reals) -> Any:
        if self.estimator is not None:
            return deepcopy(self.estimator)
        from ..ranking.gbdt_classifier import GBDTClassifier
        from ..ranking.gbdt_regressor import GBDTRegressor

        settings: dict[str, Any] = {"trees": 100, "leaves": 15, "learning_rate": 0.05, "seed": 0}
        binary = np.isin(earned, (0, 1)).all()
        return GBDTClassifier(**settings) if binary else GBDTRegressor(**settings)

    def _predicted(self, model: Any, X: _Reals) -> _Reals:
        q = np.empty((len(X), self.actions_))
        if isinstance(model, float):
            q[:] = model
            return q
        rows = np.empty((len(X), X.shape[1] + self.features_.shape[1]))
        rows[:, : X.shape[1]] = X
        for action, features in enumerate(self.features_):
            rows[:, X.shape[1] :] = features
            if _is_classifier(model):
                low, high = (float(each) for each in model.classes_)
                q[:, action] = low + (high - low) * model.predict_proba(rows)[:, 1]
            else:
                q[:, action] = model.predict(rows)
        return q


def _is_classifier(model: Any) -> bool:
    return hasattr(model, "predict_proba")


def _contexts(contexts: Any) -> _Reals:
    try:
        X = np.asarray(contexts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"contexts must be numbers: {error}") from error
    if X.ndim != 2 or len(X) == 0:
        raise InvalidArgumentError(f"contexts must be [rounds, features], not of shape {X.shape}")
    return X


def _weights(sample_weight: Any, rounds: int) -> _Reals | None:
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (rounds,):
        raise InvalidArgumentError(f"sample_weight must be [{rounds}], not {weight.shape}")
    return weight
