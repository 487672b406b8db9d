"""Optimism about averages."""

from __future__ import annotations

from typing import ClassVar

from ._policy import Policy

__all__ = ["UCB1"]


class UCB1(Policy):
    """The arm with the highest upper confidence bound of its average; contexts are ignored.

    Arms have mean + alpha √(2 ln t / n), n events of the arm of t in all (Auer, Cesa-Bianchi &
    Fischer 2002). Arms without any come first; ties are split evenly.

    Parameters
    ----------
    alpha : float
        From 0 up; 1 is the paper's, for rewards in [0, 1].
    discount : float
        In (0, 1]: what an event still counts after each later one of its arm.
    min_probability : float
        Floor of every arm that may be shown, mixed in: (1 - a f) p + f; at most 1 / arms.
    threads : int, optional
        None is all. Results are the same for any number.
    seed : int
        Of all draws.
    """

    _kind = "ucb1"
    _numbers: ClassVar[str] = "alpha discount"

    def __init__(
        self,
        alpha: float = 1.0,
        discount: float = 1.0,
        min_probability: float = 0.0,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.alpha = alpha
        self.discount = discount
        self.min_probability = min_probability
        self.threads = threads
        self.seed = seed
