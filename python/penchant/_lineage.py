"""What a bundle says of its origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _core
from ._blend import BlendWeights
from ._reranking import RankerPart
from ._version import __version__
from .data.dataset import Dataset
from .models._base import Model
from .ranking._forest import Forest
from .ranking.calibrated import Calibrated

__all__ = ["lineage_of"]


def lineage_of(
    train: Dataset,
    settings: Mapping[str, Any],
    sources: Mapping[str, Model],
    learned: BlendWeights,
    ranker: Any,
    fitted: RankerPart | None,
) -> dict[str, Any]:
    """Tell the data, parameters and weights of a pipeline, as JSON can hold them.

    Parameters
    ----------
    settings
        Of the pipeline itself.
    sources
        By the names that the weights go by, in their order.
    ranker, fitted
        As the pipeline was given it, and what came of it.
    """
    core = train._core
    lineage: dict[str, Any] = {
        "producer": {"name": "penchant", "version": __version__, "simd": _core.simd_target()},
        "data": {
            "hash": train.hash,
            "events": train.num_events,
            "subjects": train.num_subjects,
            "items": train.num_items,
            "from": _moment(core.first_time),
            "to": _moment(core.last_time),
            "split": train.split,
            "columns": getattr(train, "columns", None),
        },
        "pipeline": dict(settings),
        "sources": [
            {"name": name, "model": type(source).__name__, "parameters": _parameters(source)}
            for name, source in sources.items()
        ],
        "weights": {
            regime: dict(zip(sources, weights, strict=True))
            for regime, weights in (
                ("repeats", learned.repeats),
                ("new", learned.new),
                ("cold", learned.cold),
            )
            if weights is not None
        },
        "validation": learned.validation,
    }
    if fitted is not None:
        lineage["ranker"] = {
            **_ranker(ranker),
            "trees": fitted.forest.num_trees,
            "features": len(fitted.names),
            "depth": fitted.depth,
        }
    return lineage


def _ranker(ranker: Any) -> dict[str, Any]:
    if isinstance(ranker, Calibrated):
        how = {name: getattr(ranker, name) for name in ("method", "cv", "relevant", "seed")}
        return {**_ranker(ranker.estimator), "calibration": how}
    parameters = None if isinstance(ranker, Forest) else _parameters(ranker)
    return {"model": type(ranker).__name__, "parameters": parameters}


def _parameters(source: Any) -> dict[str, Any]:
    """Parameters but for `threads`, on which nothing depends."""
    return {
        key: value if isinstance(value, (int, float, str, type(None))) else str(value)
        for key, value in source.get_params().items()
        if key != "threads"
    }


def _moment(micros: int | None) -> str | None:
    return None if micros is None else _core.format_timestamp(micros)
