"""Choosing a model's parameters on a part of the training data held out for that."""

from ._space import Choice, Doubling, Range, default_space
from ._study import Study
from ._tune import tune

__all__ = ["Choice", "Doubling", "Range", "Study", "default_space", "tune"]
