"""What someone is due to buy again."""

from __future__ import annotations

from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model

__all__ = ["RepeatPurchase"]


class RepeatPurchase(Model):
    """Ranks a subject's own items by count, recency and cadence.

    With n distinct purchase times of a pair and first and last their ages,
    ``score = n / sqrt(1 + last / gap)``, ``gap = (first - last + 2 g0) / (n + 1)``, g0 the mean gap
    between purchases over everybody's repeated pairs. Items never bought score 0.
    """

    def __init__(self) -> None:
        pass

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        return _core.fit_repeat_purchase(context.history, context.as_of)
