"""Bandit problems with known regret: drawn from a seed, or made of a classification set."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import InvalidArgumentError
from penchant.simulate.bandit_config import BanditConfig
from penchant.simulate.bandit_truth import LabelTruth, ScoreTruth
from penchant.simulate.bandit_world import BanditWorld

__all__ = ["bandit", "from_classification"]


def bandit(
    kind: str = "linear",
    *,
    arms: int | Sequence[Any] = 10,
    dimension: int = 16,
    drift: float = 0.0,
    delay: float = 0.0,
    slate: int = 1,
    seed: int = 0,
    weights: Any = None,
    **knobs: Any,
) -> BanditWorld:
    """Make a bandit problem whose best decisions are known.

    Parameters
    ----------
    kind : {"linear", "logistic", "neural"}
        How a context and an arm make a reward; see `BanditConfig`.
    arms : int or sequence of ids, default 10
        How many, or which.
    dimension, drift, delay, slate, seed
        As of `BanditConfig`.
    weights : float [a, d], optional
        A known truth: what each arm's score gains by a unit of each column of a context, instead
        of weights drawn at random. For linear and logistic worlds; the arms have no attributes
        then, and `change_every` is 0.
    **knobs
        Further fields of `BanditConfig`: arm_dimension, sharing, base, strength, noise, hidden,
        change_every, position_decay.

    Returns
    -------
    BanditWorld

    Raises
    ------
    InvalidArgumentError
        A knob that doesn't exist or is out of its range, weights of another shape.

    Examples
    --------
    >>> world = bandit("logistic", arms=["short", "long"], dimension=4, seed=1)
    >>> contexts = world.contexts(3)
    >>> world.expected(contexts).shape
    (3, 2)
    >>> bool((world.reward(contexts, world.best(contexts)) <= 1).all())
    True
    """
    known = {field.name for field in dataclasses.fields(BanditConfig)}
    for name in knobs:
        if name not in known:
            raise InvalidArgumentError(
                f"no knob {name!r}; there are {', '.join(sorted(known))} and weights"
            )
    if isinstance(arms, str):
        raise InvalidArgumentError(f"arms is {arms!r}; it is a number or a sequence of ids")
    names: list[Any] | None = None
    if isinstance(arms, Sequence | np.ndarray):
        names = np.asarray(arms).tolist()
    config = BanditConfig(
        kind=kind,
        arms=arms if names is None else len(names),  # type: ignore[arg-type]
        dimension=dimension,
        drift=drift,
        delay=delay,
        slate=slate,
        seed=seed,
        **knobs,
    )
    if names is None:
        width = len(str(config.arms))
        names = [f"arm-{number:0{width}d}" for number in range(1, config.arms + 1)]
    truth = ScoreTruth(config, _checked_weights(weights, config))
    return BanditWorld(
        names,
        truth,
        dimension=config.dimension,
        arm_features=truth.arm_features if weights is None else None,
        config=config,
        seed=config.seed,
    )


def from_classification(X: Any, y: Any, *, seed: int = 0) -> BanditWorld:
    """Make a bandit problem of rows with labels: one arm a class, reward 1 for the right one.

    Parameters
    ----------
    X : array [n, d]
        Contexts; a sparse matrix is unpacked. Columns stay as they are: policies with a penalty
        want them scaled.
    y : array [n]
        Labels, which become the arms' ids.
    seed : int, default 0
        Of the order in which rows come. A pass over all rows is followed by another one in
        another order.

    Returns
    -------
    BanditWorld
        `expected` and `reward` want the rounds of the contexts, as only rows have labels.
        `logging_policy` gives logs with true propensities.

    Raises
    ------
    InvalidArgumentError
        No rows, lengths that differ, a label that is missing, a feature that is not finite.

    Examples
    --------
    >>> world = from_classification([[0.0], [1.0], [2.0]], ["a", "b", "b"], seed=0)
    >>> world.arms
    ['a', 'b']
    """
    rows = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X, np.float64)
    labels = np.asarray(y)
    if rows.ndim != 2 or not rows.size or labels.shape != (len(rows),):
        raise InvalidArgumentError(
            f"X has the shape {rows.shape} and y {labels.shape}; they are [n, d] and [n], n above 0"
        )
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise InvalidArgumentError(f"X has a value in row {row} that is not finite")
    missing = labels != labels if labels.dtype.kind in "fO" else np.zeros(len(labels), bool)
    if labels.dtype.kind == "O":
        missing |= np.array([label is None for label in labels.tolist()])
    if missing.any():
        raise InvalidArgumentError(f"y has no label in row {int(np.flatnonzero(missing)[0])}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidArgumentError(f"seed is {seed!r}; it is a whole number from 0 on")
    classes, code = np.unique(labels, return_inverse=True)
    return BanditWorld(
        classes.tolist(),
        LabelTruth(rows, code.astype(np.int64), len(classes), int(seed)),
        dimension=rows.shape[1],
        seed=int(seed),
    )


def _checked_weights(weights: Any, config: BanditConfig) -> np.ndarray | None:
    if weights is None:
        return None
    given = np.array(weights, np.float64)
    if config.kind == "neural" or config.change_every:
        raise InvalidArgumentError(
            "weights can be given to linear and logistic worlds that are never drawn anew"
        )
    if given.shape != (config.arms, config.dimension) or not np.isfinite(given).all():
        raise InvalidArgumentError(
            f"weights have the shape {given.shape}; they are finite numbers "
            f"[{config.arms}, {config.dimension}]"
        )
    return given
