"""Weights of embeddings, for mips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError
from ._inputs import Log

__all__ = ["embedding_weights"]


def embedding_weights(
    log: Log,
    *,
    embedding: npt.ArrayLike | None,
    p_embedding: npt.ArrayLike | None,
    posterior: npt.ArrayLike | None,
) -> npt.NDArray[np.float64]:
    """Return [rounds] weights; see `mips`.

    Raises
    ------
    InvalidArgumentError, BadDataError
    """
    from penchant import _core

    if log.logged is None or log.logged.ndim == 1:
        raise InvalidArgumentError(
            "mips: logged must be the logging policy's whole table, shaped like target"
        )
    target = np.ascontiguousarray(log.table_at_positions(log.target), dtype=np.float64)
    logged = np.ascontiguousarray(log.table_at_positions(log.logged))
    if posterior is not None:
        chances = np.ascontiguousarray(posterior, dtype=np.float64)
        return _core.off_policy_posterior_weights(target, logged, chances, 0)
    if embedding is None or p_embedding is None:
        raise InvalidArgumentError(
            "mips: give embedding with p_embedding, the chance of each category given the action, "
            "or posterior, a classifier's probabilities of the action given context and embedding"
        )
    seen = np.asarray(embedding)
    if seen.dtype.kind not in "iu" or seen.ndim not in (1, 2):
        raise InvalidArgumentError(
            f"mips: embedding must be [rounds] or [rounds, dimensions] of integers, not "
            f"{seen.dtype} of shape {seen.shape}"
        )
    chance = np.asarray(p_embedding, dtype=np.float64)
    if chance.ndim == 2:
        chance = chance[:, :, None]
    return _core.off_policy_known_weights(
        target, logged, np.ascontiguousarray(chance), np.ascontiguousarray(seen, dtype=np.int64), 0
    )
