"""Thompson sampling of rates."""

from __future__ import annotations

from typing import ClassVar

from ._policy import Policy

__all__ = ["BetaThompson"]


class BetaThompson(Policy):
    """Thompson sampling of each arm's rate, for rewards from 0 to 1; contexts are ignored.

    An arm is drawn with the probability, integrated to 1e-5, that its rate is the largest when
    rates come from Beta(success + Σ r, failure + Σ (1 - r)) (Chapelle & Li 2011, algorithm 2;
    fractional rewards count as fractions).

    Parameters
    ----------
    prior_success, prior_failure : float
        Above 0.
    discount : float
        In (0, 1]: what an event still counts after each later one of its arm.
    min_probability : float
        Floor of every arm that may be shown, mixed in: (1 - a f) p + f; at most 1 / arms.
    threads : int, optional
        None is all. Results are the same for any number.
    seed : int
        Of all draws.
    """

    _kind = "beta_thompson"
    _numbers: ClassVar[str] = "prior_success prior_failure discount"

    def __init__(
        self,
        prior_success: float = 1.0,
        prior_failure: float = 1.0,
        discount: float = 1.0,
        min_probability: float = 0.0,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.prior_success = prior_success
        self.prior_failure = prior_failure
        self.discount = discount
        self.min_probability = min_probability
        self.threads = threads
        self.seed = seed
