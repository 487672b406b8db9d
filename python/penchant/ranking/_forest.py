"""A forest of decision trees, ready to score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import CorruptBundleError, InvalidArgumentError
from ._calibration import Calibration

__all__ = ["Forest"]

_PREFIX = "forest"
_CALIBRATION = f"{_PREFIX}/calibration"


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

    _calibration: Calibration | None = None

    def __init__(self, arrays: dict[str, Any]) -> None:
        try:
            self._core = _core.Forest.from_arrays(arrays)
        except (TypeError, RuntimeError) as error:
            raise InvalidArgumentError(f"an entry of arrays has the wrong type: {error}") from error

    @classmethod
    def _of(cls, core: Any, calibration: Any = None) -> Self:
        """Wrap a forest of the core, and what it has of a calibration."""
        forest = cls.__new__(cls)
        forest._core = core
        if calibration is not None:
            forest._calibration = Calibration._of(calibration)
        return forest

    def with_calibration(self, calibration: Calibration | None) -> Self:
        """Return the same trees, whose `predict` gives the calibration's probabilities.

        Raises
        ------
        InvalidArgumentError
            When the calibration is of another number of outputs.
        """
        if calibration is not None and calibration.num_outputs != self.num_outputs:
            raise InvalidArgumentError(
                f"the calibration has {calibration.num_outputs} outputs, the forest "
                f"{self.num_outputs}"
            )
        forest = type(self)._of(self._core)
        forest._calibration = calibration
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

        With a calibration it gives the probabilities instead; for one output, of the second class.

        Returns
        -------
        [n] float64 array, or [n, num_outputs].
        """
        if self._calibration is not None:
            return self._calibration.predict(self.predict_raw(X, threads=threads), threads=threads)
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
    def calibration(self) -> Calibration | None:
        """What turns raw scores into probabilities in place of the link, or None."""
        return self._calibration

    @property
    def feature_names(self) -> list[str]:
        """Names [num_features], or an empty list."""
        return list(self._core.feature_names)

    def shap_values(
        self, X: npt.ArrayLike, *, background: npt.ArrayLike | None = None, threads: int = 1
    ) -> npt.NDArray[np.float64]:
        """Explain raw scores exactly: how far each feature moved a row's score from the expected.

        Parameters
        ----------
        X : [n, num_features] array
        background : [m, num_features] array, optional
            Where the values of features that are left out come from (interventional). Without
            one, both sides of a split that asks for such a feature count by the training rows that
            went there (path-dependent, as LightGBM's and XGBoost's ``pred_contribs``).
        threads : int
            Over blocks of rows; 0 is all. The same bits at any number.

        Returns
        -------
        [n, num_features + 1] float64 array, or [n, num_outputs, num_features + 1]. A row adds up to
        its raw score; its last value is the expected score.

        Raises
        ------
        InvalidArgumentError
            Without a background, when the forest does not know its covers; trees whose leaves
            depend on more than 256 features each (64 against a background).

        Notes
        -----
        Tree SHAP of Lundberg et al. 2020 ("From local explanations to global understanding with
        explainable AI for trees"), with the sum over subsets taken leaf by leaf as an exact
        quadrature.
        """
        explainer = self.__dict__.get("_explainer")
        if explainer is None:
            explainer = self._explainer = _core.ShapExplainer(self._core)
        others = None if background is None else _rows(background)
        values = explainer.values(_rows(X), others, threads)
        return values[:, 0] if self.num_outputs == 1 else values

    def importances(self, kind: str = "gain") -> npt.NDArray[np.float64]:
        """Sum over the splits on each feature: ``gain``, ``splits`` (their number) or ``cover``.

        Returns
        -------
        [num_features] float64 array, not normalized.
        """
        arrays = self.to_arrays()
        weights = {"gain": arrays["gain"], "cover": arrays["cover"], "splits": None}
        if kind not in weights:
            raise InvalidArgumentError(
                f"unknown importance '{kind}'; choose one of: {', '.join(sorted(weights))}"
            )
        return np.bincount(
            arrays["feature"], weights=weights[kind], minlength=self.num_features
        ).astype(np.float64)

    def to_lightgbm_text(self) -> str:
        """Return the forest as a model of LightGBM 4, whose raw scores are these, to the bit.

        Raises
        ------
        InvalidArgumentError
            On what LightGBM can't express: a categorical split that sends missing values to its
            categories' side, names with spaces or punctuation.
        """
        return str(_core.export_lightgbm(self._core))

    def to_arrays(self) -> dict[str, Any]:
        """Return what the constructor takes, copied."""
        return dict(self._core.to_arrays())

    def __repr__(self) -> str:
        """What there is of what."""
        outputs = f", {self.num_outputs} outputs" if self.num_outputs > 1 else ""
        return (
            f"Forest({self.num_trees} trees, {self.num_leaves} leaves, "
            f"{self.num_features} features{outputs}, link={self.link!r}"
            f"{'' if self._calibration is None else ', calibrated'})"
        )

    # -- keeping -----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the forest as a bundle. The same forest gives the same bytes."""
        writer = _core.BundleWriter()
        self._core.save(writer, _PREFIX)
        if self._calibration is not None:
            self._calibration._core.save(writer, _CALIBRATION)
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
        return cls._read(_core.BundleReader.open(Path(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        return cls._read(_core.BundleReader.from_bytes(data))

    @classmethod
    def _read(cls, reader: Any) -> Self:
        forest = cls._of(_core.Forest.load(reader, _PREFIX))
        if not reader.has(f"{_CALIBRATION}/meta"):
            return forest
        calibration = Calibration._of(_core.Calibration.load(reader, _CALIBRATION))
        try:
            return forest.with_calibration(calibration)
        except InvalidArgumentError as error:
            raise CorruptBundleError(f"{_CALIBRATION}: {error}") from error

    def __getstate__(self) -> bytes:
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        self.__dict__.update(type(self).from_bytes(state).__dict__)


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
