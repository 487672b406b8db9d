"""Weighted approximate-rank pairwise loss."""

from __future__ import annotations

from ._pairwise import Pairwise

__all__ = ["WARP"]


class WARP(Pairwise):
    """Factors that put what someone has at the top of the list (Weston et al. 2011).

    As `BPR`, but j is the first of at most `max_trials` random items that comes within a margin of
    1 of i, and the step weighs the more the sooner one is found: then i stands low in the list.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    learning_rate : float
    regularization : float
        Of vectors and biases.
    iterations : int
    max_trials : int
        Random items looked at for one pair.
    seed : int
    threads : int, optional
        None: all cores. The result does not depend on it; more than eight don't help.

    Attributes
    ----------
    subject_factors, item_factors : ndarray float32 [subjects, factors], [items, factors]
    item_biases : ndarray float32 [items]
    history_ : list of dict
        ``iteration, seconds, ranked_right`` (the share of pairs where no such item was found).
    """

    _loss = "warp"

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.02,
        regularization: float = 0.03,
        iterations: int = 60,
        max_trials: int = 50,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.iterations = iterations
        self.max_trials = max_trials
        self.seed = seed
        self.threads = threads
