"""The funnel: sources fitted and blended in Python, decided by the same engine that serves."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from . import _core
from ._answers import answer_frame
from ._blend import BlendWeights
from ._default_funnel import cold_sources, default_sources
from ._feedback import IN_MEMORY, Feedback, LiveOptions
from ._lineage import lineage_of
from ._live_parts import check_live_parts, live_parts, plan_of, position_of, segments_of
from ._progress import Progress
from ._requests import golden_requests, now_micros, to_json
from ._reranking import (
    RankerPart,
    RankerTable,
    check_ranker,
    item_attributes,
    learn_ranker,
    ready_ranker,
)
from ._reranking import ranker_table as make_ranker_table
from ._weighing import Weighing, source_names
from ._windows import FittedWindow, FittedWindows
from .bandits._policy import Policy
from .data._frames import make_frame
from .data.dataset import Dataset
from .errors import InvalidArgumentError, NotFittedError
from .events.taxonomy import Taxonomy
from .features._fitted import check_plan, fitted_profiles
from .features.plan import Plan
from .identity._key import Key
from .identity.identity import Identity
from .models._base import Model, id_column, listed
from .models._evaluable import Evaluable, Told
from .models._params import Parametrized
from .placements import Placement, placements_of
from .ranking._forest import Forest
from .ranking.calibrated import Calibrated
from .segments.segment_set import SegmentSet

__all__ = ["Pipeline"]

# Lists of this length are ordered exactly as served when a pipeline is evaluated.
_EVALUATED_LIST = 100


class Pipeline(Parametrized, Evaluable, Weighing, Feedback):
    """Candidate sources, blended, filtered, explained: what a server answers with.

    `fit` trains every source, learns how much each counts from the last weeks of the training data
    (never from anything later), trains again on all of it, and assembles the result into a bundle
    in memory. `recommend` reads that bundle through the very engine that ``penchant-serve`` runs;
    `save` writes its bytes to a file.

    Parameters
    ----------
    sources : list of models, optional
        Unfitted models. None: the default funnel (ALS, two item neighbourhoods, two popularities,
        repeat purchase, scaled to the data, and two more for people without a history where the
        data has their attributes: docs/pipeline.md).
    weights : mapping, optional
        ``{"repeats": {source name: weight}, "new": {...}, "cold": {...}}`` instead of learning
        them; a regime or source left out keeps its prior.
    features : Plan, optional
        Features for the ranker beside those of the funnel (docs/features.md): its columns of
        numbers, as of the moment of each candidate list that it learns from and of each request.
    ranker : GBDTRanker, GBDTClassifier, Calibrated or Forest, optional
        Puts the best candidates of people with a history in order (docs/ranking.md). An unfitted
        estimator learns from candidates that earlier sources put forward and from what people then
        took, in a `pn.ranking.Calibrated` also how likely it is that each is taken; a forest is
        taken as it is, its columns by their names. None: the blend's order.
    depth : int
        Candidates, the best by the blend, that the ranker puts in order.
    policy : Policy, optional
        Decides at placements that name none of their own.
    identity : Identity, optional
        Who is who among the people that live events and requests name by a cookie, an address, a
        login (docs/features.md): what it has linked until now, and its rules. Its namespace of the
        lowest priority is that of the data's subjects. A key is not part of the bundle.
    segments : SegmentSet, optional
        Segments that are kept up with events: each is a feature of the ranker ("segment.<name>"),
        a term of placements' contexts, and told by `segments_of` (docs/segments.md).
    taxonomy : Taxonomy, optional
        Of the events that are observed. None: the built-in types.
    placements : mapping of names to Placement, or path of a YAML file, optional
        Where policies decide what is shown, and learn from what comes of it (docs/placements.md).
        A mapping in the place of a Placement names its parameters: ``{"home": {"depth": 30}}``.
    exclude_seen : bool
        What a request that does not say gets: leave out what the subject had before, or not.
    quota : int
        Candidates each source may put forward.
    seed : int
    threads : int, optional
        None: all cores. The bundle does not depend on it.

    Attributes
    ----------
    weights_ : dict
        ``{"repeats": {name: weight}, "new": {name: weight}}`` in use, and ``"cold"``, for people
        without a history, where the data has attributes of people and a source that reads them.
    validation_ : dict
        Subjects, windows and NDCG@20 behind the weights; ``"ranker"``: groups, rows, trees and
        NDCG@10 on the groups held out, of the blend and of the ranker.
    ranker_ : Forest or None
        The ranker in use. None without one, and where there was too little to learn from.
    ranker_features_ : list of str
        Names of its columns, as `ranker_` has them if it was learned here.
    lineage_ : dict
        What the bundle says of its origin.
    """

    def __init__(
        self,
        sources: list[Model] | None = None,
        *,
        weights: Mapping[str, Mapping[str, float]] | None = None,
        features: Plan | None = None,
        ranker: Any = None,
        depth: int = 100,
        policy: Policy | None = None,
        placements: Any = None,
        identity: Identity | None = None,
        segments: SegmentSet | None = None,
        taxonomy: Taxonomy | None = None,
        exclude_seen: bool = False,
        quota: int = 200,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self.sources = sources
        self.weights = weights
        self.features = features
        self.ranker = ranker
        self.depth = depth
        self.policy = policy
        self.placements = placements
        self.identity = identity
        self.segments = segments
        self.taxonomy = taxonomy
        self.exclude_seen = exclude_seen
        self.quota = quota
        self.seed = seed
        self.threads = threads
        self._engine: Any = None
        self._live: Any = None
        self._key: Key | None = None
        self._kind = "pandas"

    # -- fitting ---------------------------------------------------------------------------------

    def fit(
        self,
        train: Dataset,
        *,
        events: Any = None,
        log_position: str | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Train the sources and assemble the funnel.

        Parameters
        ----------
        train : Dataset
        events : frame, optional
            For `features`: a table of events that has more fields than the dataset keeps (order,
            price), its columns called as those that the dataset was made of. Events after the
            dataset's last one are left out. None: the dataset's own events, with the field "value".
        log_position : str, optional
            Where `event_log` gave a part of `train`: its ``position``. A pipeline or server that is
            opened on that log counts from there on.
        progress : bool, optional
            Show progress bars. None: in a terminal or a notebook only.

        Raises
        ------
        InvalidArgumentError
            When the data is empty or a parameter makes no sense.
        """
        self._check(train)
        placements = placements_of(self.placements, self.policy)
        trained = position_of(log_position)
        windows = FittedWindows(train, self._sources_for)
        profiles = fitted_profiles(self._plan(), train, events, self.threads)
        with Progress("Pipeline: weights", progress) as bar:
            bar(0, 2)
            learned = self._weights(train, windows)
            ranker, facts = self._learned_ranker(train, windows, learned, profiles, progress)
            del windows
            learned = self._cold_weights(train, learned)
            bar(2, 2)
        sources = self._all_sources_for(train)
        for source in sources:
            source.fit(train, progress=progress)
        if isinstance(self.ranker, Forest):
            engine = self._engine_of(train, sources, learned, profiles)
            ranker = ready_ranker(self.ranker, engine, train, int(self.depth))
        if facts is not None:
            learned = dataclasses.replace(
                learned, validation={**learned.validation, "ranker": facts}
            )
        names = source_names(sources)
        settings = {
            "exclude_seen": bool(self.exclude_seen), "quota": int(self.quota),
            "seed": int(self.seed),
        }  # fmt: skip
        named = dict(zip(names, sources, strict=True))
        lineage = lineage_of(train, settings, named, learned, self.ranker, ranker)
        if placements:
            lineage["placements"] = {name: one.lineage() for name, one in placements.items()}
        reader = self._assembled(
            train, sources, learned, lineage, golden_requests(train), ranker, placements,
            profiles, trained,
        )  # fmt: skip
        self._adopt(_core.Engine.from_bundle(reader, False), train._kind)
        self.fitted_sources_ = named
        return self

    def _check(self, train: Dataset) -> None:
        if not isinstance(train, Dataset):
            raise InvalidArgumentError(
                f"Pipeline.fit wants a penchant Dataset, not {type(train).__name__}; make one with "
                "Dataset.from_events(frame, ...)"
            )
        if train._core.interactions().nnz == 0:
            raise InvalidArgumentError(
                "Pipeline.fit: the training data has no interactions; are all events quarantined "
                "(see data.quarantine) or of weight zero?"
            )
        if not isinstance(self.quota, (int, np.integer)) or self.quota < 1:
            raise InvalidArgumentError(f"Pipeline: quota must be 1 or more, not {self.quota!r}")
        for source in self.sources or []:
            if not isinstance(source, Model):
                raise InvalidArgumentError(
                    f"Pipeline: a source must be a Penchant model, not {type(source).__name__}"
                )
        check_ranker(self.ranker, self.depth)
        check_plan(self.features)
        check_live_parts(self.identity, self.segments, self.taxonomy)
        if self.sources is not None and not self.sources:
            raise InvalidArgumentError("Pipeline: sources is empty; None gives the default funnel")

    def _plan(self) -> Plan | None:
        """The features, and those that rules of segments ask for."""
        return plan_of(self.features, segments_of(self.features, self.segments))

    def _sources_for(self, data: Dataset) -> list[Model]:
        if self.sources is None:
            return default_sources(data, seed=self.seed, threads=self.threads)
        return [type(source)(**source.get_params()) for source in self.sources]

    def _all_sources_for(self, data: Dataset) -> list[Model]:
        """The sources, and behind them those that only speak where there is no history."""
        more = [] if self.sources is not None else self._cold_sources_for(data)
        return [*self._sources_for(data), *more]

    def _cold_sources_for(self, data: Dataset) -> list[Model]:
        return cold_sources(data, seed=self.seed, threads=self.threads)

    def ranker_table(self, train: Dataset, *, events: Any = None) -> RankerTable:
        """Build the table that the ranker learns from, for work of your own on it.

        `events` as in `fit`.

        Returns
        -------
        RankerTable
            ``names``, ``values`` [rows, features], ``labels`` [rows], ``group_begin``, ``subject``.
        """
        self._check(train)
        windows = FittedWindows(train, self._sources_for)
        profiles = fitted_profiles(self._plan(), train, events, self.threads)
        return self._ranker_table(train, windows, self._weights(train, windows), profiles)

    def _ranker_table(
        self,
        train: Dataset,
        windows: FittedWindows,
        learned: BlendWeights,
        profiles: Any,
        keep_all: bool = False,
    ) -> RankerTable:
        # A plan's values are as of the window's past: it may have seen the rest.
        def assemble(window: FittedWindow) -> Any:
            return self._engine_of(window.before, window.sources, learned, profiles)

        return make_ranker_table(
            train, windows, assemble, depth=int(self.depth), keep_all=keep_all,
            threads=self.threads or 0, said=None if profiles is None else profiles._said,
        )  # fmt: skip

    def _learned_ranker(
        self,
        train: Dataset,
        windows: FittedWindows,
        learned: BlendWeights,
        profiles: Any,
        progress: bool | None,
    ) -> tuple[RankerPart | None, dict[str, Any] | None]:
        if self.ranker is None or isinstance(self.ranker, Forest):
            return None, None
        keep_all = isinstance(self.ranker, Calibrated)
        table = self._ranker_table(train, windows, learned, profiles, keep_all)
        forest, facts = learn_ranker(self.ranker, table, seed=self.seed, progress=progress)
        if forest is None:
            return None, facts
        return RankerPart(forest, table.names, item_attributes(train), int(self.depth)), facts

    def _engine_of(
        self, data: Dataset, sources: list[Model], weights: BlendWeights, profiles: Any = None
    ) -> Any:
        reader = self._assembled(data, sources, weights, {}, [], profiles=profiles)
        return _core.Engine.from_bundle(reader, False)

    def _assembled(
        self,
        data: Dataset,
        sources: list[Model],
        weights: BlendWeights,
        lineage: dict[str, Any],
        goldens: list[str],
        ranker: RankerPart | None = None,
        placements: Mapping[str, Placement] | None = None,
        profiles: Any = None,
        trained: tuple[str, int] = ("", 0),
    ) -> Any:
        cold = weights.cold or [0.0] * len(sources)
        entries = [
            (name, source.core_model, int(self.quota), float(repeat), float(new), float(alone))
            for name, source, repeat, new, alone in zip(
                source_names(sources), sources, weights.repeats, weights.new, cold, strict=True
            )
        ]
        context = _core.Context(data._core, data._person_table())
        known: Any = None if profiles is None else profiles._core
        return _core.build_bundle(
            context, entries, bool(self.exclude_seen), to_json(lineage), goldens,
            weights.cold is not None, None if ranker is None else ranker.to_core(),
            [one._to_core(name, data) for name, one in (placements or {}).items()],
            known,
            *live_parts(
                segments_of(self.features, self.segments), self._plan(), profiles, self.taxonomy,
                self.identity,
            ),
            trained,
        )  # fmt: skip

    def _adopt(self, engine: Any, kind: str, options: LiveOptions = IN_MEMORY) -> None:
        self._start(engine, options)
        self._kind = kind
        self.lineage_: dict[str, Any] = json.loads(engine.bundle.lineage_json)
        self.validation_ = self.lineage_.get("validation", {})
        regimes = ("repeats", "new", "cold") if engine.cold_start else ("repeats", "new")
        self.weights_ = {
            regime: {name: weights[at] for name, _, _, *weights in engine.sources}
            for at, regime in enumerate(regimes)
        }
        found = engine.ranker
        self.ranker_: Forest | None = None if found is None else Forest._of(found[0], found[4])
        self.ranker_features_: list[str] = [] if found is None else found[1]

    def _start(self, engine: Any, options: LiveOptions = IN_MEMORY) -> None:
        self._engine = engine
        self._key = options.key or (None if self.identity is None else self.identity.key)
        self._live = None
        knows = engine.has_identity and not (engine.identity_has_key and self._key is None)
        if engine.placements or engine.segments or options.folder or knows:
            self._live = self._opened(dataclasses.replace(options, key=self._key))

    @property
    def engine(self) -> Any:
        """The core's engine; raises NotFittedError before `fit`."""
        if self._engine is None:
            raise NotFittedError("this Pipeline is not fitted; call fit(train) or pn.load(path)")
        return self._engine

    # -- answers ---------------------------------------------------------------------------------

    def recommend(
        self,
        subject: Any = None,
        *,
        placement: str | None = None,
        context: dict[str, Any] | None = None,
        k: int = 10,
        explain: bool = False,
        exclude_seen: bool | None = None,
        deny: Any = None,
        candidates: Any = None,
        identifiers: Mapping[str, Any] | None = None,
    ) -> Any:
        """Decide what to show.

        Parameters
        ----------
        subject : id, sequence of ids, or None
            None is someone anonymous.
        placement : str, optional
        context : dict, optional
            ``basket`` (item ids), ``events`` (dicts of ``item`` and perhaps ``time`` and
            ``value``), ``attributes`` of the person, ``page`` (a text, an item's id or
            ``{"item": id}``), ``device``, ``location``, ``time`` (ISO 8601).
        k : int
        explain : bool
            Add a column a source with its contribution to the blend; with a ranker also
            ``ranked_by``, the features that moved its score furthest.
        exclude_seen : bool, optional
            None: the pipeline's own default.
        deny, candidates : sequence of ids, optional
            Never these; only these.
        identifiers : mapping, optional
            Instead of a subject, of a pipeline with an `identity`: ``{"cookie": "c1"}``.

        Returns
        -------
        frame
            ``subject, item, name, score, rank, source, reason_code, reason, fallback, level``, of
            the kind the training data had; with a calibrated ranker also ``probability``, where a
            policy decided ``propensity`` and ``decision_id``. `fallback` says why an answer is not
            personal, if it is not; `level` what it rests on: "history", "context", "attributes",
            "segment" or "popularity" (docs/pipeline.md).
        """
        subjects = [None] if subject is None else listed(subject)
        extra: dict[str, Any] = {
            "placement": placement,
            "context": context,
            "exclude_seen": exclude_seen,
            "deny": None if deny is None else listed(deny),
            "candidates": None if candidates is None else listed(candidates),
            "identifiers": identifiers,
        }
        request: dict[str, Any] = {"k": int(k), "explain": bool(explain)}
        request |= {name: value for name, value in extra.items() if value is not None}
        answers = [
            json.loads(self.recommend_json({"subject": each, **request})) for each in subjects
        ]
        explained = list(self.weights_["new"]) if explain else None
        ranked = explain and self.ranker_ is not None
        calibrated = self.ranker_ is not None and self.ranker_.calibration is not None
        return answer_frame(answers, explained, ranked, calibrated, self._kind)

    def candidate_features(self, subject: Any = None, **request: Any) -> Any:
        """Show what the ranker is asked for one request: its candidates with their features.

        Parameters
        ----------
        subject : id or None
        **request
            As `recommend` takes them: ``context``, ``exclude_seen``, ``deny``, ``candidates``.

        Returns
        -------
        frame
            ``item, ranker_score``, of a calibrated ranker ``probability``, and a column a feature
            (docs/ranking.md), best first by the blend; NaN is not known. Empty where nothing is
            reranked, as nothing is known of the person.

        Raises
        ------
        NotFoundError
            When this pipeline has no ranker.
        """
        body = {"subject": subject, **{k: v for k, v in request.items() if v is not None}}
        found = _core.candidate_rows(self.engine, to_json(body))
        ids = self.engine.context.items.ids()
        columns: dict[str, Any] = {
            "item": id_column([ids[at] for at in found["items"]]),
            "ranker_score": pa.array(found["scores"]),
        }
        calibration = None if self.ranker_ is None else self.ranker_.calibration
        if calibration is not None:
            columns["probability"] = pa.array(calibration.predict(found["scores"]))
        for at, name in enumerate(self.ranker_features_):
            columns[name] = pa.array(np.ascontiguousarray(found["values"][:, at]))
        return make_frame(columns, self._kind)

    def recommend_json(self, request: Mapping[str, Any] | bytes | str) -> bytes:
        """Answer a request as ``POST /v1/recommend`` would: the server's very bytes.

        Raises
        ------
        InvalidArgumentError
            When the request makes no sense; the server answers 400 with the same words.
        """
        text = request if isinstance(request, (bytes, str)) else to_json(request)
        if self._live is not None:
            return bytes(self._live.recommend_json(text, now_micros()))
        return bytes(self.engine.recommend_json(text))

    # -- artifact --------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the bundle, atomically: a reader sees the old file or the new one.

        Raises
        ------
        PenchantIOError
            When the file can't be written.
        """
        _core.write_file_atomically(str(path), self._bundle().file_bytes)

    def to_bytes(self) -> bytes:
        """Return the bundle as bytes: equal pipelines, equal bytes."""
        return bytes(self._bundle().file_bytes)

    def _bundle(self) -> Any:
        """The bundle, with what its policies have learnt until now."""
        engine = self.engine
        return self._live.bundle() if engine.placements else engine.bundle

    @classmethod
    def _load(cls, path: str, options: LiveOptions) -> Self:
        return cls._of(_core.Engine.open(path), options=options)

    @classmethod
    def _of(
        cls,
        engine: Any,
        kind: str = "pandas",
        options: LiveOptions = IN_MEMORY,
    ) -> Self:
        out = cls()
        out._adopt(engine, kind, options)
        known = out.lineage_.get("pipeline", {})
        out.exclude_seen = engine.exclude_seen
        out.quota = known.get("quota", out.quota)
        out.seed = known.get("seed", out.seed)
        out.depth = out.lineage_.get("ranker", {}).get("depth", out.depth)
        return out

    @property
    def version(self) -> str:
        """16 hex digits that name what decides the answers; every response quotes them."""
        return str(self.engine.version)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        engine = state.pop("_engine")
        state.pop("_live")
        state.pop("_key")
        state["_bytes"] = None if engine is None else self.to_bytes()
        state.pop("fitted_sources_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = copy.copy(state)
        raw = state.pop("_bytes")
        self.__dict__.update(state)
        self._engine = self._live = self._key = None
        if raw is not None:
            reader = _core.BundleReader.from_bytes(raw)
            self._start(_core.Engine.from_bundle(reader))

    # -- evaluation ------------------------------------------------------------------------------

    def _known(self) -> tuple[Any, Any, Any]:
        context = self.engine.context
        return context.subjects, context.history, context

    def _scorer(self, subject_ids: Any, *, exclude_seen: bool, told: Told | None = None) -> Any:
        asked = listed(subject_ids)
        return self.engine.scorer(asked, exclude_seen, _EVALUATED_LIST, *(told or ()))
