"""`Plan`: features declared once, for training and for serving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import InvalidArgumentError
from . import beside_events as _beside_events
from . import declarations as _declarations
from . import lists as _lists
from ._compile import Compiled, compile_plan
from ._declaration import Declaration
from ._embeddings import Embedding, as_embedding
from .state import State

if TYPE_CHECKING:
    from ..segments.segment_set import SegmentSet

__all__ = ["Plan"]


class Plan:
    """Features declared once, and computed by the same object in training and in serving.

    Parameters
    ----------
    features
        Declarations, as the functions of `penchant.features` make them. An expression sees those
        before it.
    segments : SegmentSet or mapping of names to rules, optional
        Segments whose memberships are columns too, of booleans, after the features; their rules may
        name these.
    embeddings
        Vectors of items that `similarity` names: name -> a fitted model that has `item_factors`, or
        (ids, matrix [items, width]). They are as they are at every moment: what they learned from
        later events shows in earlier ones, so give those of a model that was fitted before.

    Raises
    ------
    InvalidArgumentError
        With the feature's name, when one makes no sense or two share a name, or when a feature
        names an embedding that is not given.

    Examples
    --------
    >>> import pandas as pd
    >>> import penchant as pn
    >>> plan = pn.features.Plan([pn.features.count("purchase", window="7d", name="week")])
    >>> log = pd.DataFrame(
    ...     {"subject": ["ann", "ann"], "item": [1, 2], "time": ["2024-05-01", "2024-05-06"],
    ...      "type": ["purchase", "purchase"]}
    ... )
    >>> points = pd.DataFrame({"subject": ["ann"], "time": ["2024-05-09"]})
    >>> plan.replay(log).at(points)["week"].tolist()
    [1.0]
    """

    def __init__(
        self,
        features: Iterable[Declaration],
        segments: SegmentSet | Mapping[str, str] | None = None,
        *,
        embeddings: Mapping[str, Any] | None = None,
    ) -> None:
        self._features = list(features)
        for one in self._features:
            if not isinstance(one, Declaration):
                raise InvalidArgumentError(
                    f"a plan is made of declarations like pn.features.count('purchase'), not of "
                    f"{type(one).__name__}"
                )
        self._compiled: Compiled = compile_plan(self._features)
        self._embeddings: dict[str, Embedding] = {
            name: as_embedding(name, given) for name, given in (embeddings or {}).items()
        }
        for name in self._compiled.embeddings:
            if name not in self._embeddings:
                raise InvalidArgumentError(
                    f"a feature names the embedding {name!r}; give it: Plan(..., embeddings="
                    f"{{{name!r}: model or (ids, matrix)}})"
                )
        self.segments: SegmentSet | None = None
        # What says who is in the segments that keys are by.
        self._rules: SegmentSet | None = None
        self._shown = [name for name, _ in self._compiled.outputs]
        if segments is None:
            return
        from ..segments.segment_set import SegmentSet

        own = Plan(self._features, embeddings=self._embeddings)
        if isinstance(segments, Mapping):
            segments = SegmentSet(segments, plan=own)
        if not isinstance(segments, SegmentSet) or segments.scores:
            raise InvalidArgumentError("segments of a plan are a SegmentSet without scores")
        # What rules ask for beside the features is kept, and not shown.
        self.segments = segments.over(own)
        self._compiled = self.segments.plan._compiled
        self._rules = self.segments
        self._check_rules()
        for name in self.segments.names:
            if name in self._shown:
                raise InvalidArgumentError(f"a feature and a segment are both called {name!r}")
            self._shown.append(name)

    def _check_rules(self) -> None:
        for name in self._compiled.segments:
            if self._rules is None or name not in self._rules.names:
                raise InvalidArgumentError(
                    f"features are by the segment {name!r}, and the plan has none of that name; "
                    f"give its rule: Plan(..., segments={{{name!r}: ...}})"
                )

    @property
    def features(self) -> list[Declaration]:
        """The declarations, in their order."""
        return list(self._features)

    @property
    def columns(self) -> list[str]:
        """Names of the columns that the plan gives."""
        return list(self._shown)

    def __repr__(self) -> str:
        return f"Plan({len(self._features)} features, {len(self.columns)} columns)"

    def __reduce__(self) -> tuple[Callable[..., Plan], tuple[Any, ...]]:
        return _restored, (self._features, self.segments, self._embeddings)

    def to_yaml(self, path: str | Path | None = None) -> str:
        """Write the plan as YAML, to `path` if given; returns the text."""
        document: dict[str, Any] = {"features": [one.to_dict() for one in self._features]}
        if self.segments is not None:
            document["segments"] = {one.name: one.rule for one in self.segments}
        text = yaml.safe_dump(document, sort_keys=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_yaml(cls, source: str | Path, *, embeddings: Mapping[str, Any] | None = None) -> Plan:
        """Read what `to_yaml` writes: a path, or the text itself (a text of several lines).

        Each entry of `features` names its `kind`, and the arguments of the function of that name;
        `segments`, where there are some, maps names to rules. Embeddings are not in the text; give
        them as to `Plan`.
        """
        text = str(source)
        if isinstance(source, Path) or "\n" not in text:
            text = Path(source).read_text(encoding="utf-8")
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InvalidArgumentError(f"a feature plan that is no YAML: {error}") from None
        if not isinstance(document, dict) or not isinstance(document.get("features"), list):
            raise InvalidArgumentError("a feature plan in YAML is a list called 'features'")
        features = [_declared(entry) for entry in document["features"]]
        if document.get("segments") is None:
            return cls(features, embeddings=embeddings)
        from ..segments.segment_set import SegmentSet

        plan = cls(features, embeddings=embeddings)
        return cls(
            features, SegmentSet.over_yaml(document["segments"], plan), embeddings=embeddings
        )

    def replay(
        self,
        events: Any,
        subject: str = "subject",
        item: str | None = "item",
        time: str = "time",
        type: str | None = None,  # noqa: A002
        *,
        catalog: Any = None,
        subjects: Any = None,
        time_unit: str = "s",
        threads: int | None = None,
        **fields: str,
    ) -> State:
        """Read a table of events, one row an event (a line of a basket, where it has lines).

        Parameters
        ----------
        events
            pandas, polars or pyarrow, eager, in any order.
        subject, item, time
            Columns, as in `Dataset.from_events`; item=None for events without items. Events of
            nobody known count for items.
        type
            Column of event types; "type" where None and there is one. Without any, all events are
            of every type that features ask for.
        catalog
            A frame with a row an item: the column `item` (or one called "item") and what features
            name of attributes. Without it the attribute is taken from the events' column of that
            name: what the item's last event says.
        subjects
            A frame with a row a subject: the column `subject` (or one called "subject") and what
            features name of attributes (``by="subject.country"``). They are as they are at every
            moment. Who is in it is known, with events or without.
        time_unit
            Of times that are numbers: "s", "ms", "us" or "ns".
        threads
            All when None. The result doesn't depend on it.
        **fields
            Field of the plan -> column that holds it: `price="UnitPrice"`. A field that is not
            named is the column of its name.

        Returns
        -------
        State
            What the plan knows after these events. Rows without a time are set aside
            (`state.quarantine`).

        Raises
        ------
        InvalidArgumentError
            When a column is missing or of a type that can't play its role.
        """
        state, _ = State._replayed_with_rows(
            self,
            events,
            roles={"subject": subject, "item": item, "time": time, "type": type},
            fields=fields,
            catalog=catalog,
            subjects=subjects,
            time_unit=time_unit,
            threads=threads,
        )
        return state

    def export(
        self,
        events: Any,
        path: str | Path,
        subject: str = "subject",
        item: str | None = "item",
        time: str = "time",
        type: str | None = None,  # noqa: A002
        *,
        by: str = "subject",
        every: Any = None,
        until: Any = None,
        created: Any = None,
        catalog: Any = None,
        subjects: Any = None,
        time_unit: str = "s",
        threads: int | None = None,
        **fields: str,
    ) -> Path:
        """Write the values over time as a Parquet file, the form of feature stores' offline files.

        A row tells what holds of an entity from `event_timestamp` on: joined as of a time (the
        latest row not after it), it gives what `State.at` gives then, from events strictly before.
        Rows are just after each event of the entity (a microsecond), where its values change; what
        the passing of time changes besides (windows, recencies) is as new as `every` says.

        Parameters
        ----------
        events, subject, item, time, type, catalog, subjects, time_unit, threads, fields
            As of `replay`.
        path
            Of the file; it is there when it is whole.
        by
            Whose rows: "subject", "item", or "pair" (of those that met); a file has the features of
            its entity. Those that others' events change (``by="category"``, ``by="all"``), and
            arithmetic over several entities, are in none.
        every
            A duration: rows at its full multiples too, from an entity's first event to `until`.
        until
            Last moment of such rows. None: just after the last event.
        created
            When the rows were made, for `created`. None: just after the last event.

        Returns
        -------
        Path
            The file: the entity's columns, called as in the events, `event_timestamp` and `created`
            (UTC, microseconds), and a column a feature, by entity and time.

        Raises
        ------
        InvalidArgumentError
            As `replay`, and where no feature is of the entity alone.
        """
        from .export import export_state

        state, rows = State._replayed_with_rows(
            self,
            events,
            roles={"subject": subject, "item": item, "time": time, "type": type},
            fields=fields,
            catalog=catalog,
            subjects=subjects,
            time_unit=time_unit,
            threads=threads,
        )
        return export_state(
            state, rows, path, by=by, every=every, until=until, created=created, threads=threads
        )


def _restored(
    features: list[Declaration], segments: SegmentSet | None, embeddings: dict[str, Embedding]
) -> Plan:
    return Plan(features, segments, embeddings=embeddings)


# Kind of a feature -> the function that declares it.
_MAKERS: dict[str, Any] = {
    name: getattr(module, name)
    for module in (_declarations, _beside_events, _lists)
    for name in module.__all__
    if name not in ("Declaration", "cart", "favorites", "latest")
}


def _declared(entry: Any) -> Declaration:
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise InvalidArgumentError(f"a feature in YAML names its kind, unlike {entry!r}")
    arguments = dict(entry)
    kind = arguments.pop("kind")
    # What `distinct` and others call by another name than the argument that came first.
    maker = _MAKERS.get(kind)
    if maker is None:
        raise InvalidArgumentError(f"a feature in YAML is of the kind {kind!r}, which there is not")
    # What a declaration's methods add.
    read = {one: arguments.pop(one) for one in ("lag", "bucket", "net_of") if one in arguments}
    try:
        made = maker(**arguments)
    except TypeError as error:
        raise InvalidArgumentError(
            f"feature {entry.get('name', kind)!r} in YAML: {error}"
        ) from None
    assert isinstance(made, Declaration)
    if "lag" in read:
        made = made.late(read["lag"])
    if "bucket" in read:
        made = made.bucketed(read["bucket"])
    if "net_of" in read:
        told = {"quantity": None} | dict(read["net_of"])
        made = made.net_of(told.pop("returns", "return"), **told)
    return made
