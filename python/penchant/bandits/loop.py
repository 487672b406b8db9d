"""Decide, log, be rewarded, learn: durable, and the same bits however often it is replayed."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import _core
from ..data._frames import Table, as_column, make_frame
from ..data._times import duration_micros, read_times, time_micros
from ..errors import InvalidArgumentError
from ._arms import ArmIds, listed
from ._join import join_options
from ._loop_log import Dropped, log_columns, with_dropped
from ._policy import Decisions, Policy, _floats, _integers, _mask, _taken

__all__ = ["Loop"]

_UNKNOWN = np.iinfo(np.int64).min
_FAR = 9e9  # seconds: the year 2255
_OUTCOMES = np.array(_core.BanditLoop.outcome_names(), dtype=object)
_REWARD_COLUMNS = ("decision_id", "value", "reward_id", "time", "slot", "arm")


class Loop:
    """Decides by a policy, logs what it showed, joins rewards to it, and lets the policy learn.

    A decision is with the operating system before `decide` returns; a reward is on the disk before
    `reward` answers. What was learnt is a fold over the log: opened again, from a snapshot or from
    the start, a loop has the same bits. ``docs/bandit_loop.md`` tells the rest.

    Parameters
    ----------
    policy : Policy, or dict of str to Policy
        Copied as it is; what it knows already is what the loop starts from. With several, `decide`
        names one.
    folder : path, optional
        Of the log, made where it is not there; one process at a time. None: in memory.
    deadline : str or timedelta
        From a decision's time: rewards that come later are not learnt.
    aggregation : {"sum", "max", "first"}
        How several rewards of a slot make one.
    learn : {"joined", "immediately"}
        "joined": at the deadline, each event once, with its final reward. "immediately": with each
        reward, an earlier total being taken back, and without one at the deadline. Quicker, but
        until deadlines pass the policy has seen the successes and not the failures of the same
        hours, so it believes too much of what it shows often.
    default_reward : float or None
        Of a slot without a reward at its deadline. None: it is not learnt.
    clip : (float, float)
        Range that totals are clipped into. Policies of rates take theirs from [0, 1] in any case.
    early : str or timedelta, optional
        How long a reward is held whose decision is not known yet: for logs of several servers that
        are merged. None: it is "unknown_decision".
    max_waiting : int
        Decisions that wait for their deadline; beyond, the oldest close early, and are counted.
    max_closed, max_rewards, max_held : int
        Closed decisions that are remembered, to tell "late" and "duplicate" from
        "unknown_decision"; rewards that a decision takes; rewards that are held.
    snapshot_every : int
        Records after which a snapshot is made; 0: when `snapshot` is called.
    keep : str or timedelta, optional
        How old decisions and rewards may get, by the loop's time: longer than ``deadline``. With
        each snapshot older ones are dropped from the log; what they taught stays, and opening again
        gives the same bits. None: they are kept.
    keep_bytes : int, optional
        How much of the log is kept, the latest.
    threads : int, optional
        Of learning and deciding. None is all. Results are the same for any number.

    Raises
    ------
    InvalidArgumentError
        On parameters that make no sense.
    UnavailableError
        Where the folder is open already.
    BadDataError
        Where the folder's log is damaged or is something else.
    """

    def __init__(
        self,
        policy: Policy | Mapping[str, Policy],
        folder: str | Path | None = None,
        deadline: Any = "1d",
        *,
        aggregation: str = "sum",
        learn: str = "joined",
        default_reward: float | None = 0.0,
        clip: tuple[float, float] = (-1e6, 1e6),
        early: Any = None,
        max_waiting: int = 1 << 20,
        max_closed: int = 1 << 20,
        max_rewards: int = 256,
        max_held: int = 1 << 16,
        snapshot_every: int = 0,
        keep: Any = None,
        keep_bytes: int | None = None,
        threads: int | None = None,
    ) -> None:
        given = policy if isinstance(policy, Mapping) else {"policy": policy}
        for name, one in given.items():
            if not isinstance(name, str) or not isinstance(one, Policy):
                raise InvalidArgumentError(
                    f"policy must be a policy of pn.bandits, or a dict of names to them; {name!r} "
                    f"is {one!r}"
                )
        if not given:
            raise InvalidArgumentError("a loop needs a policy")
        counts = {
            "max_waiting": max_waiting,
            "max_closed": max_closed,
            "max_rewards": max_rewards,
            "max_held": max_held,
            "snapshot_every": snapshot_every,
            "keep_bytes": 0 if keep_bytes is None else keep_bytes,
        }
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
                raise InvalidArgumentError(f"{name} must be an integer from 0 up, not {count!r}")
        self._join = join_options(
            deadline=deadline,
            aggregation=aggregation,
            learn=learn,
            default_reward=default_reward,
            clip=clip,
        )
        self._options = {
            **{name: int(count) for name, count in counts.items()},
            "early": 0 if early is None else duration_micros(early, "early"),
            "keep": 0 if keep is None else duration_micros(keep, "keep"),
            "threads": 0 if threads is None else threads,
        }
        self._policies = {name: one.copy() for name, one in given.items()}
        self._folder = "" if folder is None else str(folder)
        self._core: Any = None
        self._text_of: dict[Any, str] = {}
        self._kind: type | None = None  # of arms
        self._closed = False
        self._open_known()

    # -- opening -----------------------------------------------------------------------------------

    def _open_known(self) -> None:
        """Open now where the policies' widths are known, by themselves or from the folder's log."""
        for name, policy in self._policies.items():
            if policy._core is not None:
                continue
            widths = (
                _core.BanditLoop.widths(self._folder, name)
                if self._folder and Path(self._folder).exists()
                else None
            )
            if widths is not None:
                self._ready(policy, *widths)
            elif (model := getattr(policy, "model", None)) is None:  # reads no contexts
                self._ready(policy, 0, 0)
            elif policy.dimension is not None and (
                model == "disjoint" or policy.arm_dimension is not None
            ):
                self._ready(policy, policy.dimension, policy.arm_dimension or 0)
        if all(policy._core is not None for policy in self._policies.values()):
            self._open()
        elif len(self._policies) > 1:
            unknown = [name for name, one in self._policies.items() if one._core is None]
            raise InvalidArgumentError(
                f"policies {', '.join(unknown)}: of several, each needs its dimension= (and "
                "arm_dimension= unless the model is disjoint) before the first decision"
            )

    @staticmethod
    def _ready(policy: Policy, dimension: int, arm_dimension: int) -> None:
        features = np.empty((0, arm_dimension)) if arm_dimension else None
        policy._ready(np.empty((0, dimension)), features)

    def _open(self) -> Any:
        if self._closed:
            raise InvalidArgumentError("this loop was closed; make another of its folder")
        if self._core is None:
            policies = [
                (name, one._core, [_text(arm) for arm in one.arms_], self._join)
                for name, one in self._policies.items()
            ]
            self._core = _core.BanditLoop(self._folder, policies, self._options)
        return self._core

    def close(self) -> None:
        """Give the folder back, so that another may open it. Nothing else needs to be done."""
        self._core = None
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- deciding ----------------------------------------------------------------------------------

    def decide(
        self,
        contexts: npt.ArrayLike | None = None,
        arms: Any = None,
        *,
        k: int = 1,
        policy: str | None = None,
        placement: str = "",
        subjects: Any = None,
        times: Any = None,
        arm_features: npt.ArrayLike | None = None,
        blocked: npt.ArrayLike | None = None,
        decision_id: npt.ArrayLike | None = None,
    ) -> Decisions:
        """Draw k arms for each context, and log them.

        Parameters
        ----------
        contexts, arms, k, arm_features, blocked
            As `Policy.decide` takes them; ``arms=None`` is all that were learnt.
        policy : str, optional
            Its name, where the loop has several.
        placement : str
            Where it is shown; logged.
        subjects : list of n str or int, optional
            To whom; logged, as text. None among them is nobody in particular.
        times : [n] times, or one, optional
            When; None is now. Anything that a Dataset takes as times; numbers are Unix seconds.
            They move the loop's time on: decisions whose deadline is reached are learnt.
        decision_id : integers [n], optional
            Of your own; each once. None: new ones, below 2^53.

        Returns
        -------
        Decisions
            ``decision_id`` is what `reward` wants.
        """
        name = self._name(policy)
        chooser = self._policies[name]
        table = chooser._contexts(contexts)
        features = None if arm_features is None else _floats(arm_features, "arm_features")
        if self._core is None and not self._closed:
            chooser._ready(table, features)
        core = self._open()
        ids = [json.loads(arm) for arm in core.arms(name)] if arms is None else listed(arms)
        if len(ids) == 0:
            raise InvalidArgumentError("there are no arms to choose from; give arms=[...]")
        texts = self._texts(ids)
        if len(set(texts)) != len(texts):
            raise InvalidArgumentError("arms must differ; one comes more than once")
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InvalidArgumentError(f"k must be an integer from 1 up, not {k!r}")
        rows = len(table)
        keys = (
            None if decision_id is None else _integers(decision_id, "decision_id", rows, np.uint64)
        )
        made, position, propensity = core.decide(
            name,
            table,
            texts,
            features,
            None if blocked is None else _mask(blocked, rows, len(ids)),
            int(k),
            keys,
            _now() if times is None else _times(times, rows),
            None if subjects is None else _subjects(subjects, rows),
            placement,
            self._options["threads"],
        )
        if k == 1:
            position, propensity = position[:, 0], propensity[:, 0]
        return Decisions(_taken(ids, position), propensity, made)

    # -- rewards -----------------------------------------------------------------------------------

    def reward(
        self,
        decision_id: int,
        value: float,
        reward_id: str | None = None,
        time: Any = None,
        *,
        slot: int | None = None,
        arm: Any = None,
    ) -> str:
        """Say what came of a decision; on the disk when it returns.

        Parameters
        ----------
        decision_id : int
        value : float
            Within ±1e6. Several add up, unless ``aggregation`` says otherwise.
        reward_id : str, optional
            Sent again, it changes nothing. None: always another reward.
        time : optional
            When it happened: past the decision's deadline it is late.
        slot, arm : optional
            Which of several; needed where more than one was shown.

        Returns
        -------
        str
            "accepted", "held" (``early``: its decision may come), "duplicate", "late",
            "unknown_decision", "unknown_slot" or "too_many". Only the first two change anything.
        """
        return str(
            self._reward(
                np.array([decision_id]),
                np.array([value]),
                None if slot is None else [slot],
                None if arm is None else [arm],
                None if reward_id is None else [reward_id],
                None if time is None else [time],
            )[0]
        )

    def reward_many(self, frame: Any) -> npt.NDArray[Any]:
        """Rewards a row each; they reach the disk together.

        Parameters
        ----------
        frame : pandas, polars or pyarrow frame, or dict of columns
            ``decision_id`` and ``value``; ``reward_id``, ``time``, ``slot`` and ``arm`` where there
            are any. A null among these is "not given".

        Returns
        -------
        array of str [n]
            As `reward` answers.

        Raises
        ------
        InvalidArgumentError
            On columns that are missing or unknown, and naming the row of a value that is no reward;
            then none was taken.
        """
        columns = _columns_of(frame)
        for name in ("decision_id", "value"):
            if name not in columns:
                raise InvalidArgumentError(f"reward_many: there is no column {name!r}")
        unknown = [name for name in columns if name not in _REWARD_COLUMNS]
        if unknown:
            raise InvalidArgumentError(
                f"reward_many: column {unknown[0]!r} is none of {', '.join(_REWARD_COLUMNS)}"
            )
        return self._reward(
            np.asarray(columns["decision_id"]),
            np.asarray(columns["value"]),
            columns.get("slot"),
            columns.get("arm"),
            columns.get("reward_id"),
            columns.get("time"),
        )

    def _reward(
        self,
        decisions: npt.NDArray[Any],
        values: npt.NDArray[Any],
        slots: Sequence[Any] | None,
        arms: Sequence[Any] | None,
        ids: Sequence[Any] | None,
        times: Any,
    ) -> npt.NDArray[Any]:
        rows = len(decisions)
        keys = _integers(decisions, "decision_id", rows, np.uint64)
        numbers = np.atleast_1d(_floats(values, "value"))
        numbered = None if slots is None else [-1 if _missing(s) else _slot(s) for s in slots]
        outcomes = self._open_for_rewards().reward(
            keys,
            numbers,
            None if numbered is None else np.array(numbered, dtype=np.int64),
            None if arms is None else ["" if _missing(arm) else _text(arm) for arm in arms],
            None if ids is None else ["" if _missing(one) else _reward_id(one) for one in ids],
            None if times is None else _times(times, rows, missing=True),
        )
        return _OUTCOMES[outcomes]

    def _open_for_rewards(self) -> Any:
        # Before anything was decided no decision is known; a loop of no width says just that.
        if self._core is None and not self._closed:
            options = {**self._options, "early": 0}
            nobody = _core.BanditPolicy({"kind": "uniform"})
            return _core.BanditLoop("", [("policy", nobody, [], self._join)], options)
        return self._open()

    # -- time, erasure, snapshots ------------------------------------------------------------------

    def pass_time(self, until: Any = None) -> Self:
        """Close what is due by then; None is now. Deciding does so by itself."""
        self._open().pass_time(int(_now()[0]) if until is None else _moment(until))
        return self

    def forget(self, subject: str | int) -> int:
        """Take back what was learnt from a person's decisions, and remove them from the disk.

        Disjoint models give the events back; the others, and those with ``discount`` below 1 and
        `LogisticTS`, learn the rest of the log anew. Both are as if the person had never come.

        Returns
        -------
        int
            Decisions that were forgotten.
        """
        if self._core is None and not self._closed:
            return 0
        return int(self._open().forget(_subject(subject)))

    def snapshot(self) -> Self:
        """Make the next opening quick: it replays from here."""
        self._open().snapshot()
        return self

    # -- looking -----------------------------------------------------------------------------------

    def policy(self, name: str | None = None) -> Policy:
        """Return a copy of a policy as it is now."""
        name = self._name(name)
        kept = self._policies[name]
        if self._core is None:
            return kept.copy()
        found, arms = self._core.policy(name)
        copy = kept.copy()
        copy._core = found
        copy._arms = ArmIds()
        copy._arms.add([json.loads(arm) for arm in arms])
        return copy

    def counts(self) -> dict[str, int]:
        """Count decisions by what became of them, and rewards by how they were answered.

        Decisions: decisions, waiting, closed, closed_early (for want of room), forgotten (while
        they waited); slots that closed with the default: unrewarded; totals out of range: clipped.
        Refused rewards leave no record, and are counted since the loop was opened.
        """
        return dict(self._open_for_rewards().counts())

    def log(self, format: str | None = None) -> Any:  # noqa: A002
        """Return the log, joined: a row for each slot that was shown, in order.

        Columns: decision_id, time, placement, subject, policy, policy_version (the number of the
        last record that it had learnt from), arm, slot, propensity (given the slots before), reward
        (null while it may still come, and where there is none and no default), rewarded, closed,
        seed, candidates_hash, context (list), arm_features (list).

        Parameters
        ----------
        format : {"pandas", "polars", "pyarrow"}, optional
            None: pandas where it is installed, else pyarrow.
        """
        core = self._open_for_rewards()
        return with_dropped(make_frame(log_columns(core.read_log()), format), core.dropped())

    def log_to_parquet(self, path: str | Path) -> None:
        """Write `log` to a Parquet file; lists, times and unsigned integers keep their types."""
        import pyarrow.parquet as pq

        core = self._open_for_rewards()
        table = with_dropped(pa.table(log_columns(core.read_log())), core.dropped())
        pq.write_table(table, str(path))

    def dropped(self) -> Dropped | None:
        """Return what the log no longer has, by ``keep`` or ``keep_bytes``; None where it is whole.

        `log` says the same to `off_policy.from_log`: in its metadata (pyarrow, Parquet) or
        ``attrs`` (pandas).
        """
        return Dropped.of(self._open_for_rewards().dropped())

    def state(self) -> bytes:
        """Return everything learnt and waiting; equal loops have equal bytes."""
        return bytes(self._open_for_rewards().state())

    def _name(self, policy: str | None) -> str:
        if policy is None:
            if len(self._policies) > 1:
                raise InvalidArgumentError(
                    f"the loop has several policies; name one of {', '.join(self._policies)}"
                )
            return next(iter(self._policies))
        if policy not in self._policies:
            raise InvalidArgumentError(
                f"the loop has no policy {policy!r}; it has {', '.join(self._policies)}"
            )
        return policy

    def _texts(self, arms: Sequence[Any]) -> list[str]:
        known = self._text_of
        try:
            return [known[arm] if arm in known else self._learn_text(arm) for arm in arms]
        except TypeError as error:
            raise InvalidArgumentError(f"an arm is a string or an integer: {error}") from error

    def _learn_text(self, arm: Any) -> str:
        text = _text(arm)
        kind = str if text.startswith('"') else int
        if self._kind not in (None, kind):
            raise InvalidArgumentError(
                f"arm {arm!r} is a {type(arm).__name__}, the arms before are "
                f"{'texts' if self._kind is str else 'integers'}; give one kind"
            )
        self._kind = kind
        if len(self._text_of) >= 1 << 17:  # arms come and go
            self._text_of.clear()
        self._text_of[arm] = text
        return text


def _text(arm: Any) -> str:
    """An arm's id as JSON text."""
    value = arm.item() if isinstance(arm, np.generic) else arm
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InvalidArgumentError(
            f"arm {arm!r} is a {type(arm).__name__}; arms are strings or integers"
        )
    return json.dumps(value, ensure_ascii=False)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def _slot(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise InvalidArgumentError(f"slot {value!r} is not an integer from 0 up")
    return int(value)


def _reward_id(value: Any) -> str:
    if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool):
        return str(value)
    raise InvalidArgumentError(f"reward_id {value!r} is a {type(value).__name__}, not a text")


def _subject(value: Any) -> str:
    if _missing(value):
        return ""
    if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool):
        return str(value)
    raise InvalidArgumentError(f"subject {value!r} is a {type(value).__name__}, not a text")


def _subjects(values: Any, rows: int) -> list[str]:
    given = [values] if isinstance(values, (str, int)) else listed(values, "subjects")
    if len(given) != rows:
        raise InvalidArgumentError(f"there are {len(given)} subjects for {rows} contexts")
    return [_subject(value) for value in given]


def _now() -> npt.NDArray[np.int64]:
    return np.array([clock.time_ns() // 1000], dtype=np.int64)


def _moment(value: Any) -> int:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return int(_times([value], 1)[0])
    return time_micros(value, "time")


def _times(values: Any, rows: int, *, missing: bool = False) -> npt.NDArray[np.int64]:
    """One time, or one a row, as microseconds; numbers are Unix seconds."""
    plain = isinstance(values, (int, float)) and not isinstance(values, bool) and not missing
    if plain and -_FAR < values < _FAR:
        return np.array([round(values * 1e6)], dtype=np.int64)  # what a loop is asked most often
    if isinstance(values, (str, np.generic)) or not hasattr(values, "__len__"):
        return np.array([_moment(values)], dtype=np.int64)
    micros, faults = read_times(as_column(values, "times"), "s")
    if len(micros) not in ({rows} if missing else {1, rows}):
        raise InvalidArgumentError(f"there are {len(micros)} times for {rows} rows")
    for bad, reason in faults:
        if missing and reason == "time is null":
            micros = np.where(bad, _UNKNOWN, micros)
            continue
        raise InvalidArgumentError(f"times, row {int(np.flatnonzero(bad)[0])}: {reason}")
    return np.ascontiguousarray(micros, dtype=np.int64)


def _columns_of(frame: Any) -> dict[str, Any]:
    if isinstance(frame, Mapping):
        return dict(frame)
    table = Table(frame)
    found: dict[str, Any] = {}
    for name in table.columns:
        column = table.column(name, name)
        if name in ("decision_id", "value"):
            found[name] = np.asarray(column)
        elif name == "time":
            found[name] = column
        else:
            found[name] = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    return found
