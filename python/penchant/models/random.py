"""Chance: the floor under every floor."""

from __future__ import annotations

from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model

__all__ = ["Random"]


class Random(Model):
    """Scores by chance; a subject always gets the same list.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(seed=True)
        return _core.fit_random(len(context.items), self.seed)
