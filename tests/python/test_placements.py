"""Placements where policies decide: in a pipeline, in its file, behind the server."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penchant as pn
from funnels import sources
from penchant import errors
from penchant._server_binary import server_path

OFFERS = ["spring", "garden", "gifts"]
CONTEXT = {
    "hour": True, "weekday": True, "history": True, "device": ["mobile", "desktop"],
    "page": ["home"],
    "attributes": {"region": ["coast", "hills"], "age": {"centre": 40, "scale": 20}},
}  # fmt: skip
NOON = "2024-03-06T12:00:00Z"  # a Wednesday


def places() -> dict[str, Any]:
    return {
        "home": pn.Placement(pn.LinTS(model="shared", scale=0.5, draws=64, seed=3), depth=12,
                             context={"history": True, "device": ["mobile"]}, deadline="1h"),
        "strip": pn.Placement(pn.EpsilonGreedy(epsilon=0.3, seed=5), depth=8),
        "banner": pn.Placement(pn.LinUCB(alpha=0.5, min_probability=0.05, seed=7), offers=OFFERS,
                               context=CONTEXT, learn="immediately", deadline="1d"),
        "subject": pn.Placement(
            pn.LinTS(model="hybrid", draws=64, seed=9),
            offers={1: [0.0, 1.0], 2: [1.0, 0.0], 3: [1.0, 1.0]}, context={"hour": True}),
    }  # fmt: skip


@pytest.fixture(scope="module")
def fitted(small_known_data: pn.Dataset) -> pn.Pipeline:
    return pn.Pipeline(sources(), placements=places()).fit(small_known_data)


@pytest.fixture
def funnel(fitted: pn.Pipeline) -> pn.Pipeline:
    """One that has decided nothing yet."""
    return pickle.loads(pickle.dumps(fitted))


def ask(funnel: Any, **request: Any) -> dict[str, Any]:
    request.setdefault("context", {"time": NOON})
    return json.loads(funnel.recommend_json(request))


def shown(answer: dict[str, Any]) -> list[Any]:
    return [item["item"] for item in answer["items"]]


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


def live_through(funnel: Any, rounds: int = 60) -> list[bytes]:
    """Decisions and rewards of every kind, and what was answered."""
    out = []
    for at in range(rounds):
        place = list(places())[at % 4]
        context = {"time": f"2024-03-06T{at % 24:02}:00:00Z", "attributes": {"age": 20 + at}}
        request = {"subject": f"p{at % 7}", "k": 1 + at % 3, "placement": place, "context": context}
        body = bytes(funnel.recommend_json(request))
        answer = json.loads(body)
        out.append(body)
        if at % 3 == 0:
            told = {"decision_id": answer["decision_id"], "value": at / 10, "slot": 0,
                    "reward_id": str(at), "time": context["time"]}  # fmt: skip
            out.append(bytes(funnel.reward_json(told)))
    return out


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


# -- how they are declared -------------------------------------------------------------------------


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
        hours: {policy: UCB1, offers: [8, 12, 18]}
        """
    )
    funnel = pn.Pipeline(sources(), policy=pn.EpsilonGreedy(seed=1), placements=path).fit(
        small_known_data
    )
    assert sorted(funnel.engine.placements) == ["banner", "home", "hours"]
    assert shown(ask(funnel, placement="hours"))[0] in (8, 12, 18)
    assert shown(ask(funnel, placement="banner"))[0] in ("spring", "garden")
    assert "decision_id" in ask(funnel, placement="home", subject=None)


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
    ({"": {"policy": "UCB1"}}, "name"),
    (["a"], "map"),
]


@pytest.mark.parametrize(("given", "words"), BAD_PLACEMENTS)
def test_bad_placements_say_what_is_wrong(small_data: pn.Dataset, given: Any, words: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=words):
        pn.Pipeline([pn.Popular()], placements=given).fit(small_data)


def test_a_policy_needs_a_place(small_data: pn.Dataset, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="policy needs placements"):
        pn.Pipeline([pn.Popular()], policy=pn.UCB1()).fit(small_data)
    with pytest.raises(errors.InvalidArgumentError, match="can't be read"):
        pn.Pipeline([pn.Popular()], placements=tmp_path / "none.yaml").fit(small_data)
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(errors.InvalidArgumentError, match="no YAML"):
        pn.Pipeline([pn.Popular()], placements=tmp_path / "bad.yaml").fit(small_data)


# -- behind the server -----------------------------------------------------------------------------


@pytest.fixture
def served(fitted: pn.Pipeline, tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    bundle = tmp_path / "shop.penchant"
    fitted.save(bundle)
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[pn.Client, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [server_path(), bundle, "--listen", "127.0.0.1:0", "--threads", "2", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        return pn.Client("http://" + line.split()[-1]), process

    yield bundle, start
    for process in running:
        process.kill()
        process.wait()


class Behind:
    """A client that is asked as a pipeline is."""

    def __init__(self, client: pn.Client) -> None:
        self.client = client

    def recommend_json(self, request: Any) -> bytes:
        return self.client.recommend_json(request)

    def reward_json(self, request: Any) -> bytes:
        return self.client._ask("POST", "/v1/rewards", json.dumps(request).encode())


def test_the_server_decides_and_learns_as_the_pipeline(
    funnel: pn.Pipeline, served: tuple[Path, Any]
) -> None:
    client, _ = served[1]()
    assert live_through(Behind(client)) == live_through(funnel)
    decision = json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    assert client.reward(decision, 1.0) == "accepted"
    with pytest.raises(errors.InvalidArgumentError, match="value"):
        client._ask("POST", "/v1/rewards", b'{"decision_id": "1"}')
    frame = client.recommend(None, placement="banner", k=2)
    assert frame["propensity"].between(0, 1).all()


def test_the_server_tells_and_erases_as_the_pipeline(
    funnel: pn.Pipeline, served: tuple[Path, Any]
) -> None:
    client, _ = served[1]()
    live_through(Behind(client))
    answers = [json.loads(body) for body in live_through(funnel)]
    decisions = [one["decision_id"] for one in answers if "decision_id" in one]
    for one in decisions:
        assert client.decision_json(one) == funnel.decision_json(one)
    assert client.decision(decisions[0]) == funnel.decision(decisions[0])
    for subject in ("p2", "p2", "no/body é?", "17", 17):
        assert client.erase_json(subject) == funnel.erase_json(subject)
    assert client.erase("p3") == funnel.erase("p3")
    gone = 0
    for one in decisions:
        told = []
        for side in (client, funnel):
            try:
                told.append(side.decision_json(one))
            except errors.NotFoundError as error:
                told.append(str(error).encode())
        assert told[0] == told[1]
        gone += b"no decision" in told[0]
    assert gone == sum(one.get("subject") in ("p2", "p3") for one in answers)
    for bad in ("x", "1%2F2", "99999999999999999999"):
        with pytest.raises(errors.NotFoundError, match="no decision"):
            client._ask("GET", f"/v1/decisions/{bad}")
    for bad in ("%", "%zz", "%ff%fe", "a" * 5000):
        with pytest.raises(errors.InvalidArgumentError):
            client._ask("DELETE", f"/v1/subjects/{bad}")


def test_a_killed_server_knows_what_it_acknowledged(
    served: tuple[Path, Any], tmp_path: Path
) -> None:
    bundle, start = served
    client, process = start("--data", str(tmp_path / "state"))
    answers = live_through(Behind(client))
    last = json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    process.kill()
    process.wait()
    client.close()
    client, process = start("--data", str(tmp_path / "state"))
    # Of before the kill: neither lost nor counted twice.
    assert client.reward(last, 1.0, "click") == "accepted"
    first = json.loads(answers[0])["decision_id"]
    told = {"decision_id": first, "value": 0, "slot": 0, "reward_id": "0"}
    assert json.loads(Behind(client).reward_json(told)) == {"outcome": "duplicate"}
    process.terminate()
    assert process.wait(30) == 0
    twin = pn.load(bundle, data=tmp_path / "state")
    assert twin.reward(last, 1.0, "click") == "duplicate"


def test_a_server_keeps_decisions_for_as_long_as_it_is_told(
    served: tuple[Path, Any], tmp_path: Path
) -> None:
    bundle, start = served
    client, process = start(
        "--data",
        str(tmp_path / "state"),
        "--keep-decisions",
        "400d",
        "--keep-decision-bytes",
        "1GB",
    )
    assert json.loads(client.recommend_json({"placement": "banner"}))["decision_id"]
    process.kill()
    process.wait()
    for said, words in (("1s", "deadline is beyond"), ("soon", "--keep-decisions")):
        refused = subprocess.run(
            [server_path(), bundle, "--data", tmp_path / "state", "--keep-decisions", said],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert refused.returncode != 0
        assert words in refused.stdout + refused.stderr


def test_a_server_without_placements_has_no_rewards(small_bundle: Any) -> None:
    process = subprocess.Popen(
        [server_path(), small_bundle.bundle, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        client = pn.Client("http://" + process.stdout.readline().split()[-1])
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            client.reward("1", 1.0)
        with pytest.raises(errors.NotFoundError, match="nothing here learns"):
            client.decision("1")
        assert client.erase_json("anyone") == small_bundle.pipeline.erase_json("anyone")
    finally:
        process.kill()
        process.wait()
