"""From raw scores to probabilities."""

from __future__ import annotations

import json
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import InvalidArgumentError

__all__ = ["Calibration"]

_PREFIX = "calibration"


class Calibration:
    """What a raw score is worth as a probability, learned on rows that the trees have not seen.

    Made by `Calibration.fit`; `Calibrated` does it with cross-fitting. Immutable. The same bits on
    every CPU.

    With one output it maps the score to the probability of the second class. With several, each
    output's log odds under the softmax have a curve of their own (one against the rest), and a
    row's probabilities are divided by their sum.
    """

    _core: Any

    @classmethod
    def fit(
        cls,
        scores: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        method: str = "isotonic",
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from raw scores and what was true.

        Parameters
        ----------
        scores : [n] or [n, outputs]
            Of rows that were held out when the scores' model was fitted.
        y : [n] integers
            0 or 1; with several outputs the number of the right one.
        method : 'isotonic' or 'sigmoid'
            'isotonic': straight lines between the steps of the best curve that does not fall.
            'sigmoid': 1 / (1 + exp(-(slope score + offset))) (Platt 1999), for few rows.
        sample_weight : [n], optional
            From 0 up.

        Raises
        ------
        InvalidArgumentError
            On shapes, on labels and weights, on scores that are not finite.
        """
        table = _table(scores)
        labels = np.asarray(y)
        if labels.shape != (len(table),):
            raise InvalidArgumentError(
                f"Calibration: y must be [{len(table)}], one a score, not shape {labels.shape}"
            )
        if labels.dtype.kind not in "bui":
            raise InvalidArgumentError("Calibration: y must be integers, the class of each row")
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return cls._of(
            _core.Calibration.fit(table, labels.astype(np.int32), weight=weight, method=method)
        )

    @classmethod
    def _of(cls, core: Any) -> Self:
        calibration = cls.__new__(cls)
        calibration._core = core
        return calibration

    def predict(self, scores: npt.ArrayLike, *, threads: int = 1) -> npt.NDArray[np.float64]:
        """Probabilities of raw scores: [n] of the second class, or [n, outputs].

        Parameters
        ----------
        scores : [n] or [n, outputs]
        threads : int
            0 is all.
        """
        p = self._core.apply(_table(scores), threads)
        return p[:, 0] if self.num_outputs == 1 else p

    @property
    def method(self) -> str:
        """Either 'isotonic' or 'sigmoid'."""
        return str(self._core.method)

    @property
    def num_outputs(self) -> int:
        """Scores of a row."""
        return int(self._core.num_outputs)

    @property
    def curves(self) -> list[dict[str, Any]]:
        """A dict an output: ``x`` and ``p`` [knots] (isotonic), or ``slope`` and ``offset``."""
        return list(self._core.curves())

    def __repr__(self) -> str:
        outputs = f", {self.num_outputs} outputs" if self.num_outputs > 1 else ""
        return f"Calibration({self.method}{outputs})"

    def __getstate__(self) -> bytes:
        writer = _core.BundleWriter()
        self._core.save(writer, _PREFIX)
        return bytes(writer.to_bytes(json.dumps({"object": "Calibration"})))

    def __setstate__(self, state: bytes) -> None:
        self._core = _core.Calibration.load(_core.BundleReader.from_bytes(state), _PREFIX)


def _table(scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        table = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"Calibration: scores must be numbers: {error}") from error
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise InvalidArgumentError(
            f"Calibration: scores must be [n] or [n, outputs], not shape {table.shape}"
        )
    return np.ascontiguousarray(table)
