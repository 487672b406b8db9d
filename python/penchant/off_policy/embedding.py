"""Weights of embeddings, for mips, and what they are made of."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._inputs import Log

__all__ = ["embedding_posterior", "embedding_weights"]


def embedding_posterior(
    contexts: npt.ArrayLike,
    action: npt.ArrayLike,
    embedding: npt.ArrayLike,
    *,
    estimator: Any = None,
    actions: int | None = None,
    folds: int = 3,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Estimate which action it was from the context and the embedding: mips's ``posterior``.

    Each round's probabilities come from a classifier fitted to the other folds.

    Parameters
    ----------
    contexts : [rounds, features]
    action : [rounds] of int
    embedding : [rounds] or [rounds, dimensions] of int
        The categories that each round's action showed.
    estimator : classifier, optional
        With ``predict_proba`` and ``classes_``; boosted trees by default.
    actions : int, optional
        How many there are; by default one more than the largest.
    folds, seed : int

    Returns
    -------
    [rounds, actions] array
        0 for actions that the log never shows.

    Raises
    ------
    InvalidArgumentError
    """
    X = np.asarray(contexts, dtype=np.float64)
    done = np.asarray(action)
    seen = np.asarray(embedding)
    seen = seen[:, None] if seen.ndim == 1 else seen
    if X.ndim != 2 or done.dtype.kind not in "iu" or done.shape != (len(X),):
        raise InvalidArgumentError(
            "embedding_posterior: contexts must be [rounds, features], action [rounds] of integers"
        )
    if seen.ndim != 2 or len(seen) != len(X) or seen.dtype.kind not in "iu":
        raise InvalidArgumentError(
            "embedding_posterior: embedding must be [rounds, dimensions] of integers"
        )
    if not 2 <= folds <= len(X):
        raise InvalidArgumentError(f"embedding_posterior: folds must be 2 and more, not {folds}")
    one_hot = [seen[:, [d]] == np.unique(seen[:, d]) for d in range(seen.shape[1])]
    rows = np.concatenate([X, *one_hot], axis=1)
    fold = np.empty(len(X), dtype=np.int64)
    fold[np.random.default_rng(seed).permutation(len(X))] = np.arange(len(X)) % folds
    out = np.zeros((len(X), int(done.max()) + 1 if actions is None else int(actions)))
    for part in range(folds):
        inside = fold == part
        model = _classifier() if estimator is None else deepcopy(estimator)
        model.fit(rows[~inside], done[~inside])
        place = np.asarray(model.classes_, dtype=np.int64)
        out[np.ix_(inside, place)] = model.predict_proba(rows[inside])
    return out


def _classifier() -> Any:
    from ..ranking.gbdt_classifier import GBDTClassifier

    return GBDTClassifier(trees=40, leaves=7, learning_rate=0.1, seed=0)


def embedding_weights(
    log: Log,
    *,
    embedding: npt.ArrayLike | None,
    p_embedding: npt.ArrayLike | None,
    posterior: npt.ArrayLike | None,
) -> npt.NDArray[np.float64]:
    """Return [rounds] weights; see `mips`.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    from penchant import _core

    if log.logged is None or log.logged.ndim == 1:
        raise InvalidArgumentError(
            "mips: logged must be the logging policy's whole table, shaped like target"
        )
    target = np.ascontiguousarray(log.table_at_positions(log.target), dtype=np.float64)
    logged = np.ascontiguousarray(log.table_at_positions(log.logged))
    if posterior is not None:
        chances = np.ascontiguousarray(posterior, dtype=np.float64)
        return _core.off_policy_posterior_weights(target, logged, chances, 0)
    if embedding is None or p_embedding is None:
        raise InvalidArgumentError(
            "mips: give embedding with p_embedding, the chance of each category given the action, "
            "or posterior, a classifier's probabilities of the action given context and embedding"
        )
    seen = np.asarray(embedding)
    if seen.dtype.kind not in "iu" or seen.ndim not in (1, 2):
        raise InvalidArgumentError(
            f"mips: embedding must be [rounds] or [rounds, dimensions] of integers, not "
            f"{seen.dtype} of shape {seen.shape}"
        )
    chance = np.asarray(p_embedding, dtype=np.float64)
    if chance.ndim == 2:
        chance = chance[:, :, None]
    return _core.off_policy_known_weights(
        target, logged, np.ascontiguousarray(chance), np.ascontiguousarray(seen, dtype=np.int64), 0
    )
