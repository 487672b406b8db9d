"""What the policies share that learn linear models of rewards."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..errors import InvalidArgumentError
from ._policy import Numbers, Policy

__all__ = ["LinearPolicy"]

_MODELS = ("disjoint", "shared", "hybrid", "joint")


class LinearPolicy(Policy):
    """Base of the policies that regress rewards on contexts and on what is known of arms."""

    _numbers: ClassVar[str] = "l2 discount"

    model: str
    intercept: bool
    interactions: bool

    def _options(self) -> dict[str, Any]:
        options = super()._options()
        if self.model not in _MODELS:
            self._refuse("model", f"be one of {', '.join(_MODELS)}")
        for name in ("dimension", "arm_dimension"):
            width = getattr(self, name)
            if width is None:
                continue
            if isinstance(width, bool) or not isinstance(width, (int, np.integer)) or width < 0:
                self._refuse(name, "be an integer from 0 up, or None")
        for name in ("intercept", "interactions"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                self._refuse(name, "be True or False")
            options[name] = bool(getattr(self, name))
        options["model"] = self.model
        return options

    def _with_widths(
        self, options: dict[str, Any], contexts: Numbers, features: Numbers | None
    ) -> dict[str, Any]:
        if features is not None and self.model == "disjoint":
            raise InvalidArgumentError(
                f"{type(self).__name__}: arm_features are for model='shared', 'hybrid' or "
                "'joint'; in a disjoint model an arm has only its own coefficients"
            )
        found = contexts.shape[1]
        options["dimension"] = found if self.dimension is None else int(self.dimension)
        given = 0 if features is None else features.shape[-1]
        options["arm_dimension"] = given if self.arm_dimension is None else int(self.arm_dimension)
        return options
