"""Whether a log can carry the question that is asked of it."""

from __future__ import annotations

import html
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data._frames import make_frame
from ..errors import InvalidArgumentError
from ..evaluation._text import format_number, table
from ._inputs import Log, read_log

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Diagnostics",
    "OffPolicyWarning",
    "diagnose",
    "examine",
    "few_rounds",
    "findings",
    "warn",
]

_QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
_HEAVIEST = 10
_LARGE_SHARE = 0.1  # of one round in all that the weights add up; more in few rounds
_LARGE_WEIGHT = 1000.0
_FEW_ROUNDS = 50.0  # effective ones
_FEW_SHARE = 0.01
_FAR = 5.0  # standard errors of the mean weight from 1
_FAR_AT_LEAST = 0.01


class OffPolicyWarning(UserWarning):
    """The log can hardly carry the question; the message says why."""


def warn(text: str) -> None:
    """Warn, at the line outside of this package that asked."""
    here = str(Path(__file__).parent)
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, OffPolicyWarning, stacklevel=level)


@dataclass(frozen=True, repr=False)
class Diagnostics:
    """The importance weights of a log and a target policy.

    Attributes
    ----------
    rounds : int
    effective_sample_size : float
    mean_weight, mean_weight_error : float
        Should be 1, within a few of its standard errors.
    weight_quantiles : dict of float to float
        Of 0.5, 0.9, 0.99, 0.999 and 1 (the largest).
    zero_weights : float
        Share of the rounds whose action the target never takes.
    smallest_propensity : float
        Of an action that was taken.
    unsupported : float
        Share of the target's probability on actions that the logging policy can't take (``logged``
        a table) or that the log never shows.
    unsupported_actions : tuple of int
        Those that the log never shows.
    heaviest : dict of str to array
        The rounds of the largest weights: ``round``, ``action``, ``propensity``, ``weight``,
        ``share_of_weight``, ``share_of_ips``.
    clipped : dict of float to float
        The ips estimate with weights clipped there; infinity is without.
    warnings : tuple of str
    """

    rounds: int
    effective_sample_size: float
    mean_weight: float
    mean_weight_error: float
    weight_quantiles: dict[float, float]
    zero_weights: float
    smallest_propensity: float
    unsupported: float
    unsupported_actions: tuple[int, ...]
    heaviest: dict[str, npt.NDArray[Any]]
    clipped: dict[float, float]
    warnings: tuple[str, ...] = ()

    def to_frame(self, format: str | None = None) -> Any:  # noqa: A002
        """Return the rounds of the largest weights, one a row."""
        return make_frame(self.heaviest, format)

    def _lines(self) -> list[str]:
        quantiles = ", ".join(
            f"{share:.4g}: {weight:,.4g}" for share, weight in self.weight_quantiles.items()
        )
        clipped = ", ".join(
            f"{'none' if np.isinf(clip) else format(clip, ',g')}: {format_number(value)}"
            for clip, value in self.clipped.items()
        )
        lines = [
            f"{self.rounds:,} rounds, {self.effective_sample_size:,.0f} effective "
            f"({self.effective_sample_size / self.rounds:.1%})",
            f"mean weight {self.mean_weight:.4f} ± {self.mean_weight_error:.4f}, which should be 1",
            f"quantiles of the weight: {quantiles}",
            f"smallest propensity of a taken action: {self.smallest_propensity:.3g}",
            f"rounds whose action the target never takes: {self.zero_weights:.1%}",
            f"target's probability without support: {self.unsupported:.2%}",
            f"ips by clip: {clipped}",
        ]
        return [*lines, *(f"! {warning}" for warning in self.warnings)]

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        columns = self.heaviest
        header = ["round", "action", "propensity", "weight", "of all weight", "of ips"]
        rows = [
            [
                f"{columns['round'][i]:,}",
                str(columns["action"][i]),
                f"{columns['propensity'][i]:.3g}",
                f"{columns['weight'][i]:,.4g}",
                f"{columns['share_of_weight'][i]:.1%}",
                f"{columns['share_of_ips'][i]:.1%}",
            ]
            for i in range(min(3, len(columns["round"])))
        ]
        return header, rows

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), "the heaviest rounds:", table(*self._rows())])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def diagnose(
    action: npt.ArrayLike,
    reward: npt.ArrayLike,
    logged: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    position: npt.ArrayLike | None = None,
    arms: Sequence[Any] | None = None,
) -> Diagnostics:
    """Look at the weights before any estimate, and say what speaks against believing it.

    Parameters
    ----------
    action, reward, logged, target, position, arms
        As of `estimate`.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    log = read_log(
        target, action=action, reward=reward, logged=logged, position=position, arms=arms
    )
    return examine(log)


def examine(log: Log) -> Diagnostics:
    """Diagnose a log that was read."""
    estimates, facts = _core_estimates(log, ["ips"])  # checks every number on the way
    assert log.action is not None
    assert log.reward is not None
    propensity = log.propensity
    weight = log.taken(log.target) / propensity
    size = np.abs(weight * log.reward)
    first = np.argsort(-weight, kind="stable")[:_HEAVIEST]
    unsupported, actions = _unsupported(log)
    clips = [10.0, 100.0, 1000.0]
    clipped, _ = _core_estimates(log, [f"ips(clip={clip})" for clip in clips])
    values = [float(one.value) for one in clipped]
    return Diagnostics(
        rounds=log.rounds,
        effective_sample_size=facts.effective_sample_size,
        mean_weight=facts.mean,
        mean_weight_error=facts.standard_error,
        weight_quantiles=dict(
            zip(_QUANTILES, np.quantile(weight, _QUANTILES).tolist(), strict=True)
        ),
        zero_weights=float(np.mean(weight == 0)),
        smallest_propensity=float(propensity.min()),
        unsupported=unsupported,
        unsupported_actions=tuple(actions),
        heaviest={
            "round": first,
            "action": log.action[first],
            "propensity": propensity[first],
            "weight": weight[first],
            "share_of_weight": _share(weight, first),
            "share_of_ips": _share(size, first),
        },
        clipped=dict(zip([*clips, float("inf")], [*values, estimates[0].value], strict=True)),
        warnings=tuple(findings(log, ["ips"], estimates, facts)),
    )


def findings(log: Log, names: Sequence[str], estimates: Sequence[Any], facts: Any) -> list[str]:
    """Return what speaks against believing the estimates, in words; [] when nothing does."""
    plain = [
        (name, one)
        for name, one in zip(names, estimates, strict=True)
        if name in ("ips", "snips", "doubly_robust", "sndr")
    ]
    if log.action is None or not plain:
        return []
    said = _heavy_rounds(log, plain, facts)
    few = few_rounds(facts.effective_sample_size, log.rounds)
    if few:
        said.append(few)
    never = _never_shown(log)
    apart = abs(facts.mean - 1)
    if never:
        said.append(never)
    elif apart > max(_FAR * facts.standard_error, _FAR_AT_LEAST):
        said.append(_far_mean(log, facts))
    return said


def few_rounds(effective: float, rounds: int) -> str:
    """Return what to say when the weights leave too little, or nothing."""
    if effective >= _FEW_SHARE * rounds and effective >= min(_FEW_ROUNDS, rounds / 2):
        return ""
    return (
        f"the weights leave {effective:,.1f} effective rounds of {rounds:,} "
        f"({effective / rounds:.2%}): intervals are too narrow then; "
        "shrink the weights (switch_dr, dros) or ask of a policy closer to the logging one"
    )


def _heavy_rounds(log: Log, plain: Sequence[tuple[str, Any]], facts: Any) -> list[str]:
    """Rounds that carry an estimate; and weights beyond reason, though nothing was earned."""
    large = max(_LARGE_SHARE, 10 / log.rounds)
    of_round: dict[int, list[str]] = {}
    weight_share = facts.most / (facts.mean * log.rounds) if facts.mean > 0 else 0.0
    if facts.most >= _LARGE_WEIGHT or weight_share >= large:
        of_round[facts.heaviest_round] = [f"{weight_share:.0%} of all weight"]
    shares: dict[tuple[int, str], list[str]] = {}
    for name, one in plain:
        if one.largest_round is not None and one.largest_share >= large:
            shares.setdefault((one.largest_round, f"{one.largest_share:.0%}"), []).append(name)
    for (row, share), names in shares.items():
        of_round.setdefault(row, []).append(f"{share} of what adds up to {' and '.join(names)}")
    propensity = log.propensity
    weights = log.taken(log.target) / propensity
    lines = [
        f"round {row:,} (propensity {propensity[row]:.3g}, weight {weights[row]:,.4g}) carries "
        + " and ".join(told)
        for row, told in of_round.items()
    ]
    clip = 100.0 if facts.most > 200 else 10.0
    if of_round and weights[list(of_round)].max() > clip:
        clipped, _ = _core_estimates(log, [f"{name}(clip={clip})" for name, _ in plain])
        lines[-1] += f"; clipping weights at {clip:g} would change " + ", ".join(
            f"{name} from {format_number(one.value)} to {format_number(other.value)}"
            for (name, one), other in zip(plain, clipped, strict=True)
        )
    return lines


def _never_shown(log: Log) -> str:
    missing = _never_seen(log)
    share = _mass_of(log, missing)
    if share <= _FAR_AT_LEAST:
        return ""
    named = ", ".join(str(action) for action in missing[:5]) + (", ..." if len(missing) > 5 else "")
    return (
        f"the target gives {share:.1%} of its probability to actions that the log never shows "
        f"({named}); no weighting can tell what they earn"
    )


def _far_mean(log: Log, facts: Any) -> str:
    text = f"the mean weight is {facts.mean:.3f} ± {facts.standard_error:.3f} and should be 1: "
    unsupported, _ = _unsupported(log)
    if unsupported > _FAR_AT_LEAST:
        return text + (
            f"the target gives {unsupported:.1%} of its probability to actions that logging can't "
            "take; no weighting can tell what they earn"
        )
    return text + (
        "logged is not the probability with which the actions were taken, or rounds are missing"
    )


def _never_seen(log: Log) -> list[int]:
    assert log.action is not None
    return np.flatnonzero(np.bincount(log.action, minlength=log.target.shape[1]) == 0).tolist()


def _mass_of(log: Log, actions: Sequence[int]) -> float:
    """The target's probability of these actions, a round."""
    if len(actions) == 0:
        return 0.0
    target = log.table_at_positions(log.target[:, list(actions)])
    return float(target.sum(dtype=np.float64) / len(target))


def _unsupported(log: Log) -> tuple[float, list[int]]:
    """Share of the target's probability where logging never goes, and actions never seen."""
    missing = _never_seen(log)
    if log.logged is None or log.logged.ndim == 1:
        return _mass_of(log, missing), missing
    outside = log.table_at_positions(log.logged) == 0
    target = log.table_at_positions(log.target)
    return float((target * outside).sum(dtype=np.float64) / len(target)), missing


def _share(size: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    total = float(size.sum())
    return size[rows] / total if total > 0 else np.zeros(len(rows))


def _core_estimates(log: Log, names: Sequence[str]) -> tuple[list[Any], Any]:
    from penchant import _core

    if log.action is None or log.reward is None or log.logged is None:
        raise InvalidArgumentError("off-policy: action, reward and logged are needed for weights")
    answer = _core.off_policy_estimate(
        log.target,
        list(names),
        action=log.action,
        reward=log.reward,
        logged=log.logged,
        q=log.q,
        position=log.position,
        marginal_weight=None,
        confidence=0.95,
        interval="student_t",
        seed=0,
        resamples=1,
        threads=0,
    )
    return answer.estimates, answer.weights
