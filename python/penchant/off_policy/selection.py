"""Which estimator, and with which parameter: chosen from the log itself."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ..evaluation._text import format_number, table
from ._estimate import Estimate, Estimates
from ._inputs import Log, read_log
from ._slope import narrowest
from .estimators import candidates, estimate_log

__all__ = ["Selection", "select"]

_METHODS = ("slope", "mse", "pas_if")
_PLAIN = {False: "ips", True: "doubly_robust"}


@dataclass(frozen=True, repr=False)
class Selection:
    """What `select` chose, and why.

    Attributes
    ----------
    best : Estimate
        With its interval, which does not know that it was chosen.
    estimates : Estimates
        Of all candidates.
    scores : dict of str to float
        What was compared: widths (slope), estimated mean squared errors (mse, pas_if).
    method : str
    """

    best: Estimate
    estimates: Estimates
    scores: dict[str, float]
    method: str

    def __repr__(self) -> str:
        word = "width" if self.method == "slope" else "squared error"
        rows = [
            [
                name + (" *" if name == self.best.name else ""),
                format_number(self.estimates[name].value),
                f"{self.scores[name]:.4g}",
            ]
            for name in self.estimates
        ]
        return f"{table(['estimator', 'value', word], rows)}\n* chosen by {self.method}"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def select(
    action: npt.ArrayLike,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    q: npt.ArrayLike | None = None,
    estimators: Sequence[str] = (),
    position: npt.ArrayLike | None = None,
    *,
    method: str = "slope",
    delta: float = 0.1,
    splits: int = 20,
    arms: Sequence[Any] | None = None,
    confidence: float = 0.95,
    interval: str = "student_t",
    seed: int = 0,
) -> Selection:
    """Choose among estimators, or among the parameters of one, by the log alone.

    Parameters
    ----------
    action, reward, logged, target, q, position, arms, confidence, interval
        As of `estimate`; for ``pas_if``, ``logged`` is the logging policy's whole table.
    estimators : sequence of str
        The candidates, such as ``switch_dr(tau=1)``, ``switch_dr(tau=10)``, ``doubly_robust``; a
        name without its parameter stands for a grid of them.
    method : {"slope", "mse", "pas_if"}
        ``slope`` takes the narrowest whose interval still meets those of all wider ones (Su,
        Srinath & Krishnamurthy, "Adaptive estimator selection for off-policy evaluation", 2020):
        it asks that bias grows as width falls, and nothing else. ``mse`` takes the least estimated
        variance plus squared bound of the bias against ips or doubly_robust (Su and others,
        "Doubly robust off-policy evaluation with shrinkage", 2020). ``pas_if`` deals the log at
        random to a pseudo logging and a pseudo target policy whose ratio is the true one's, and
        takes what was nearest to the pseudo target's mean reward (after Udagawa and others,
        "Policy-adaptive estimator selection for off-policy evaluation", 2023, with the dealing
        rule in closed form).
    delta : float
        One less the confidence of the widths and bounds of slope and mse.
    splits, seed : int
        Of pas_if: how often the log is dealt, and by which random numbers.

    Returns
    -------
    Selection

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    if method not in _METHODS:
        raise InvalidArgumentError(f"select: method must be one of {', '.join(_METHODS)}")
    names = [] if isinstance(estimators, str) else list(estimators)
    names = [name for each in names for name in candidates(each)]
    if len(names) < 2:
        raise InvalidArgumentError("select: estimators must list two candidates and more")
    log = read_log(
        target, action=action, reward=reward, logged=logged, q=q, position=position, arms=arms
    )
    found = estimate_log(
        log, names, confidence=confidence, interval=interval, seed=seed, quiet=True
    )
    if method == "slope":
        name, scores = narrowest(found, delta)
    else:
        scores = (
            _squared_errors(log, found, delta)
            if method == "mse"
            else _pseudo_errors(log, list(found), splits, seed)
        )
        name = min(scores, key=lambda each: scores[each])
    return Selection(found[name], found, scores, method)


def _squared_errors(log: Log, found: Estimates, delta: float) -> dict[str, float]:
    plain = estimate_log(
        replace(log, marginal_weight=None),
        ["ips"] if log.q is None else ["ips", "doubly_robust"],
        quiet=True,
    )
    weight = log.taken(log.target) / log.propensity
    rounds = log.rounds
    wide = math.log(2 / delta)
    slack = math.sqrt(2 * float((weight**2).mean()) * wide / rounds)
    slack += 2 * float(weight.max()) * wide / (3 * rounds)
    errors = {}
    for name, one in found.items():
        modelled = not name.startswith(("ips", "snips", "sub_gaussian(", "mips", "snmips"))
        apart = abs(one.value - plain[_PLAIN[modelled]].value)
        variance = one.standard_error**2 * (rounds - 1) / rounds
        errors[name] = variance + (apart + slack) ** 2
    return errors


def _pseudo_errors(log: Log, names: list[str], splits: int, seed: int) -> dict[str, float]:
    """Mean squared error of each candidate where the truth is known: on the log, dealt in two.

    A round goes to the pseudo target's log with probability w / (1 + w). There its action has
    chance proportional to logging w / (1 + w), in the other log to logging / (1 + w): their ratio
    is w but for a factor of the context, which is known and weighs the rounds of the first log so
    that both speak of the same people.
    """
    if log.logged is None or log.logged.ndim == 1:
        raise InvalidArgumentError(
            "pas_if: logged must be the logging policy's whole table, shaped like target"
        )
    if splits < 1:
        raise InvalidArgumentError(f"pas_if: splits must be from 1 up, not {splits}")
    assert log.action is not None
    assert log.reward is not None
    target = log.table_at_positions(log.target)
    logging = log.table_at_positions(log.logged)
    share = np.divide(target, target + logging, out=np.zeros_like(target), where=target > 0)
    of_target, of_logging = logging * share, logging * (1 - share)
    mass_target, mass_logging = of_target.sum(axis=1), of_logging.sum(axis=1)
    rows = np.arange(log.rounds)
    dealt = share[rows, log.action]
    rng = np.random.default_rng(seed)
    errors = dict.fromkeys(names, 0.0)
    done = 0
    for _ in range(splits):
        first = rng.random(log.rounds) < dealt
        there, rest = np.flatnonzero(first & (mass_target > 0)), np.flatnonzero(~first)
        people = mass_logging[there] / mass_target[there]
        if len(rest) < 2 or not people.sum() > 0:
            continue
        truth = float((people * log.reward[there]).sum() / people.sum())
        pseudo_target = _rows_to_one(of_target[rest], target[rest])
        pseudo_logging = _rows_to_one(of_logging[rest], logging[rest])
        taken = (np.arange(len(rest)), log.action[rest])
        part = Log(
            target=np.ascontiguousarray(pseudo_target, dtype=np.float64),
            action=log.action[rest],
            reward=log.reward[rest],
            logged=pseudo_logging[taken],
            q=None
            if log.q is None
            else np.ascontiguousarray(log.table_at_positions(log.q)[rest], dtype=np.float64),
            marginal_weight=None if log.marginal_weight is None else log.marginal_weight[rest],
        )
        for name, one in estimate_log(part, names, quiet=True).items():
            errors[name] += (one.value - truth) ** 2
        done += 1
    if done == 0:
        raise InvalidArgumentError("pas_if: the two policies never do the same; nothing to deal")
    return {name: total / done for name, total in errors.items()}


def _rows_to_one(table_of: npt.NDArray[Any], instead: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each row divided by its sum; where that is 0, the row of another table."""
    mass = table_of.sum(axis=1, keepdims=True)
    return np.where(mass > 0, table_of / np.where(mass > 0, mass, 1), instead)
