"""What many took lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError
from ._base import Model
from ._features import are_names, subject_columns
from ._params import optional_duration

__all__ = ["Popular"]


class Popular(Model):
    """Distinct subjects an item had lately: of all, or of those who share attributes.

    Parameters
    ----------
    window : str or timedelta, optional
        Count events younger than this before the last event ("28d"). None: all.
    half_life : str or timedelta, optional
        A subject's last event of this age counts half. None: all alike.
    by : sequence of str, optional
        Attributes of the subjects (`Dataset.from_events(subjects=...)`), the widest first. An
        item's score is then its share among the people with the same value of the first, drawn
        towards that among everyone; then among those who share the second as well, drawn towards
        the former; and so on, as far as they are known. None: the same list for everyone.
    strength : float
        With `by`: how many people's events the wider group is worth. Positive.
    bins : int
        With `by`: numbers become one of this many classes with equally many people.
    """

    def __init__(
        self,
        window: str | dt.timedelta | None = None,
        half_life: str | dt.timedelta | None = None,
        by: Sequence[str] | None = None,
        strength: float = 20.0,
        bins: int = 5,
    ) -> None:
        self.window = window
        self.half_life = half_life
        self.by = by
        self.strength = strength
        self.bins = bins

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        window = optional_duration(self.window, "window")
        half_life = optional_duration(self.half_life, "half_life")
        self._check_kinds(integers="bins", numbers="strength")
        if self.bins < 1:
            self._refuse("bins", "be 1 or more")
        if self.by is not None and (not are_names(self.by) or not len(self.by)):
            self._refuse("by", "be a list of attributes")
        if self.by is None or data.num_subjects == 0:  # with nobody, there are no segments
            return _core.fit_popular(data._core, window=window, half_life=half_life)
        return _core.fit_segment_popular(
            data._core,
            context.attributes,
            self._columns(data),
            window=window,
            half_life=half_life,
            strength=float(self.strength),
            bins=int(self.bins),
        )

    def _columns(self, data: Dataset) -> list[tuple[str, str, float]]:
        """The attributes of `by` in their order: numbers in classes, the rest by value."""
        try:
            taken = {name: kind for name, kind, _ in subject_columns(data._people, text=[])}
            for name in self.by or []:
                if name not in taken:  # not there, or prose, which is taken by its value
                    subject_columns(data._people, categories=[name])
            return [(name, taken.get(name, "categories"), 1.0) for name in self.by or []]
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"Popular: by: {error}") from None
