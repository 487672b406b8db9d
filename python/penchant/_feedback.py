"""Decisions of a pipeline whose placements learn: what came of them, what is kept of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core
from ._outcome import outcome_of
from ._receipt import Receipt
from ._requests import now_micros, to_json
from .bandits._loop_log import log_columns, with_dropped
from .data._frames import make_frame
from .data._times import UNKNOWN, duration_micros, time_micros
from .errors import InvalidArgumentError, NotFoundError
from .events.log import EventLog
from .identity._key import Key

__all__ = ["IN_MEMORY", "Feedback", "LiveOptions"]


@dataclass(frozen=True)
class LiveOptions:
    """Where a pipeline keeps what happens while it serves, and for how long."""

    folder: str = ""  # empty: in memory
    key: Key | None = None  # of the identity
    keep: int = 0  # microseconds that decisions are kept; 0: for ever
    keep_bytes: int = 0  # of decisions, the latest; 0: all

    @classmethod
    def of(cls, data: Any, key: Key | None, keep: Any, keep_bytes: Any) -> LiveOptions:
        """Check what `pn.load` was given."""
        if keep_bytes is not None and (
            isinstance(keep_bytes, bool) or not isinstance(keep_bytes, int) or keep_bytes < 1
        ):
            raise InvalidArgumentError(
                f"keep_bytes must be an integer from 1 up, not {keep_bytes!r}"
            )
        age = 0 if keep is None else duration_micros(keep, "keep")
        return cls("" if data is None else os.fspath(data), key, age, keep_bytes or 0)


IN_MEMORY = LiveOptions()


class Feedback:
    """Events and rewards of a pipeline, and the log of its decisions."""

    engine: Any
    _live: Any
    _key: Key | None
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
        return outcome_of(self.events_json(event))

    def events_json(self, request: Mapping[str, Any] | bytes | str) -> bytes:
        """Answer as ``POST /v1/events`` would: one event, or ``{"events": [...]}``.

        Of a pipeline that was loaded with ``data=`` they are on the disk when this returns, else in
        memory alone.
        """
        text = request if isinstance(request, (bytes, str)) else to_json(request)
        return bytes(self._kept().events_json(text, now_micros()))

    # -- who is who --------------------------------------------------------------------------------

    def unlink(self, a: str, b: str) -> dict[str, Any]:
        """Take back the link of two identifiers, however often events bring them together.

        Parameters
        ----------
        a, b : str
            Identifiers (``"cookie:c1"``, ``"email:jane@example.com"``, or as they were given out)
            or the id of a subject.

        Returns
        -------
        dict
            ``links``: the pairs that were cut; ``events``: how many are another profile's now. The
            features and histories of both profiles are then as if the link had never been seen.

        Raises
        ------
        NotFoundError
            When one has not been seen, or the pipeline has no identity.
        """
        return self._order({"unlink": [a, b]})

    def relink(self, a: str, b: str) -> dict[str, Any]:
        """Undo `unlink`: to the bit what was there before."""
        return self._order({"relink": [a, b]})

    def unmerge(self, a: str, b: str) -> dict[str, Any]:
        """Make two profiles of one: cut what unites `a` and `b`, the last link first, till apart.

        Answers as `unlink`; ``links`` are for `relink`.
        """
        return self._order({"unmerge": [a, b]})

    def block(self, identifier: str) -> dict[str, Any]:
        """Let an identifier identify nobody from now on, and take back all it did."""
        return self._order({"block": identifier})

    def unblock(self, identifier: str) -> dict[str, Any]:
        """Undo `block`."""
        return self._order({"unblock": identifier})

    def identity_json(self, request: Mapping[str, Any] | bytes | str) -> bytes:
        """Answer as ``POST /v1/identity`` would: ``{"unlink": ["cookie:c1", "login:17"]}``."""
        text = request if isinstance(request, (bytes, str)) else to_json(request)
        return bytes(self._kept().identity_json(text))

    def subject_json(self, subject: str | int) -> bytes:
        """Answer as ``GET /v1/subjects/{id}`` would: who a person is and what is known of them."""
        return bytes(self._kept().subject_json(str(subject)))

    # -- segments ----------------------------------------------------------------------------------

    def event_log(self, format: str | None = None) -> EventLog:  # noqa: A002
        """Return every event that was taken and not forgotten, to train on.

        O(log). `events.read_log` does the same beside a server that runs.

        Parameters
        ----------
        format : {"pandas", "polars", "pyarrow"}, optional
            None: the kind that the training data had.
        """
        kind = self._kind if format is None else format
        return EventLog.of(self._kept().event_lines(), self.engine.taxonomy, kind)

    def segments_of(self, subject: str | int, time: Any = None) -> list[str]:
        """Name the segments that a person is in.

        Parameters
        ----------
        subject : id
        time : datetime, or str in ISO 8601, optional
            The moment, strictly before which events count. None: just after the latest event.
        """
        moment = UNKNOWN if time is None else time_micros(time, "time")
        return list(self._kept().segments_of(str(subject), int(moment)))

    def segment_sizes(self) -> dict[str, int]:
        """Count the members of each segment, just after the latest event."""
        sizes = self._kept().segment_sizes()
        return dict(zip(self.engine.segments, sizes, strict=True))

    def segment_members(self, name: str) -> list[str]:
        """List the ids of a segment's members as texts, ascending, just after the latest event.

        Raises
        ------
        NotFoundError
            When there is no such segment.
        """
        if name not in self.engine.segments:
            raise NotFoundError(f"this pipeline has no segment {name!r}")
        return list(self._kept().segment_members(self.engine.segments.index(name)))

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.identity_json(order))
        return told

    def _kept(self) -> Any:
        """Where events go; opened in memory by the first."""
        if self._live is None:
            self._live = self._opened(LiveOptions(key=self._key))
        return self._live

    def _opened(self, options: LiveOptions) -> Any:
        key = b"" if options.key is None else options.key.reveal()
        return _core.Live.open(
            self.engine, options.folder, 1, key, options.keep, options.keep_bytes
        )

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
        core = self._learning()
        columns = log_columns(core.read_log(), json_subjects=True)
        frame = make_frame(columns, self._kind if format is None else format)
        return with_dropped(frame, core.dropped())

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
