"""Rules and sets that make no sense: errors that point at the place."""

from __future__ import annotations

import contextlib
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant import features as ft
from penchant.errors import InvalidArgumentError
from test_segments import PLAN, small


@pytest.mark.parametrize(
    ("rule", "column", "message"),
    [
        ("recncy(purchase) > 3d", 1, "there is no function 'recncy'; did you mean 'recency'"),
        ("recency(purchase) > 3x", 21, "'3x' is no number; durations are like 60d"),
        ("recency(purchase) > 'a'", 19, "a duration against a text"),
        (
            "recency(purchase) > count(3d)",
            19,
            "a duration against a number: want a duration, like 60d",
        ),
        ("recency(30d) > 3d > 'x'", 19, "a duration against a text"),
        ("recency(purchase)", 1, "expected yes or no, found a duration: compare it"),
        ("count() and true", 1, "found a number: compare it"),
        ("top_categories(3)", 1, "found a list of texts: ask whether a text is in it"),
        ("top_categories(3) == 'garden'", 19, "a list is asked with in"),
        ("'garden' in recency()", 13, "expected a list of texts after in, found a duration"),
        ("3 in top_categories(2)", 1, "expected a text before in, found a number"),
        ("'garden' in", 12, "expected a value, found the end of the rule"),
        ("recency(purchase > 3d) > 1", 9, "recency takes types of events and a duration"),
        ("(count() > 3", 13, "expected ')' to close the bracket"),
        ("count() > 3)", 12, "the rule should end here"),
        ("count() = 3", 9, "equality is =="),
        ("count() > 3 & true", 13, "write 'and'"),
        ("'garden", 1, "has no closing '"),
        ("count(7d, 8d) > 1", 11, "count has got a duration already"),
        ("count(0d) > 1", 7, "longer than nothing"),
        (
            "count(5) > 1",
            7,
            "count takes types of events and a duration, like count(page_view, 7d)",
        ),
        ("sum(3d) > 1", 1, "sum needs a field"),
        ("sum(1) > 1", 5, "sum takes a field"),
        ("sum() > 1", 1, "sum needs a field or a product of fields"),
        ("last_items() == 1", 1, "last_items needs a whole number"),
        ("'a' in last_items(0)", 19, "whole number from 1 to 1000"),
        ("'a' in last_items(2.5)", 19, "whole number from 1 to 1000"),
        (
            "count(wher='x') > 1",
            12,
            "no argument wher=; those with names are: where=; did you mean 'where'",
        ),
        ("count(where=3) > 1", 13, "where= wants a text in quotes"),
        ("count(where='a', 7d) > 1", 18, "arguments with a name come last"),
        ("recency() + count() > 3", 11, "they don't add up"),
        ("recency() * recency() > 3", 11, "means nothing"),
        ("count() / recency() > 3", 9, "means nothing; count within a window"),
        ("count() / 0 > 'a'", 13, "a number against a text"),
        ("1 / 0 > 2", 3, "a division by zero"),
        ("-'a' > 2", 1, "- wants a number or a duration"),
        ("'a' + 2 > 2", 5, "+ wants numbers or durations"),
        ("'a' < 'b'", 5, "texts are the same (==) or not (!=)"),
        ("abs(1, 2) > 1", 1, "abs takes 1 value, not 2"),
        ("abs('a') > 1", 5, "abs wants numbers"),
        ("known(top_categories(2))", 7, "known asks about one value"),
        ("[1] == 2", 2, "a list holds texts in quotes"),
        ("affinity('a') > affinity('b')", 15, "one affinity only"),
        ("hour(3d) > 2", 6, "hour takes nothing"),
        ("count() > 1e999", 11, "beyond all bounds"),
        ("decayed(purchase) > 1", 1, "decayed needs a duration"),
    ],
)
def test_errors_point_at_the_column(rule: str, column: int, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(message)) as caught:
        pn.Segment("x", rule)
    lines = str(caught.value).split("\n")
    assert lines[0].startswith(f"segment 'x', column {column}: "), lines[0]
    assert lines[1] == f"  {rule}"
    assert lines[2] == "  " + " " * (column - 1) + "^"


def test_errors_count_lines() -> None:
    with pytest.raises(
        InvalidArgumentError, match="column 7 of line 2: there is no function 'cont'"
    ):
        pn.Segment("x", "count() > 1\n  and cont() > 2")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("recency > 3d", "recency is a function: call it, like recency"),
        ("bougt > 1", "nothing is called 'bougt'; did you mean 'bought'"),
        ("liked > 1", "a list of texts against a number"),
        ("age > bought", "a duration against a number"),
        ("liked_1 == last_1", "compared with a text in quotes"),
        ("liked_1 in last", "one side of in is a text in quotes"),
    ],
)
def test_names_are_looked_up_in_the_plan(rule: str, message: str) -> None:
    segment = pn.Segment("x", rule)
    with pytest.raises(InvalidArgumentError, match=message):
        pn.SegmentSet([segment], plan=PLAN)


def test_sets_that_make_no_sense() -> None:
    with pytest.raises(InvalidArgumentError, match="two segments are called 'a'"):
        pn.SegmentSet([pn.Segment("a", "true"), pn.Segment("a", "true")])
    with pytest.raises(InvalidArgumentError, match=r"made of pn.Segment"):
        pn.SegmentSet(["true"])  # type: ignore[list-item]
    with pytest.raises(InvalidArgumentError, match="name is a text"):
        pn.Segment("", "true")
    for rule in ("", None, "x" * 10_001, "(" * 5000, "not " * 3000 + "true", "-" * 5000 + "1 > 0"):
        with pytest.raises(InvalidArgumentError):
            pn.Segment("a", rule)  # type: ignore[arg-type]
    segments, state = small()
    with pytest.raises(InvalidArgumentError, match="no segment 'buyer'; did you mean"):
        segments.members(state, "buyer", "2024-05-09")
    other = pn.SegmentSet({"a": "count() > 0"})
    with pytest.raises(InvalidArgumentError, match="of another plan"):
        other.members(state, "a", "2024-05-09")
    items = ft.Plan([ft.count(by="item", name="sold")])
    wrong = pn.SegmentSet({"a": "sold > 2"}, plan=items)
    state = wrong.replay(pd.DataFrame({"subject": ["a"], "item": ["x"], "time": ["2024-01-01"]}))
    with pytest.raises(InvalidArgumentError, match="not about subjects"):
        wrong.sizes(state, "2024-02-01")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("recny()<>=,. '3d[]+-*/andortkw")), max_size=40))
def test_any_text_is_a_rule_or_fails_cleanly(text: str) -> None:
    with contextlib.suppress(InvalidArgumentError):
        pn.Segment("x", text)


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("risk + 1 > 2", 6),
        ("1 > 2 or risk > worth", 15),
        ("-risk > 2", 1),
        ("max(risk, 1) > 2", 1),
        ("otherwise(risk, 0) > 2", 1),
        ("frequency() * risk > 2", 13),
    ],
)
def test_arithmetic_over_a_score_points_at_the_column(rule: str, column: int) -> None:
    with pytest.raises(InvalidArgumentError, match=f"column {column}: .* of the score"):
        pn.SegmentSet({"a": rule}, scores=["risk", "worth"])
    pn.SegmentSet({"a": "known(risk) and -1 < risk <= 2"}, scores=["risk", "worth"])
