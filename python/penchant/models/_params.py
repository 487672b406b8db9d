"""Parameters the way scikit-learn has them: named in `__init__`, kept as given, clonable."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn, Self

import numpy as np

from ..data._times import duration_micros
from ..errors import InvalidArgumentError

__all__ = ["Parametrized", "optional_duration"]

_MOST_SEED = 2**64 - 1


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

    def _check_kinds(
        self, *, integers: str = "", numbers: str = "", texts: str = "", seed: bool = False
    ) -> None:
        """Check that parameters are of the kind that the core takes; names separated by spaces.

        Raises
        ------
        InvalidArgumentError
            The message names the model, the parameter and its value.
        """
        kinds: list[tuple[str, tuple[type, ...], str]] = [
            (integers, (int, np.integer), "an integer"),
            (numbers, (int, float, np.integer, np.floating), "a number"),
            (texts, (str,), "a text"),
        ]
        for names, types, what in kinds:
            for name in names.split():
                value = getattr(self, name)
                if isinstance(value, bool) or not isinstance(value, types):
                    self._refuse(name, f"be {what}")
        for name in integers.split():
            if abs(int(getattr(self, name))) >= 2**31:
                self._refuse(name, "be below 2^31")
        if seed:
            value = self.seed  # type: ignore[attr-defined]
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                self._refuse("seed", "be an integer")
            if not 0 <= int(value) <= _MOST_SEED:
                self._refuse("seed", "be 0 to 2^64 - 1")

    def _threads(self) -> int:
        """The parameter `threads` as the core takes it: 0 for all cores."""
        threads = self.threads  # type: ignore[attr-defined]
        if threads is None:
            return 0
        if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
            self._refuse("threads", "be an integer from 1 up, or None for all cores")
        return int(threads)

    def _keep(self) -> int:
        """The parameter `keep` as the core takes it: 0 for all."""
        keep = self.keep  # type: ignore[attr-defined]
        if keep is None:
            return 0
        if isinstance(keep, bool) or not isinstance(keep, (int, np.integer)) or keep < 1:
            self._refuse("keep", "be an integer from 1 up, or None for all")
        return int(keep)

    def _refuse(self, name: str, must: str) -> NoReturn:
        raise InvalidArgumentError(
            f"{type(self).__name__}: {name} must {must}, not {getattr(self, name)!r}"
        )

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def optional_duration(value: Any, name: str) -> int | None:
    """Microseconds of '28d' or a timedelta (see `data._times`); None stays None."""
    return None if value is None else duration_micros(value, name)
