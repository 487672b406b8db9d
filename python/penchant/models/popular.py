"""What many took lately."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["Popular"]


class Popular(Model):
    """The same list for everyone: distinct subjects an item had lately.

    Parameters
    ----------
    window : str or timedelta, optional
        Count events younger than this before the last event ("28d"). None: all.
    half_life : str or timedelta, optional
        A subject's last event of this age counts half. None: all alike.
    """

    def __init__(
        self,
        window: str | dt.timedelta | None = None,
        half_life: str | dt.timedelta | None = None,
    ) -> None:
        self.window = window
        self.half_life = half_life

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        return _core.fit_popular(
            data._core,
            window=optional_duration(self.window, "window"),
            half_life=optional_duration(self.half_life, "half_life"),
        )
