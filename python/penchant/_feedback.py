"""Decisions of a pipeline whose placements learn: what came of them, what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _core
from ._receipt import Receipt
from ._requests import now_micros, to_json
from .bandits._loop_log import log_columns
from .data._frames import make_frame
from .data._times import time_micros
from .errors import BadDataError, InvalidArgumentError, NotFoundError

__all__ = ["Feedback"]


class Feedback:
    """Events and rewards of a pipeline, and the log of its decisions."""

    engine: Any
    _live: Any
    _kind: str

    def observe(self, event: Mapping[str, Any]) -> str:
        """Tell of an event, as ``POST /v1/events`` does; the next `recommend` knows it.

        Parameters
        ----------
        event : mapping
            ``type``, ``subject``, ``time`` (ISO 8601; now where it is left out), ``event_id``,
            ``item``, ``fields`` (docs/events.md). One of an id that was there changes nothing.

        Returns
        -------
        str
            "accepted" or "duplicate".

        Raises
        ------
        BadDataError
            When the event breaks its schema; it says where.
        """
        told = json.loads(self.events_json(event))
        if told["outcome"] == "rejected":
            raise BadDataError(f"event: {told['message']} ({told['reason']})")
        return str(told["outcome"])

    def events_json(self, request: Mapping[str, Any] | bytes | str) -> bytes:
        """Answer as ``POST /v1/events`` would: one event, or ``{"events": [...]}``.

        Of a pipeline that was loaded with ``data=`` they are on the disk when this returns, else in
        memory alone.
        """
        text = request if isinstance(request, (bytes, str)) else to_json(request)
        if self._live is None:
            self._live = _core.Live.open(self.engine)
        return bytes(self._live.events_json(text, now_micros()))

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

    def decision(self, decision_id: str | int) -> dict[str, Any]:
        """Return what the log has of a decision, as ``GET /v1/decisions/{id}`` does.

        Returns
        -------
        dict
            ``decision_id``, ``time``, ``placement``, ``subject``, ``policy`` (name, version),
            ``seed``, ``candidates_hash``, ``context``, ``slots`` (item, propensity given the slots
            before, attributes, reward so far), ``rewards`` as they were sent, and ``closed``: no
            more of them are taken.

        Raises
        ------
        NotFoundError
            When there is none of this id, or it was of someone who was erased.
        """
        found: dict[str, Any] = json.loads(self.decision_json(decision_id))
        return found

    def decision_json(self, decision_id: str | int) -> bytes:
        """Answer as ``GET /v1/decisions/{id}`` would: the server's very bytes."""
        return bytes(self._learning().decision_json(str(decision_id)))

    def log(self, format: str | None = None) -> Any:  # noqa: A002
        """Return the log of decisions with what came of them (docs/bandit_loop.md), a row a slot.

        Parameters
        ----------
        format : {"pandas", "polars", "pyarrow"}, optional
            None: the kind that the training data had.
        """
        columns = log_columns(self._learning().read_log(), json_subjects=True)
        return make_frame(columns, self._kind if format is None else format)

    def erase(self, subject: str | int) -> Receipt:
        """Forget a person in all that is kept beside the bundle, as ``DELETE /v1/subjects/{id}``.

        What policies learnt from their decisions is taken back and the records are removed from the
        disk; policies are afterwards as if the person had never come. Models that were fitted to
        their events stay as they are until they are fitted again without them.

        Returns
        -------
        Receipt
            What was erased; asked again, nothing is left.

        Raises
        ------
        InvalidArgumentError
            When the subject can't be one.
        UnavailableError
            When the log was trimmed, so that what they taught can't be found.
        """
        return Receipt._of_json(self.erase_json(subject))

    def erase_json(self, subject: str | int) -> bytes:
        """Answer as ``DELETE /v1/subjects/{id}`` would: the server's very bytes."""
        _ = self.engine
        if isinstance(subject, bool) or not isinstance(subject, (str, int, np.integer)):
            raise InvalidArgumentError(f"erase: {subject!r} is a {type(subject).__name__}, no id")
        return bytes(_core.erase_json(self._live, str(subject)))

    def pass_time(self, to: Any) -> None:
        """Let deadlines pass: what waited for rewards until then is learnt.

        Parameters
        ----------
        to : datetime, or str in ISO 8601
        """
        self._learning().pass_time(time_micros(to, "to"))

    def _learning(self) -> Any:
        if not self.engine.placements:
            raise NotFoundError("no placement of this pipeline has a policy: nothing here learns")
        return self._live
