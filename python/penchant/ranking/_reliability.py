"""How far probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError

__all__ = ["Reliability", "reliability"]

_Numbers = npt.NDArray[np.float64]
_HISTOGRAM = 50
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Reliability:
    """Probabilities against what happened, by `reliability`.

    Attributes
    ----------
    predicted, observed : [bins] arrays
        Mean probability and share of positives in bins of about equal weight, from the lowest
        probability to the highest.
    low, high : [bins] arrays
        Wilson's interval of ``observed``.
    share : [bins] array
        Of the weight; adds up to 1.
    expected_error : float
        Expected calibration error: the mean over the bins, by their share, of
        the distance of observed and predicted. Lower is better.
    largest_error : float
        The largest of them.
    brier : float
        Mean square of probability less truth: ``miscalibration - resolution + uncertainty +
        within``.
    miscalibration : float
        Mean of (observed - predicted)^2 (Murphy 1973). Lower is better.
    resolution : float
        Mean of (observed - share of positives)^2: how far the bins differ. Higher is better.
    uncertainty : float
        Variance of the truth; nothing that a model can change.
    within : float
        What probabilities vary inside the bins, less twice what that explains (Stephenson, Coelho
        and Jolliffe 2008); 0 when all of a bin are alike.
    log_loss : float
        Mean of -log of the probability that the truth was given, which counts as at least 2e-16.
    histogram : [50] array
        Shares of the weight in equal parts of 0 to 1.
    """

    predicted: _Numbers
    observed: _Numbers
    low: _Numbers
    high: _Numbers
    share: _Numbers
    expected_error: float
    largest_error: float
    brier: float
    miscalibration: float
    resolution: float
    uncertainty: float
    within: float
    log_loss: float
    histogram: _Numbers


def reliability(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    bins: int = 15,
    sample_weight: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Reliability:
    """Compare probabilities with what happened.

    Parameters
    ----------
    y : [n] of 0 and 1, or booleans
        For the classes of a classifier one after the other: ``y == c`` with ``p[:, k]``.
    p : [n] from 0 to 1
    bins : int
        Of about equal weight; equal probabilities stay together, so there may be fewer.
    sample_weight : [n], optional
    confidence : float
        Of the intervals. With weights they count as (sum of w)^2 / (sum of w^2) rows.

    Raises
    ------
    InvalidArgumentError
        On shapes, values outside 0 to 1, weights that are negative or all zero.
    """
    truth, chance, weight = _checked(y, p, sample_weight)
    if not isinstance(bins, (int, np.integer)) or isinstance(bins, bool) or bins < 1:
        raise InvalidArgumentError(f"reliability: bins must be an integer from 1 up, not {bins!r}")
    if not 0 < confidence < 1:
        raise InvalidArgumentError(f"reliability: confidence must be within 0 and 1: {confidence}")
    total = weight.sum()
    number = _bins(chance, weight, int(bins))
    mass = np.bincount(number, weight)
    predicted = np.bincount(number, weight * chance) / mass
    observed = np.bincount(number, weight * truth) / mass
    share = mass / total
    rows = mass**2 / np.bincount(number, weight**2)
    low, high = _wilson(observed, rows, confidence)
    mean = float((weight * truth).sum() / total)
    error = np.abs(observed - predicted)
    brier = float((weight * (chance - truth) ** 2).sum() / total)
    miscalibration = float((share * error**2).sum())
    resolution = float((share * (observed - mean) ** 2).sum())
    right = np.where(truth > 0, chance, 1 - chance)
    return Reliability(
        predicted=predicted,
        observed=observed,
        low=low,
        high=high,
        share=share,
        expected_error=float((share * error).sum()),
        largest_error=float(error.max()),
        brier=brier,
        miscalibration=miscalibration,
        resolution=resolution,
        uncertainty=mean * (1 - mean),
        within=brier - (miscalibration - resolution + mean * (1 - mean)),
        log_loss=float(-(weight * np.log(np.clip(right, _LEAST, 1))).sum() / total),
        histogram=np.histogram(chance, _HISTOGRAM, (0.0, 1.0), weights=weight)[0] / total,
    )


def _bins(p: _Numbers, weight: _Numbers, bins: int) -> npt.NDArray[np.intp]:
    """The bin of each row: by where the middle of its probability's weight lies in all weight."""
    values, place = np.unique(p, return_inverse=True)
    mass = np.bincount(place, weight, minlength=len(values))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    number = np.minimum((middle * bins).astype(np.intp), bins - 1)
    return np.unique(number, return_inverse=True)[1][place]


def _wilson(share: _Numbers, rows: _Numbers, confidence: float) -> tuple[_Numbers, _Numbers]:
    """Wilson (1927), of a share of so many rows."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2) * z / (1 + z**2 / rows)
    # The share itself lies within; rounding must not say otherwise.
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def _checked(
    y: npt.ArrayLike, p: npt.ArrayLike, sample_weight: npt.ArrayLike | None
) -> tuple[_Numbers, _Numbers, _Numbers]:
    try:
        truth = np.asarray(y, dtype=np.float64)
        chance = np.asarray(p, dtype=np.float64)
        weight = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, float)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"reliability: y and p must be numbers: {error}") from error
    if truth.ndim != 1 or chance.shape != truth.shape or weight.shape != truth.shape:
        raise InvalidArgumentError(
            f"reliability: y, p and sample_weight must be [n] each, not shapes {truth.shape}, "
            f"{chance.shape} and {weight.shape}; take one class of several at a time"
        )
    if not np.isin(truth, (0, 1)).all():
        raise InvalidArgumentError("reliability: y must be 0 and 1; give y == c for a class c")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise InvalidArgumentError("reliability: p must be probabilities from 0 to 1")
    if not ((weight >= 0) & np.isfinite(weight)).all() or not weight.sum() > 0:
        raise InvalidArgumentError(
            "reliability: sample_weight must be finite numbers from 0 up, some above"
        )
    kept = weight > 0
    return truth[kept], chance[kept], weight[kept]
