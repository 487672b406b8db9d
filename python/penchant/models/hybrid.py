"""Factors that know what items are like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError
from ._base import Model
from ._features import Recipe, item_features
from ._params import optional_duration

__all__ = ["Hybrid"]


class Hybrid(Model):
    """`ALS` whose items lean on their attributes where events are few.

    A ridge regression from the items' features (categories, words, classes of numbers: see
    `Content`) to their vectors says what a vector is expected to be; the more subjects had an item,
    the less that counts. An item nobody has had yet takes the expected vector. Then every subject
    is solved again for the items as they are now. It answers as `ALS` does.

    Parameters
    ----------
    factors, regularization, alpha, iterations, weighting, half_life, seed, threads
        As in `ALS`.
    attribute_strength : float
        How many subjects' events the expectation is worth. Positive.
    attribute_regularization : float
        Of the regression; rows of features have unit length. Positive.
    text, categories, numbers, bins, min_count, weights
        As in `Content`. Vectors can't be features here.
    """

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.01,
        alpha: float = 1.0,
        iterations: int = 15,
        attribute_strength: float = 5.0,
        attribute_regularization: float = 0.3,
        text: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        numbers: Sequence[str] | None = None,
        bins: int = 5,
        min_count: int = 2,
        weights: Mapping[str, float] | None = None,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.attribute_strength = attribute_strength
        self.attribute_regularization = attribute_regularization
        self.text = text
        self.categories = categories
        self.numbers = numbers
        self.bins = bins
        self.min_count = min_count
        self.weights = weights
        self.weighting = weighting
        self.half_life = half_life
        self.seed = seed
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:
        self._check_kinds(
            integers="factors iterations",
            numbers="regularization alpha attribute_strength attribute_regularization",
            texts="weighting",
            seed=True,
        )
        if self.iterations < 1:
            self._refuse("iterations", "be 1 or more")
        try:
            recipe = Recipe.of(self, vectors=[])
            found = item_features(data._attributes, data._core.item_names, data.num_items, recipe)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"Hybrid: {error}") from None
        trainer = _core.AlsTrainer(
            context.history,
            context.as_of,
            factors=self.factors,
            regularization=self.regularization,
            alpha=self.alpha,
            unobserved_weight=1.0,
            regularization_exponent=0.0,
            solver="cg",
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            user_bias=False,
            item_bias=False,
            cg_steps=0,
            block_factors=64,
            seed=self.seed,
            threads=self._threads(),
        )
        for iteration in range(1, int(self.iterations) + 1):
            trainer.iterate()
            progress(iteration, int(self.iterations))
        return _core.HybridModel(
            trainer.finish(),
            context.history,
            context.as_of,
            offsets=found.offsets,
            features=found.features,
            values=found.values,
            num_features=len(found.names),
            strength=float(self.attribute_strength),
            ridge=float(self.attribute_regularization),
            threads=self._threads(),
        )

    @property
    def subject_factors(self) -> np.ndarray:
        """Vectors of the subjects of training, float32 [subjects, factors]."""
        return np.asarray(self._state().model.user_factors)

    @property
    def item_factors(self) -> np.ndarray:
        """Vectors of the items, those without events among them, float32 [items, factors]."""
        return np.asarray(self._state().model.item_factors)
