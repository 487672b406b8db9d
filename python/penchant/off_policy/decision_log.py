"""From the log of a loop or a server to the arrays that estimates take.

    log = pn.off_policy.from_log(loop.log())                 # or a Parquet file, or a loop's folder
    target = log.target(pn.LinTS(dimension=3))               # what another policy would have done
    pn.off_policy.estimate(log.action, log.reward, log.logged, target)

Where several were shown at once, each slot is a round of its own, whose probabilities are those
given the slots before it; `DecisionLog.lists` puts them together for `slate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from ..bandits._join import join_options
from ..bandits._loop_log import Dropped, dropped_of, log_columns, with_dropped
from ..bandits._policy import Policy
from ..errors import BadDataError, InvalidArgumentError

__all__ = ["DecisionLog", "from_log"]

_Reals = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_Ask = Callable[[_Integers, _Mask | None], _Reals]
_NEEDED = ("decision_id", "arm", "slot", "propensity", "reward", "closed")


@dataclass(frozen=True)
class DecisionLog:
    """Rounds of a log, a row a slot, those of one decision side by side.

    Attributes
    ----------
    action : int64 [n]
        Columns of ``arms``.
    reward, logged : float64 [n]
        What each slot earned, and the probability with which it was shown given those before it.
    position : int64 [n]
        The slot, from 0.
    contexts : float64 [n, d]
        What the policy was told; d is 0 where it was told nothing.
    arms : list of a str or int
        What could be shown: as given, or else those that were, in the order in which they came.
    decision_id : uint64 [n]
    arm_features : float64 [n, p]
        What the policy was told of the arm that was shown; p may be 0.
    candidates_hash : uint64 [n], or None
        Of what could be shown, where the log says it.
    waiting : int
        Slots that were left out since their reward may still come.
    dropped : Dropped, or None
        Decisions before these that a loop's ``keep`` has dropped: estimates say nothing of them.
        None where there are none, or the source doesn't say (of frames, those of pandas and
        pyarrow do).
    """

    action: _Integers
    reward: _Reals
    logged: _Reals
    position: _Integers
    contexts: _Reals
    arms: list[Any]
    decision_id: npt.NDArray[np.uint64]
    arm_features: _Reals
    candidates_hash: npt.NDArray[np.uint64] | None
    waiting: int
    dropped: Dropped | None = None

    def __len__(self) -> int:
        return len(self.action)

    @property
    def decisions(self) -> int:
        """How many there are; each has one slot or more."""
        return int((self.position == 0).sum())

    def target(
        self,
        policy: Policy | Callable[[_Reals], npt.ArrayLike],
        *,
        arm_features: npt.ArrayLike | None = None,
        blocked: npt.ArrayLike | bool | None = None,
    ) -> _Reals:
        """Return what another policy would have done with these contexts and arms, [n, a].

        The first slot of a decision is drawn from the policy's distribution, each further one from
        the same without the arms that were shown before it: that is how policies fill slots. What
        is counted over draws is counted over those of the log's decision ids.

        Parameters
        ----------
        policy : Policy, or function of contexts [decisions, d]
            A function returns probabilities [decisions, a], in the order of ``arms``.
        arm_features : [a, p] or [decisions, a, p], optional
            For policies with ``model="shared"`` or ``"hybrid"``. None: what the log has of each
            arm, if that never changed.
        blocked : bool [decisions, a] or [a], or False, optional
            What could not be shown. Needed where the log says that there were several sets of
            candidates; False says that all could be shown each time.

        Raises
        ------
        InvalidArgumentError
            On shapes, and where it takes ``blocked`` or ``arm_features`` to answer.
        BadDataError
            Where a function leaves no probability to what could still be shown: naming the row.
        """
        mask = self._blocked(blocked)
        ask = self._asker(policy, arm_features)
        decision = np.cumsum(self.position == 0) - 1
        out = ask(np.arange(self.decisions), mask)[decision]
        for slot in range(1, int(self.position.max()) + 1):
            rows = np.flatnonzero(self.position == slot)
            before = np.zeros((len(rows), len(self.arms)), bool)
            for back in range(1, slot + 1):  # the slots of a decision lie side by side
                before[np.arange(len(rows)), self.action[rows - back]] = True
            left = np.where(before, 0.0, out[rows])
            sums = left.sum(axis=1)
            none = ~(sums > 0)
            out[rows[~none]] = left[~none] / sums[~none, None]
            if none.any():  # a policy then proposes among what is left
                which = decision[rows[none]]
                hidden = before[none] if mask is None else before[none] | mask[which]
                out[rows[none]] = ask(which, hidden)
        return out

    def lists(self, target: npt.ArrayLike) -> tuple[_Reals, _Reals, _Reals]:
        """Return rewards, logged and target probabilities by list, for `slate`.

        Parameters
        ----------
        target : [n, a]
            As the method `target` returns it.

        Returns
        -------
        tuple of float64 [decisions, length]
            ``reward``, ``logged``, ``target``; where a list is shorter than the longest, rewards of
            0 and probabilities of 1.
        """
        table = _probabilities(target, (len(self), len(self.arms)))
        row = np.cumsum(self.position == 0) - 1
        shape = (self.decisions, int(self.position.max()) + 1)
        reward, logged, shown = np.zeros(shape), np.ones(shape), np.ones(shape)
        reward[row, self.position] = self.reward
        logged[row, self.position] = self.logged
        shown[row, self.position] = table[np.arange(len(self)), self.action]
        return reward, logged, shown

    def _asker(self, policy: Any, arm_features: npt.ArrayLike | None) -> _Ask:
        """A function of decisions and of what they must not show."""
        first = np.flatnonzero(self.position == 0)
        contexts, ids = self.contexts[first], self.decision_id[first]
        if not isinstance(policy, Policy):
            whole = _probabilities(policy(contexts), (len(first), len(self.arms)))

            def ask(rows: _Integers, hidden: _Mask | None) -> _Reals:
                table = whole[rows] if hidden is None else np.where(hidden, 0.0, whole[rows])
                sums = table.sum(axis=1)
                if hidden is not None and not (sums > 0).all():
                    row = int(first[rows[np.flatnonzero(~(sums > 0))[0]]])
                    raise BadDataError(
                        f"from_log: row {row}: the policy would show nothing of what is left "
                        "after blocked arms and the slots before"
                    )
                return table if hidden is None else np.asarray(table / sums[:, None])

            return ask
        known = None if arm_features is None else np.asarray(arm_features, dtype=np.float64)
        if known is None and getattr(policy, "model", "disjoint") != "disjoint":
            known = self._features()
        own = policy.copy()

        def ask_policy(rows: _Integers, hidden: _Mask | None) -> _Reals:
            return own.probabilities(
                contexts[rows],
                self.arms,
                arm_features=known[rows] if known is not None and known.ndim == 3 else known,
                blocked=hidden,
                decision_id=ids[rows],
            )

        return ask_policy

    def _blocked(self, blocked: npt.ArrayLike | bool | None) -> _Mask | None:
        """[decisions, a], or None where all could be shown."""
        if blocked is None:
            sets = 1 if self.candidates_hash is None else len(np.unique(self.candidates_hash))
            if sets > 1:
                raise InvalidArgumentError(
                    f"from_log: the decisions chose among {sets} different sets of candidates "
                    "(candidates_hash): say what could not be shown, blocked=[decisions, arms], or "
                    "blocked=False if all arms could be shown each time"
                )
            return None
        mask = np.asarray(blocked)
        shape = (self.decisions, len(self.arms))
        if mask.dtype != bool or mask.shape not in ((), shape[1:], shape):
            raise InvalidArgumentError(
                f"from_log: blocked must be booleans {list(shape)}, a row a decision, or "
                f"{list(shape[1:])}, not {mask.dtype} of shape {mask.shape}"
            )
        return np.broadcast_to(mask, shape) if mask.any() else None

    def _features(self) -> _Reals:
        """What the log has of each arm, [a, p]: one row, the same wherever the arm was shown."""
        found = np.zeros((len(self.arms), self.arm_features.shape[1]))
        seen = np.full(len(self.arms), -1)
        rows, first = np.unique(self.action, return_index=True)
        seen[rows] = first
        if (seen < 0).any():
            missing = self.arms[int(np.flatnonzero(seen < 0)[0])]
            raise InvalidArgumentError(
                f"from_log: the log has no attributes of arm {missing!r}, which was never shown; "
                "give arm_features=[arms, p]"
            )
        found[:] = self.arm_features[seen]
        changed = (found[self.action] != self.arm_features).any(axis=1)
        if changed.any():
            arm = self.arms[int(self.action[np.flatnonzero(changed)[0]])]
            raise InvalidArgumentError(
                f"from_log: attributes of arm {arm!r} change from decision to decision, and the "
                "log has only those of arms that were shown; give arm_features=[decisions, arms, p]"
            )
        return found


def from_log(
    source: Any,
    *,
    arms: Sequence[Any] | None = None,
    placement: str | None = None,
    policy: str | None = None,
    default_reward: float | None = None,
    deadline: Any = "1d",
    aggregation: str = "sum",
) -> DecisionLog:
    """Read a log of decisions for estimates.

    Parameters
    ----------
    source : frame, mapping of columns, or path
        What `Loop.log` and `Pipeline.log` return; a Parquet file that `Loop.log_to_parquet` wrote;
        the folder of a loop or a server, which may go on meanwhile.
    arms : list of a str or int, optional
        All that could be shown. None: those that were, which is less where one never was: a policy
        that would show it is then judged as if it did not.
    placement, policy : str, optional
        Only decisions made there, or by that policy. Several policies may share a log; several
        placements rarely show the same arms, so one must be named.
    default_reward : float, optional
        What a closed slot without a reward is worth, where the loop said nothing
        (``default_reward=None``). Without it such slots are an error.
    deadline, aggregation
        Of a folder's decisions, as the loop or the placement has them.

    Raises
    ------
    InvalidArgumentError
        On a log without the columns, with several placements, with contexts of several widths, or
        from which nothing is left.
    BadDataError
        On what no log can hold: a propensity outside (0, 1], a reward that is no number, an arm
        that is not among ``arms``, slots out of order; the row is named.
    NotFoundError
        Where a folder has no log.
    """
    whole = _read(source, deadline, aggregation, default_reward)
    dropped = dropped_of(source, whole)
    table = _only(_only(whole, "placement", placement), "policy", policy)
    if len(table) == 0:
        raise InvalidArgumentError("from_log: there are no decisions in this log, of that kind")
    closed = np.asarray(table["closed"], dtype=bool)
    waiting = int((~closed).sum())
    table = table.filter(pa.array(closed))
    if len(table) == 0:
        raise InvalidArgumentError(
            f"from_log: all {waiting} slots still wait for their rewards; let their deadline pass "
            "(pass_time) before the log is judged"
        )
    shown = table["arm"].to_pylist()
    known = list(dict.fromkeys(shown)) if arms is None else list(arms)
    return DecisionLog(
        action=_places(shown, known),
        reward=_rewards(table["reward"], default_reward),
        logged=_propensities(table["propensity"]),
        position=_slots(table),
        contexts=_lists(table, "context"),
        arms=known,
        decision_id=np.asarray(table["decision_id"].cast(pa.uint64())),
        arm_features=_lists(table, "arm_features"),
        candidates_hash=np.asarray(table["candidates_hash"].cast(pa.uint64()))
        if "candidates_hash" in table.column_names
        else None,
        waiting=waiting,
        dropped=dropped,
    )


# -- reading ---------------------------------------------------------------------------------------


def _read(source: Any, deadline: Any, aggregation: str, default_reward: float | None) -> pa.Table:
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir():
            worth = 0.0 if default_reward is None else default_reward
            join = join_options(
                deadline=deadline, aggregation=aggregation, default_reward=worth, of="from_log: "
            )
            columns, dropped = _core.read_decision_log(path, join)
            return with_dropped(pa.table(log_columns(columns)), dropped)
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise InvalidArgumentError(
                f"from_log: {path} is neither a Parquet file nor a loop's folder: {error}"
            ) from error
    elif isinstance(source, Mapping):
        table = pa.table(dict(source))
    else:
        try:
            table = nw.from_native(source, eager_only=True).to_arrow()
        except TypeError as error:
            raise InvalidArgumentError(
                "from_log: give a frame (loop.log()), a Parquet file or a loop's folder, not "
                f"{type(source).__name__}"
            ) from error
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise InvalidArgumentError(
            f"from_log: the log has no column {missing[0]!r}; it has "
            f"{', '.join(table.column_names)}. Loop.log and Pipeline.log have all of them"
        )
    return table


def _only(table: pa.Table, column: str, wanted: str | None) -> pa.Table:
    if column not in table.column_names:
        if wanted is None:
            return table
        raise InvalidArgumentError(f"from_log: the log has no column {column!r} to choose by")
    names = [one or "" for one in pc.unique(table[column].cast(pa.string())).to_pylist()]
    if wanted is None:
        if column == "placement" and len(names) > 1:
            raise InvalidArgumentError(
                f"from_log: decisions were made at {', '.join(map(repr, names))}; name one, "
                f"placement={names[0]!r}"
            )
        return table
    if wanted not in names:
        raise InvalidArgumentError(
            f"from_log: there are no decisions of {column} {wanted!r}; there are those of "
            f"{', '.join(map(repr, names))}"
        )
    return table.filter(pc.equal(pc.fill_null(table[column].cast(pa.string()), ""), wanted))


def _places(shown: list[Any], arms: list[Any]) -> _Integers:
    place = {arm: at for at, arm in enumerate(arms)}
    if len(place) != len(arms):
        raise InvalidArgumentError("from_log: arms names one arm twice")
    found = np.fromiter((place.get(arm, -1) for arm in shown), np.int64, len(shown))
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        raise BadDataError(f"from_log: row {row}: {shown[row]!r} was shown and is not among arms")
    return found


def _rewards(column: pa.ChunkedArray, default: float | None) -> _Reals:
    reward = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    nothing = np.isnan(reward)
    if nothing.any():
        if default is None:
            row = int(np.flatnonzero(nothing)[0])
            raise InvalidArgumentError(
                f"from_log: row {row} and {int(nothing.sum()) - 1} more closed without a reward, "
                "and the loop has no default: say what that is worth, default_reward=0.0"
            )
        reward = np.where(nothing, float(default), reward)
    bad = ~np.isfinite(reward)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadDataError(f"from_log: row {row}: reward {reward[row]} is not finite")
    return reward


def _propensities(column: pa.ChunkedArray) -> _Reals:
    logged = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    bad = ~((logged > 0) & (logged <= 1))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadDataError(
            f"from_log: row {row}: propensity {logged[row]} is no probability with which an arm "
            "was shown"
        )
    return logged


def _slots(table: pa.Table) -> _Integers:
    """Slots from 0 on, those of one decision side by side."""
    slot = np.asarray(table["slot"].cast(pa.int64()).to_numpy(), dtype=np.int64)
    ids = np.asarray(table["decision_id"].cast(pa.uint64()))
    follows = np.zeros(len(slot), bool)
    follows[1:] = (ids[1:] == ids[:-1]) & (slot[1:] == slot[:-1] + 1)
    bad = ~(follows | (slot == 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadDataError(
            f"from_log: row {row}: slot {slot[row]} of decision {ids[row]} does not follow the "
            "slot before it; keep the log's order, and all slots of a decision"
        )
    return slot


def _lists(table: pa.Table, name: str) -> _Reals:
    if name not in table.column_names:
        return np.empty((len(table), 0))
    column = table[name].combine_chunks()
    widths = np.asarray(pc.fill_null(pc.list_value_length(column), 0).to_numpy(
        zero_copy_only=False), dtype=np.int64)  # fmt: skip
    different = widths != widths[0]
    if different.any():
        row = int(np.flatnonzero(different)[0])
        raise InvalidArgumentError(
            f"from_log: {name} has {widths[row]} numbers in row {row} and {widths[0]} before; "
            "decisions of one policy at a time have one width (policy=, placement=)"
        )
    values = pc.list_flatten(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(values, dtype=np.float64).reshape(len(table), int(widths[0]))


def _probabilities(values: npt.ArrayLike, shape: tuple[int, int]) -> _Reals:
    table = np.array(values, dtype=np.float64)
    if table.shape != shape:
        raise InvalidArgumentError(
            f"from_log: the policy's probabilities are {list(table.shape)}, not {list(shape)}"
        )
    return table
