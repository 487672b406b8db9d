"""What came of decisions, told to a pipeline whose placements learn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._requests import to_json
from .data._times import time_micros
from .errors import NotFoundError

__all__ = ["Feedback"]


class Feedback:
    """Rewards of a pipeline: `reward`, `reward_json`, `pass_time`."""

    engine: Any
    _live: Any

    def reward(
        self,
        decision_id: str | int,
        value: float,
        reward_id: str | None = None,
        *,
        item: Any = None,
        slot: int | None = None,
        time: str | None = None,
    ) -> str:
        """Tell what came of a decision, as ``POST /v1/rewards`` does.

        Parameters
        ----------
        decision_id : str or int
            Of the answer.
        value : float
            Within +-1e6.
        reward_id : str, optional
            The same id again changes nothing.
        item : id, optional
            Of the answer's items, the one that was rewarded; needed where there were several,
            unless `slot` says its place from 0.
        slot : int, optional
        time : str, optional
            When it happened, ISO 8601. None: at the latest decision's moment.

        Returns
        -------
        str
            "accepted", "held", "duplicate", "late", "unknown_decision", "unknown_slot" or
            "too_many" (docs/bandit_loop.md).

        Raises
        ------
        NotFoundError
            When no placement of this pipeline has a policy.
        """
        told = {"decision_id": decision_id, "value": value, "reward_id": reward_id, "item": item,
                "slot": slot, "time": time}  # fmt: skip
        body = self.reward_json({k: v for k, v in told.items() if v is not None})
        return str(json.loads(body)["outcome"])

    def reward_json(self, request: Mapping[str, Any] | bytes | str) -> bytes:
        """Answer as ``POST /v1/rewards`` would: one reward, or ``{"rewards": [...]}``."""
        text = request if isinstance(request, (bytes, str)) else to_json(request)
        return bytes(self._learning().reward_json(text))

    def pass_time(self, to: Any) -> None:
        """Let deadlines pass: what waited for rewards until then is learnt.

        Parameters
        ----------
        to : datetime, or str in ISO 8601
        """
        self._learning().pass_time(time_micros(to, "to"))

    def _learning(self) -> Any:
        _ = self.engine
        if self._live is None:
            raise NotFoundError("no placement of this pipeline has a policy: nothing here learns")
        return self._live
