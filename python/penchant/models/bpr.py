"""Bayesian personalized ranking."""

from __future__ import annotations

from ._pairwise import Pairwise

__all__ = ["BPR"]


class BPR(Pairwise):
    """Factors that rank what someone has above what they have not (Rendle et al. 2009).

    Stochastic gradient descent on ``-ln sigma(s_ui - s_uj)`` with ``s_ui = x_u . y_i + b_i``, one
    step an observed pair and iteration, j a random item that the subject has not.

    Parameters
    ----------
    factors : int
        Length of the vectors.
    learning_rate : float
    regularization : float
        Of vectors and biases.
    iterations : int
    seed : int
    threads : int, optional
        None: all cores. The result does not depend on it; more than eight don't help.

    Attributes
    ----------
    subject_factors, item_factors : ndarray float32 [subjects, factors], [items, factors]
    item_biases : ndarray float32 [items]
    history_ : list of dict
        ``iteration, seconds, ranked_right`` (the share of pairs where i was above j when met).
    """

    _loss = "bpr"

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        iterations: int = 60,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.iterations = iterations
        self.seed = seed
        self.threads = threads
