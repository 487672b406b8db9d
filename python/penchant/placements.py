"""Placements: where on a page, in a mail, at which hour a policy decides what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import _core
from .bandits._join import join_options
from .bandits._policy import Policy
from .data._subjects import attribute_table, is_vector
from .data.dataset import Dataset
from .errors import InvalidArgumentError
from .models._params import Parametrized

__all__ = ["Placement"]

_ITEM_FEATURES = 2
_FIELDS = ("policy", "offers", "items", "depth", "context", "deadline", "aggregation", "learn",
           "default_reward")  # fmt: skip
_CONTEXT = ("hour", "weekday", "history", "device", "page", "segments", "attributes")


class Placement(Parametrized):
    """A place where a policy decides: among the funnel's best items, or among offers of its own.

    Parameters
    ----------
    policy : Policy
        One that learnt already starts from what it knows.
    offers : list of a str or int, or mapping of them to numbers, optional
        Banners, subject lines, hours: what there is to choose from. A mapping gives each its
        attributes, for policies with ``model="shared"``, ``"hybrid"`` or ``"joint"``. None: items
        of the funnel, whose attributes are the share of the best candidate's score, 1 / rank, and
        those of `items`.
    items : mapping, optional
        Which of the catalogue's attributes the policy reads of items: of each a list of texts (1
        where the item has it), or ``{"centre": c, "scale": s}`` of a number ((value - c) / s within
        +-10, 0 where it is not known). So what is learnt of one item speaks for its like.
    depth : int
        Items: the policy chooses among so many of the funnel's best.
    context : mapping, optional
        What the policy is told of a request (docs/placements.md): ``hour`` and ``weekday``
        (True), ``history`` (True: log of 1 + the person's events), ``device`` and ``page`` (lists
        of values), ``segments`` (names of the pipeline's: in it or not), ``attributes`` (of each a
        list of texts, or ``{"centre": c, "scale": s}`` of a number). None: nothing.
    deadline : duration
        How long a decision waits for its rewards (docs/bandit_loop.md).
    aggregation : {"sum", "max", "first"}
        What several rewards of one slot make.
    learn : {"joined", "immediately"}
        At the deadline, each decision once with its final reward; or with each reward at once.
    default_reward : float or None
        What a slot is worth that had no reward by the deadline. None: it is not learnt.

    Examples
    --------
    >>> placement = pn.Placement(
    ...     pn.LinTS(scale=0.3, seed=7),
    ...     offers=["spring", "garden", "gifts"],
    ...     context={"hour": True, "attributes": {"region": ["north", "south"]}},
    ... )
    """

    def __init__(
        self,
        policy: Policy,
        *,
        offers: Any = None,
        items: Mapping[str, Any] | None = None,
        depth: int = 20,
        context: Mapping[str, Any] | None = None,
        deadline: Any = "1d",
        aggregation: str = "sum",
        learn: str = "joined",
        default_reward: float | None = 0.0,
    ) -> None:
        self.policy = policy
        self.offers = offers
        self.items = items
        self.depth = depth
        self.context = context
        self.deadline = deadline
        self.aggregation = aggregation
        self.learn = learn
        self.default_reward = default_reward

    def _to_core(self, name: str, data: Dataset) -> tuple[Any, ...]:
        """As the core's bundle takes it: name, offers, their attributes, depth, context, policy."""
        if not isinstance(self.policy, Policy):
            _refuse(name, f"policy must be a Penchant policy, not {type(self.policy).__name__}")
        if isinstance(self.depth, bool) or not isinstance(self.depth, (int, np.integer)):
            _refuse(name, f"depth must be an integer, not {self.depth!r}")
        offers, features = self._offers(name)
        context = json.dumps(_terms(name, self.context or {}))
        policy = self.policy.copy()
        reads_arms = getattr(policy, "model", "disjoint") != "disjoint"
        items = self._item_rows(name, data, reads_arms)
        width = features.shape[1] if offers else _ITEM_FEATURES + items.shape[1]
        arm_features = np.zeros((1, width)) if reads_arms and width else None
        columns = len(_core.context_term_names(context))
        core = policy._ready(np.zeros((1, columns)), arm_features)
        join = join_options(
            deadline=self.deadline, aggregation=self.aggregation, learn=self.learn,
            default_reward=self.default_reward, of=f"placement {name!r}: ",
        )  # fmt: skip
        return name, offers, features, items, int(self.depth), context, core, policy.arms_, join

    def lineage(self) -> dict[str, Any]:
        """What a bundle says of it."""
        parameters = self.policy.get_params()
        return {
            "policy": type(self.policy).__name__,
            "parameters": {k: v for k, v in parameters.items() if k != "threads"},
            "offers": None if self.offers is None else len(list(self.offers)),
            "events": self.policy.num_events_,
        }

    def _item_rows(self, name: str, data: Dataset, reads_arms: bool) -> Any:
        """What the policy reads of the catalogue's items: [items, p], or [0, 0]."""
        if self.items is None:
            return np.zeros((0, 0))
        if self.offers is not None:
            _refuse(name, "items says what is known of items; its offers have attributes of their "
                    "own: offers={'spring': [1.0, 0.0], ...}")  # fmt: skip
        if not reads_arms:
            _refuse(name, "items says what is known of items, and a policy reads it with "
                    "model='shared', 'hybrid' or 'joint'")  # fmt: skip
        terms = _attribute_terms(name, "items", self.items)
        if not terms:
            _refuse(name, "items is empty")
        known = data._attributes
        if known is None:
            _refuse(name, "nothing is known of the items; give attributes with "
                    "Dataset.from_events(..., catalog=frame)")  # fmt: skip
        columns = list(dict.fromkeys(term["of"] for term in terms))
        unknown = [one for one in columns if one not in known.column_names]
        if unknown:
            _refuse(name, f"items have no attribute {unknown[0]!r}; there are "
                    f"{', '.join(known.column_names)}")  # fmt: skip
        vectors = [one for one in columns if is_vector(known[one].type)]
        if vectors:
            _refuse(name, f"items: {vectors[0]!r} is a vector, not texts or a number")
        table = attribute_table(known.select(columns), data.num_items)
        try:
            return _core.context_term_rows(json.dumps(terms), table)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"placement {name!r}: items: {error}") from error

    def _offers(self, name: str) -> tuple[list[Any], Any]:
        if self.offers is None:
            return [], np.zeros((0, 0))
        offers = list(self.offers)
        if not offers:
            _refuse(name, "offers is empty; None lets the policy choose among items")
        for one in offers:
            if isinstance(one, bool) or not isinstance(one, (str, int)):
                _refuse(name, f"an offer is a text or an integer, not {one!r}")
        if not isinstance(self.offers, Mapping):
            return offers, np.zeros((len(offers), 0))
        try:
            features = np.array([self.offers[one] for one in offers], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"placement {name!r}: attributes of offers must be numbers, as many for each: "
                f"{error}"
            ) from error
        if features.ndim != 2:
            _refuse(name, "each offer has a list of numbers")
        return offers, features


def placements_of(given: Any, policy: Policy | None) -> dict[str, Placement]:
    """Placements by name, from a mapping, or from a file of YAML.

    A place's `policy` may be left out where the pipeline has one.
    """
    if given is None:
        if policy is not None:
            raise InvalidArgumentError(
                "Pipeline: policy needs placements: where does it decide? "
                "placements={'home': {}} lets it choose among the best items of requests with "
                "placement 'home'"
            )
        return {}
    table = _read_yaml(Path(given)) if isinstance(given, (str, Path)) else given
    if not isinstance(table, Mapping):
        raise InvalidArgumentError("placements must map names to placements")
    return {str(name): _placement(str(name), one, policy) for name, one in table.items()}


def _placement(name: str, given: Any, policy: Policy | None) -> Placement:
    if isinstance(given, Placement):
        return given
    fields = {} if given is None else given
    if not isinstance(fields, Mapping):
        _refuse(name, f"it must be a Placement or a mapping, not {type(given).__name__}")
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown:
        _refuse(name, f"there is no {unknown[0]!r}; there are {', '.join(_FIELDS)}")
    own = fields.get("policy", policy)
    if own is None:
        _refuse(name, "it has no policy, and the pipeline has none either")
    chosen = own if isinstance(own, Policy) else _policy(name, own)
    return Placement(chosen, **{k: v for k, v in fields.items() if k != "policy"})


def _policy(name: str, given: Any) -> Policy:
    """A policy from its name, or from a mapping of `kind` and parameters."""
    told = {"kind": given} if isinstance(given, str) else given
    if not isinstance(told, Mapping) or "kind" not in told:
        _refuse(name, "policy must be a policy, its name, or a mapping with kind and parameters")
    from . import bandits  # noqa: F401  (makes the kinds known)

    kinds = Policy._by_name()
    kind = kinds.get(told["kind"])
    if kind is None:
        _refuse(name, f"there is no policy {told['kind']!r}; there are {', '.join(sorted(kinds))}")
    known = kind._parameter_names()
    parameters = {key: value for key, value in told.items() if key != "kind"}
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        _refuse(name, f"{kind.__name__} has no parameter {unknown[0]!r}; it has {', '.join(known)}")
    return kind(**parameters)


def _terms(name: str, context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The context's declaration as the core's list of terms."""
    if not isinstance(context, Mapping):
        _refuse(name, "context must be a mapping")
    unknown = sorted(set(context) - set(_CONTEXT))
    if unknown:
        _refuse(name, f"context has no {unknown[0]!r}; there are {', '.join(_CONTEXT)}")
    terms: list[dict[str, Any]] = []
    for term in ("hour", "weekday", "history"):
        wanted = context.get(term, False)
        if not isinstance(wanted, bool):
            _refuse(name, f"context: {term} is true or false, not {wanted!r}")
        if wanted:
            terms.append({"term": term})
    for term in ("device", "page"):
        levels = _levels(name, f"context: {term}", context.get(term, []))
        terms += [{"term": term, "level": level} for level in levels]
    levels = _levels(name, "context: segments", context.get("segments", []))
    terms += [{"term": "segment", "level": level} for level in levels]
    return terms + _attribute_terms(name, "context: attributes", context.get("attributes", {}))


def _attribute_terms(name: str, what: str, attributes: Any) -> list[dict[str, Any]]:
    """Terms of attributes by name: of each a list of texts, or a number's centre and scale."""
    if not isinstance(attributes, Mapping):
        _refuse(name, f"{what} maps names to lists of texts, or to centre and scale")
    terms: list[dict[str, Any]] = []
    for of, told in attributes.items():
        if isinstance(told, Mapping):
            strange = sorted(set(told) - {"centre", "scale"})
            if strange:
                _refuse(name, f"{what}: {of!r} has no {strange[0]!r}; centre and scale")
            terms.append({"term": "number", "of": str(of), **told})
        else:
            levels = _levels(name, f"{what}: {of!r}", told)
            terms += [{"term": "level", "of": str(of), "level": level} for level in levels]
    return terms


def _levels(name: str, what: str, levels: Any) -> list[str]:
    listed = isinstance(levels, Iterable) and not isinstance(levels, (str, bytes))
    if not listed or not all(isinstance(one, str) for one in levels):
        _refuse(name, f"{what} is a list of texts, not {levels!r}")
    return list(levels)


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgumentError(f"placements: {path} can't be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidArgumentError(f"placements: {path} is no YAML: {error}") from error


def _refuse(name: str, why: str) -> NoReturn:
    raise InvalidArgumentError(f"placement {name!r}: {why}")
