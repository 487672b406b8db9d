"""A secret that is passed on, and neither printed nor stored."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, Self

from ..errors import InvalidArgumentError

__all__ = ["Key"]

_FEWEST_BYTES = 16


class Key:
    """The key of an `Identity`: hides from `repr`, from pickles and from bundles.

    Raises
    ------
    InvalidArgumentError
        On fewer than 16 bytes: addresses are few enough to try them all under a short key.
    """

    __slots__ = ("_bytes",)

    def __init__(self, secret: str | bytes) -> None:
        if not isinstance(secret, (str, bytes)):
            raise InvalidArgumentError(
                f"key is a {type(secret).__name__}; give a text or bytes, from a secret store"
            )
        self._bytes = secret.encode() if isinstance(secret, str) else bytes(secret)
        if len(self._bytes) < _FEWEST_BYTES:
            raise InvalidArgumentError(
                f"the key has {len(self._bytes)} bytes; give {_FEWEST_BYTES} random ones or more"
            )

    @classmethod
    def of(cls, secret: str | bytes | Key | None) -> Key | None:
        """Wrap a secret; what is a key already, or None, stays what it is."""
        return secret if secret is None or isinstance(secret, Key) else cls(secret)

    def reveal(self) -> bytes:
        """Return the bytes, for the core alone."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash(Key)  # nothing of the bytes

    def __repr__(self) -> str:
        """Tell nothing."""
        return "Key(hidden)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled; give it to the identity again where it is loaded")
