"""Estimators for lists (slates) and for sequences of decisions.

With the weights of each position or step, w_ij = target / logged of what was done there, and
W_ij = w_i1 ... w_ij:

    standard      sum_j W_iJ r_ij              whole lists; any reward, the largest variance
    independent   sum_j w_ij r_ij              an item's reward depends on its position alone
    interaction   sum_j W_ij r_ij              ... and on the items before it; also the per-decision
                                               estimator of a sequence
    cascade_dr    sum_j W_ij (r_ij - q_ij) + W_i,j-1 v_ij

where q_ij is a model's reward of what was done from there on and v_ij its mean under the target.
Normalized, weights of a position are divided by their mean.

Sources: independent, Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay & Wen ("Offline evaluation of
ranking policies with click models", 2018); interaction, McInerney, Brost, Chandar, Mehrotra &
Carterette ("Counterfactual evaluation of slate recommendations with sequential reward
interactions", 2020); cascade_dr, Kiyohara and others ("Doubly robust off-policy evaluation for
ranking policies under the cascade behavior model", 2022); sequences, Precup, Sutton & Singh (2000),
Jiang & Li ("Doubly robust off-policy value evaluation for reinforcement learning", 2016), Thomas &
Brunskill ("Data-efficient off-policy policy evaluation for reinforcement learning", 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadDataError, InvalidArgumentError
from ._diagnostics import few_rounds, warn
from ._estimate import Estimate, mean_estimate

__all__ = ["per_decision", "sequential_dr", "slate", "slate_dr"]

_Reals = npt.NDArray[np.float64]
_MODELS = ("standard", "independent", "interaction")


def slate(
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    model: str = "interaction",
    normalized: bool = False,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Estimate the reward of a list (the sum over its positions) under another policy.

    Parameters
    ----------
    reward : [lists, length]
        Of each position.
    logged, target : [lists, length]
        The probability with which each policy shows that item at that position: given the items
        before it for ``interaction`` and ``standard``, whatever they are for ``independent``.
        Shorter lists are filled up with rewards of 0 and probabilities of 1.
    model : {"interaction", "independent", "standard"}
        What an item's reward may depend on: the items up to it, itself and its position, the list.
    normalized : bool
        Divide a position's weights by their mean.
    confidence, interval, resamples, seed
        As of `estimate`; the bootstrap resamples lists.

    Returns
    -------
    Estimate
        The effective sample size is that of the position where it is least.

    Raises
    ------
    InvalidArgumentError, BadDataError

    Warns
    -----
    OffPolicyWarning
        When few lists count.
    """
    if model not in _MODELS:
        raise InvalidArgumentError(f"slate: model must be one of {', '.join(_MODELS)}: {model!r}")
    earned, weight = _read("slate", reward, logged, target)
    if model != "independent":
        weight = _so_far(weight)
    if model == "standard":
        weight = np.repeat(weight[:, -1:], weight.shape[1], axis=1)
    values = _influence(weight, earned, normalized)
    name = f"slate {model}" + (", normalized" if normalized else "")
    return _finish(name, values, weight, confidence, interval, resamples, seed)


def slate_dr(
    action: npt.ArrayLike,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    q: npt.ArrayLike,
    *,
    normalized: bool = False,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Doubly robust for lists under the cascade model.

    Parameters
    ----------
    action : [lists, length] of int
        Columns of ``target``.
    reward : [lists, length]
    logged : [lists, length]
        The logging policy's probability of the item, given those before it.
    target, q : [lists, length, actions]
        The judged policy's probabilities at each position given the items before it, and a model's
        reward of the rest of the list from that item on.
    normalized, confidence, interval, resamples, seed
        As of `slate`.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    return _doubly_robust(
        "slate cascade_dr", action, reward, logged, target, q, 1.0, normalized,
        confidence, interval, resamples, seed,
    )  # fmt: skip


def per_decision(
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    discount: float = 1.0,
    normalized: bool = False,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Estimate the discounted reward of an episode under another policy, decision by decision.

    Parameters
    ----------
    reward, logged, target : [episodes, steps]
        The reward after each decision, and the probability of the decision under either policy,
        given all before. Shorter episodes are filled up with 0, 1 and 1.
    discount : float
        From 0 to 1, of each further step.
    normalized : bool
        Divide a step's weights by their mean: far less variance, a bias that vanishes.
    confidence, interval, resamples, seed
        As of `estimate`; the bootstrap resamples episodes.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    earned, weight = _read("per_decision", reward, logged, target)
    weight = _so_far(weight)
    values = _influence(weight, earned * _discounts(discount, earned.shape[1]), normalized)
    name = "per_decision" + (", normalized" if normalized else "")
    return _finish(name, values, weight, confidence, interval, resamples, seed)


def sequential_dr(
    action: npt.ArrayLike,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    q: npt.ArrayLike,
    *,
    discount: float = 1.0,
    normalized: bool = False,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Doubly robust for sequences; ``q`` is a model's discounted reward from that decision on.

    Parameters
    ----------
    action, reward, logged : [episodes, steps]
    target, q : [episodes, steps, actions]
    discount, normalized, confidence, interval, resamples, seed
        As of `per_decision`.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    return _doubly_robust(
        "sequential_dr", action, reward, logged, target, q, discount, normalized,
        confidence, interval, resamples, seed,
    )  # fmt: skip


def _doubly_robust(
    name: str, action: Any, reward: Any, logged: Any, target: Any, q: Any, discount: float,
    normalized: bool, confidence: float, interval: str, resamples: int, seed: int,
) -> Estimate:  # fmt: skip
    chances = _real(name, "target", target, 3)
    fitted = _real(name, "q", q, 3)
    done = np.asarray(action)
    if done.dtype.kind not in "iu" or done.shape != chances.shape[:2]:
        raise InvalidArgumentError(
            f"{name}: action must be integers of shape {chances.shape[:2]}, not {done.dtype} of "
            f"{done.shape}"
        )
    if fitted.shape != chances.shape:
        raise InvalidArgumentError(
            f"{name}: q has shape {fitted.shape} and target {chances.shape}; they must be alike"
        )
    if not ((done >= 0) & (done < chances.shape[2])).all():
        raise BadDataError(f"{name}: action must be columns of target, 0 to {chances.shape[2] - 1}")
    if not np.allclose(chances.sum(axis=2), 1):
        raise BadDataError(f"{name}: target's probabilities must sum to 1 over the actions")
    taken = np.take_along_axis(chances, done[:, :, None], axis=2)[:, :, 0]
    earned, weight = _read(name, reward, logged, taken)
    so_far = _so_far(weight)
    before = np.concatenate([np.ones((len(so_far), 1)), so_far[:, :-1]], axis=1)
    scale = _discounts(discount, earned.shape[1])
    residual = earned - np.take_along_axis(fitted, done[:, :, None], axis=2)[:, :, 0]
    expected = (chances * fitted).sum(axis=2)
    values = _influence(so_far, residual * scale, normalized) + _influence(
        before, expected * scale, normalized
    )
    told = name + (", normalized" if normalized else "")
    return _finish(told, values, so_far, confidence, interval, resamples, seed)


def _so_far(weight: _Reals) -> _Reals:
    """Products of the weights up to each position."""
    return np.asarray(np.cumprod(weight, axis=1), dtype=np.float64)


def _influence(weight: _Reals, earned: _Reals, normalized: bool) -> _Reals:
    """[lists]: the mean is the estimate; of ratios the linear part, for its variance."""
    part = weight * earned
    if not normalized:
        return part.sum(axis=1)
    mean = weight.mean(axis=0)
    ratio = np.divide(part.mean(axis=0), mean, out=np.zeros_like(mean), where=mean > 0)
    apart = np.divide(part - ratio * weight, mean, out=np.zeros_like(part), where=mean > 0)
    return (apart + ratio).sum(axis=1)


def _finish(
    name: str, values: _Reals, weight: _Reals, confidence: float, interval: str, resamples: int,
    seed: int,
) -> Estimate:  # fmt: skip
    squares = (weight**2).sum(axis=0)
    sums = weight.sum(axis=0)
    effective = np.divide(sums**2, squares, out=np.zeros_like(sums), where=squares > 0)
    least = float(effective.min())
    said = few_rounds(least, len(weight))
    if said:
        warn(f"{name}: {said}")
    return mean_estimate(
        name,
        values,
        confidence=confidence,
        interval=interval,
        seed=seed,
        resamples=resamples,
        effective_sample_size=least,
        warnings=(said,) if said else (),
    )


def _discounts(discount: float, steps: int) -> _Reals:
    if not 0 <= discount <= 1:
        raise InvalidArgumentError(f"discount must be from 0 to 1, not {discount!r}")
    return np.asarray(float(discount) ** np.arange(steps))


def _real(name: str, what: str, values: npt.ArrayLike, dimensions: int) -> _Reals:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{name}: {what} must be numbers: {error}") from error
    if array.ndim != dimensions or array.size == 0:
        wanted = "[lists, length]" if dimensions == 2 else "[lists, length, actions]"
        raise InvalidArgumentError(f"{name}: {what} must be {wanted}, not of shape {array.shape}")
    if not np.isfinite(array).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise BadDataError(f"{name}: {what}{list(at)} is {array[at]}")
    return array


def _read(name: str, reward: Any, logged: Any, target: Any) -> tuple[_Reals, _Reals]:
    """Rewards and weights, [lists, length]."""
    earned = _real(name, "reward", reward, 2)
    chance = _real(name, "logged", logged, 2)
    wanted = _real(name, "target", target, 2)
    if not earned.shape == chance.shape == wanted.shape:
        raise InvalidArgumentError(
            f"{name}: reward, logged and target must be alike, not of shapes {earned.shape}, "
            f"{chance.shape} and {wanted.shape}"
        )
    for what, array, fine in (
        ("logged", chance, (chance > 0) & (chance <= 1 + 1e-5)),
        ("target", wanted, (wanted >= 0) & (wanted <= 1 + 1e-5)),
    ):
        if not fine.all():
            at = tuple(int(i) for i in np.argwhere(~fine)[0])
            raise BadDataError(
                f"{name}: {what}{list(at)} is {array[at]}, no probability"
                + (" of something that was done" if what == "logged" else "")
            )
    return earned, wanted / chance
