"""Losses and metrics of the user's own, as the core calls them: scores are [outputs, rows]."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import BadDataError, InvalidArgumentError
from ._sample import Sample

__all__ = ["Measure", "derivatives_of"]

Scores = npt.NDArray[np.float64]


def derivatives_of(objective: Callable[..., Any], sample: Sample) -> Callable[[Scores], Any]:
    """Ask `objective(y, raw[, weight[, group]])` for gradients and hessians.

    A function of two arguments knows nothing of weights, so its derivatives are multiplied by them.
    """
    known = _arguments(objective, sample.who)
    weight = sample.weight if known == 2 else None

    def derive(scores: Scores) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        given = (sample.y, _by_row(scores), sample.weight, sample.group)
        found = objective(*given[:known])
        if not isinstance(found, tuple) or len(found) != 2:
            raise InvalidArgumentError(
                f"{sample.who}: objective must return (gradient, hessian), "
                f"not {type(found).__name__}"
            )
        gradient, hessian = (
            _plain(part, name, scores, weight, sample.who)
            for part, name in zip(found, ("gradient", "hessian"), strict=True)
        )
        if (hessian < 0).any():
            row = int(np.argwhere(hessian < 0)[0][-1])
            raise BadDataError(f"{sample.who}: objective: hessian, row {row}: negative")
        return gradient, hessian

    return derive


class Measure:
    """Asks `metric(y, prediction)`; what it returns is a loss, or (name, value, higher is better).

    Parameters
    ----------
    metric : callable
    sample : Sample
        The rows that are watched.
    link : str
        From raw scores to predictions.

    Attributes
    ----------
    name : str
        Of the loss, known after the first call.
    """

    def __init__(self, metric: Callable[..., Any], sample: Sample, link: str) -> None:
        self._metric = metric
        self._sample = sample
        self._link = link
        self.name = getattr(metric, "__name__", "custom")

    def __call__(self, scores: Scores) -> float:
        """Return the loss of raw scores [outputs, rows]."""
        found = self._metric(self._sample.y, predictions(_by_row(scores), self._link))
        sign = 1.0
        if isinstance(found, tuple):
            if len(found) != 3:
                raise InvalidArgumentError(
                    f"{self._sample.who}: eval_metric must return a number or (name, value, "
                    f"higher_is_better), not {len(found)} values"
                )
            name, found, higher = found
            self.name = f"minus_{name}" if higher else str(name)
            sign = -1.0 if higher else 1.0
        try:
            value = float(found)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"{self._sample.who}: eval_metric must return a number: {error}"
            ) from error
        if not np.isfinite(value):
            raise BadDataError(f"{self._sample.who}: eval_metric returned {value}")
        return sign * value


def predictions(raw: Scores, link: str) -> Scores:
    """Apply a link to raw scores, [rows] or [rows, outputs]."""
    if link == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0.0, -raw)))
    if link == "exp":
        return np.exp(raw)
    if link == "softmax":
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return raw


def _arguments(objective: Callable[..., Any], who: str) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(objective).parameters.values()
    except (TypeError, ValueError):  # what is compiled may not say
        return 2
    if any(p.kind == inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 2
    known = sum(p.kind in kinds for p in parameters)
    asked = sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in parameters)
    if known < 2 or asked > 4:
        raise InvalidArgumentError(
            f"{who}: objective must take (y, raw), (y, raw, weight) or (y, raw, weight, group)"
        )
    return max(2, min(asked, 4))


def _by_row(scores: Scores) -> Scores:
    return scores[0] if scores.shape[0] == 1 else scores.T


def _plain(part: Any, name: str, scores: Scores, weight: Any, who: str) -> npt.NDArray[np.float32]:
    """Derivatives as the core takes them, float32 [outputs, rows]."""
    values = np.asarray(part)
    rows = _by_row(scores)
    if values.shape != rows.shape:
        raise InvalidArgumentError(
            f"{who}: objective: {name} must have the shape of raw, {rows.shape}, not {values.shape}"
        )
    if weight is not None:
        values = values * (weight if values.ndim == 1 else weight[:, None])
    with np.errstate(over="ignore"):
        plain = np.ascontiguousarray(values.T.reshape(scores.shape), dtype=np.float32)
    if not np.isfinite(plain).all():
        row = int(np.argwhere(~np.isfinite(plain))[0][-1])
        raise BadDataError(f"{who}: objective: {name}, row {row}: NaN or infinity")
    return plain
