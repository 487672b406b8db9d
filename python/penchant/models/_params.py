"""Parameters the way scikit-learn has them: named in `__init__`, kept as given, clonable."""

from __future__ import annotations

import datetime as dt
import inspect
from typing import Any, Self

from .. import _core
from ..errors import InvalidArgumentError

__all__ = ["Parametrized", "duration_micros"]


class Parametrized:
    """`get_params`, `set_params`, `repr` and equality from the signature of `__init__`."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        signature = inspect.signature(cls.__init__)
        return [name for name in signature.parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the parameters by name, as they were given."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters; takes effect at the next `fit`.

        Raises
        ------
        InvalidArgumentError
            On a name that is not a parameter; the message lists those that are.
        """
        known = self._parameter_names()
        for name, value in parameters.items():
            if name not in known:
                raise InvalidArgumentError(
                    f"{type(self).__name__} has no parameter {name!r}; it has: {', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def duration_micros(value: str | dt.timedelta | None, name: str) -> int | None:
    """Microseconds of '28d', a timedelta or None.

    Raises
    ------
    InvalidArgumentError
        When it is neither, or not longer than nothing; the message names the parameter.
    """
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        micros = value // dt.timedelta(microseconds=1)
    elif isinstance(value, str):
        micros = int(_core.parse_duration(value))
    else:
        raise InvalidArgumentError(
            f"{name} must be a text like '28d', a timedelta or None, not {value!r}"
        )
    if micros <= 0:
        raise InvalidArgumentError(f"{name} must be longer than nothing, not {value!r}")
    return micros
