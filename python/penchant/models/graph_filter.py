"""Smoothing a subject's items over the graph of subjects and items."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .. import _core
from .._progress import Progress
from ..data.dataset import Dataset
from ._base import Model
from ._params import optional_duration

__all__ = ["GraphFilter"]


class GraphFilter(Model):
    """One hop over the graph of subjects and items, sharpened, with a low pass beside it if wanted.

    No training beyond sparse products and a randomized SVD (Shen and others 2021; Choi and others
    2023). With R the subjects x items matrix of pair weights, D_U and D_I its row and column sums
    and ``N = D_U^(-user_exponent/2) R D_I^-item_exponent``, scaled to norm 1::

        score = r_u (N'N + low_pass_weight D_I^-i V V' D_I^i) (I - sharpen N'N) D_I^(i - t)

    with i the `item_exponent`, t the `target_exponent` and V the leading right singular vectors.

    Parameters
    ----------
    components : int
        Singular vectors of the low pass; 0: no low pass.
    low_pass_weight : float
        0 or more. Instead of sharpening, 0.3 is a good start.
    user_exponent : float
        0 to 2: how much those with long histories are held back.
    item_exponent : float
        0 to 2: how much popular items of the subject's own history are held back.
    target_exponent : float
        0 to 2: how much popular items are held back among those that are recommended.
    sharpen : float
        0 to 10: how much of what a second hop would blur is taken away; above 1 it is unstable.
    keep : int, optional
        Entries of largest absolute value kept for each item one comes from. None: all.
    weighting : {"linear", "log", "binary", "capped"}
        A pair's weight from its summed value: as it is, ln(1 + value), 1, or min(value, 1).
    half_life : str or timedelta, optional
        Halves a pair's weight for each half-life since its last event.
    seed : int
        Of the randomized SVD.
    threads : int, optional
        None: all cores. The result does not depend on it.
    """

    def __init__(
        self,
        components: int = 64,
        low_pass_weight: float = 0.0,
        user_exponent: float = 0.5,
        item_exponent: float = 0.5,
        target_exponent: float = 0.3,
        sharpen: float = 0.7,
        keep: int | None = 1000,
        weighting: str = "linear",
        half_life: str | dt.timedelta | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.components = components
        self.low_pass_weight = low_pass_weight
        self.user_exponent = user_exponent
        self.item_exponent = item_exponent
        self.target_exponent = target_exponent
        self.sharpen = sharpen
        self.keep = keep
        self.weighting = weighting
        self.half_life = half_life
        self.seed = seed
        self.threads = threads

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:  # noqa: ARG002
        self._check_kinds(
            integers="components",
            numbers="low_pass_weight user_exponent item_exponent target_exponent sharpen",
            texts="weighting",
            seed=True,
        )
        return _core.fit_graph_filter(
            context.history,
            context.as_of,
            components=self.components,
            low_pass_weight=self.low_pass_weight,
            user_exponent=self.user_exponent,
            item_exponent=self.item_exponent,
            target_exponent=self.target_exponent,
            sharpen=self.sharpen,
            keep=self._keep(),
            weighting=self.weighting,
            half_life=optional_duration(self.half_life, "half_life"),
            seed=self.seed,
            threads=self._threads(),
            progress=progress,
        )
