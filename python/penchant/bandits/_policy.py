"""What every policy shares: proposing, deciding, learning, taking back, keeping."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import CorruptBundleError, InvalidArgumentError
from ..models._params import Parametrized
from ._arms import ArmIds, listed

__all__ = ["Decisions", "Policy"]

_PREFIX = "policy"
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was drawn, with the probability of drawing it.

    Attributes
    ----------
    arm : [n], or [n, k] where k > 1
        Ids, int64 or objects.
    propensity : float64 [n] or [n, k]
        Of each slot, given the slots before.
    decision_id : uint64 [n]
        Keys the draw: the same id, seed and knowledge give the same arms.
    """

    arm: npt.NDArray[Any]
    propensity: Numbers
    decision_id: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.decision_id)

    @property
    def log_probability(self) -> Numbers:
        """Of the whole slate, [n]: the sum of the slots' logarithms (Plackett-Luce)."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.propensity)
        return logs if logs.ndim == 1 else logs.sum(axis=1)


class Policy(Parametrized):
    """Base of the policies. A subclass names its parameters, its kind and what it reads."""

    _kind: ClassVar[str]
    _of_kind: ClassVar[dict[str, type[Policy]]] = {}
    # Parameters that the core takes under the same name.
    _numbers: ClassVar[str] = ""
    _integers: ClassVar[str] = ""

    dimension: int | None = None
    arm_dimension: int | None = None
    min_probability: float
    threads: int | None
    seed: int

    _core: Any = None
    _arms: ArmIds
    _next_decision: int = 0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "_kind" in cls.__dict__:
            Policy._of_kind[cls._kind] = cls

    @classmethod
    def _by_name(cls) -> dict[str, type[Policy]]:
        """The policies that were imported, by the names of their classes."""
        return {one.__name__: one for one in Policy._of_kind.values()}

    # -- asking ------------------------------------------------------------------------------------

    def probabilities(
        self,
        contexts: npt.ArrayLike | None = None,
        arms: Any = None,
        *,
        arm_features: npt.ArrayLike | None = None,
        blocked: npt.ArrayLike | None = None,
        decision_id: npt.ArrayLike | None = None,
    ) -> Numbers:
        """Return the distribution that an arm would be drawn from, float64 [n, a].

        Parameters
        ----------
        contexts : [n, d], or [d] for one
            Policies without contexts ignore all but n; None is one row.
        arms : list of a str or int, optional
            Any that may be shown, also new ones; distinct. None: all that were learnt.
        arm_features : [a, p] or [n, a, p], optional
            What is known of the arms, where the model is not disjoint.
        blocked : bool [n, a] or [a], optional
            Arms that must not be shown; what they would have had is shared out in proportion.
        decision_id : integers [n], optional
            Those of the decisions. None: those that `decide` gives next. They matter where
            probabilities are counted over draws (Thompson sampling, models that are not disjoint).

        Raises
        ------
        InvalidArgumentError
            On shapes, on numbers that are not finite, naming row and column, on an arm that comes
            twice, and where all arms of a row are blocked.
        """
        ask = self._ask(contexts, arms, arm_features, blocked, decision_id)
        return np.asarray(ask.core.propose(*ask.arguments, self._threads()))

    propose = probabilities

    def decide(
        self,
        contexts: npt.ArrayLike | None = None,
        arms: Any = None,
        *,
        k: int = 1,
        arm_features: npt.ArrayLike | None = None,
        blocked: npt.ArrayLike | None = None,
        decision_id: npt.ArrayLike | None = None,
    ) -> Decisions:
        """Draw k arms for each context.

        The first is drawn from `probabilities`; each further one from the same distribution without
        the arms taken (Plackett-Luce), or, where nothing of that is left, from what the policy
        proposes among the rest.

        Parameters
        ----------
        contexts, arms, arm_features, blocked
            As `probabilities` takes them.
        k : int
            Slots, at most the arms that may be shown.
        decision_id : integers [n], optional
            From 0 to 2^64 - 1, as your log names them. None: counted on.
        """
        ask = self._ask(contexts, arms, arm_features, blocked, decision_id)
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InvalidArgumentError(f"k must be an integer from 1 up, not {k!r}")
        position, propensity = ask.core.decide(*ask.arguments, int(k), self._threads())
        if decision_id is None:
            self._next_decision += len(ask.ids)
        if k == 1:
            position, propensity = position[:, 0], propensity[:, 0]
        return Decisions(_taken(ask.arms, position), propensity, ask.ids)

    # -- learning ----------------------------------------------------------------------------------

    def update(
        self,
        contexts: npt.ArrayLike | None = None,
        arm: Any = None,
        reward: npt.ArrayLike | None = None,
        propensity: npt.ArrayLike | None = None,
        *,
        arm_features: npt.ArrayLike | None = None,
        event: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from what was shown and what came of it.

        Parameters
        ----------
        contexts : [n, d], or [d] for one
        arm : list of n str or int, or one
        reward : [n], or one
            Within +-1e6; see each policy for narrower bounds.
        propensity : [n], optional
            With which each arm was shown. It is checked to be in (0, 1]; means are regressions,
            which don't need it.
        arm_features : [n, p], optional
            Of each event's arm, where the model is not disjoint.
        event : integers [n], optional
            Ids by which `Bagging` and `LogisticTS` can take events back. None: counted on
            from `num_events_seen`.

        Returns
        -------
        self

        Raises
        ------
        InvalidArgumentError
            On shapes and numbers; then nothing was learnt.
        """
        rows, events = self._events(contexts, arm, reward, arm_features, event)
        if propensity is not None:
            _check_propensity(propensity, rows)
        core = self._ready(events[0], events[3])
        arms_before = len(self._arms)
        known = self._arms.add(events[1])
        try:
            core.update(events[0], known, *events[2:])
        except BaseException:
            self._arms.forget_after(arms_before)
            raise
        return self

    def undo(
        self,
        contexts: npt.ArrayLike | None = None,
        arm: Any = None,
        reward: npt.ArrayLike | None = None,
        propensity: npt.ArrayLike | None = None,
        *,
        arm_features: npt.ArrayLike | None = None,
        event: npt.ArrayLike | None = None,
        age: npt.ArrayLike | None = None,
        age_of_all: npt.ArrayLike | None = None,
    ) -> Self:
        """Take events back, given as they were learnt; afterwards they were never there.

        Two traces stay where order matters, and go when the log is replayed (`Loop.forget` does):
        what `LogisticTS` learnt later was linearized with the event in, and with ``discount`` below
        1 earlier events have faded a step for it.

        Parameters
        ----------
        contexts, arm, reward, propensity, arm_features, event
            As `update` was given them.
        age : integers [n], optional
            With ``discount`` below 1: how many later events the same arm has had (shared models:
            all arms).
        age_of_all : integers [n], optional
            The same of all arms, for hybrid models, whose two parts fade by one of them each.

        Raises
        ------
        InvalidArgumentError
            On events that can't have been learnt, as far as that shows; then nothing changed.
        """
        rows, events = self._events(contexts, arm, reward, arm_features, event)
        if propensity is not None:
            _check_propensity(propensity, rows)
        core = self._ready(events[0], events[3])
        known = self._arms.rows(events[1])
        if (known < 0).any():
            missing = events[1][int(np.flatnonzero(known < 0)[0])]
            raise InvalidArgumentError(f"undo: nothing was learnt of arm {missing!r}")
        ages = None if age is None else _integers(age, "age", rows, np.int64)
        of_all = None if age_of_all is None else _integers(age_of_all, "age_of_all", rows, np.int64)
        core.undo(events[0], known, *events[2:], ages, of_all)
        return self

    def warm_start(
        self,
        frame: Any,
        *,
        arm: str = "arm",
        reward: str = "reward",
        context: Sequence[str] = (),
        arm_features: Sequence[str] = (),
        propensity: str | None = None,
    ) -> Self:
        """Learn from a logged frame (pandas, polars or pyarrow), whoever decided then.

        Parameters
        ----------
        frame
            A row an event.
        arm, reward, propensity : str
            Names of columns.
        context, arm_features : list of str
            Names of the columns of numbers, in the order in which `update` has them.

        Raises
        ------
        InvalidArgumentError
            On columns that are not there, and as `update`.
        """
        table = nw.from_native(frame, eager_only=True)
        named = [
            arm,
            reward,
            *context,
            *arm_features,
            *([] if propensity is None else [propensity]),
        ]
        missing = [name for name in named if name not in table.columns]
        if missing:
            raise InvalidArgumentError(
                f"warm_start: the frame has no column {missing[0]!r}; it has: "
                f"{', '.join(table.columns)}"
            )
        return self.update(
            np.column_stack([table[one].to_numpy() for one in context]) if context else None,
            table[arm].to_list(),
            table[reward].to_numpy(),
            None if propensity is None else table[propensity].to_numpy(),
            arm_features=np.column_stack([table[one].to_numpy() for one in arm_features])
            if arm_features
            else None,
        )

    @property
    def arms_(self) -> list[Any]:
        """The arms that were learnt, in the order in which they came."""
        return self._table().ids

    @property
    def num_events_(self) -> int:
        """Events learnt, less those taken back."""
        return 0 if self._core is None else int(self._core.events)

    @property
    def num_events_seen(self) -> int:
        """The id that the next event gets unless it brings its own."""
        return 0 if self._core is None else int(self._core.event_ids)

    @property
    def memory_bytes(self) -> int:
        """Of what was learnt."""
        return 0 if self._core is None else int(self._core.memory_bytes)

    def copy(self) -> Self:
        """Return a policy of its own that knows the same."""
        other = copy.copy(self)
        other._arms = copy.deepcopy(self._table())
        other._core = None if self._core is None else self._core.clone()
        return other

    # -- keeping -----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the policy and what it learnt as a bundle. Equal policies give equal bytes."""
        writer = _core.BundleWriter()
        state = {"params": _plain(self.get_params()), "next_decision": self._next_decision}
        lineage = {"object": type(self).__name__, **state}
        if self._core is not None:
            self._core.save(writer, _PREFIX)
            self._table().save(writer, f"{_PREFIX}/arms")
        return bytes(writer.to_bytes(json.dumps(lineage)))

    def save(self, path: str | Path) -> None:
        """Write the policy to a file, atomically; `load` reads it."""
        _core.write_file_atomically(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a policy from a file: of this class, or of any when called on the base.

        Raises
        ------
        CorruptBundleError
            Whatever the file holds that a policy can't.
        """
        return cls._read(_core.BundleReader.open(Path(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        return cls._read(_core.BundleReader.from_bytes(data))

    @classmethod
    def _read(cls, reader: Any) -> Self:
        try:
            lineage = json.loads(reader.lineage_json)
            found = Policy._by_name()[lineage["object"]]
            policy = found(**lineage["params"])
            next_decision = int(lineage["next_decision"])
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptBundleError(f"this bundle holds no policy: {error!r}") from error
        if not isinstance(policy, cls):
            raise CorruptBundleError(f"the bundle holds a {found.__name__}, not a {cls.__name__}")
        if not 0 <= next_decision < 2**64:
            raise CorruptBundleError("next_decision is not a 64-bit number")
        policy._next_decision = next_decision
        if reader.has(f"{_PREFIX}/meta"):
            core = _core.BanditPolicy.load(reader, _PREFIX)
            if core.kind != found._kind:
                raise CorruptBundleError(f"a {found.__name__} with the state of {core.kind}")
            policy._core = core
            policy._arms = ArmIds.load(reader, f"{_PREFIX}/arms", core.arms)
        return policy

    def __getstate__(self) -> bytes:
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        self.__dict__.update(Policy.from_bytes(state).__dict__)

    # -- arguments ---------------------------------------------------------------------------------

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters of a policy that has not learnt yet.

        Raises
        ------
        InvalidArgumentError
            On a name that is not a parameter, and once something was learnt.
        """
        if self._core is not None and parameters:
            raise InvalidArgumentError(
                f"{type(self).__name__} has learnt already; make a new one and let it learn"
            )
        return super().set_params(**parameters)

    def _table(self) -> ArmIds:
        if "_arms" not in self.__dict__:
            self._arms = ArmIds()
        return self._arms

    def _options(self) -> dict[str, Any]:
        """Parameters as the core takes them, checked to be of the right kind."""
        self._check_kinds(
            numbers=f"min_probability {self._numbers}", integers=self._integers, seed=True
        )
        names = f"min_probability {self._numbers} {self._integers} seed".split()
        return {"kind": self._kind, **{name: getattr(self, name) for name in names}}

    def _ready(self, contexts: Numbers, features: Numbers | None) -> Any:
        """The core's policy, made at first use, when the widths are known."""
        if self._core is None:
            self._table()
            self._core = _core.BanditPolicy(self._with_widths(self._options(), contexts, features))
        return self._core

    def _with_widths(
        self,
        options: dict[str, Any],
        contexts: Numbers,  # noqa: ARG002
        features: Numbers | None,  # noqa: ARG002
    ) -> dict[str, Any]:
        return options

    def _contexts(self, contexts: npt.ArrayLike | None, rows: int | None = None) -> Numbers:
        if contexts is None:
            return np.empty((1 if rows is None else rows, 0))
        found = _floats(contexts, "contexts")
        if found.ndim == 1:
            found = found[None, :]
        if found.ndim != 2:
            raise InvalidArgumentError(f"contexts must be [n, d], not shape {found.shape}")
        return found

    def _ask(
        self, contexts: Any, arms: Any, arm_features: Any, blocked: Any, decision_id: Any
    ) -> _Ask:
        table = self._contexts(contexts)
        features = None if arm_features is None else _floats(arm_features, "arm_features")
        core = self._ready(table, features)
        ids = self._table().ids if arms is None else listed(arms)
        if len(ids) == 0:
            raise InvalidArgumentError("there are no arms to choose from; give arms=[...]")
        rows = self._arms.distinct_rows(ids)
        mask = None if blocked is None else _mask(blocked, len(table), len(ids))
        if decision_id is None:
            first = self._next_decision
            keys = np.arange(first, first + len(table), dtype=np.uint64)
        else:
            keys = _integers(decision_id, "decision_id", len(table), np.uint64)
        return _Ask(core, (table, rows, features, mask, keys), ids, keys)

    def _events(
        self, contexts: Any, arm: Any, reward: Any, arm_features: Any, event: Any
    ) -> tuple[int, tuple[Any, ...]]:
        if arm is None or reward is None:
            raise InvalidArgumentError("an event has an arm and a reward; give both")
        arms = [arm] if isinstance(arm, (str, int, np.integer)) else listed(arm, "arm")
        rewards = _floats(reward, "reward")
        rewards = rewards[None] if rewards.ndim == 0 else rewards
        rows = len(arms)
        if rewards.shape != (rows,):
            raise InvalidArgumentError(f"reward must be [{rows}], not shape {rewards.shape}")
        table = self._contexts(contexts, rows)
        if len(table) != rows:
            raise InvalidArgumentError(f"there are {len(table)} contexts for {rows} arms")
        features = None if arm_features is None else _floats(arm_features, "arm_features")
        if features is not None and features.ndim == 1:
            features = features[None, :]
        keys = None if event is None else _integers(event, "event", rows, np.uint64)
        return rows, (table, arms, rewards, features, keys)


@dataclass(frozen=True, slots=True)
class _Ask:
    core: Any
    arguments: tuple[Any, ...]
    arms: Sequence[Any]
    ids: npt.NDArray[np.uint64]


def _floats(values: npt.ArrayLike, what: str) -> Numbers:
    try:
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{what} must be numbers: {error}") from error


def _mask(blocked: npt.ArrayLike, rows: int, arms: int) -> npt.NDArray[np.uint8]:
    mask = np.asarray(blocked)
    if mask.dtype.kind != "b" or mask.shape not in ((arms,), (rows, arms)):
        raise InvalidArgumentError(
            f"blocked must be booleans [{rows}, {arms}] or [{arms}], not {mask.dtype} of shape "
            f"{mask.shape}"
        )
    return np.ascontiguousarray(np.broadcast_to(mask, (rows, arms))).view(np.uint8)


def _integers(values: npt.ArrayLike, what: str, rows: int, dtype: Any) -> npt.NDArray[Any]:
    found = np.atleast_1d(np.asarray(values))
    if found.size and found.dtype.kind not in "iu":
        raise InvalidArgumentError(f"{what} must be integers, not {found.dtype}")
    if found.dtype.kind == "i" and found.size and int(found.min()) < 0:
        raise InvalidArgumentError(f"{what} must be integers from 0 up")
    if found.shape != (rows,):
        raise InvalidArgumentError(f"{what} must be [{rows}], not shape {found.shape}")
    return np.ascontiguousarray(found, dtype=dtype)


def _check_propensity(propensity: npt.ArrayLike, rows: int) -> None:
    found = np.atleast_1d(_floats(propensity, "propensity"))
    if found.shape != (rows,):
        raise InvalidArgumentError(f"propensity must be [{rows}], not shape {found.shape}")
    bad = ~((found > 0) & (found <= 1))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidArgumentError(
            f"propensity, row {row}: {found[row]} is no probability with which an arm was shown"
        )


def _taken(arms: Sequence[Any], position: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
    first = arms[0]
    if isinstance(first, (int, np.integer)) and not isinstance(first, bool):
        if position.size > len(arms):
            return np.asarray(arms, dtype=np.int64)[position]
        flat = [arms[at] for at in position.ravel().tolist()]
        return np.array(flat, dtype=np.int64).reshape(position.shape)
    out = np.empty(position.shape, dtype=object)
    out.ravel()[:] = [arms[at] for at in position.ravel().tolist()]
    return out


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """NumPy's numbers as Python's, for JSON."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in parameters.items()
    }
