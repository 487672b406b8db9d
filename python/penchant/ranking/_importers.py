"""Forests that other libraries trained. Nothing of theirs is imported: models are asked by name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import InvalidArgumentError, PenchantIOError
from ._forest import Forest

__all__ = ["import_catboost", "import_lightgbm", "import_xgboost"]


def import_lightgbm(source: Any) -> Forest:
    """Read a model of LightGBM, versions 2 to 4.

    Raw scores are LightGBM's to the bit; for a random forest they are the mean of its trees, which
    LightGBM gives as its prediction. SHAP values weigh by numbers of training rows as
    ``pred_contrib`` does.

    Parameters
    ----------
    source : str, bytes, Path, Booster or fitted estimator
        The text (it begins with ``tree``), a file that holds it, or a live model, of which the
        iterations up to the best are taken.

    Raises
    ------
    BadDataError
        Naming the line: text that is no such model, linear trees, an objective that turns scores
        into predictions in a way that a `Forest` has not.

    Notes
    -----
    A categorical column holds the whole numbers that LightGBM was trained on (for a pandas
    categorical, its codes). A fraction is no category here; LightGBM cuts it off.
    """
    model = getattr(source, "booster_", source)
    if hasattr(model, "model_to_string"):
        return Forest._of(_core.import_lightgbm(str(model.model_to_string()).encode()))
    return Forest._of(_core.import_lightgbm(_bytes_of(source, b"tree", "LightGBM")))


def import_xgboost(source: Any) -> Forest:
    """Read a model of XGBoost, versions 1 to 3: ``gbtree`` or ``dart``.

    Raw scores are those of ``output_margin=True`` but for the rounding of its float32 sums.

    Parameters
    ----------
    source : str, bytes, Path, Booster or fitted estimator
        JSON, UBJSON, a file that holds either, or a live model; of an estimator that stopped early
        the iterations up to the best, as it predicts by itself.

    Raises
    ------
    BadDataError
        Naming the member: bytes that are no such model, ``gblinear``, trees with vectors as leaves.
    """
    model = source
    if hasattr(model, "get_booster"):
        best = getattr(source, "best_iteration", None)
        model = source.get_booster()
        model = model if best is None else model[: best + 1]
    if hasattr(model, "save_raw"):
        return Forest._of(_core.import_xgboost(bytes(model.save_raw("ubj"))))
    return Forest._of(_core.import_xgboost(_bytes_of(source, b"{", "XGBoost")))


def import_catboost(source: Any) -> Forest:
    """Read a model of CatBoost.

    Raw scores are those of ``prediction_type="RawFormulaVal"``. Columns are CatBoost's own; a
    categorical column holds its whole numbers.

    Parameters
    ----------
    source : str, bytes, Path or fitted model
        JSON (``save_model(path, format="json")``), a file that holds it, or a live model.

    Raises
    ------
    BadDataError
        Naming the member: text that is no such model, splits on statistics of the target, text or
        embedding features, categories that are no whole numbers.
    """
    if hasattr(source, "save_model"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            source.save_model(str(path), format="json")
            return Forest._of(_core.import_catboost(path.read_bytes()))
    return Forest._of(_core.import_catboost(_bytes_of(source, b"{", "CatBoost")))


def _bytes_of(source: Any, begin: bytes, library: str) -> bytes:
    """What a text, bytes or a file's name holds; a text is known by how a model begins."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str) and source.lstrip().encode().startswith(begin):
        return source.encode()
    if not isinstance(source, str | Path):
        raise InvalidArgumentError(
            f"source must be {library}'s model, its text, bytes or a file's path, "
            f"not {type(source).__name__}"
        )
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise PenchantIOError(
            f"can't read {library}'s model from '{str(source)[:200]}': {error}"
        ) from error
