"""How placements are declared: in Python, in YAML, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant as pn
from funnels import sources
from penchant import errors
from places import ask, shown


def test_placements_from_yaml(small_known_data: pn.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "placements.yaml"
    path.write_text(
        """
        home: {depth: 12}
        banner:
          policy: {kind: LinTS, scale: 0.3, seed: 7}
          offers: [spring, garden]
          context: {hour: true, attributes: {region: [coast], age: {centre: 40, scale: 10}}}
          deadline: 2h
        shelf:
          policy: {kind: LinUCB, model: hybrid}
          items: {category: [Garden], price: {scale: 5}}
        hours: {policy: UCB1, offers: [8, 12, 18]}
        """
    )
    funnel = pn.Pipeline(sources(), policy=pn.EpsilonGreedy(seed=1), placements=path).fit(
        small_known_data
    )
    assert sorted(funnel.engine.placements) == ["banner", "home", "hours", "shelf"]
    assert shown(ask(funnel, placement="hours"))[0] in (8, 12, 18)
    assert shown(ask(funnel, placement="banner"))[0] in ("spring", "garden")
    assert "decision_id" in ask(funnel, placement="home", subject=None)


SHARED = {"kind": "LinUCB", "model": "shared"}
BAD_PLACEMENTS: list[tuple[Any, str]] = [
    ({"a": {}}, "no policy"),
    ({"a": 5}, "mapping"),
    ({"a": {"policy": "Nope"}}, "there is no policy 'Nope'"),
    ({"a": {"policy": {"kind": "LinTS", "alfa": 1}}}, "alfa"),
    ({"a": {"policy": "UCB1", "ofers": []}}, "ofers"),
    ({"a": {"policy": "UCB1", "offers": []}}, "offers is empty"),
    ({"a": {"policy": "UCB1", "offers": ["x", "x"]}}, "twice"),
    ({"a": {"policy": "UCB1", "offers": [1.5]}}, "text or an integer"),
    ({"a": {"policy": "UCB1", "depth": 0}}, "depth"),
    ({"a": {"policy": "UCB1", "depth": "x"}}, "depth"),
    ({"a": {"policy": "LinUCB", "context": {"hours": True}}}, "hours"),
    ({"a": {"policy": "LinUCB", "context": {"hour": 1}}}, "hour"),
    ({"a": {"policy": "LinUCB", "context": {"device": "mobile"}}}, "device"),
    ({"a": {"policy": "LinUCB", "context": {"attributes": {"x": {"center": 1}}}}}, "center"),
    ({"a": {"policy": "LinUCB", "context": {"attributes": {"x": {"scale": 0}}}}}, "scale"),
    ({"a": {"policy": "UCB1", "deadline": "0s"}}, "deadline"),
    ({"a": {"policy": "UCB1", "aggregation": "mean"}}, "mean"),
    ({"a": {"policy": "UCB1", "learn": "never"}}, "never"),
    ({"a": {"policy": SHARED, "items": {"colour": ["red"]}}}, "no attribute 'colour'; there are"),
    ({"a": {"policy": SHARED, "items": {"category": "c1"}}}, "list of texts"),
    ({"a": {"policy": SHARED, "items": {"price": {"scale": -1}}}}, "scale must be positive"),
    ({"a": {"policy": SHARED, "items": {}}}, "items is empty"),
    ({"a": {"policy": SHARED, "items": ["category"]}}, "items maps names"),
    (
        {"a": {"policy": SHARED, "items": {"category": ["c1"]}, "offers": ["x"]}},
        "attributes of their",
    ),
    ({"a": {"policy": "LinUCB", "items": {"category": ["c1"]}}}, "model='shared'"),
    ({"": {"policy": "UCB1"}}, "name"),
    (["a"], "map"),
]


@pytest.mark.parametrize(("given", "words"), BAD_PLACEMENTS)
def test_bad_placements_say_what_is_wrong(small_data: pn.Dataset, given: Any, words: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=words):
        pn.Pipeline([pn.Popular()], placements=given).fit(small_data)


def test_items_need_a_catalogue(small_events: Any) -> None:
    data = pn.Dataset.from_events(small_events, type="event", value="quantity")
    with pytest.raises(errors.InvalidArgumentError, match="nothing is known of the items"):
        pn.Pipeline(
            [pn.Popular()], placements={"a": {"policy": SHARED, "items": {"category": ["c1"]}}}
        ).fit(data)


def test_a_policy_needs_a_place(small_data: pn.Dataset, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="policy needs placements"):
        pn.Pipeline([pn.Popular()], policy=pn.UCB1()).fit(small_data)
    with pytest.raises(errors.InvalidArgumentError, match="can't be read"):
        pn.Pipeline([pn.Popular()], placements=tmp_path / "none.yaml").fit(small_data)
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(errors.InvalidArgumentError, match="no YAML"):
        pn.Pipeline([pn.Popular()], placements=tmp_path / "bad.yaml").fit(small_data)
