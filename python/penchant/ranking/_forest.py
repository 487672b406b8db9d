"""A forest of decision trees, ready to score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import InvalidArgumentError

__all__ = ["Forest"]

_PREFIX = "forest"


class Forest:
    """Trees that were trained or imported. Immutable; safe to share between threads.

    Estimators hold one as ``forest_``. ``Forest(arrays)`` makes one of plain arrays, as `to_arrays`
    gives them.

    The raw score of a row is the start score plus the values of the leaves that it reaches, added
    in the order of the trees in double precision: the same bits on every CPU and at any number of
    threads.

    Parameters
    ----------
    arrays : dict
        ``threshold``, ``feature``, ``left``, ``right``, ``categories``, ``missing_left``,
        ``missing``, ``gain``, ``cover`` [splits]; ``node_begin``, ``leaf_begin`` [trees + 1];
        ``leaves`` and ``leaf_cover`` [leaves]; ``category_words`` uint64, ``category_begin``
        [sets + 1]; ``base`` [outputs]; ``num_features``, ``link``, ``link_slope``,
        ``float32_inputs``, ``feature_names``. The page on forests says what they mean.

    Raises
    ------
    BadDataError
        When the arrays are no forest, naming the tree and the split.
    """

    def __init__(self, arrays: dict[str, Any]) -> None:
        try:
            self._core = _core.Forest.from_arrays(arrays)
        except (TypeError, RuntimeError) as error:
            raise InvalidArgumentError(f"an entry of arrays has the wrong type: {error}") from error

    @classmethod
    def _of(cls, core: Any) -> Self:
        """Wrap a forest of the core."""
        forest = cls.__new__(cls)
        forest._core = core
        return forest

    # -- asking ------------------------------------------------------------------------------------

    def predict_raw(self, X: npt.ArrayLike, *, threads: int = 1) -> npt.NDArray[np.float64]:
        """Score rows, before the link.

        Parameters
        ----------
        X : [n, num_features] array
            float32 and float64 are taken as they are, without a copy when C-contiguous; anything
            else becomes float64. NaN and infinity are values.
        threads : int
            Over blocks of rows; 0 is all.

        Returns
        -------
        [n] float64 array, or [n, num_outputs] when there are several outputs.
        """
        scores = self._core.predict_raw(_rows(X), threads)
        return scores[:, 0] if self.num_outputs == 1 else scores

    def predict(self, X: npt.ArrayLike, *, threads: int = 1) -> npt.NDArray[np.float64]:
        """Score rows and apply the link: probabilities, rates, or the raw score itself.

        Returns
        -------
        [n] float64 array, or [n, num_outputs].
        """
        scores = self._core.apply_link(self._core.predict_raw(_rows(X), threads))
        return scores[:, 0] if self.num_outputs == 1 else scores

    @property
    def num_trees(self) -> int:
        """Trees, over all outputs."""
        return int(self._core.num_trees)

    @property
    def num_leaves(self) -> int:
        """Leaves, over all trees."""
        return int(self._core.num_leaves)

    @property
    def num_features(self) -> int:
        """Columns that a row has."""
        return int(self._core.num_features)

    @property
    def num_outputs(self) -> int:
        """Scores of a row."""
        return int(self._core.num_outputs)

    @property
    def link(self) -> str:
        """From raw score to prediction: ``identity``, ``sigmoid``, ``softmax`` or ``exp``."""
        return str(self._core.link)

    @property
    def feature_names(self) -> list[str]:
        """Names [num_features], or an empty list."""
        return list(self._core.feature_names)

    def to_arrays(self) -> dict[str, Any]:
        """Return what the constructor takes, copied."""
        return dict(self._core.to_arrays())

    def __repr__(self) -> str:
        """What there is of what."""
        outputs = f", {self.num_outputs} outputs" if self.num_outputs > 1 else ""
        return (
            f"Forest({self.num_trees} trees, {self.num_leaves} leaves, "
            f"{self.num_features} features{outputs}, link={self.link!r})"
        )

    # -- keeping -----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the forest as a bundle. The same forest gives the same bytes."""
        writer = _core.BundleWriter()
        self._core.save(writer, _PREFIX)
        return bytes(writer.to_bytes(json.dumps({"object": "Forest"})))

    def save(self, path: str | Path) -> None:
        """Write the forest to a file, atomically; `load` reads it."""
        _core.write_file_atomically(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a forest from a file.

        Raises
        ------
        CorruptBundleError
            Whatever the file holds that a forest can't.
        """
        return cls._of(_core.Forest.load(_core.BundleReader.open(Path(path)), _PREFIX))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        return cls._of(_core.Forest.load(_core.BundleReader.from_bytes(data), _PREFIX))

    def __getstate__(self) -> bytes:
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        self._core = _core.Forest.load(_core.BundleReader.from_bytes(state), _PREFIX)


def _rows(values: npt.ArrayLike) -> npt.NDArray[Any]:
    try:
        rows = np.asarray(values)
        if rows.dtype not in (np.float32, np.float64):
            rows = rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"X must be numbers [rows, features]: {error}") from error
    if rows.ndim != 2:
        raise InvalidArgumentError(
            f"X must have two dimensions [rows, features], not shape {rows.shape}"
        )
    return np.ascontiguousarray(rows)
