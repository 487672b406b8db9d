# Made by `make stubs` from the extension; edit the bindings, not this file.
# mypy: disable-error-code="assignment,override,misc"
"""
Penchant's C++ core; use the penchant package, which wraps it.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import typing
import typing_extensions

__all__: list[str] = [
    "AlsModel",
    "AlsTrainer",
    "AttributeTable",
    "BanditLoop",
    "BanditPolicy",
    "BinnedRows",
    "BlendProblem",
    "BundleReader",
    "BundleWriter",
    "Calibration",
    "Context",
    "Dataset",
    "Deduplicator",
    "Engine",
    "EventTable",
    "FeaturePlan",
    "FeatureProfiles",
    "FeatureState",
    "Filter",
    "Forest",
    "HybridModel",
    "IdMap",
    "Identity",
    "Interactions",
    "LatePolicy",
    "Live",
    "Mapping",
    "Model",
    "OffPolicyEstimate",
    "OffPolicyEstimation",
    "OffPolicyWeights",
    "PairwiseModel",
    "PairwiseTrainer",
    "RankingProblem",
    "RowLabels",
    "Scorer",
    "SegmentIndex",
    "SegmentRules",
    "ShapExplainer",
    "Taxonomy",
    "VectorIndex",
    "blend_models",
    "bootstrap",
    "build_bundle",
    "build_info",
    "by_user_test_rows",
    "candidate_feature_names",
    "candidate_rows",
    "context_term_names",
    "context_term_rows",
    "default_identity_options",
    "erase_json",
    "evaluate",
    "event_lines_of_folder",
    "export_lightgbm",
    "extended_context",
    "find_infinite",
    "fit_ease",
    "fit_graph_filter",
    "fit_item_knn",
    "fit_local_ridge",
    "fit_popular",
    "fit_random",
    "fit_repeat_purchase",
    "fit_segment_popular",
    "fit_slim",
    "force_simd_target",
    "format_timestamp",
    "import_catboost",
    "import_lightgbm",
    "import_xgboost",
    "lean_items",
    "lean_people",
    "learn_blend",
    "learn_weights",
    "leave_last_out_test_rows",
    "make_content",
    "mean_margin",
    "metric_name",
    "millionths",
    "model_scorer",
    "normalize_identifier",
    "off_policy_estimate",
    "off_policy_estimator_name",
    "off_policy_known_weights",
    "off_policy_posterior_weights",
    "parse_duration",
    "parse_times",
    "parse_timestamp",
    "random_test_rows",
    "ranker_rows",
    "read_decision_log",
    "recommend_batch",
    "reindexed_interactions",
    "simd_target",
    "simd_targets",
    "student_t_quantile",
    "temporal_test_rows",
    "train_forest",
    "version",
    "whole_millionths",
    "with_events",
    "write_file_atomically",
]

class BundleReader:
    """
    An opened bundle: mapped, every checksum verified, immutable. Arrays keep it alive.
    """
    @staticmethod
    def from_bytes(data: typing_extensions.Buffer) -> BundleReader:
        """
        Copies the bytes once.
        """
    @staticmethod
    def open(path: os.PathLike | str | bytes) -> BundleReader: ...
    def __contains__(self, name: str) -> bool: ...
    def array(self, name: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
        """
        Read-only, not copied, of the section's shape.
        """
    def has(self, name: str) -> bool: ...
    def text(self, name: str) -> str: ...
    @property
    def file_bytes(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        The whole file [bytes] uint8, read-only, not copied.
        """
    @property
    def fingerprint(self) -> str: ...
    @property
    def header_json(self) -> str: ...
    @property
    def lineage_json(self) -> str: ...
    @property
    def sections(self) -> list:
        """
        Dicts of name, dtype, shape, offset (from the start of the file), bytes and xxh3 (hex), in the file's order.
        """

class BundleWriter:
    """
    Collects sections, then writes them as one bundle.
    """
    def __init__(self) -> None: ...
    def add(self, name: str, values: typing.Any) -> None:
        """
        Copies an array of uint8, int32, int64, float32 or float64.
        """
    def add_text(self, name: str, text: str) -> None: ...
    def to_bytes(self, lineage_json: str = "{}") -> bytes: ...
    def write_file(self, path: os.PathLike | str | bytes, lineage_json: str = "{}") -> None:
        """
        Atomic: temporary, fsync, rename.
        """

class IdMap:
    """
    External ids, sorted, to dense indices and back.
    """

    __hash__: typing.ClassVar[None] = None
    @staticmethod
    def from_integers(ids: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> IdMap:
        """
        Any order and duplicates; int64 [n].
        """
    @staticmethod
    def from_sorted_integers(ids: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> IdMap:
        """
        Ascending int64 [n].
        """
    @staticmethod
    def from_sorted_strings(
        offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        bytes: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8],
    ) -> IdMap:
        """
        Ascending UTF-8 strings: offsets int64 [n + 1] into bytes uint8.
        """
    @staticmethod
    def from_strings(ids: collections.abc.Sequence[str]) -> IdMap:
        """
        Any order, duplicates.
        """
    def __contains__(self, arg0: typing.Any) -> bool: ...
    def __eq__(self, arg0: IdMap) -> bool: ...
    def __getstate__(self) -> tuple: ...
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def __setstate__(self, arg0: tuple) -> None: ...
    def find(self, id: typing.Any) -> int:
        """
        Index of an id, -1 when unknown.
        """
    def find_all(self, ids: typing.Any) -> numpy.typing.NDArray[numpy.int32]:
        """
        Index of each id, -1 when unknown; int32 [n].
        """
    def ids(self) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
        """
        Ids by index: int64 [n] (read-only, no copy) or object [n] of str.
        """
    def take(self, index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32]) -> typing.Any:
        """
        Ids of these indices: int64 [n] or a list of str; each must be in bounds.
        """
    @property
    def kind(self) -> str: ...

class Interactions:
    """
    One row a subject (CSR), one entry a pair; arrays are views.
    """
    @property
    def counts(self) -> numpy.typing.NDArray[numpy.int32]: ...
    @property
    def first(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        Time of each pair's first event, microseconds since 1970 UTC.
        """
    @property
    def items(self) -> numpy.typing.NDArray[numpy.int32]: ...
    @property
    def last(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        Time of each pair's last event, microseconds since 1970 UTC.
        """
    @property
    def nnz(self) -> int: ...
    @property
    def num_items(self) -> int: ...
    @property
    def num_users(self) -> int: ...
    @property
    def offsets(self) -> numpy.typing.NDArray[numpy.int64]: ...
    @property
    def values(self) -> numpy.typing.NDArray[numpy.float32]: ...

class AttributeTable:
    """
    What is known of people beside events, a row a person.
    """
    def __init__(self, rows: typing.SupportsInt | typing.SupportsIndex, columns: list) -> None:
        """
        Columns are tuples (name, numbers or None, texts, offsets, codes).
        """
    def __len__(self) -> int: ...
    @property
    def names(self) -> list[str]: ...

class Dataset:
    """
    A cleaned event log; columns are read-only views.
    """
    def __init__(
        self,
        subjects: IdMap,
        items: IdMap,
        *,
        subject_index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        item_index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        type_index: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8],
        values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        types: collections.abc.Sequence[tuple[str, typing.SupportsFloat | typing.SupportsIndex]],
        item_names: collections.abc.Sequence[str] = [],
        half_life: typing.SupportsInt | typing.SupportsIndex | None = None,
        listed: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    ) -> None: ...
    def __len__(self) -> int: ...
    def filtered(self, keep: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8]) -> Dataset:
        """
        The rows where keep (uint8 or bool [rows]) is not 0.
        """
    def hash(self) -> str: ...
    def interactions(self) -> Interactions: ...
    def repeated_rows(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        uint8 [rows]: 1 where the row equals the one before it in every column.
        """
    @property
    def first_time(self) -> int | None: ...
    @property
    def half_life(self) -> int | None: ...
    @property
    def item_index(self) -> numpy.typing.NDArray[numpy.int32]: ...
    @property
    def item_names(self) -> list[str]: ...
    @property
    def items(self) -> IdMap: ...
    @property
    def last_time(self) -> int | None: ...
    @property
    def listed(self) -> list[int]:
        """
        1 for each item that stays without events; empty when none was asked for.
        """
    @property
    def subject_index(self) -> numpy.typing.NDArray[numpy.int32]: ...
    @property
    def subjects(self) -> IdMap: ...
    @property
    def times(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        Microseconds since 1970 UTC; the smallest int64 where the log has no times.
        """
    @property
    def type_index(self) -> numpy.typing.NDArray[numpy.uint8]: ...
    @property
    def types(self) -> list[tuple[str, float]]:
        """
        Pairs (name, weight), by name.
        """
    @property
    def values(self) -> numpy.typing.NDArray[numpy.float32]: ...

class Identity:
    """
    Identifiers to subjects; penchant.Identity speaks frames.
    """
    @staticmethod
    def load(reader: BundleReader, prefix: str, key: bytes) -> Identity: ...
    def __init__(self, options: str, key: bytes) -> None: ...
    def block(self, id: str, nobody: bool) -> dict: ...
    def chain(self, a: str, b: str) -> dict: ...
    def cut(self, a: str, b: str, away: bool) -> dict: ...
    def find(self, text: str) -> bool: ...
    def link(
        self,
        columns: list,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
        skip: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None = None,
        events: typing.Any = None,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> dict: ...
    def members(self, id: str) -> tuple: ...
    def part(self, a: str, b: str) -> tuple[dict, dict]: ...
    def refused(self) -> dict: ...
    def resolve(
        self, columns: list, threads: typing.SupportsInt | typing.SupportsIndex = 0
    ) -> tuple: ...
    def save(self, writer: BundleWriter, prefix: str) -> None: ...
    def shared(self, id: str) -> bool: ...
    def subject_at(
        self, text: str, time: typing.SupportsInt | typing.SupportsIndex
    ) -> typing.Any: ...
    def subject_of(self, text: str) -> typing.Any: ...
    def table(self) -> tuple[tuple, tuple]:
        """
        Names of all identifiers, and of their subjects.
        """
    @property
    def identifiers(self) -> int: ...
    @property
    def keyed(self) -> bool: ...
    @property
    def links(self) -> int: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def options(self) -> str: ...
    @property
    def subjects(self) -> int: ...

class Taxonomy:
    """
    The types of events there are.
    """
    @staticmethod
    def builtin() -> Taxonomy: ...
    @staticmethod
    def from_json(json: str) -> Taxonomy: ...
    @staticmethod
    def reason_names() -> list[str]: ...
    def extended(self, json: str) -> Taxonomy: ...
    def read(
        self, json: bytes, received: typing.SupportsInt | typing.SupportsIndex | None
    ) -> typing.Any:
        """
        The event as JSON of the newest version, or (reason, message, payload hash).
        """
    def slots(self) -> list[tuple[str, str]]:
        """
        (name, kind) each.
        """
    def to_json(self) -> str: ...
    def type_names(self) -> list[str]: ...

class Mapping:
    """
    Events of another tracker as ours.
    """
    @staticmethod
    def from_json(json: str) -> Mapping: ...
    def apply(self, json: bytes) -> typing.Any:
        """
        Events as JSON, or (reason, message, payload hash).
        """
    @property
    def name(self) -> str: ...

class EventTable:
    """
    Events as columns, a row a line.
    """
    def __init__(self, taxonomy: Taxonomy) -> None: ...
    def baskets(self) -> tuple:
        """
        Basket [rows]; orders and times of the baskets.
        """
    def contexts(self) -> tuple: ...
    def event(self) -> numpy.typing.NDArray[numpy.int32]: ...
    def extras(self) -> tuple: ...
    def first_row(self) -> numpy.typing.NDArray[numpy.int32]: ...
    def id_hash(self) -> numpy.typing.NDArray[numpy.uint64]: ...
    def identifiers(self) -> list:
        """
        (namespace, (codes [events], offsets, bytes)) each.
        """
    def ids(self) -> tuple: ...
    def item(self) -> tuple: ...
    def order(self) -> tuple: ...
    def price(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def quantity(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def read_columns(
        self,
        rows: typing.SupportsInt | typing.SupportsIndex,
        columns: list,
        type: str,
        received: typing.SupportsInt | typing.SupportsIndex | None,
    ) -> tuple:
        """
        Appends the good rows of a frame. Bad ones: rows, reasons, messages, payload hashes, counts by reason, cells dropped.
        """
    def read_json_lines(
        self,
        bytes: bytes,
        received: typing.SupportsInt | typing.SupportsIndex | None,
        mapping: Mapping | None,
    ) -> tuple:
        """
        The same of JSON objects, one a line.
        """
    def received(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def sessions(self, gap: typing.SupportsInt | typing.SupportsIndex) -> tuple:
        """
        Ids, numbers, starts [rows], and their count.
        """
    def set_subject(
        self, event: typing.SupportsInt | typing.SupportsIndex, subject: str
    ) -> None: ...
    def slot(self, slot: typing.SupportsInt | typing.SupportsIndex) -> typing.Any:
        """
        int64 [rows], or codes, offsets and bytes; None where no row has a value.
        """
    def subject(self) -> tuple: ...
    def time(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def type(self) -> numpy.typing.NDArray[numpy.uint16]: ...
    @property
    def events(self) -> int: ...
    @property
    def rows(self) -> int: ...

class Deduplicator:
    """
    Whether an event id was there before.
    """
    @staticmethod
    def restore(
        bytes: bytes,
        horizon: typing.SupportsInt | typing.SupportsIndex,
        max_ids: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
    ) -> Deduplicator: ...
    def __init__(
        self,
        horizon: typing.SupportsInt | typing.SupportsIndex,
        max_ids: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def __len__(self) -> int: ...
    def classify(self, id: str, time: typing.SupportsInt | typing.SupportsIndex) -> str: ...
    def fold(self, id: str, time: typing.SupportsInt | typing.SupportsIndex) -> str: ...
    def fold_table(self, table: EventTable) -> numpy.typing.NDArray[numpy.uint8]:
        """
        uint8 [events]: 0 new, 1 duplicate, 2 unknown.
        """
    def save(self) -> bytes: ...
    @property
    def bytes(self) -> int: ...

class LatePolicy:
    """
    Events in order, out of order, and too late.
    """
    def __init__(self, lateness: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def classify(self, time: typing.SupportsInt | typing.SupportsIndex) -> str: ...
    def fold(
        self,
        time: typing.SupportsInt | typing.SupportsIndex,
        received: typing.SupportsInt | typing.SupportsIndex | None,
    ) -> str: ...
    def fold_table(self, table: EventTable) -> numpy.typing.NDArray[numpy.uint8]:
        """
        uint8 [events]: 0 on time, 1 late, 2 too late.
        """
    @property
    def latest(self) -> int: ...
    @property
    def watermark(self) -> int: ...

class FeaturePlan:
    """
    Features, and what has to be kept to compute them.
    """
    def __init__(self, json: str) -> None: ...
    @property
    def json(self) -> str: ...
    @property
    def names(self) -> list[str]:
        """
        Of the features that are not hidden.
        """

class FeatureState:
    """
    What a plan knows after the events it has seen.
    """
    def __init__(
        self,
        plan: FeaturePlan,
        items: typing.SupportsInt | typing.SupportsIndex,
        item_codes: collections.abc.Sequence[
            tuple[
                typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
                typing.SupportsInt | typing.SupportsIndex,
            ]
        ],
        item_numbers: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
        ],
        embeddings: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float32]
        ] = [],
        subject_codes: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.int32]
        ] = [],
    ) -> None: ...
    def read(
        self,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
        contexts: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
        ] = [],
    ) -> list[numpy.typing.NDArray[numpy.float64]]:
        """
        A column [points] for each feature that is not hidden.
        """
    def replay(
        self,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        types: typing.Annotated[numpy.typing.ArrayLike, numpy.uint16],
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        numbers: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.int64]],
        codes: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.int32]],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    @property
    def bytes(self) -> int: ...
    @property
    def rows(self) -> int: ...

class FeatureProfiles:
    """
    A plan with the events that it has seen.
    """
    def __init__(
        self,
        plan: FeaturePlan,
        subject_ids: IdMap,
        item_ids: IdMap,
        item_codes: collections.abc.Sequence[
            tuple[typing.Annotated[numpy.typing.ArrayLike, numpy.int32], IdMap]
        ],
        item_numbers: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
        ],
        code_ids: collections.abc.Sequence[IdMap],
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        types: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        numbers: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.int64]],
        codes: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.int32]],
        embeddings: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float32]
        ] = [],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
        subject_codes: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.int32]
        ] = [],
        rules: str = "",
    ) -> None: ...
    def read(
        self,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
        contexts: collections.abc.Sequence[
            typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
        ] = [],
    ) -> list[numpy.typing.NDArray[numpy.float64]]:
        """
        A column [points] for each feature that is not hidden.
        """
    @property
    def bytes(self) -> int: ...
    @property
    def memory(self) -> list[tuple[str, int, int]]: ...
    @property
    def rows(self) -> int: ...
    @property
    def state(self) -> FeatureState: ...

class SegmentRules:
    """
    Rules that say who is in which segment, over a plan's features.
    """
    def __init__(self, json: str, plan: FeaturePlan) -> None: ...
    def read(
        self,
        state: FeatureState,
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        scores: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Who is in which segment [points, segments], from the state.
        """
    @property
    def names(self) -> list[str]: ...

class SegmentIndex:
    """
    Who is in which segment, kept up with events and with time.
    """
    def __init__(
        self,
        state: FeatureState,
        rules: SegmentRules,
        time: typing.SupportsInt | typing.SupportsIndex,
        subjects: typing.SupportsInt | typing.SupportsIndex,
        every: typing.SupportsInt | typing.SupportsIndex,
        scores: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def advance(
        self,
        time: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> tuple[
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int32],
        numpy.typing.NDArray[numpy.uint32],
        numpy.typing.NDArray[numpy.bool],
    ]:
        """
        Changes as columns: times, subjects, segments, whether entered.
        """
    def members(
        self, segment: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.int32]: ...
    def overlap(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def segments_of(self, subject: typing.SupportsInt | typing.SupportsIndex) -> list[int]: ...
    def set_scores(
        self,
        scores: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]],
    ) -> None: ...
    def sizes(self) -> numpy.typing.NDArray[numpy.int64]: ...
    def touch(
        self,
        subjects: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    ) -> None: ...
    @property
    def bytes(self) -> int: ...
    @property
    def looks(self) -> int: ...
    @property
    def subjects(self) -> int: ...
    @property
    def time(self) -> int: ...

class Context:
    """
    Ids, histories and popularity that fitted models share.
    """
    @staticmethod
    def load(arg0: BundleReader, arg1: str) -> Context: ...
    def __init__(self, data: Dataset, attributes: AttributeTable = None) -> None: ...
    def item_name(self, item: typing.SupportsInt | typing.SupportsIndex) -> str:
        """
        The catalogue's name of the item, '' when it has none.
        """
    def save(self, arg0: BundleWriter, arg1: str) -> None: ...
    @property
    def as_of(self) -> int: ...
    @property
    def attributes(self) -> AttributeTable:
        """
        Of the subjects, a row each; without columns when none are known.
        """
    @property
    def history(self) -> Interactions: ...
    @property
    def items(self) -> IdMap: ...
    @property
    def popularity(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def subjects(self) -> IdMap: ...

class Model:
    """
    A fitted, immutable model.
    """
    @staticmethod
    def load(
        arg0: BundleReader,
        arg1: str,
        arg2: typing.SupportsInt | typing.SupportsIndex,
        arg3: typing.SupportsInt | typing.SupportsIndex,
    ) -> Model: ...
    def save(self, arg0: BundleWriter, arg1: str) -> None: ...
    def similar(self, item: typing.SupportsInt | typing.SupportsIndex) -> typing.Any:
        """
        Similarity of every item to `item`; None when there is no notion.
        """
    @property
    def kind(self) -> str: ...
    @property
    def num_items(self) -> int: ...

class AlsModel(Model):
    def fold_in(
        self, pairs: Interactions, as_of: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float32]:
        """
        Vectors [users, factors] of the histories.
        """
    def loss(
        self,
        pairs: Interactions,
        as_of: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> float: ...
    @property
    def item_factors(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def user_factors(self) -> numpy.typing.NDArray[numpy.float32]: ...

class AlsTrainer:
    def __init__(
        self,
        pairs: Interactions,
        as_of: typing.SupportsInt | typing.SupportsIndex,
        *,
        factors: typing.SupportsInt | typing.SupportsIndex,
        regularization: typing.SupportsFloat | typing.SupportsIndex,
        alpha: typing.SupportsFloat | typing.SupportsIndex,
        unobserved_weight: typing.SupportsFloat | typing.SupportsIndex,
        regularization_exponent: typing.SupportsFloat | typing.SupportsIndex,
        solver: str,
        weighting: str,
        half_life: typing.SupportsInt | typing.SupportsIndex | None,
        user_bias: bool,
        item_bias: bool,
        cg_steps: typing.SupportsInt | typing.SupportsIndex,
        block_factors: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def continue_from(
        self,
        model: AlsModel,
        user_rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        item_rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    ) -> None: ...
    def finish(self) -> AlsModel: ...
    def iterate(self) -> None: ...
    def loss(self) -> float: ...
    def restore(
        self,
        users: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        iteration: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def snapshot(self) -> AlsModel: ...
    def state(self) -> tuple:
        """
        What iterations change: (users, items), float32, copied.
        """

class PairwiseModel(Model):
    """
    Factors of BPR or WARP; the last column is (1 | bias).
    """
    def fold_in(self, pairs: Interactions) -> numpy.typing.NDArray[numpy.float32]:
        """
        Vectors [users, factors + 1] of the histories.
        """
    @property
    def item_factors(self) -> numpy.typing.NDArray[numpy.float32]: ...
    @property
    def user_factors(self) -> numpy.typing.NDArray[numpy.float32]: ...

class PairwiseTrainer:
    def __init__(
        self,
        pairs: Interactions,
        *,
        loss: str,
        factors: typing.SupportsInt | typing.SupportsIndex,
        learning_rate: typing.SupportsFloat | typing.SupportsIndex,
        regularization: typing.SupportsFloat | typing.SupportsIndex,
        max_trials: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def finish(self) -> PairwiseModel: ...
    def iterate(self) -> float:
        """
        One step a pair; returns the share that was ranked right.
        """

class HybridModel(Model):
    def __init__(self, als: AlsModel) -> None: ...
    @property
    def item_factors(self) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]: ...
    @property
    def user_factors(self) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]: ...

class RankingProblem:
    """
    What models say of held-out items, to learn their weights from.
    """
    def __init__(self, sources: typing.SupportsInt | typing.SupportsIndex, metric: str) -> None: ...
    def add(
        self,
        members: collections.abc.Sequence[Model],
        pairs: Interactions,
        people: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        as_of: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def objective(
        self,
        weights: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> float: ...
    @property
    def rows(self) -> int: ...

class Filter:
    """
    Rows that may be returned, made ready; penchant.VectorIndex.filter.
    """
    @property
    def size(self) -> int:
        """
        Rows that are there.
        """

class VectorIndex:
    """
    Nearest vectors by row number; penchant.VectorIndex speaks ids.
    """
    @staticmethod
    def build(
        vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        kind: str,
        metric: str,
        m: typing.SupportsInt | typing.SupportsIndex,
        ef_construction: typing.SupportsInt | typing.SupportsIndex,
        target_recall: typing.SupportsFloat | typing.SupportsIndex,
        product_graph: str,
        storage: str,
        threads: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        queries: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None,
        progress: typing.Any = None,
    ) -> VectorIndex: ...
    @staticmethod
    def load(reader: BundleReader, prefix: str) -> VectorIndex: ...
    def add(
        self,
        vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        progress: typing.Any = None,
    ) -> int:
        """
        The first new row's number.
        """
    def filter(
        self,
        allow: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None = None,
        mask: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None = None,
    ) -> Filter: ...
    def remove(self, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32]) -> None: ...
    def save(self, writer: BundleWriter, prefix: str) -> None: ...
    def search(
        self,
        queries: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        k: typing.SupportsInt | typing.SupportsIndex,
        ef: typing.SupportsInt | typing.SupportsIndex,
        allow: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None = None,
        mask: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None = None,
        filter: Filter = None,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> tuple:
        """
        Rows [q, k] int32 (-1 where none is left), scores [q, k] float32, rows visited.
        """
    @property
    def dimension(self) -> int: ...
    @property
    def params(self) -> dict:
        """
        As given to build, threads apart.
        """
    @property
    def removed(self) -> numpy.typing.NDArray[numpy.int32]: ...
    @property
    def report(self) -> dict: ...
    @property
    def rows(self) -> int:
        """
        Numbers given so far.
        """
    @property
    def size(self) -> int:
        """
        Rows that are there.
        """

class Forest:
    """
    Trees ready to score; penchant.ranking.Forest wraps it.
    """
    @staticmethod
    def from_arrays(arrays: dict) -> Forest:
        """
        What to_arrays gives.
        """
    @staticmethod
    def load(reader: BundleReader, prefix: str) -> Forest: ...
    def apply_link(
        self, scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Predictions [rows, outputs].
        """
    @typing.overload
    def predict_raw(
        self,
        rows: numpy.typing.NDArray[numpy.float32],
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    @typing.overload
    def predict_raw(
        self,
        rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Scores [rows, outputs] float64, before the link.
        """
    def save(self, writer: BundleWriter, prefix: str) -> None: ...
    def to_arrays(self) -> dict: ...
    @property
    def feature_names(self) -> list[str]: ...
    @property
    def link(self) -> str: ...
    @property
    def num_features(self) -> int: ...
    @property
    def num_leaves(self) -> int: ...
    @property
    def num_outputs(self) -> int: ...
    @property
    def num_trees(self) -> int: ...

class Calibration:
    """
    From raw scores to probabilities.
    """
    @staticmethod
    def fit(
        scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        label: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        *,
        weight: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
        method: str,
    ) -> Calibration:
        """
        scores [rows, outputs], label [rows] int32, weight [rows].
        """
    @staticmethod
    def load(reader: BundleReader, prefix: str) -> Calibration: ...
    def apply(
        self,
        scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Probabilities [rows, outputs] float64 of raw scores.
        """
    def curves(self) -> list:
        """
        A dict an output: x and p, or slope and offset.
        """
    def save(self, writer: BundleWriter, prefix: str) -> None: ...
    @property
    def method(self) -> str: ...
    @property
    def num_outputs(self) -> int: ...

class ShapExplainer:
    """
    Exact SHAP values of a Forest.
    """
    def __init__(self, forest: Forest) -> None: ...
    def values(
        self,
        rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        background: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        SHAP values [rows, outputs, features + 1] float64, the expected score last.
        """

class BinnedRows:
    """
    Rows as bins, ready to train on.
    """
    @typing.overload
    def __init__(
        self,
        begin: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        value: numpy.typing.NDArray[numpy.float32],
        columns: typing.SupportsInt | typing.SupportsIndex,
        *,
        weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None,
        bins: typing.SupportsInt | typing.SupportsIndex,
        categorical: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @typing.overload
    def __init__(
        self,
        begin: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        value: numpy.typing.NDArray[numpy.float64],
        columns: typing.SupportsInt | typing.SupportsIndex,
        *,
        weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None,
        bins: typing.SupportsInt | typing.SupportsIndex,
        categorical: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @typing.overload
    def __init__(
        self,
        rows: numpy.typing.NDArray[numpy.float32],
        *,
        weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None,
        bins: typing.SupportsInt | typing.SupportsIndex,
        categorical: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @typing.overload
    def __init__(
        self,
        rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        *,
        weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None,
        bins: typing.SupportsInt | typing.SupportsIndex,
        categorical: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def bounds(
        self, arg0: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    @typing.overload
    def held_out(
        self,
        begin: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        value: numpy.typing.NDArray[numpy.float32],
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> BinnedRows: ...
    @typing.overload
    def held_out(
        self,
        begin: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        value: numpy.typing.NDArray[numpy.float64],
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> BinnedRows: ...
    @typing.overload
    def held_out(
        self,
        rows: numpy.typing.NDArray[numpy.float32],
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> BinnedRows: ...
    @typing.overload
    def held_out(
        self,
        rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> BinnedRows:
        """
        Other rows in the same bins.
        """
    @property
    def columns(self) -> int:
        """
        Columns of bytes: fewer than features where sparse ones share.
        """
    @property
    def rows(self) -> int: ...

class RowLabels:
    """
    What rows are to be: targets [n], and what goes with them.
    """
    def __init__(
        self,
        target: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
        *,
        weight: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None,
        group_begin: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None = None,
        position: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None = None,
    ) -> None: ...

class BanditPolicy:
    """
    Chooses among arms and learns.
    """
    @staticmethod
    def load(reader: BundleReader, prefix: str) -> BanditPolicy: ...
    def __init__(self, options: dict) -> None:
        """
        options: kind, model and the numbers of PolicyOptions (bandits/options.h).
        """
    def clone(self) -> BanditPolicy: ...
    def decide(
        self,
        contexts: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        arms: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        features: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
        blocked: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None,
        ids: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64],
        slots: typing.SupportsInt | typing.SupportsIndex = 1,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> tuple:
        """
        Positions [rows, slots] among the arms, and their propensities.
        """
    def ensure_arms(self, arms: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def propose(
        self,
        contexts: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        arms: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        features: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
        blocked: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None,
        ids: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64],
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Probabilities [rows, arms] of the arms' rows (-1: new).
        """
    def save(self, writer: BundleWriter, prefix: str) -> None: ...
    def undo(
        self,
        contexts: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        arms: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        rewards: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        features: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
        ids: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64] | None,
        age: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
        age_of_all: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
    ) -> None: ...
    def update(
        self,
        contexts: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        arms: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        rewards: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        features: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
        ids: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64] | None,
    ) -> None: ...
    @property
    def arms(self) -> int: ...
    @property
    def dimension(self) -> int: ...
    @property
    def event_ids(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...

class BanditLoop:
    """
    Decides, logs, is rewarded, learns.
    """
    @staticmethod
    def outcome_names() -> list[str]: ...
    @staticmethod
    def widths(folder: str, policy: str) -> tuple[int, int] | None:
        """
        Widths of contexts and arm features in a folder's log; None where it has no decisions.
        """
    def __init__(self, folder: str, policies: list, options: dict) -> None:
        """
        policies: (name, BanditPolicy, arms as JSON texts, join options) each; an empty folder name keeps the log in memory.
        """
    def arms(self, name: str) -> list[str]:
        """
        Those that were learnt, as JSON texts.
        """
    def counts(self) -> dict: ...
    def decide(
        self,
        policy: str,
        contexts: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        arms: collections.abc.Sequence[str],
        features: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
        blocked: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None,
        slots: typing.SupportsInt | typing.SupportsIndex,
        ids: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64] | None,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        subjects: collections.abc.Sequence[str] | None,
        placement: str,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> tuple:
        """
        Decision ids [rows], positions and propensities [rows, slots].
        """
    def dropped(self) -> dict: ...
    def forget(self, subject: str) -> int: ...
    def pass_time(self, micros: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def policy(self, name: str) -> tuple:
        """
        A copy of the policy, and its arms.
        """
    def read_log(self) -> dict: ...
    def reward(
        self,
        decisions: typing.Annotated[numpy.typing.ArrayLike, numpy.uint64],
        values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
        slots: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
        arms: collections.abc.Sequence[str] | None,
        ids: collections.abc.Sequence[str] | None,
        times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
    ) -> numpy.typing.NDArray[numpy.uint8]:
        """
        Outcomes [n] as numbers; outcome_names() has their names.
        """
    def snapshot(self) -> None: ...
    def state(self) -> bytes: ...

class Scorer:
    """
    Scores of the whole catalogue for a list of subjects, computed when asked.
    """
    @staticmethod
    def from_scores(scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> Scorer:
        """
        Scores computed elsewhere: float32 [rows, items], not copied when contiguous.
        """
    def scores(
        self, row: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float32]:
        """
        float32 [items] of one row.
        """
    @property
    def num_items(self) -> int: ...
    @property
    def rows(self) -> int: ...

class OffPolicyEstimate:
    """
    What one estimator says.
    """
    @property
    def effective_sample_size(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def largest_round(self) -> int | None: ...
    @property
    def largest_share(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def most(self) -> float: ...
    @property
    def standard_error(self) -> float: ...
    @property
    def value(self) -> float: ...

class OffPolicyWeights:
    """
    Facts of the plain importance weights.
    """
    @property
    def effective_sample_size(self) -> float: ...
    @property
    def heaviest_round(self) -> int | None: ...
    @property
    def mean(self) -> float: ...
    @property
    def most(self) -> float: ...
    @property
    def standard_error(self) -> float: ...

class OffPolicyEstimation:
    """
    Estimates of one pass.
    """
    @property
    def estimates(self) -> list[OffPolicyEstimate]: ...
    @property
    def weights(self) -> OffPolicyWeights: ...

class Engine:
    """
    The one request path, assembled from a bundle.
    """
    @staticmethod
    def from_bundle(reader: BundleReader, check_goldens: bool = True) -> Engine: ...
    @staticmethod
    def open(path: os.PathLike | str | bytes, check_goldens: bool = True) -> Engine: ...
    def recommend_json(self, request: str) -> bytes: ...
    def scorer(
        self,
        subjects: collections.abc.Sequence[str | typing.SupportsInt | typing.SupportsIndex],
        exclude_seen: bool,
        k: typing.SupportsInt | typing.SupportsIndex,
        told: AttributeTable = None,
        told_rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] = ...,
    ) -> Scorer: ...
    def source_model(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> Model: ...
    @property
    def bundle(self) -> BundleReader: ...
    @property
    def cold_start(self) -> bool: ...
    @property
    def context(self) -> Context: ...
    @property
    def exclude_seen(self) -> bool: ...
    @property
    def has_identity(self) -> bool: ...
    @property
    def identity_has_key(self) -> bool: ...
    @property
    def num_items(self) -> int: ...
    @property
    def placements(self) -> list[str]:
        """
        Names of those where a policy decides.
        """
    @property
    def profiles(self) -> FeatureProfiles: ...
    @property
    def ranker(self) -> typing.Any:
        """
        (Forest, names of its features, what they are in words, depth, Calibration or None), or None.
        """
    @property
    def segments(self) -> list[str]: ...
    @property
    def sources(self) -> list: ...
    @property
    def stages(self) -> list[str]: ...
    @property
    def taxonomy(self) -> Taxonomy: ...
    @property
    def version(self) -> str: ...

class Live:
    """
    An engine whose policies decide, log and learn.
    """
    @staticmethod
    def open(
        engine: Engine,
        folder: os.PathLike | str | bytes = "",
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
        identity_key: bytes = b"",
        keep: typing.SupportsInt | typing.SupportsIndex = 0,
        keep_bytes: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> Live: ...
    def bundle(self) -> BundleReader: ...
    def decision_json(self, id: str) -> bytes: ...
    def dropped(self) -> dict: ...
    def event_lines(self) -> tuple[bytes, str, int]:
        """
        What was taken, as JSON lines, and where the log of it is: its id (empty in memory), and the last record.
        """
    def events_json(self, request: str, now: typing.SupportsInt | typing.SupportsIndex) -> bytes:
        """
        now: microseconds since 1970, UTC.
        """
    def identity_json(self, request: str) -> bytes: ...
    def metrics_text(self) -> str: ...
    def pass_time(self, now: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def read_log(self) -> dict: ...
    def recommend_json(self, request: str, now: typing.SupportsInt | typing.SupportsIndex) -> bytes:
        """
        now: microseconds since 1970, UTC.
        """
    def reward_json(self, request: str) -> bytes: ...
    def segment_members(self, segment: typing.SupportsInt | typing.SupportsIndex) -> list[str]: ...
    def segment_sizes(self) -> list[int]: ...
    def segments_of(
        self, subject: str, moment: typing.SupportsInt | typing.SupportsIndex
    ) -> list[str]: ...
    def snapshot(self) -> None: ...
    def state(self) -> bytes: ...
    def subject_json(self, subject: str) -> bytes: ...
    @property
    def placements(self) -> list[str]: ...
    @property
    def waiting(self) -> int: ...

class BlendProblem:
    def __init__(self, sources: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def add(
        self,
        engine: Engine,
        subjects: collections.abc.Sequence[str | typing.SupportsInt | typing.SupportsIndex],
        offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
        items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
        exclude_seen: bool,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
        attributes: AttributeTable = None,
    ) -> None: ...
    def objective(
        self,
        weights: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> float: ...
    @property
    def rows(self) -> int: ...

def blend_models(
    members: collections.abc.Sequence[Model],
    weights: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
) -> Model: ...
def bootstrap(
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    *,
    confidence: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    resamples: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Value, low and high of the mean of each row of values [metrics, subjects]: [metrics, 3].
    """

def build_bundle(
    context: Context,
    sources: list,
    exclude_seen: bool,
    lineage: str,
    goldens: collections.abc.Sequence[str],
    cold_start: bool = False,
    ranker: typing.Any = None,
    placements: list = [],
    profiles: FeatureProfiles = None,
    segments: str = "",
    taxonomy: Taxonomy = None,
    identity: Identity = None,
    trained: tuple[str, typing.SupportsInt | typing.SupportsIndex] = ("", 0),
) -> BundleReader:
    """
    Sources are tuples (name, Model, quota, repeat_weight, new_weight, cold_weight), the last of them used with cold_start; ranker is a tuple (Forest, names of features, AttributeTable of items or None, depth); placements are tuples (name, offers, their attributes, those of items, depth, context as JSON, BanditPolicy, its arms, join options); profiles are FeatureProfiles; trained is the id of a log of events, and its last record that was trained on. A checked BundleReader.
    """

def build_info() -> list[tuple[str, str]]:
    """
    Pairs (name, text) of what this build is and runs on.
    """

def by_user_test_rows(
    data: Dataset,
    share: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.uint8]: ...
def candidate_feature_names(engine: Engine, attributes: AttributeTable = None) -> list[str]:
    """
    Names of the features that a ranker over this engine's candidates can have.
    """

def candidate_rows(engine: Engine, request: str) -> dict:
    """
    Candidates of one request as its ranker sees them: items, values, scores.
    """

def context_term_names(json: str) -> list[str]:
    """
    Names of the numbers that a context of these terms has.
    """

def context_term_rows(json: str, table: AttributeTable) -> numpy.typing.NDArray[numpy.float64]:
    """
    The numbers of these terms (numbers and levels) for each row of a table.
    """

def default_identity_options() -> str: ...
def erase_json(live: ..., subject: str) -> bytes:
    """
    Forgets a person in what a Live keeps; None keeps nothing. The receipt as JSON.
    """

def evaluate(
    scorer: Scorer,
    metrics: collections.abc.Sequence[str],
    *,
    truth_offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    truth_items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    seen_offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    seen_items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    unknown_truth: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    popularity: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    population: typing.SupportsFloat | typing.SupportsIndex,
    mask_seen: bool,
    seen_are_negatives: bool = False,
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
    progress: typing.Any = None,
) -> tuple:
    """
    (values float64 [metrics], per subject float64 [metrics, rows]).
    """

def event_lines_of_folder(
    engine: Engine, folder: os.PathLike | str | bytes, key: bytes
) -> tuple[bytes, str, int]:
    """
    As Live.event_lines, of a folder that may be open elsewhere.
    """

def export_lightgbm(forest: Forest) -> str:
    """
    LightGBM's text of a Forest.
    """

def extended_context(
    context: ..., more: Dataset
) -> tuple[..., numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int32]]:
    """
    (context, rows of its subjects in the old one or -1, the same for items)
    """

@typing.overload
def find_infinite(
    rows: numpy.typing.NDArray[numpy.float32],
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> typing.Any: ...
@typing.overload
def find_infinite(
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> typing.Any:
    """
    (row, column) of the first infinite value, or None.
    """

def fit_ease(
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    regularization: typing.SupportsFloat | typing.SupportsIndex,
    user_exponent: typing.SupportsFloat | typing.SupportsIndex,
    keep: typing.SupportsInt | typing.SupportsIndex,
    double_precision: bool,
    max_memory: typing.SupportsFloat | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
    progress: typing.Any = None,
) -> Model: ...
def fit_graph_filter(
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    components: typing.SupportsInt | typing.SupportsIndex,
    low_pass_weight: typing.SupportsFloat | typing.SupportsIndex,
    user_exponent: typing.SupportsFloat | typing.SupportsIndex,
    item_exponent: typing.SupportsFloat | typing.SupportsIndex,
    target_exponent: typing.SupportsFloat | typing.SupportsIndex,
    sharpen: typing.SupportsFloat | typing.SupportsIndex,
    keep: typing.SupportsInt | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    progress: typing.Any = None,
) -> Model: ...
def fit_item_knn(
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    similarity: str,
    neighbors: typing.SupportsInt | typing.SupportsIndex,
    k1: typing.SupportsFloat | typing.SupportsIndex,
    b: typing.SupportsFloat | typing.SupportsIndex,
    shrinkage: typing.SupportsFloat | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
    progress: typing.Any = None,
) -> Model: ...
def fit_local_ridge(
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    neighbors: typing.SupportsInt | typing.SupportsIndex,
    regularization: typing.SupportsFloat | typing.SupportsIndex,
    user_exponent: typing.SupportsFloat | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
    progress: typing.Any = None,
) -> Model: ...
def fit_popular(
    data: Dataset,
    *,
    window: typing.SupportsInt | typing.SupportsIndex | None = None,
    half_life: typing.SupportsInt | typing.SupportsIndex | None = None,
) -> Model: ...
def fit_random(
    num_items: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> Model: ...
def fit_repeat_purchase(
    pairs: Interactions, as_of: typing.SupportsInt | typing.SupportsIndex
) -> Model: ...
def fit_segment_popular(
    data: Dataset,
    attributes: AttributeTable,
    by: collections.abc.Sequence[tuple[str, str, typing.SupportsFloat | typing.SupportsIndex]],
    *,
    window: typing.SupportsInt | typing.SupportsIndex | None,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    strength: typing.SupportsFloat | typing.SupportsIndex,
    bins: typing.SupportsInt | typing.SupportsIndex,
) -> Model:
    """
    `by` lists (attribute, 'categories' or 'numbers', weight); weights don't count.
    """

def fit_slim(
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    neighbors: typing.SupportsInt | typing.SupportsIndex,
    user_exponent: typing.SupportsFloat | typing.SupportsIndex,
    iterations: typing.SupportsInt | typing.SupportsIndex,
    tolerance: typing.SupportsFloat | typing.SupportsIndex,
    max_memory: typing.SupportsFloat | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
    progress: typing.Any = None,
) -> Model: ...
def force_simd_target(name: str) -> None: ...
def format_timestamp(micros: typing.SupportsInt | typing.SupportsIndex) -> str: ...
def import_catboost(model: bytes) -> Forest:
    """
    A Forest of CatBoost's JSON.
    """

def import_lightgbm(model: bytes) -> Forest:
    """
    A Forest of LightGBM's text.
    """

def import_xgboost(model: bytes) -> Forest:
    """
    A Forest of XGBoost's JSON or UBJSON.
    """

def lean_items(
    als: AlsModel,
    pairs: Interactions,
    as_of: typing.SupportsInt | typing.SupportsIndex,
    *,
    offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    features: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    num_features: typing.SupportsInt | typing.SupportsIndex,
    strength: typing.SupportsFloat | typing.SupportsIndex,
    ridge: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> AlsModel:
    """
    The model with item vectors drawn towards what features (CSR) make one expect.
    """

def lean_people(
    als: AlsModel,
    pairs: Interactions,
    attributes: AttributeTable,
    columns: collections.abc.Sequence[tuple[str, str, typing.SupportsFloat | typing.SupportsIndex]],
    *,
    bins: typing.SupportsInt | typing.SupportsIndex,
    min_count: typing.SupportsInt | typing.SupportsIndex,
    strength: typing.SupportsFloat | typing.SupportsIndex,
    ridge: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> typing.Any:
    """
    The same for people; columns are (attribute, kind, weight). A HybridModel that also answers by attributes.
    """

def learn_blend(
    problem: BlendProblem,
    prior: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    prior_strength: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> list[float]: ...
def learn_weights(
    problem: RankingProblem,
    prior: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    prior_strength: typing.SupportsFloat | typing.SupportsIndex,
    steps: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> list[float]: ...
def leave_last_out_test_rows(data: Dataset) -> numpy.typing.NDArray[numpy.uint8]: ...
def make_content(
    offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    features: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    *,
    num_features: typing.SupportsInt | typing.SupportsIndex,
    dense: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    width: typing.SupportsInt | typing.SupportsIndex,
    weighting: str,
    half_life: typing.SupportsInt | typing.SupportsIndex | None,
) -> Model:
    """
    A row of features an item (CSR), and a dense part [items, width] beside it.
    """

def mean_margin(
    *,
    rows: typing.SupportsInt | typing.SupportsIndex,
    variance: typing.SupportsFloat | typing.SupportsIndex,
    range: typing.SupportsFloat | typing.SupportsIndex,
    kind: str,
    confidence: typing.SupportsFloat | typing.SupportsIndex,
) -> float:
    """
    How far a one-sided bound of a mean is from it.
    """

def metric_name(name: str) -> str:
    """
    The canonical form of a metric's name; refuses unknown ones.
    """

def millionths(
    numbers: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> tuple[numpy.typing.NDArray[numpy.int64], int]:
    """
    Numbers as millionths, the smallest integer for NaN; the first row beyond 9.2e12.
    """

def model_scorer(
    model: Model,
    pairs: Interactions,
    context: Context,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    users: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    stored: AttributeTable = None,
    told: AttributeTable = None,
    told_rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] = ...,
) -> typing.Any: ...
def normalize_identifier(options: str, name_space: str, raw: str) -> str | None: ...
def off_policy_estimate(
    target: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]],
    estimators: collections.abc.Sequence[str],
    *,
    action: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
    reward: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
    logged: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
    q: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None,
    position: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None,
    marginal_weight: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None,
    confidence: typing.SupportsFloat | typing.SupportsIndex,
    interval: str,
    seed: typing.SupportsInt | typing.SupportsIndex,
    resamples: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> OffPolicyEstimation:
    """
    Any set of estimators in one pass; float64 and float32 tables are not copied.
    """

def off_policy_estimator_name(name: str) -> str:
    """
    The canonical form of an estimator's name; refuses unknown ones.
    """

def off_policy_known_weights(
    target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    logged: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    p_embedding: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    embedding: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Weights [rounds] of embeddings whose chances given the action are known.
    """

def off_policy_posterior_weights(
    target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    logged: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    posterior: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Weights [rounds] of embeddings from a classifier's posterior of the action.
    """

def parse_duration(text: str) -> int:
    """
    Microseconds of a text like '28d'.
    """

def parse_times(
    offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    bytes: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8],
) -> numpy.typing.NDArray[numpy.int64]:
    """
    Microseconds of ISO 8601 texts; the smallest int64 where one is not a time.
    """

def parse_timestamp(text: str) -> int:
    """
    Microseconds since 1970 UTC of an ISO 8601 text.
    """

def random_test_rows(
    data: Dataset,
    share: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.uint8]: ...
def ranker_rows(
    engine: Engine,
    names: collections.abc.Sequence[str],
    attributes: AttributeTable,
    subjects: collections.abc.Sequence[str | typing.SupportsInt | typing.SupportsIndex],
    offsets: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    exclude_seen: bool,
    depth: typing.SupportsInt | typing.SupportsIndex,
    keep_all: bool = False,
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
    requests: collections.abc.Sequence[str] = [],
) -> dict:
    """
    What a ranker learns from: values [rows, features] float32, labels [rows], group_begin [groups + 1] and subject [groups].
    """

def read_decision_log(folder: os.PathLike | str | bytes, join: dict) -> tuple:
    """
    The log in a folder, also of a loop that goes on, as BanditLoop.read_log gives it, and what it no longer has, as BanditLoop.dropped.
    """

def recommend_batch(
    model: Model,
    pairs: Interactions,
    context: Context,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    users: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    k: typing.SupportsInt | typing.SupportsIndex,
    exclude_seen: bool,
    allowed: typing.Annotated[numpy.typing.ArrayLike, numpy.uint8] | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
    histories_are_fresh: bool = False,
    attributes: AttributeTable = None,
    people: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] = ...,
    given: collections.abc.Mapping[
        str, typing.SupportsFloat | typing.SupportsIndex | collections.abc.Sequence[str]
    ]
    | None = None,
) -> tuple:
    """
    items int32 [n, k], scores float32 [n, k], counts int32 [n], fell_back uint8 [n].
    """

def reindexed_interactions(
    pairs: Interactions,
    to_index: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    num_items: typing.SupportsInt | typing.SupportsIndex,
) -> Interactions:
    """
    The same users with item j renamed to to_index[j], -1: left out.
    """

def simd_target() -> str: ...
def simd_targets() -> list[str]: ...
def student_t_quantile(
    p: typing.SupportsFloat | typing.SupportsIndex,
    freedom: typing.SupportsFloat | typing.SupportsIndex,
) -> float: ...
def temporal_test_rows(
    data: Dataset, cut: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.uint8]: ...
def train_forest(
    rows: BinnedRows,
    labels: RowLabels,
    *,
    objective: typing.Any,
    options: dict,
    held_out: BinnedRows = None,
    held_out_labels: RowLabels = None,
    metric: typing.Any = None,
    start: Forest = None,
    start_scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    held_out_start_scores: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None,
    progress: typing.Any = None,
) -> dict:
    """
    Boosts trees. objective: a name, or derive(scores [outputs, rows]) -> (gradients, hessians); metric: a name, or measure(scores [outputs, rows]) -> a loss; start: a forest to go on from, start_scores [outputs, rows] its scores or others. Returns forest, losses, loss_name, steps, and the bias of each position.
    """

def version() -> str: ...
def whole_millionths(
    numbers: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    threads: typing.SupportsInt | typing.SupportsIndex = 0,
) -> tuple[numpy.typing.NDArray[numpy.int64], int]:
    """
    Whole numbers as millionths; the first row beyond 9.2e12.
    """

def with_events(
    pairs: Interactions,
    rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    items: typing.Annotated[numpy.typing.ArrayLike, numpy.int32],
    times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64],
    values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
) -> Interactions:
    """
    A row for each of `rows` (-1: nobody known) with these events added.
    """

def write_file_atomically(path: os.PathLike | str | bytes, data: typing_extensions.Buffer) -> None:
    """
    Temporary beside `path`, fsync, rename, fsync of folder.
    """
