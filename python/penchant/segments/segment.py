"""`Segment`: people by a rule over their features."""

from __future__ import annotations

from ..errors import InvalidArgumentError
from ._types import Names, compile_rule

__all__ = ["Segment"]


class Segment:
    """People by a rule over their features: who is in it can be said as of any time.

    Parameters
    ----------
    name
        What the segment is called.
    rule
        In the language of rules (docs/segments.md): calls that declare features, durations,
        comparisons, and, or, not, in. Names that are not called are features of the plan, or
        scores, that the `SegmentSet` is given.

    Raises
    ------
    InvalidArgumentError
        Pointing at the column where the rule makes no sense.

    Examples
    --------
    >>> import penchant as pn
    >>> pn.Segment("lapsed_vip", "recency(purchase) > 60d and monetary(365d) > 500")
    Segment('lapsed_vip', 'recency(purchase) > 60d and monetary(365d) > 500')
    """

    def __init__(self, name: str, rule: str) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError(f"a segment's name is a text, not {name!r}")
        self._name = name
        self._rule = rule
        compile_rule(rule, f"segment {name!r}", Names())

    @property
    def name(self) -> str:
        """What the segment is called."""
        return self._name

    @property
    def rule(self) -> str:
        """The rule as it was given."""
        return self._rule

    def __repr__(self) -> str:
        return f"Segment({self._name!r}, {self._rule!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and (self._name, self._rule) == (other._name, other._rule)

    def __hash__(self) -> int:
        return hash((self._name, self._rule))

    def __reduce__(self) -> tuple[type[Segment], tuple[str, str]]:
        return Segment, (self._name, self._rule)
