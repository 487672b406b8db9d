"""What every model shares: fitting, lists for external ids, similar items, folding in, pickling."""

from __future__ import annotations

import copy
import dataclasses
import sys
from typing import Any, Self

import numpy as np
import pyarrow as pa

from .. import _core
from .._progress import Progress
from ..data._frames import make_frame
from ..data.dataset import Dataset
from ..errors import InvalidArgumentError, NotFittedError, NotFoundError
from ._evaluable import Evaluable, Told
from ._params import Parametrized
from ._request import RequestContext, listed

__all__ = ["Model", "id_column", "listed"]


@dataclasses.dataclass(frozen=True)
class _Fitted:
    """What `fit` leaves: the core's model and whose ids and histories it knows.

    `subjects`, `pairs` and `attributes` (None without any) are those of training, or, in a view
    made by `fold_in`, the newcomers'; then `newcomers` is set and no row has a stored vector.
    """

    model: Any
    context: Any
    subjects: Any
    pairs: Any
    kind: str
    attributes: Any = None
    newcomers: bool = False


class Model(Parametrized, Evaluable):
    """Base of the models. A subclass names its parameters and writes `_train`."""

    _fitted: _Fitted | None = None

    # -- fitting ---------------------------------------------------------------------------------

    def _train(self, data: Dataset, context: Any, progress: Progress) -> Any:
        """Return the core's fitted model."""
        raise NotImplementedError

    def fit(self, train: Dataset, *, progress: bool | None = None) -> Self:
        """Fit on a dataset.

        Parameters
        ----------
        train : Dataset
        progress : bool, optional
            Show a progress bar. None: in a terminal or a notebook only.

        Returns
        -------
        self

        Raises
        ------
        InvalidArgumentError
            When a parameter makes no sense.
        """
        if not isinstance(train, Dataset):
            raise InvalidArgumentError(
                f"{type(self).__name__}.fit wants a penchant Dataset, not "
                f"{type(train).__name__}; make one with Dataset.from_events(frame, ...)"
            )
        people = train._person_table()
        context = _core.Context(train._core, people)
        with Progress(type(self).__name__, progress) as bar:
            model = self._train(train, context, bar)
        self._fitted = _Fitted(
            model, context, context.subjects, context.history, train._kind, people
        )
        return self

    def _state(self) -> _Fitted:
        if self._fitted is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit(train) first")
        return self._fitted

    @property
    def core_model(self) -> Any:
        """The fitted, immutable model of the core, for pipelines and bundles."""
        return self._state().model

    # -- answers ---------------------------------------------------------------------------------

    def recommend(
        self,
        subjects: Any,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        candidates: Any = None,
        context: dict[str, Any] | None = None,
        threads: int | None = None,
    ) -> Any:
        """Rank the catalogue for each subject and return the best `k`.

        Parameters
        ----------
        subjects : id or sequence of ids
            External ids. An unknown one gets what is popular; the column `source` says so.
        k : int
            Rows a subject, fewer where fewer items are left.
        exclude_seen : bool
            Leave out what the subject had to do with in training.
        candidates : sequence of ids, optional
            Only these items; unknown ones are ignored.
        context : dict, optional
            What a funnel's request has (docs/pipeline.md): ``basket``, ``events`` and ``page`` are
            added to each subject's history, ``attributes`` to what is known of them. What is in the
            basket or on the page is not recommended. Unknown items are ignored, `device` and `time`
            too.
        threads : int, optional
            None: all cores. The result does not depend on it.

        Returns
        -------
        frame
            ``subject, item, score, rank, source``, best first, of the kind that training data had.
            `source` is the model's kind, or "popular" where it had nothing to go on.
        """
        _check_k(k)
        state = self._state()
        ids = listed(subjects)
        rows = np.asarray(state.subjects.find_all(ids), dtype=np.int32)
        users = self._users(rows)
        pairs = state.pairs
        allowed = self._allowed(candidates)
        asked = RequestContext.of(context, state.context)
        people = rows
        fresh = len(asked.items) > 0
        if fresh:
            pairs = _core.with_events(pairs, rows, asked.items, asked.times, asked.values)
            rows = np.arange(len(ids), dtype=np.int32)
        if len(asked.hidden):  # already in the cart, or looked at right now
            allowed = np.ones(len(state.context.items), np.uint8) if allowed is None else allowed
            allowed[asked.hidden] = 0
        items, scores, counts, fell_back = _core.recommend_batch(
            state.model, pairs, state.context, rows, users, min(int(k), len(state.context.items)),
            exclude_seen, allowed, threads or 0, fresh, state.attributes, people, asked.attributes,
        )  # fmt: skip
        shown = np.arange(items.shape[1])[None, :] < counts[:, None]
        which = np.repeat(np.arange(len(ids)), counts)
        # Distinct texts become Arrow strings once; rows only point at them.
        sources = pa.array([state.model.kind, "popular"], pa.string())
        return make_frame(
            {
                "subject": id_column(ids).take(pa.array(which)),
                "item": _ids_at(state.context.items, items[shown]),
                "score": pa.array(scores[shown]),
                "rank": pa.array((np.nonzero(shown)[1] + 1).astype(np.int32)),
                "source": sources.take(pa.array(fell_back[which].astype(np.int32))),
            },
            state.kind,
        )

    def similar_items(self, items: Any, k: int = 10) -> Any:
        """Return the `k` items most similar to each given one, itself left out.

        Returns
        -------
        frame
            ``item, similar, score, rank``.

        Raises
        ------
        NotFoundError
            On an item that is not in the catalogue.
        InvalidArgumentError
            When the model has no notion of similar items.
        """
        _check_k(k)
        state = self._state()
        ids = listed(items)
        out: dict[str, list[Any]] = {"item": [], "similar": [], "score": [], "rank": []}
        for item in ids:
            index = state.context.items.find(item)
            if index < 0:
                raise NotFoundError(f"item {item!r} is not in the catalogue")
            scores = state.model.similar(index)
            if scores is None:
                raise InvalidArgumentError(
                    f"{type(self).__name__} has no notion of similar items; ALS and ItemKNN do"
                )
            order = np.lexsort((np.arange(len(scores)), -scores))
            order = order[(order != index) & (scores[order] > 0)][:k]
            out["item"] += [item] * len(order)
            out["similar"] += self.item_ids_[order].tolist()
            out["score"] += scores[order].tolist()
            out["rank"] += list(range(1, len(order) + 1))
        return make_frame(
            {
                "item": pa.array(out["item"]),
                "similar": pa.array(out["similar"]),
                "score": pa.array(np.array(out["score"], dtype=np.float32)),
                "rank": pa.array(np.array(out["rank"], dtype=np.int32)),
            },
            state.kind,
        )

    def fold_in(self, events: Any, **columns: Any) -> Self:
        """Return a view of the model that knows the subjects of `events`, without training.

        Parameters
        ----------
        events : Dataset or frame
            Their histories. A frame is read by ``Dataset.from_events(events, **columns)``. Items
            outside the catalogue are ignored.

        Returns
        -------
        model
            Answers for the new subjects only. For ALS their vectors are the exact solution of the
            same normal equations that training solves.
        """
        if not isinstance(events, Dataset):
            events = Dataset.from_events(events, **columns)
        return self._folded(events)

    def _folded(self, events: Dataset) -> Self:
        state = self._state()
        known = np.asarray(state.context.items.find_all(events.item_ids), dtype=np.int32)
        pairs = _core.reindexed_interactions(
            events._core.interactions(), known, len(state.context.items)
        )
        view = copy.copy(self)
        view._fitted = dataclasses.replace(
            state,
            subjects=events._core.subjects,
            pairs=pairs,
            kind=events._kind,
            attributes=events._person_table(),
            newcomers=True,
        )
        return view

    # -- what evaluation and pipelines ask ---------------------------------------------------------

    def _users(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the stored training data: none for newcomers of a `fold_in`."""
        return np.full_like(rows, -1) if self._state().newcomers else rows

    def _allowed(self, candidates: Any) -> np.ndarray | None:
        if candidates is None:
            return None
        items = self._state().context.items
        index = np.asarray(items.find_all(listed(candidates)), dtype=np.int64)
        mask = np.zeros(len(items), dtype=np.uint8)
        mask[index[index >= 0]] = 1
        return mask

    def _scorer(
        self,
        subject_ids: Any,
        *,
        exclude_seen: bool,  # noqa: ARG002
        told: Told | None = None,
    ) -> Any:
        state = self._state()
        rows = np.asarray(state.subjects.find_all(subject_ids), dtype=np.int32)
        people = (state.attributes, *(told or (None, np.empty(0, np.int32))))
        return _core.model_scorer(
            state.model, state.pairs, state.context, rows, self._users(rows), *people
        )

    def _known(self) -> tuple[Any, Any, Any]:
        state = self._state()
        return state.subjects, state.pairs, state.context

    # -- copying and pickling ----------------------------------------------------------------------

    def __copy__(self) -> Self:
        # What was fitted is immutable and shared; pickling it would write it all out.
        out = type(self).__new__(type(self))
        out.__dict__.update(self.__dict__)
        return out

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        fitted = state.pop("_fitted", None)
        if fitted is not None:
            if fitted.newcomers:
                raise InvalidArgumentError(
                    "a view made by fold_in can't be pickled; pickle the model and fold in again"
                )
            writer = _core.BundleWriter()
            fitted.context.save(writer, "context")
            fitted.model.save(writer, "model")
            state["_bundle"] = bytes(writer.to_bytes("{}"))
            state["_kind"] = fitted.kind
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        bundle = state.pop("_bundle", None)
        kind = state.pop("_kind", "pandas")
        # Names are interned, as those that __init__ sets are: pickle writes a name that two models
        # share once or twice by that alone, and equal models should have equal bytes.
        self.__dict__.update({sys.intern(name): value for name, value in state.items()})
        if bundle is None:
            return
        reader = _core.BundleReader.from_bytes(bundle)
        context = _core.Context.load(reader, "context")
        model = _core.Model.load(reader, "model", len(context.subjects), len(context.items))
        people = context.attributes if context.attributes.names else None
        self._fitted = _Fitted(model, context, context.subjects, context.history, kind, people)


def _check_k(k: Any) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidArgumentError(f"k must be an integer from 1 up, not {k!r}")


def id_column(ids: list[Any]) -> pa.Array:
    """Ids as an Arrow column; where integers and strings are mixed, all as text."""
    try:
        return pa.array(ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if i is None else str(i) for i in ids], pa.string())


def _ids_at(ids: Any, index: np.ndarray) -> pa.Array:
    """External ids of these indices of an IdMap, each distinct one read once."""
    if ids.kind == "integer":
        return pa.array(ids.take(index))
    used = np.zeros(len(ids), dtype=bool)
    used[index] = True
    place = np.cumsum(used, dtype=np.int32) - 1
    distinct = pa.array(ids.take(np.flatnonzero(used).astype(np.int32)), pa.string())
    return distinct.take(pa.array(place[index]))
