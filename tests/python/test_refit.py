"""Trained again on what came in while serving: nothing is counted or learnt twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import penchant as pn
from live_server import serving
from penchant import errors
from penchant import features as ft
from places import ask, live_through, places

PLAN = [
    ft.count("purchase", by="item", window="7d", name="item_week"),
    ft.count(by=("subject", "item"), name="met"),
    ft.sum("value", "purchase", name="pieces"),
]
NEW = {"purchase": 12, "page_view": 20}  # events that come in while serving


def made(**more: Any) -> pn.Pipeline:
    sources = [pn.ItemKNN(neighbors=20), pn.RepeatPurchase()]
    ranker = pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3)
    return pn.Pipeline(sources, features=ft.Plan(PLAN), ranker=ranker, depth=30, **more)


def dataset(frame: pd.DataFrame) -> pn.Dataset:
    return pn.Dataset.from_events(frame, type="event", value="quantity")


def came(frame: pd.DataFrame, start: str, prefix: str) -> list[dict[str, Any]]:
    """Events of known people, an hour apart."""
    people, items = frame["subject"].unique()[:5], frame["item"].unique()
    out = []
    for name, count in NEW.items():
        for k in range(count):
            time = pd.Timestamp(start) + pd.Timedelta(hours=k)
            event = {"type": name, "subject": str(people[k % 5]), "time": f"{time.isoformat()}Z",
                     "event_id": f"{prefix}-{name}-{k}"}  # fmt: skip
            line = {"item": str(items[(3 * k) % 17]), "quantity": 1 + k % 3, "price": 2.5}
            fields = {"order_id": f"{prefix}-{k}", "lines": [line]}
            out.append(
                event | ({"fields": fields} if name == "purchase" else {"item": line["item"]})
            )
    return out


def with_log(history: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """The history as it was, then what the log has, under the history's names."""
    lines = taken.rename(columns={"type": "event"})[list(history.columns.intersection(
        ["subject", "item", "time", "event", "quantity"]))].copy()  # fmt: skip
    lines["time"] = pd.to_datetime(lines["time"], utc=True).dt.tz_localize(None)
    lines["quantity"] = lines["quantity"].fillna(1)
    kept = history[["subject", "item", "time", "event", "quantity"]].copy()
    kept["time"] = pd.to_datetime(kept["time"])
    return pd.concat([kept, lines], ignore_index=True)


@pytest.fixture(scope="module")
def history(small_events: pd.DataFrame) -> pd.DataFrame:
    return small_events[small_events["event"].isin(["purchase", "page_view"])]


@pytest.fixture(scope="module")
def served(history: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where a pipeline has taken events."""
    folder = tmp_path_factory.mktemp("served")
    made().fit(dataset(history)).save(folder / "shop.penchant")
    live = pn.load(folder / "shop.penchant", data=folder / "state")
    for event in came(history, "2025-06-01", "a"):
        assert live.observe(event) == "accepted"
    return folder


def opened(served: Path, tmp_path: Path) -> Any:
    """A copy of it."""
    shutil.copytree(served, tmp_path / "copy")
    return pn.load(tmp_path / "copy" / "shop.penchant", data=tmp_path / "copy" / "state")


def answers(funnel: pn.Pipeline, people: list[Any]) -> list[bytes]:
    return [bytes(funnel.recommend_json({"subject": str(one), "k": 20})) for one in people]


def without_version(bodies: list[bytes]) -> list[Any]:
    return [{k: v for k, v in json.loads(body).items() if k != "bundle"} for body in bodies]


def test_the_log_is_a_frame_to_train_on(served: Path, tmp_path: Path) -> None:
    live = opened(served, tmp_path)
    taken = live.event_log()
    assert isinstance(taken.events, pd.DataFrame)
    assert taken.events["type"].value_counts().to_dict() == NEW
    assert taken.events["event_id"].nunique() == sum(NEW.values())
    purchase = taken.events[taken.events["event_id"] == "a-purchase-4"].iloc[0]
    assert purchase["quantity"] == 2
    assert purchase["order_id"] == "a-4"
    assert isinstance(live.event_log("polars").events, pl.DataFrame)
    live.erase(taken.events["subject"].iloc[0])
    assert len(live.event_log().events) < len(taken.events)


def test_the_log_is_read_beside_a_server_that_runs(
    history: pd.DataFrame, small_known_data: pn.Dataset, tmp_path: Path
) -> None:
    bundle, state = tmp_path / "shop.penchant", tmp_path / "state"
    funnel = pn.Pipeline([pn.Popular()], placements={"banner": places()["banner"]})
    funnel.fit(small_known_data).save(bundle)
    with serving(bundle, state) as client:
        for event in came(history, "2025-06-01", "a"):
            client.observe(event)
        shown = client.recommend(None, placement="banner", context={"time": "2025-06-01"})
        assert client.reward(shown["decision_id"][0], 1.0, slot=0) == "accepted"
        client.recommend(None, placement="banner", context={"time": "2025-06-03"})
        taken = pn.events.read_log(bundle, state)
        log = pn.off_policy.from_log(state, deadline="1d", default_reward=0.0)
        assert client.observe(came(history, "2025-06-02", "b")[0]) == "accepted"  # it goes on
        later = pn.events.read_log(bundle, state, format="polars")
    assert taken.events["type"].value_counts().to_dict() == NEW
    assert len(later.events) == len(taken.events) + 1
    assert later.position > taken.position
    assert (log.waiting, len(log.reward)) == (len(shown), len(shown))
    assert log.reward.sum() == 1
    with pytest.raises(errors.NotFoundError):
        pn.events.read_log(bundle, tmp_path / "none")


def test_events_that_were_trained_on_count_once(
    served: Path, tmp_path: Path, history: pd.DataFrame
) -> None:
    live = opened(served, tmp_path)
    taken = live.event_log()
    del live
    data = dataset(with_log(history, taken.events))
    people = list(history["subject"].unique()[:30])
    fresh = made().fit(data)  # where there is no log
    again, twice = tmp_path / "again.penchant", tmp_path / "twice.penchant"
    made().fit(data, log_position=taken.position).save(again)
    fresh.save(twice)
    folder = tmp_path / "copy" / "state"
    wrong = pn.load(twice, data=folder)
    assert without_version(answers(wrong, people)) != without_version(answers(fresh, people))
    del wrong
    right = pn.load(again, data=folder)
    assert without_version(answers(right, people)) == without_version(answers(fresh, people))
    # It knows what was sent, and goes on.
    assert right.observe(came(history, "2025-06-01", "a")[3]) == "duplicate"
    for event in came(history, "2025-06-03", "b"):
        assert right.observe(event) == fresh.observe(event) == "accepted"
    then = answers(right, people)
    assert without_version(then) == without_version(answers(fresh, people))
    assert right.event_log().position != taken.position
    del right
    right = pn.load(again, data=folder)
    assert answers(right, people) == then
    assert (
        right.erase(str(people[0])).erased["events"] > fresh.erase(str(people[0])).erased["events"]
    )
    assert without_version(answers(right, people)) == without_version(answers(fresh, people))


def test_links_stay_where_their_events_were_trained_on(
    history: pd.DataFrame, tmp_path: Path
) -> None:
    made(identity=pn.Identity()).fit(dataset(history)).save(tmp_path / "1")
    live = pn.load(tmp_path / "1", data=tmp_path / "state")
    customer, item = str(history["subject"].iloc[0]), str(history["item"].iloc[0])
    seen = {"type": "page_view", "item": item, "time": "2025-06-01T10:00:00Z",
            "event_id": "v", "identifiers": {"cookie": "c1"}}  # fmt: skip
    login = {"type": "login", "subject": customer, "time": "2025-06-01T10:01:00Z",
             "event_id": "l", "identifiers": {"cookie": "c1"}}  # fmt: skip
    assert live.observe(seen) == live.observe(login) == "accepted"
    taken = live.event_log()
    assert set(taken.events["subject"]) == {customer}
    assert (
        "identifiers.cookie" not in taken.events or taken.events["identifiers.cookie"].isna().all()
    )
    del live
    lines = taken.events[taken.events["type"] == "page_view"]
    data = dataset(with_log(history, lines.assign(quantity=1)))
    made(identity=pn.Identity()).fit(data, log_position=taken.position).save(tmp_path / "2")
    again = pn.load(tmp_path / "2", data=tmp_path / "state")
    asked = again.recommend(identifiers={"cookie": "c1"}, k=3)
    assert asked["subject"][0] == customer
    again.unlink("cookie:c1", customer)  # what is trained stays with the customer
    assert again.recommend(identifiers={"cookie": "c1"}, k=3)["subject"][0] == "cookie:c1"
    again.relink("cookie:c1", customer)
    assert again.recommend(identifiers={"cookie": "c1"}, k=3)["subject"][0] == customer


def test_policies_learn_once(small_known_data: pn.Dataset, tmp_path: Path) -> None:
    funnel = pn.Pipeline([pn.ItemKNN(), pn.Popular()], placements=places()).fit(small_known_data)
    funnel.save(tmp_path / "1")
    state = tmp_path / "state"
    live = pn.load(tmp_path / "1", data=state)
    live_through(live)
    live.pass_time("2024-05-01")
    learnt = live.to_bytes()
    live.save(tmp_path / "2")  # with what was learnt
    del live
    again = pn.load(tmp_path / "2", data=state)
    assert again.to_bytes() == learnt
    live_through(again)
    again.pass_time("2024-06-01")
    more = again.to_bytes()
    assert more != learnt
    del again
    assert pn.load(tmp_path / "2", data=state).to_bytes() == more
    # Over another folder it starts from what it knows.
    other = pn.load(tmp_path / "2", data=tmp_path / "other")
    assert "decision_id" in ask(other, placement="banner")


@pytest.mark.parametrize("wrong", ["x", ":3", "abc:", "abc:-1", 17])
def test_positions_that_make_no_sense_are_refused(small_data: pn.Dataset, wrong: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="log_position"):
        pn.Pipeline([pn.Popular()]).fit(small_data, log_position=wrong)


def test_an_older_copy_of_the_log_is_refused(
    served: Path, tmp_path: Path, history: pd.DataFrame
) -> None:
    live = opened(served, tmp_path)
    log, _, through = live.event_log().position.rpartition(":")
    del live
    made().fit(dataset(history), log_position=f"{log}:{int(through) + 5}").save(tmp_path / "late")
    with pytest.raises(errors.BadDataError, match="older copy"):
        pn.load(tmp_path / "late", data=tmp_path / "copy" / "state")
