"""Thompson sampling of linear models."""

from __future__ import annotations

from typing import ClassVar

from ._linear import LinearPolicy

__all__ = ["LinTS"]


class LinTS(LinearPolicy):
    """Thompson sampling of linear models.

    Arms are drawn with the probability that they are best when coefficients come from
    N(θ, scale² A⁻¹) (Agrawal & Goyal 2013). Disjoint arms are independent: that probability is
    integrated, to 1e-5. With shared coefficients it is counted over ``draws`` seeded draws, and the
    arm is drawn from exactly these counts.

    Parameters
    ----------
    scale : float
        Times the posterior's standard deviations, above 0.
    dimension : int, optional
        Columns of a context. None: those of the first.
    model : {"disjoint", "shared", "hybrid", "joint"}
        "disjoint": coefficients of its own for each arm. "shared": one set over the products of
        context and ``arm_features``. "hybrid": an arm starts from what the shared model expects of
        its features and moves away by its own rewards; without features, from what arms have in
        common. "joint": coefficients of each arm and shared ones, estimated together.
    draws : int
        Joint draws that probabilities are counted over, where arms depend on each other.
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

    _kind = "lin_ts"
    _numbers: ClassVar[str] = "scale l2 discount"
    _integers: ClassVar[str] = "draws"

    def __init__(
        self,
        scale: float = 1.0,
        dimension: int | None = None,
        model: str = "disjoint",
        draws: int = 256,
        l2: float = 1.0,
        discount: float = 1.0,
        min_probability: float = 0.0,
        intercept: bool = True,
        interactions: bool = True,
        arm_dimension: int | None = None,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.scale = scale
        self.dimension = dimension
        self.model = model
        self.draws = draws
        self.l2 = l2
        self.discount = discount
        self.min_probability = min_probability
        self.intercept = intercept
        self.interactions = interactions
        self.arm_dimension = arm_dimension
        self.threads = threads
        self.seed = seed
