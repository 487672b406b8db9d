"""Factors that know what items and people are like."""

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
from ._features import ItemFeatures, Recipe, are_names, item_features, subject_columns
from ._params import optional_duration

__all__ = ["Hybrid"]


class Hybrid(Model):
    """`ALS` whose items and subjects lean on their attributes where events are few.

    A ridge regression from the items' features (categories, words, classes of numbers: see
    `Content`) to their vectors says what a vector is expected to be; the more subjects had an item,
    the less that counts. An item nobody has had yet takes the expected vector. Then every subject
    is solved again for the items as they are now. It answers as `ALS` does.

    Parameters
    ----------
    factors, regularization, alpha, iterations, weighting, half_life, seed, threads
        As in `ALS`.
    attribute_strength : float
        How many subjects' (of a subject: items') events the expectation is worth. Positive.
    attribute_regularization : float
        Of the regression; rows of features have unit length. Positive.
    text, categories, numbers, bins, min_count, weights
        As in `Content`. Vectors can't be features here.
    subject_text, subject_categories, subject_numbers : sequence of str, optional
        Attributes of the subjects to take as such. None: those that look like it. `bins` and
        `min_count` hold for them, too.
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
        subject_text: Sequence[str] | None = None,
        subject_categories: Sequence[str] | None = None,
        subject_numbers: Sequence[str] | None = None,
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
        self.subject_text = subject_text
        self.subject_categories = subject_categories
        self.subject_numbers = subject_numbers
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
        found, people = self._known_of(data)
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
        als = trainer.finish()
        options = {
            "strength": float(self.attribute_strength),
            "ridge": float(self.attribute_regularization),
            "threads": self._threads(),
        }
        if found is not None:
            als = _core.lean_items(
                als,
                context.history,
                context.as_of,
                offsets=found.offsets,
                features=found.features,
                values=found.values,
                num_features=len(found.names),
                **options,
            )
        if not people:
            return _core.HybridModel(als)
        return _core.lean_people(
            als,
            context.history,
            context.attributes,
            people,
            bins=int(self.bins),
            min_count=int(self.min_count),
            **options,
        )

    def _known_of(self, data: Dataset) -> tuple[ItemFeatures | None, list[tuple[str, str, float]]]:
        """Features of the items, None without any, and columns of the subjects' attributes."""
        try:
            recipe = Recipe.of(self, vectors=[])
            for name in ("subject_text", "subject_categories", "subject_numbers"):
                columns = getattr(self, name)
                if columns is not None and not are_names(columns):
                    self._refuse(name, "be a list of columns")
            people = subject_columns(
                data._people,
                text=self.subject_text,
                categories=self.subject_categories,
                numbers=self.subject_numbers,
            )
            names = data._core.item_names
            if people and data._attributes is None and not names:
                return None, people
            return item_features(data._attributes, names, data.num_items, recipe), people
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"Hybrid: {error}") from None

    @property
    def subject_factors(self) -> np.ndarray:
        """Vectors of the subjects of training, float32 [subjects, factors]."""
        return np.asarray(self._state().model.user_factors)

    @property
    def item_factors(self) -> np.ndarray:
        """Vectors of the items, those without events among them, float32 [items, factors]."""
        return np.asarray(self._state().model.item_factors)
