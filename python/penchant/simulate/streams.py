"""Random numbers by name: every idea of the simulator draws from a stream of its own.

A stream is Philox, a counter-based generator, keyed by the seed and the stream's name, so what one
idea draws doesn't depend on how much another one drew before.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, name: str, index: int = 0) -> np.random.Generator:
    """Open the stream `name` of a world.

    Parameters
    ----------
    seed : int
        Of the world.
    name : str
        Of the idea that draws.
    index : int, default 0
        Of a block of work; the streams of different blocks don't overlap.
    """
    name_key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    key = np.array([seed % 2**64, name_key], np.uint64)
    counter = np.array([0, 0, 0, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
