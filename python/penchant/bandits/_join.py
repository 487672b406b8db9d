"""How rewards become what is learnt, as loops, placements and readers of logs say it."""

from __future__ import annotations

from typing import Any

from ..data._times import duration_micros
from ..errors import InvalidArgumentError

__all__ = ["join_options"]


def join_options(
    *,
    deadline: Any,
    aggregation: str = "sum",
    learn: str = "joined",
    default_reward: float | None = 0.0,
    clip: tuple[float, float] = (-1e6, 1e6),
    of: str = "",
) -> dict[str, Any]:
    """As the core takes them; `of` says in errors whose they are.

    Raises
    ------
    InvalidArgumentError
        On what can't be converted; what the words mean is the core's to check.
    """
    try:
        least, most = (float(end) for end in clip)
        reward = float("nan") if default_reward is None else float(default_reward)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"{of}clip is two numbers and default_reward a number or None: {error}"
        ) from error
    return {
        "deadline": duration_micros(deadline, f"{of}deadline"),
        "aggregation": str(aggregation),
        "learn": str(learn),
        "default_reward": reward,
        "least": least,
        "most": most,
    }
