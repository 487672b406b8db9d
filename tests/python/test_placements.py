"""Placements where policies decide, in a pipeline and in its file."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import penchant as pn
from funnels import sources
from penchant import errors
from places import NOON, OFFERS, SHELF, ask, live_through, places, shown


@pytest.fixture(scope="module")
def fitted(small_known_data: pn.Dataset) -> pn.Pipeline:
    return pn.Pipeline(sources(), placements=places()).fit(small_known_data)


@pytest.fixture
def funnel(fitted: pn.Pipeline) -> pn.Pipeline:
    """One that has decided nothing yet."""
    return pickle.loads(pickle.dumps(fitted))


# -- items of the funnel ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["home", "strip"])
def test_a_policy_chooses_among_the_best_items(funnel: pn.Pipeline, place: str) -> None:
    subject = funnel.engine.context.subjects.ids()[3]
    best = shown(ask(funnel, subject=subject, k=12))
    first: set[Any] = set()
    for _ in range(60):
        answer = ask(funnel, subject=subject, k=5, placement=place)
        items = shown(answer)
        assert len(set(items)) == 5
        assert set(items) <= set(best)
        assert answer["policy"]["name"] == place
        for item in answer["items"]:
            assert 0 < item["propensity"] <= 1
            assert item["reason"]["text"]
        first.add(items[0])
    assert len(first) > 1
    # Other places, also of other names, are the funnel's alone.
    for other in (None, "footer"):
        plain = ask(funnel, subject=subject, k=12, placement=other)
        assert shown(plain) == best
        assert "decision_id" not in plain
        assert "propensity" not in plain["items"][0]


def test_logged_probabilities_are_the_frequencies(funnel: pn.Pipeline) -> None:
    subject = funnel.engine.context.subjects.ids()[5]
    counts: dict[Any, int] = {}
    said: dict[Any, float] = {}
    for _ in range(2000):
        [item] = ask(funnel, subject=subject, k=1, placement="strip")["items"]
        counts[item["item"]] = counts.get(item["item"], 0) + 1
        said[item["item"]] = item["propensity"]
    assert len(counts) == 8
    assert sum(said.values()) == pytest.approx(1)
    expected = np.array([said[item] * 2000 for item in counts])
    chi_square = float(((np.array(list(counts.values())) - expected) ** 2 / expected).sum())
    assert chi_square < 24.3  # 7 degrees of freedom, one in a thousand


def test_what_is_rewarded_is_shown_more(funnel: pn.Pipeline) -> None:
    subject = funnel.engine.context.subjects.ids()[7]
    wanted = shown(ask(funnel, subject=subject, k=8))[6]
    for _ in range(150):
        answer = ask(funnel, subject=subject, k=1, placement="strip")
        if shown(answer) == [wanted]:
            assert funnel.reward(answer["decision_id"], 1.0) == "accepted"
    funnel.pass_time("2024-03-07T13:00:00Z")
    found = [shown(ask(funnel, subject=subject, k=1, placement="strip"))[0] for _ in range(200)]
    assert found.count(wanted) > 120


def test_what_is_learnt_of_one_item_speaks_for_its_like(
    funnel: pn.Pipeline, small_catalog: pd.DataFrame
) -> None:
    category = dict(zip(small_catalog["item"], small_catalog["category"], strict=True))
    like = sorted(item for item in category if category[item] == SHELF[0])
    learnt, held_out = like[::2], like[1::2]
    people = funnel.engine.context.subjects.ids()
    for at in range(300):
        answer = ask(funnel, subject=people[at % 40], k=3, placement="shelf", deny=held_out)
        for slot, item in enumerate(shown(answer)):
            if item in learnt:
                funnel.reward(answer["decision_id"], 1.0, slot=slot)
    funnel.pass_time("2024-03-07T13:00:00Z")
    first = []
    for person in people:
        if set(held_out) & set(shown(ask(funnel, subject=person, k=30, deny=learnt))):
            answer = ask(funnel, subject=person, k=1, placement="shelf", deny=learnt)
            first.append(shown(answer)[0] in held_out)
    assert len(first) > 20
    assert np.mean(first) > 0.6  # nobody has seen them; three tenths are explored


def test_explanations_stay_with_their_items(small_known_data: pn.Dataset) -> None:
    ranker = pn.GBDTRanker(trees=10, leaves=8)
    funnel = pn.Pipeline(
        sources(), ranker=ranker, depth=15, placements={"home": {"policy": "Uniform"}}
    ).fit(small_known_data)
    subject = small_known_data.subject_ids[4]
    plain = ask(funnel, subject=subject, k=20, explain=True)
    told = {item["item"]: item for item in plain["items"]}
    explored = ask(funnel, subject=subject, k=20, explain=True, placement="home")
    assert shown(explored) != shown(plain)
    assert sorted(shown(explored)) == sorted(shown(plain))
    for item in explored["items"]:
        same = told[item["item"]]
        assert item.get("ranker") == same.get("ranker")
        assert item["shares"] == same["shares"]
        assert item["score"] == same["score"]


# -- offers ----------------------------------------------------------------------------------------


def test_offers_are_chosen_one_at_a_time(funnel: pn.Pipeline) -> None:
    answer = ask(funnel, subject=None, placement="banner")
    [item] = answer["items"]
    assert item["item"] in OFFERS
    assert item["source"] == "policy"
    assert item["reason"] == {"code": "chosen_by_policy", "text": "Chosen for you here"}
    assert item["rank"] == 1
    assert answer["level"] == "policy"
    assert sorted(shown(ask(funnel, placement="banner", k=3))) == sorted(OFFERS)
    assert sorted(shown(ask(funnel, placement="banner", k=50))) == sorted(OFFERS)
    assert set(shown(ask(funnel, placement="subject", k=3))) == {1, 2, 3}


def test_what_a_request_forbids_is_not_offered(funnel: pn.Pipeline) -> None:
    for _ in range(20):
        assert shown(ask(funnel, placement="banner", deny=["spring"])) != ["spring"]
        assert shown(ask(funnel, placement="banner", candidates=["gifts", "x"])) == ["gifts"]
    only = ask(funnel, placement="banner", candidates=["gifts"])["items"][0]
    assert only["propensity"] == 1
    nothing = ask(funnel, placement="banner", deny=OFFERS)
    assert nothing["items"] == []
    assert "decision_id" not in nothing


def test_an_offer_is_learnt_for_who_takes_it(funnel: pn.Pipeline) -> None:
    def person(region: str) -> dict[str, Any]:
        return {"time": NOON, "attributes": {"region": region}}

    likes = {"coast": "garden", "hills": "gifts"}
    for round_ in range(400):
        region = ["coast", "hills"][round_ % 2]
        answer = ask(funnel, placement="banner", context=person(region))
        taken = shown(answer) == [likes[region]]
        assert funnel.reward(answer["decision_id"], float(taken)) == "accepted"
    for region, offer in likes.items():
        found = [shown(ask(funnel, placement="banner", context=person(region))) for _ in range(100)]
        assert found.count([offer]) > 80


def test_frames_hold_propensity_and_decision(funnel: pn.Pipeline) -> None:
    frame = funnel.recommend(None, placement="banner", k=2)
    assert frame["propensity"].between(0, 1).all()
    assert frame["decision_id"].nunique() == 1
    assert funnel.reward(frame["decision_id"][0], 1, item=frame["item"][1]) == "accepted"


# -- rewards ---------------------------------------------------------------------------------------


def test_rewards_count_once(funnel: pn.Pipeline) -> None:
    decision = ask(funnel, placement="banner")["decision_id"]
    assert funnel.reward(decision, 1, "click-1") == "accepted"
    assert funnel.reward(decision, 1, "click-1") == "duplicate"
    assert funnel.reward(decision, 1, "click-2") == "accepted"
    assert funnel.reward(int(decision) + 12345, 1) == "unknown_decision"
    whole = b'{"decision_id": %d.0, "value": 1, "reward_id": "click-1"}' % int(decision)
    assert json.loads(funnel.reward_json(whole)) == {"outcome": "duplicate"}
    both = ask(funnel, placement="banner", k=2)
    assert funnel.reward(both["decision_id"], 1) == "unknown_slot"
    assert funnel.reward(both["decision_id"], 1, item=both["items"][1]["item"]) == "accepted"
    assert funnel.reward(both["decision_id"], 1, slot=0) == "accepted"
    late = ask(funnel, placement="home", subject="x", k=1)["decision_id"]
    funnel.pass_time("2024-03-06T13:00:00Z")
    assert funnel.reward(late, 1) == "late"


def test_the_longest_ids_are_logged(funnel: pn.Pipeline) -> None:
    longest = "\x01" * 4096
    answer = ask(funnel, subject=longest, placement="banner")
    outcome = funnel.reward(answer["decision_id"], 1, longest, item=answer["items"][0]["item"])
    assert outcome == "accepted"
    assert funnel.reward(answer["decision_id"], 1, item=longest) == "unknown_slot"


def test_rewards_come_in_batches(funnel: pn.Pipeline) -> None:
    decisions = [ask(funnel, placement="banner")["decision_id"] for _ in range(3)]
    rewards = [{"decision_id": one, "value": 1, "reward_id": one} for one in decisions]
    body = {"rewards": [*rewards, rewards[0], {"decision_id": 5, "value": 1}]}
    assert json.loads(funnel.reward_json(body)) == {
        "outcomes": ["accepted", "accepted", "accepted", "duplicate", "unknown_decision"]
    }


BAD_REWARDS = [
    ({}, "decision_id"),
    ({"decision_id": "1"}, "value"),
    ({"decision_id": "x", "value": 1}, "decision_id"),
    ({"decision_id": "-1", "value": 1}, "decision_id"),
    ({"decision_id": 1.5, "value": 1}, "decision_id"),
    ({"decision_id": "1", "value": "1"}, "value"),
    ({"decision_id": "1", "value": 1, "slot": -1}, "slot"),
    ({"decision_id": "1", "value": 1, "slot": 1024}, "slot"),
    ({"decision_id": "1", "value": 1, "item": []}, "item"),
    ({"decision_id": "1", "value": 1, "time": "then"}, "time"),
    ({"decision_id": "1", "value": 1, "reward_id": "r" * 5000}, "reward_id"),
    ({"decision_id": "1", "value": 1, "rewardid": "r"}, "rewardid"),
    ({"decision_id": "1", "value": 2e6}, "reward is 2e"),
    ({"rewards": [{"decision_id": "1", "value": 1}], "x": 1}, "rewards"),
    ({"rewards": {}}, "rewards"),
    ({"rewards": [5]}, "rewards"),
    ({"rewards": [{"decision_id": "1", "value": 1}] * 10_001}, "rewards"),
]


@pytest.mark.parametrize(("body", "words"), BAD_REWARDS)
def test_bad_rewards_say_what_is_wrong(
    funnel: pn.Pipeline, body: dict[str, Any], words: str
) -> None:
    before = funnel._live.state()
    with pytest.raises(errors.InvalidArgumentError, match=words):
        funnel.reward_json(body)
    assert funnel._live.state() == before


def test_a_pipeline_without_placements_takes_no_rewards(small_bundle: Any, tmp_path: Path) -> None:
    # A folder is for its events then.
    for pipeline in (small_bundle.pipeline, pn.load(small_bundle.bundle, data=tmp_path)):
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            pipeline.reward("1", 1)


# -- the log ---------------------------------------------------------------------------------------


def test_a_decision_says_what_the_log_has_of_it(funnel: pn.Pipeline) -> None:
    subject = funnel.engine.context.subjects.ids()[3]
    answer = ask(funnel, subject=subject, placement="home", k=3,
                 context={"time": NOON, "device": "mobile"})  # fmt: skip
    found = funnel.decision(answer["decision_id"])
    assert found == funnel.decision(int(answer["decision_id"]))
    assert found["decision_id"] == answer["decision_id"]
    assert (found["time"], found["placement"], found["subject"]) == (NOON, "home", subject)
    assert found["policy"] == answer["policy"]
    assert len(found["context"]) == 2
    assert found["context"][1] == 1.0  # the device
    assert [slot["item"] for slot in found["slots"]] == shown(answer)
    for slot, item in zip(found["slots"], answer["items"], strict=True):
        assert slot["propensity"] == item["propensity"]
        assert len(slot["attributes"]) == 2
        assert (slot["reward"], slot["rewarded"]) == (None, False)
    assert (found["rewards"], found["closed"]) == ([], False)
    one = {"value": 0.5, "slot": 1, "item": None, "reward_id": "a", "time": None}
    two = {"value": 2, "slot": None, "item": shown(answer)[1], "reward_id": None, "time": NOON}
    for told in (one, one, two):
        funnel.reward_json({"decision_id": answer["decision_id"], **told})
    found = funnel.decision(answer["decision_id"])
    assert found["rewards"] == [one, two]
    assert [slot["reward"] for slot in found["slots"]] == [None, 2.5, None]
    assert [slot["rewarded"] for slot in found["slots"]] == [False, True, False]
    funnel.pass_time("2024-03-06T13:00:00Z")
    found = funnel.decision(answer["decision_id"])
    assert [slot["reward"] for slot in found["slots"]] == [0, 2.5, 0]
    assert found["closed"]
    nobody = ask(funnel, placement="subject")
    assert funnel.decision(nobody["decision_id"])["subject"] is None


@pytest.mark.parametrize("id_", ["17", "", "-1", "1e3", "99999999999999999999", "x", " 1", 2**60])
def test_decisions_that_there_are_not(funnel: pn.Pipeline, id_: Any) -> None:
    with pytest.raises(errors.NotFoundError, match="no decision"):
        funnel.decision(id_)


def test_the_log_of_a_pipeline_can_be_judged(funnel: pn.Pipeline) -> None:
    live_through(funnel, 120)
    funnel.pass_time("2024-05-01")
    frame = funnel.log()
    assert set(frame["subject"]) == {f"p{at}" for at in range(7)}
    assert len(frame) == len(funnel.log("polars"))
    log = pn.off_policy.from_log(frame, placement="banner", arms=OFFERS)
    assert log.contexts.shape[1] == len(funnel.decision(int(log.decision_id[0]))["context"])
    np.testing.assert_allclose(log.target(pn.Uniform())[log.position == 0].max(axis=1), 1 / 3)
    with pytest.raises(errors.InvalidArgumentError, match="'home', 'strip', 'banner'"):
        pn.off_policy.from_log(frame)


def test_erasing_a_person_leaves_nothing_of_them(fitted: pn.Pipeline, tmp_path: Path) -> None:
    fitted.save(tmp_path / "shop.penchant")
    funnel = pn.load(tmp_path / "shop.penchant", data=tmp_path / "state")
    answers = [json.loads(body) for body in live_through(funnel)]
    theirs = [one["decision_id"] for one in answers if one.get("subject") == "p2"]
    others = [one["decision_id"] for one in answers if one.get("subject") == "p3"]
    rewards = sum(len(funnel.decision(one)["rewards"]) for one in theirs)
    before = [funnel.decision(one) for one in others]
    assert rewards > 0
    receipt = funnel.erase("p2")
    assert receipt == pn.Receipt("p2", {"decisions": len(theirs), "rewards": rewards, "events": 0})
    assert funnel.erase("p2") == pn.Receipt("p2", {"decisions": 0, "rewards": 0, "events": 0})
    assert [funnel.decision(one) for one in others] == before
    for one in theirs:
        with pytest.raises(errors.NotFoundError):
            funnel.decision(one)
        assert funnel.reward(one, 1.0, slot=0) == "unknown_decision"
    assert "p2" not in set(funnel.log()["subject"])
    del funnel
    for path in (tmp_path / "state").rglob("*"):
        assert not path.is_file() or b'"p2"' not in path.read_bytes()


def test_numbers_are_erased_as_numbers_and_as_texts(funnel: pn.Pipeline) -> None:
    for subject in (17, "17", "017", 18):
        ask(funnel, subject=subject, placement="banner")
    assert funnel.erase(17).erased["decisions"] == 2
    assert funnel.erase("017").erased["decisions"] == 1
    assert funnel.erase("18").erased["decisions"] == 1
    for bad in ("", "a" * 5000, None, 1.5, True):
        with pytest.raises(errors.InvalidArgumentError, match="erase"):
            funnel.erase(bad)


def test_where_nothing_is_kept_the_receipt_is_empty(small_bundle: Any) -> None:
    assert small_bundle.pipeline.erase("anyone") == pn.Receipt("anyone", {})
    for act in (lambda: small_bundle.pipeline.decision("1"), small_bundle.pipeline.log):
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            act()


# -- the artifact ----------------------------------------------------------------------------------


def test_equal_pipelines_decide_alike(fitted: pn.Pipeline) -> None:
    one, two = (pickle.loads(pickle.dumps(fitted)) for _ in range(2))
    assert live_through(one) == live_through(two)
    assert one._live.state() == two._live.state()


def test_what_was_learnt_is_saved(funnel: pn.Pipeline, tmp_path: Path) -> None:
    live_through(funnel)
    funnel.pass_time("2024-05-01")
    funnel.save(tmp_path / "shop.penchant")
    again = pn.load(tmp_path / "shop.penchant")
    assert again.lineage_["placements"]["banner"]["policy"] == "LinUCB"
    assert again.to_bytes() == funnel.to_bytes()
    for place in places():
        # Ids of decisions differ, and with them draws; what is known does not.
        ours, theirs = (ask(one, placement=place, k=1)["policy"] for one in (funnel, again))
        assert ours["name"] == theirs["name"]


def test_a_folder_keeps_decisions_for_as_long_as_it_is_told(
    fitted: pn.Pipeline, tmp_path: Path
) -> None:
    bundle, state = tmp_path / "shop.penchant", tmp_path / "state"
    fitted.save(bundle)
    live_through(pn.load(bundle, data=state, keep="400d", keep_bytes=10**9))
    assert len(pn.load(bundle, data=state, keep=dt.timedelta(days=400)).log()) > 60
    for wrong, words in (
        ({"keep": "1s"}, "deadline is beyond"),
        ({"keep": "soon"}, "keep"),
        ({"keep_bytes": 0}, "keep_bytes"),
        ({"keep_bytes": True}, "keep_bytes"),
    ):
        with pytest.raises(errors.InvalidArgumentError, match=words):
            pn.load(bundle, data=state, **wrong)


def test_a_folder_keeps_what_was_learnt(fitted: pn.Pipeline, tmp_path: Path) -> None:
    fitted.save(tmp_path / "shop.penchant")
    first = pn.load(tmp_path / "shop.penchant", data=tmp_path / "state")
    live_through(first)
    state = first._live.bundle().file_bytes
    kept = bytes(state)
    with pytest.raises(errors.PenchantError):
        pn.load(tmp_path / "shop.penchant", data=tmp_path / "state")
    del state, first
    second = pn.load(tmp_path / "shop.penchant", data=tmp_path / "state")
    assert bytes(second._live.bundle().file_bytes) == kept
