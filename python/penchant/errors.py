"""The exceptions Penchant raises; each is also the built-in error a Python programmer expects."""

from __future__ import annotations

__all__ = [
    "BadDataError",
    "CorruptBundleError",
    "InvalidArgumentError",
    "NotFittedError",
    "NotFoundError",
    "PenchantError",
    "PenchantIOError",
    "UnavailableError",
]


class PenchantError(Exception):
    """Base of everything that Penchant raises on purpose."""

    def __str__(self) -> str:
        # KeyError would show the message's repr.
        return str(self.args[0]) if len(self.args) == 1 else super().__str__()


class InvalidArgumentError(PenchantError, ValueError):
    """The caller asked for something that makes no sense."""


class NotFoundError(PenchantError, KeyError):
    """An id, a section or a file that is not there."""


class BadDataError(PenchantError, ValueError):
    """The data contradicts what it claims to be."""


class CorruptBundleError(PenchantError, ValueError):
    """A bundle that can't be trusted."""


class PenchantIOError(PenchantError, OSError):
    """The system refused to read or write."""


class UnavailableError(PenchantError, RuntimeError):
    """Not now: overloaded, not ready, shutting down."""


class NotFittedError(PenchantError, ValueError, AttributeError):
    """A model or pipeline was asked for results before ``fit``."""
