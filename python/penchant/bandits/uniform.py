"""Any arm alike."""

from __future__ import annotations

from ._policy import Policy

__all__ = ["Uniform"]


class Uniform(Policy):
    """Each arm with the same probability, whatever was learnt: what a log should start with.

    Parameters
    ----------
    threads : int, optional
        None is all. Results are the same for any number.
    seed : int
        Of all draws.
    """

    _kind = "uniform"
    min_probability = 0.0

    def __init__(self, threads: int | None = None, seed: int = 0) -> None:
        self.threads = threads
        self.seed = seed
