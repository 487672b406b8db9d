"""Items that are alike in what is known of them."""

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

__all__ = ["Content"]


class Content(Model):
    """Scores an item by how much it has in common with what the subject had to do with.

    Words of texts count by TF-IDF, categories and tags as one-hot features with the same weighting,
    numbers as the class of equally many items they fall in, vectors by their cosine. Every
    column has the same say unless `weights` says otherwise. An item that nobody has had yet is
    found like any other (``Dataset.from_events(..., catalog=, unseen_items="keep")``).

    Parameters
    ----------
    text, categories, numbers, vectors : sequence of str, optional
        Columns of the catalogue to take as such; "name" stands for the items' names. None: those
        that look like it (texts of three words and more are prose, shorter ones categories).
        Empty: none.
    bins : int
        Classes of a number.
    min_count : int
        Items that must share a word or category for it to count.
    weights : dict of str to float, optional
        How much a column counts; 1 for the rest.
    weighting : {"linear", "log", "binary", "capped"}
        A pair's weight from its summed value: as it is, ln(1 + value), 1, or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event.

    Attributes
    ----------
    feature_names_ : list of str
        Of the sparse features: ``"category=toys"``, ``"name:teapot"``.
    """

    def __init__(
        self,
        text: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        numbers: Sequence[str] | None = None,
        vectors: Sequence[str] | None = None,
        bins: int = 5,
        min_count: int = 2,
        weights: Mapping[str, float] | None = None,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
    ) -> None:
        self.text = text
        self.categories = categories
        self.numbers = numbers
        self.vectors = vectors
        self.bins = bins
        self.min_count = min_count
        self.weights = weights
        self.weighting = weighting
        self.half_life = half_life

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(texts="weighting")
        if isinstance(self.vectors, str):
            self._refuse("vectors", "be a list of columns")
        try:
            recipe = Recipe.of(self, self.vectors)
            found = item_features(data._attributes, data._core.item_names, data.num_items, recipe)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"Content: {error}") from None
        model = _core.make_content(
            found.offsets,
            found.features,
            found.values,
            num_features=len(found.names),
            dense=np.ascontiguousarray(found.dense),
            width=found.dense.shape[1],
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
        )
        self.feature_names_ = found.names
        return model
