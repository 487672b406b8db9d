"""Votes of bootstrap replicas."""

from __future__ import annotations

from typing import ClassVar

from ._linear import LinearPolicy

__all__ = ["Bagging"]


class Bagging(LinearPolicy):
    """Votes of models that each saw another bootstrap sample.

    Each replica counts an event as often as a Poisson(1) number says that is drawn from
    (seed, event, replica) (Oza 2001; Eckles & Kaptein 2014; "Bag" of Agarwal et al. 2016). An arm's
    probability is its share of the replicas that find it best.

    Parameters
    ----------
    epsilon : float
        In [0, 1]: share of decisions that fall on any arm alike.
    dimension : int, optional
        Columns of a context. None: those of the first.
    model : {"disjoint", "shared", "hybrid", "joint"}
        "disjoint": coefficients of its own for each arm. "shared": one set over the products of
        context and ``arm_features``. "hybrid": an arm starts from what the shared model expects of
        its features and moves away by its own rewards; without features, from what arms have in
        common. "joint": coefficients of each arm and shared ones, estimated together.
    replicas : int
        Models.
    l2 : float
        Ridge: the precision of the prior around 0 (hybrid: around what the shared model expects).
    discount : float
        In (0, 1]: what an event still counts after each later one of its arm.
    min_probability : float
        Floor of every arm that may be shown, mixed in: (1 - a f) p + f; at most 1 / arms.
    intercept : bool
        Put a 1 in front of contexts and of arm features.
    interactions : bool
        Shared: all products of context and arm features; False: only both side by side.
    arm_dimension : int, optional
        Columns of ``arm_features``. None: those of the first.
    threads : int, optional
        None is all. Results are the same for any number.
    seed : int
        Of all draws.
    """

    _kind = "bagging"
    _numbers: ClassVar[str] = "epsilon l2 discount"
    _integers: ClassVar[str] = "replicas"

    def __init__(
        self,
        epsilon: float = 0.0,
        dimension: int | None = None,
        model: str = "disjoint",
        replicas: int = 10,
        l2: float = 1.0,
        discount: float = 1.0,
        min_probability: float = 0.0,
        intercept: bool = True,
        interactions: bool = True,
        arm_dimension: int | None = None,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.epsilon = epsilon
        self.dimension = dimension
        self.model = model
        self.replicas = replicas
        self.l2 = l2
        self.discount = discount
        self.min_probability = min_probability
        self.intercept = intercept
        self.interactions = interactions
        self.arm_dimension = arm_dimension
        self.threads = threads
        self.seed = seed
