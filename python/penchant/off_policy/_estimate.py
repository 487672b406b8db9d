"""What an estimator answers."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data._frames import make_frame
from ..errors import InvalidArgumentError, NotFoundError
from ..evaluation._text import format_interval, format_number, table
from ..evaluation.report import format_percent, html_table
from ._diagnostics import Diagnostics, examine
from ._inputs import Log

__all__ = ["Estimate", "Estimates", "mean_estimate"]

_WORDS = {
    "student_t": "Student's t",
    "bernstein": "Bernstein's inequality",
    "hoeffding": "Hoeffding's inequality",
    "bootstrap": "bootstrap",
}


@dataclass(frozen=True, repr=False)
class Estimate:
    """A policy's value by one estimator, with its interval.

    Attributes
    ----------
    name : str
        Of the estimator, with its parameters.
    value, low, high : float
        Reward a round (a list, an episode) under the target policy.
    standard_error : float
        Of the value.
    effective_sample_size : float
        Rounds of equal weight that would tell as much: (sum w)^2 / (sum w^2).
    rounds : int
    confidence : float
        Of the interval, both sides together.
    interval : str
    least, most : float
        Every round's value is within; what bounds other than Student's t go by.
    largest_share : float
        The part that one round has in all that the weights add up; 0 without weights.
    largest_round : int or None
        That round.
    warnings : tuple of str
        What speaks against believing the value.
    """

    name: str
    value: float
    low: float
    high: float
    standard_error: float
    effective_sample_size: float
    rounds: int
    confidence: float = 0.95
    interval: str = "student_t"
    least: float = float("nan")
    most: float = float("nan")
    largest_share: float = 0.0
    largest_round: int | None = None
    warnings: tuple[str, ...] = ()

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{format_number(self.value)} {format_interval(self.low, self.high)}".rstrip()

    def lower_bound(
        self,
        confidence: float = 0.95,
        method: str = "student_t",
        value_range: tuple[float, float] | None = None,
    ) -> float:
        """Return what the value is above, with that confidence (one-sided).

        Parameters
        ----------
        confidence : float
        method : {"student_t", "bernstein", "hoeffding"}
            Thomas, Theocharous and Ghavamzadeh, "High confidence off-policy evaluation" (2015).
        value_range : (least, most), optional
            Within which any round's value must be: for ips with rewards from 0 to 1, 0 and the
            largest weight there can be. By default the smallest and largest that were seen, which
            guarantee nothing about those that were not.

        Raises
        ------
        InvalidArgumentError
        """
        return self.value - self._margin(confidence, method, value_range)

    def upper_bound(
        self,
        confidence: float = 0.95,
        method: str = "student_t",
        value_range: tuple[float, float] | None = None,
    ) -> float:
        """Return what the value is below; see `lower_bound`."""
        return self.value + self._margin(confidence, method, value_range)

    def _margin(
        self, confidence: float, method: str, value_range: tuple[float, float] | None
    ) -> float:
        from penchant import _core

        least, most = value_range or (self.least, self.most)
        if not least <= most or (value_range and not (least <= self.least and self.most <= most)):
            raise InvalidArgumentError(
                f"value_range ({least}, {most}) must hold the values that were seen, "
                f"{self.least} to {self.most}"
            )
        return _core.mean_margin(
            rows=self.rounds,
            variance=self.standard_error**2 * self.rounds,
            range=most - least,
            kind=method,
            confidence=confidence,
        )

    def _row(self) -> list[str]:
        return [
            self.name,
            format_number(self.value),
            format_interval(self.low, self.high),
            f"{self.effective_sample_size:,.0f}",
            f"{self.largest_share:.1%}" if self.largest_share else "",
        ]

    def __repr__(self) -> str:
        text = (
            f"{self.name}: {self}, {format_percent(self.confidence)} by "
            f"{_WORDS[self.interval]}; {self.effective_sample_size:,.0f} effective of "
            f"{self.rounds:,} rounds"
        )
        return "\n".join([text, *(f"! {warning}" for warning in self.warnings)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


class Estimates(dict[str, Estimate]):
    """Estimates of one policy by name, in the order they were asked for.

    A dict; ``print`` shows them as a table, with what speaks against believing them.

    Attributes
    ----------
    warnings : tuple of str
        In words; empty when the log can carry the question.
    """

    def __init__(
        self, by_name: Mapping[str, Estimate], log: Log | None = None, warnings: Sequence[str] = ()
    ) -> None:
        super().__init__(by_name)
        self.warnings = tuple(warnings)
        self._log = log

    def __missing__(self, name: str) -> Estimate:
        from penchant import _core

        try:
            known = _core.off_policy_estimator_name(name)
        except InvalidArgumentError:
            known = name
        for one in self.values():
            if one.name == known:
                return one
        raise NotFoundError(f"'{name}' was not estimated; there are {', '.join(self)}")

    def diagnose(self) -> Diagnostics:
        """Return what the weights look like; see ``pn.off_policy.diagnose``."""
        if self._log is None or self._log.action is None:
            raise InvalidArgumentError("these estimates use no weights: nothing to diagnose")
        return examine(self._log)

    def to_frame(self, format: str | None = None) -> Any:  # noqa: A002
        """Return one row an estimator: ``estimator, value, low, high, standard_error, ...``."""
        each = list(self.values())
        return make_frame(
            {
                "estimator": [one.name for one in each],
                "value": [one.value for one in each],
                "low": [one.low for one in each],
                "high": [one.high for one in each],
                "standard_error": [one.standard_error for one in each],
                "effective_sample_size": [one.effective_sample_size for one in each],
                "largest_share": [one.largest_share for one in each],
            },
            format,
        )

    def _header(self) -> list[str]:
        percent = format_percent(next(iter(self.values())).confidence)
        return ["estimator", "value", f"{percent} interval", "effective rounds", "largest round"]

    def _note(self) -> str:
        one = next(iter(self.values()))
        return "\n".join(
            [
                f"{one.rounds:,} rounds; intervals by {_WORDS[one.interval]}",
                *(f"! {warning}" for warning in self.warnings),
            ]
        )

    def __repr__(self) -> str:
        rows = [one._row() for one in self.values()]
        return f"{table(self._header(), rows)}\n{self._note()}"

    def _repr_html_(self) -> str:
        rows = [one._row() for one in self.values()]
        return html_table(self._header(), rows, "<b>Off-policy estimates</b>", self._note())


def mean_estimate(
    name: str,
    values: npt.NDArray[np.float64],
    *,
    confidence: float,
    interval: str,
    seed: int,
    resamples: int,
    effective_sample_size: float,
    warnings: tuple[str, ...] = (),
) -> Estimate:
    """Return the mean of values, one a list or an episode, as an estimate."""
    from penchant import _core

    answer = _core.off_policy_estimate(
        np.ones((len(values), 1)),
        ["direct_method"],
        action=None,
        reward=None,
        logged=None,
        q=np.ascontiguousarray(values, dtype=np.float64)[:, None],
        position=None,
        marginal_weight=None,
        confidence=confidence,
        interval=interval,
        seed=seed,
        resamples=resamples,
        threads=0,
    )
    (one,) = answer.estimates
    return Estimate(
        name=name,
        value=one.value,
        low=one.low,
        high=one.high,
        standard_error=one.standard_error,
        effective_sample_size=effective_sample_size,
        rounds=len(values),
        confidence=confidence,
        interval=interval,
        least=one.least,
        most=one.most,
        warnings=warnings,
    )
