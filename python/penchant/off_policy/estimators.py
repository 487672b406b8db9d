"""Estimators of a policy's value from another policy's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._diagnostics import findings, warn
from ._estimate import Estimate, Estimates
from ._inputs import Log, read_log
from ._slope import narrowest
from .embedding import embedding_weights

__all__ = [
    "direct_method",
    "doubly_robust",
    "dros",
    "estimate",
    "ips",
    "mips",
    "sndr",
    "snips",
    "sub_gaussian",
    "switch_dr",
]

_Array = npt.ArrayLike
_INF = float("inf")
# What a name without its parameter is chosen from.
_GRIDS = {
    "switch_dr": ("tau", (1, 2, 5, 10, 20, 50, 100, _INF)),
    "dros": ("lambda_", (1, 10, 100, 1000, 10_000, _INF)),
    "sub_gaussian": ("lambda_", (1, 0.3, 0.1, 0.03, 0.01, 0.001, 0)),
    "sub_gaussian_dr": ("lambda_", (1, 0.3, 0.1, 0.03, 0.01, 0.001, 0)),
}
_DELTA = 0.1


def estimate(
    action: _Array | None,
    reward: _Array | None,
    logged: _Array | None,
    target: _Array,
    q: _Array | None = None,
    estimators: Sequence[str] | None = None,
    position: _Array | None = None,
    *,
    arms: Sequence[Any] | None = None,
    embedding: _Array | None = None,
    p_embedding: _Array | None = None,
    posterior: _Array | None = None,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> Estimates:
    """Estimate what a policy would have earned a round, by any set of estimators in one pass.

    Parameters
    ----------
    action : [rounds] of int
        What was done: columns of ``target``, or ids named by ``arms``.
    reward : [rounds]
    logged : [rounds] or like ``target``
        The probability with which the logging policy took that action, after rules and floors; or
        its whole table, which mips needs.
    target : [rounds, actions] or [rounds, actions, positions], float64 or float32
        The judged policy's probabilities; they sum to 1 over the actions.
    q : like ``target``, optional
        A reward model's predictions, best cross-fitted (`RewardModel`).
    estimators : sequence of str, optional
        ``ips``, ``snips``, ``direct_method``, ``doubly_robust``, ``sndr``, ``switch_dr(tau=10)``,
        ``dros(lambda_=100)``, ``sub_gaussian(lambda_=0.1)``, ``sub_gaussian_dr(lambda_=0.1)``,
        ``mips``, ``snmips``; the first and ``snips``, ``doubly_robust`` and ``sndr`` also with
        ``(clip=100)``. Without its parameter (``switch_dr``, ``dros``, ...) the parameter is
        chosen by `select`'s slope from a grid, in the same pass. By default ips and snips, with
        ``q`` direct_method, doubly_robust and sndr too, with ``embedding`` mips.
    position : [rounds] of int, optional
        Each round's slot, when ``target`` has positions.
    arms : sequence, optional
        Ids of ``target``'s columns.
    embedding, p_embedding, posterior : optional
        For mips; see `mips`.
    confidence : float
    interval : {"student_t", "bootstrap", "bernstein", "hoeffding"}
    resamples, seed : int
        Of the bootstrap, which takes each round a Poisson(1) number of times and works ratios out
        anew.
    threads : int, optional
        All cores by default; the bits are the same.

    Returns
    -------
    Estimates
        A dict of `Estimate` by the estimators' names.

    Warns
    -----
    OffPolicyWarning
        When a round carries a large part of an estimate, few rounds count, or the weights' mean is
        not 1.

    Raises
    ------
    InvalidArgumentError
        On shapes, unknown names, an estimator without what it needs.
    BadDataError
        On numbers that make no sense; the message names the round.

    Notes
    -----
    Formulas and sources are in :doc:`off_policy`. The time is that of reading ``target`` and ``q``
    once.
    """
    log = read_log(
        target,
        action=action,
        reward=reward,
        logged=logged,
        q=q,
        position=position,
        arms=arms,
    )
    if embedding is not None or posterior is not None:
        weight = embedding_weights(
            log, embedding=embedding, p_embedding=p_embedding, posterior=posterior
        )
        log = log.with_marginal(weight)
    return estimate_log(
        log,
        _default_names(log) if estimators is None else estimators,
        confidence=confidence,
        interval=interval,
        resamples=resamples,
        seed=seed,
        threads=threads,
    )


def estimate_log(
    log: Log,
    estimators: Sequence[str],
    *,
    confidence: float = 0.95,
    interval: str = "student_t",
    resamples: int = 1000,
    seed: int = 0,
    threads: int | None = None,
    quiet: bool = False,
) -> Estimates:
    """`estimate` of a log that was read."""
    from penchant import _core

    if isinstance(estimators, str):
        raise InvalidArgumentError(f"estimators is a list of names; write ['{estimators}']")
    asked = {_key(name): candidates(name) for name in estimators}
    names = list(dict.fromkeys(name for each in asked.values() for name in each))
    answer = _core.off_policy_estimate(
        log.target,
        names,
        action=log.action,
        reward=log.reward,
        logged=log.logged,
        q=log.q,
        position=log.position,
        marginal_weight=log.marginal_weight,
        confidence=confidence,
        interval=interval,
        seed=seed,
        resamples=resamples,
        threads=threads or 0,
    )
    said = findings(log, names, answer.estimates, answer.weights)
    found = {
        name: Estimate(
            name=name,
            value=one.value,
            low=one.low,
            high=one.high,
            standard_error=one.standard_error,
            effective_sample_size=one.effective_sample_size,
            rounds=log.rounds,
            confidence=confidence,
            interval=interval,
            least=one.least,
            most=one.most,
            largest_share=one.largest_share,
            largest_round=one.largest_round,
            warnings=tuple(said) if name != "direct_method" else (),
        )
        for name, one in zip(names, answer.estimates, strict=True)
    }
    by_name = {key: _chosen(found, each) for key, each in asked.items()}
    if said and not quiet:
        warn("; ".join(said))
    return Estimates(by_name, log, said)


def candidates(name: str) -> list[str]:
    """Return the canonical names that a name stands for: one, or a grid of parameters."""
    from penchant import _core

    if name not in _GRIDS:
        return [_core.off_policy_estimator_name(name)]
    parameter, values = _GRIDS[name]
    return [
        _core.off_policy_estimator_name(f"{name}({parameter}={float(value)!r})") for value in values
    ]


def _key(name: str) -> str:
    return name if name in _GRIDS else candidates(name)[0]


def _chosen(found: dict[str, Estimate], names: list[str]) -> Estimate:
    if len(names) == 1:
        return found[names[0]]
    return found[narrowest({name: found[name] for name in names}, _DELTA)[0]]


def _default_names(log: Log) -> list[str]:
    if log.action is None:
        return ["direct_method"]
    names = ["ips", "snips"]
    if log.q is not None:
        names += ["direct_method", "doubly_robust", "sndr"]
    if log.marginal_weight is not None:
        names += ["mips"]
    return names


def _number(value: float, name: str) -> str:
    try:
        return repr(float(value))
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{name} must be a number, not {value!r}") from error


def _one(
    name: str,
    action: _Array | None,
    reward: _Array | None,
    logged: _Array | None,
    target: _Array,
    q: _Array | None = None,
    **options: Any,
) -> Estimate:
    (found,) = estimate(action, reward, logged, target, q, [name], **options).values()
    return found


def ips(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    *,
    clip: float = float("inf"),
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Inverse propensity scoring: the mean of ``min(w, clip) * reward``.

    Unbiased without a clip, when every action that the target takes had a chance. Parameters are
    those of `estimate`.
    """
    name = f"ips(clip={_number(clip, 'clip')})"
    return _one(name, action, reward, logged, target, position=position, **options)


def snips(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    *,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Self-normalized ips: the sum of ``w * reward`` over the sum of ``w``.

    Does not move with a constant added to all rewards; a bias that vanishes as 1 / rounds.
    """
    return _one("snips", action, reward, logged, target, position=position, **options)


def direct_method(
    target: _Array, q: _Array, *, position: _Array | None = None, **options: Any
) -> Estimate:
    """Mean of the reward model's predictions under the target; as biased as the model is."""
    return _one("direct_method", None, None, None, target, q, position=position, **options)


def doubly_robust(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    q: _Array,
    *,
    clip: float = float("inf"),
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """The direct method, corrected by the weighted residuals of the model."""
    name = f"doubly_robust(clip={_number(clip, 'clip')})"
    return _one(name, action, reward, logged, target, q, position=position, **options)


def sndr(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    q: _Array,
    *,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Doubly robust with the correction's weights divided by their mean."""
    return _one("sndr", action, reward, logged, target, q, position=position, **options)


def switch_dr(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    q: _Array,
    *,
    tau: float | None = None,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Doubly robust where ``w <= tau``, the direct method elsewhere; tau by slope if not given."""
    name = "switch_dr" if tau is None else f"switch_dr(tau={_number(tau, 'tau')})"
    return _one(name, action, reward, logged, target, q, position=position, **options)


def dros(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    q: _Array,
    *,
    lambda_: float | None = None,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Doubly robust with optimistic shrinkage: weights ``lambda w / (w^2 + lambda)``.

    Lambda is chosen by slope if it is not given.
    """
    name = "dros" if lambda_ is None else f"dros(lambda_={_number(lambda_, 'lambda_')})"
    return _one(name, action, reward, logged, target, q, position=position, **options)


def sub_gaussian(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    q: _Array | None = None,
    *,
    lambda_: float | None = None,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Weights ``w / (1 - lambda + lambda w)``, 0 <= lambda <= 1; of ips, or with ``q`` of dr.

    Lambda is chosen by slope if it is not given.
    """
    stem = "sub_gaussian" if q is None else "sub_gaussian_dr"
    name = stem if lambda_ is None else f"{stem}(lambda_={_number(lambda_, 'lambda_')})"
    return _one(name, action, reward, logged, target, q, position=position, **options)


def mips(
    action: _Array,
    reward: _Array,
    logged: _Array,
    target: _Array,
    *,
    embedding: _Array | None = None,
    p_embedding: _Array | None = None,
    posterior: _Array | None = None,
    normalized: bool = False,
    position: _Array | None = None,
    **options: Any,
) -> Estimate:
    """Ips with the weights of what actions have in common: for many actions.

    Parameters
    ----------
    logged : [rounds, actions]
        The logging policy's whole table.
    embedding : [rounds] or [rounds, dimensions] of int
        The categories that each round's action showed.
    p_embedding : [actions, categories] or [actions, categories, dimensions], optional
        The chance of each category given the action, where it is known.
    posterior : [rounds, actions], optional
        Otherwise, a classifier's probabilities of the action given the context and the embedding,
        under the logging policy.
    normalized : bool
        Divide by the weights' mean.
    """
    name = "snmips" if normalized else "mips"
    return _one(
        name,
        action,
        reward,
        logged,
        target,
        embedding=embedding,
        p_embedding=p_embedding,
        posterior=posterior,
        position=position,
        **options,
    )
