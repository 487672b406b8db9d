"""Who is who while serving: an anonymous history is the customer's after the login, and leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penchant as pn
from live_server import serving
from penchant import features as ft
from penchant.errors import BadDataError, InvalidArgumentError, NotFoundError

PLAN = [
    ft.count("purchase", by="item", window="7d", name="item_week"),
    ft.count(by=("subject", "item"), name="met"),
    ft.sum("value", "purchase", name="pieces"),
    ft.distinct("subject", by="item", name="people"),
    ft.decayed(half_life="2d", name="warm"),
    ft.recency(name="since"),
]
KEY = "0123456789abcdef-secret"
Event = dict[str, Any]


def made(identity: pn.Identity | None = None) -> pn.Pipeline:
    sources = [pn.ALS(factors=6, iterations=4), pn.ItemKNN(neighbors=20), pn.RepeatPurchase()]
    ranker = pn.GBDTRanker(trees=15, leaves=6, learning_rate=0.3)
    return pn.Pipeline(
        sources, features=ft.Plan(PLAN), ranker=ranker, depth=40, identity=identity, seed=1
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def plain(small_data: pn.Dataset, folder: Path) -> Path:
    made().fit(small_data).save(folder / "plain.penchant")
    return folder / "plain.penchant"


@pytest.fixture(scope="module")
def bundle(small_data: pn.Dataset, folder: Path) -> Path:
    made(pn.Identity()).fit(small_data).save(folder / "identity.penchant")
    return folder / "identity.penchant"


@pytest.fixture(scope="module")
def keyed(small_data: pn.Dataset, folder: Path) -> Path:
    made(pn.Identity(key=KEY)).fit(small_data).save(folder / "keyed.penchant")
    return folder / "keyed.penchant"


@pytest.fixture(scope="module")
def now(small_data: pn.Dataset) -> pd.Timestamp:
    return pd.Timestamp(small_data.to_frame()["time"].max())


def at(now: pd.Timestamp, seconds: float) -> str:
    return (now + pd.Timedelta(seconds=seconds)).isoformat() + "Z"


def viewed(item: Any, time: str, event_id: str, **who: Any) -> Event:
    subject = {"subject": str(who.pop("subject"))} if "subject" in who else {}
    return {"type": "purchase", "time": time, "event_id": event_id, "identifiers": who,
            "fields": {"order_id": event_id, "lines": [{"item": str(item), "quantity": 2}]},
            **subject}  # fmt: skip


def told(answer: bytes) -> Any:
    """All but what names the bundle and the person."""
    out = json.loads(answer)
    return {name: value for name, value in out.items() if name not in ("bundle", "subject")}


def asked(pipeline: Any, person: Any, **more: Any) -> Any:
    return told(pipeline.recommend_json({"subject": person, "k": 8, "explain": True, **more}))


# -- a story ---------------------------------------------------------------------------------------


def test_a_history_joins_at_the_login_and_leaves_at_the_unlink(
    bundle: Path, plain: Path, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    a, b, c = small_data.item_ids[:3]
    customer = str(small_data.subject_ids[3])
    shop, simple = pn.load(bundle), pn.load(plain)
    shop.observe(viewed(a, at(now, 1), "e1", cookie="c1"))
    shop.observe(viewed(b, at(now, 2), "e2", cookie="c1", device="d1"))
    simple.observe(viewed(a, at(now, 1), "e1", subject="cookie:c1"))
    simple.observe(viewed(b, at(now, 2), "e2", subject="cookie:c1"))
    # Anonymous, by the cookie, by the device, by the name that came out.
    expected = asked(simple, "cookie:c1")
    assert asked(shop, "cookie:c1") == expected
    assert told(shop.recommend_json({"identifiers": {"device": "d1"}, "k": 8, "explain": True})) \
        == expected  # fmt: skip
    assert list(shop.recommend(identifiers={"cookie": "c1"}, k=3)["item"])
    assert json.loads(shop.recommend_json({"identifiers": {"cookie": "c1"}}))["subject"] \
        == "device:d1"  # fmt: skip
    before = asked(shop, customer)
    assert before == asked(simple, customer)

    # The login: a login event with both.
    login = {"type": "login", "time": at(now, 3), "event_id": "e3", "subject": customer,
             "identifiers": {"cookie": "c1"}}  # fmt: skip
    assert shop.observe(login) == "accepted"
    merged = pn.load(plain)
    for event in (
        viewed(a, at(now, 1), "e1", subject=customer),
        viewed(b, at(now, 2), "e2", subject=customer),
        {**login, "identifiers": {}},
    ):
        merged.observe(event)
    assert asked(shop, customer) == asked(merged, customer) != before
    assert told(shop.recommend_json({"identifiers": {"cookie": "c1"}, "k": 8, "explain": True})) \
        == asked(merged, customer)  # fmt: skip

    # And back: the cookie was somebody else's.
    joined = asked(shop, customer)
    answer = shop.unlink("cookie:c1", customer)
    assert answer["events"] == 2
    simple.observe({**login, "identifiers": {}})
    assert asked(shop, customer) == asked(simple, customer)
    assert asked(shop, "cookie:c1") == asked(simple, "cookie:c1")
    assert shop.relink("cookie:c1", customer)["events"] == 2
    assert asked(shop, customer) == joined
    parted = shop.unmerge("device:d1", customer)
    assert len(parted["links"]) == 1
    assert asked(shop, customer) != joined
    shop.relink(*parted["links"][0])
    assert asked(shop, customer) == joined
    # Blocked, it is nobody's, and the device by itself.
    assert shop.block("cookie:c1")["events"] == 2
    assert shop.unblock("cookie:c1")["events"] == 2
    assert asked(shop, customer) == joined
    # The later item is of an event that is still the customer's.
    shop.observe(viewed(c, at(now, 9), "e9", device="d1"))
    known = json.loads(shop.subject_json(customer))
    assert known == {"subject": customer, "profile": customer, "events": 4}


# -- any events, in any order ----------------------------------------------------------------------

PEOPLE = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["new-1", "new-2"]),
        "login": st.sampled_from(["new-1", "new-3"]),
        "email": st.sampled_from(["Jane@Example.com", "jane@example.com", "joe@example.com"]),
        "device": st.sampled_from(["d1", "d2"]),
        "cookie": st.sampled_from(["c1", "c2", "c3"]),
    },
).filter(lambda who: len(who) > 0)
EVENTS = st.lists(
    st.tuples(PEOPLE, st.integers(0, 4), st.integers(1, 6), st.booleans()), min_size=1, max_size=14
)
NAMED = ["login:new-1", "login:new-2", "login:new-3", "email:jane@example.com",
         "email:joe@example.com", "device:d1", "device:d2", "cookie:c1",
         "cookie:c2", "cookie:c3"]  # fmt: skip
ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["unlink", "relink", "block", "unblock"]),
        st.sampled_from(NAMED),
        st.sampled_from(NAMED),
    ),
    max_size=4,
)


def follow(pipeline: Any, identity: pn.Identity, orders: list[tuple[str, str, str]]) -> None:
    """The same of both; about what has not been seen there is none."""
    for what, a, b in orders:
        pair = what in ("unlink", "relink")
        if pair and a == b:
            continue
        given_to = (a, b) if pair else (a,)
        try:
            getattr(identity, what)(*given_to)
        except NotFoundError:
            with pytest.raises(NotFoundError):
                getattr(pipeline, what)(*given_to)
            continue
        getattr(pipeline, what)(*given_to)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, orders=ORDERS, seed=st.integers(0, 1000), cut=st.integers(0, 14))
def test_it_is_what_plain_events_of_the_resolved_people_say(
    bundle: Path,
    plain: Path,
    small_data: pn.Dataset,
    now: pd.Timestamp,
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[dict[str, str], int, int, bool]],
    orders: list[tuple[str, str, str]],
    seed: int,
    cut: int,
) -> None:
    log = [
        viewed(small_data.item_ids[item], at(now, second), f"e{k:02}", **who)
        | ({} if bought else {"type": "page_view", "item": str(small_data.item_ids[item]),
                              "fields": {}})
        for k, (who, item, second, bought) in enumerate(events)
    ]  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(log))
    # The plain twin: who is who by a batch, then events of these people.
    records = pd.DataFrame(
        [
            {"time": e["time"], "event_id": e["event_id"], "subject": e.get("subject"),
             **e["identifiers"]}
            for e in log
        ]
    )  # fmt: skip
    for name in ("subject", "login", "email", "device", "cookie"):
        if name not in records:
            records[name] = None
    identity = pn.Identity(namespaces={"subject": {"same_as": "login", "form": "text"}})
    columns = {name: name for name in ("subject", "login", "email", "device", "cookie")}
    identity.link(records, columns=columns)
    data = tmp_path_factory.mktemp("state")
    shop = pn.load(bundle, data=data)
    for place in order[:cut]:
        shop.observe(log[place])
    del shop
    shop = pn.load(bundle, data=data)  # a restart in between
    for place in order[cut:]:
        shop.observe(log[place])
    follow(shop, identity, orders)
    again = pn.load(bundle)  # in memory, in another order, orders after all
    for event in log:
        again.observe(event)
    identity_again = pn.Identity(namespaces={"subject": {"same_as": "login", "form": "text"}})
    identity_again.link(records, columns=columns)
    follow(again, identity_again, orders)

    people = identity.resolve(records, columns=columns)["subject"].tolist()
    simple = pn.load(plain)
    for event, who in zip(log, people, strict=True):
        name = None if who is None else str(who).removeprefix("login:")
        if name is not None:
            simple.observe({**event, "identifiers": {}, "subject": name})
        elif event["type"] == "purchase":  # nobody's: it still is the shop's
            simple.observe({**event, "identifiers": {"x": "y"}, "subject": None})
    del shop
    restarted = pn.load(bundle, data=data)
    moment = {"context": {"time": at(now, 7)}}
    for name in {*NAMED, "new-1", "new-2", str(small_data.subject_ids[0])}:
        answer = asked(restarted, name, **moment)
        assert answer == asked(again, name, **moment), name
        try:
            subject = identity.subject_of(name) if ":" in name else f"login:{name}"
            subject = identity.subject_of(subject) or subject if ":" not in name else subject
        except (NotFoundError, InvalidArgumentError):
            continue
        plain_name = (subject or name).removeprefix("login:")
        assert answer == asked(simple, plain_name, **moment), name


# -- on the server ---------------------------------------------------------------------------------


def stream(data: pn.Dataset, now: pd.Timestamp, count: int, seed: int) -> list[Event]:
    rng = np.random.default_rng(seed)
    out = []
    for k in range(count):
        who: dict[str, Any] = {"cookie": f"c{rng.integers(6)}"}
        if rng.random() < 0.3:
            who["subject"] = rng.choice([*data.subject_ids[:3], "newcomer"])
        if rng.random() < 0.3:
            who["email"] = f"p{rng.integers(4)}@example.com"
        out.append(viewed(rng.choice(data.item_ids), at(now, int(rng.integers(1, 60))), f"e{k}",
                          **who))  # fmt: skip
    return out


def everyone(pipeline: Any, data: pn.Dataset) -> list[bytes]:
    people = [*data.subject_ids[:3].tolist(), "newcomer", "cookie:c2", "email:p1@example.com"]
    named = [pipeline.recommend_json({"subject": one, "k": 8, "explain": True}) for one in people]
    by = [pipeline.recommend_json({"identifiers": {"cookie": f"c{k}"}, "k": 5}) for k in range(6)]
    return named + by + [pipeline.subject_json(one) for one in people]


@pytest.mark.parametrize("key", [None, KEY])
def test_the_server_says_the_same_also_after_a_restart(
    request: pytest.FixtureRequest, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path,
    key: str | None,
) -> None:  # fmt: skip
    path = request.getfixturevalue("keyed" if key else "bundle")
    (tmp_path / "key").write_text(f"{key}\n")
    more = ["--identity-key", str(tmp_path / "key")] if key else []
    events = stream(small_data, now, 50, 4)
    here = pn.load(path, identity_key=key)
    with serving(path, tmp_path / "state", *more) as client:
        for event in events[:30]:
            assert client.observe(event) == here.observe(event) == "accepted"
        assert everyone(client, small_data) == everyone(here, small_data)
        order = {"unmerge": ["cookie:c1", "cookie:c2"]}
        assert client.identity_json(order) == here.identity_json(order)
        order = {"block": "cookie:c3"}
        assert client.identity_json(order) == here.identity_json(order)
        assert everyone(client, small_data) == everyone(here, small_data)
    with serving(path, tmp_path / "state", *more) as client:
        assert everyone(client, small_data) == everyone(here, small_data)
        for event in events:
            assert client.observe(event) == here.observe(event)
        assert everyone(client, small_data) == everyone(here, small_data)
        gone = str(small_data.subject_ids[1])
        assert client.erase(gone) == here.erase(gone)
        assert client.metrics()["penchant_identifiers"] > 0
        with pytest.raises(NotFoundError, match="has not been seen"):
            client.identity_json({"block": "cookie:never"})
    again = pn.load(path, data=tmp_path / "state", identity_key=key)
    assert everyone(again, small_data) == everyone(here, small_data)


# -- privacy ---------------------------------------------------------------------------------------


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_with_a_key_no_raw_identifier_is_written(
    keyed: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    assert KEY.encode() not in keyed.read_bytes()
    shop = pn.load(keyed, data=tmp_path, identity_key=KEY)
    item = small_data.item_ids[0]
    shop.observe(viewed(item, at(now, 1), "e1", email="Jane.Roe@Example.com", cookie="c00kie-77"))
    shop.observe(viewed(item, at(now, 2), "e2", subject="17", email="jane.roe@example.com"))
    # A subject that is called as an identifier is one.
    shop.observe(viewed(item, at(now, 3), "e3", subject="email:jane.roe@example.com"))
    assert json.loads(shop.subject_json("17"))["events"] == 3
    with pytest.raises(BadDataError, match="nobody"):
        shop.observe(viewed(item, at(now, 3), "e4", subject="email:jane.roe"))
    bytes_of = written(tmp_path)
    assert b"e1" in bytes_of
    for secret in (b"ane.roe", b"ane.Roe", b"c00kie-77", KEY.encode()):
        assert secret not in bytes_of
    # What has a key is not opened without, and not with another.
    del shop
    with pytest.raises(InvalidArgumentError, match="key"):
        pn.load(keyed, data=tmp_path)
    with pytest.raises(InvalidArgumentError, match="not the key"):
        pn.load(keyed, data=tmp_path, identity_key=KEY + "x")
    without = pn.load(keyed)  # answers, and takes no events
    assert without.recommend("17", k=3) is not None
    with pytest.raises(InvalidArgumentError, match="key"):
        without.observe(viewed(item, at(now, 1), "e1", cookie="c1"))


def test_erasing_takes_the_identifiers_too(
    bundle: Path, small_data: pn.Dataset, now: pd.Timestamp, tmp_path: Path
) -> None:
    events = stream(small_data, now, 40, 7)
    mine = [viewed(small_data.item_ids[k], at(now, k), f"m{k}", cookie="my-c00kie", **who)
            for k, who in enumerate([{}, {"email": "me@example.com"},
                               {"subject": "me", "email": "me@example.com"}, {}])]  # fmt: skip
    shop, without = pn.load(bundle, data=tmp_path / "a"), pn.load(bundle)
    for event in [*mine[:2], *events, *mine[2:]]:
        shop.observe(event)
    for event in events:
        without.observe(event)
    shop.unlink("cookie:my-c00kie", "email:me@example.com")
    shop.relink("cookie:my-c00kie", "email:me@example.com")
    assert json.loads(shop.subject_json("me"))["events"] == 4
    receipt = shop.erase("me")
    assert receipt.erased == {"decisions": 0, "rewards": 0, "events": 4, "identifiers": 3}
    assert shop.erase("me").erased["events"] == 0
    assert everyone(shop, small_data) == everyone(without, small_data)
    assert json.loads(shop.subject_json("me"))["events"] == 0
    with pytest.raises(NotFoundError):
        shop.block("cookie:my-c00kie")
    assert b"my-c00kie" not in written(tmp_path / "a")
    # Who was forgotten may come again.
    assert shop.observe(mine[0]) == "accepted"


# -- what is refused -------------------------------------------------------------------------------


def test_an_event_of_nobody_is_told(
    bundle: Path, plain: Path, small_data: pn.Dataset, now: pd.Timestamp
) -> None:
    shop = pn.load(bundle)
    item = small_data.item_ids[0]
    for who in ({"email": "no address"}, {"gclid": "x"}, {"cookie": "unknown"}):
        with pytest.raises(BadDataError, match="nobody"):
            shop.observe(viewed(item, at(now, 1), "e1", **who))
    assert shop.observe(viewed(item, at(now, 1), "e1", gclid="x", cookie="c1")) == "accepted"
    with pytest.raises(BadDataError, match="twice"):
        shop.observe(viewed(item, at(now, 1), "e2", **{"email": "a@b.c", "email#": "0" * 32}))
    with pytest.raises(InvalidArgumentError, match="want"):
        shop.identity_json({"unlink": ["cookie:c1"]})
    with pytest.raises(InvalidArgumentError, match="no link to itself"):
        shop.unlink("cookie:c1", "cookie:c1")
    simple = pn.load(plain)
    with pytest.raises(NotFoundError, match="no identity"):
        simple.recommend(identifiers={"cookie": "c1"})
    with pytest.raises(NotFoundError, match="has none"):
        simple.unlink("cookie:c1", "x")
    with pytest.raises(InvalidArgumentError, match="Identity"):
        pn.Pipeline(identity="x").fit(small_data)  # type: ignore[arg-type]


def test_what_training_linked_goes_on(
    small_data: pn.Dataset, now: pd.Timestamp, folder: Path
) -> None:
    customer = str(small_data.subject_ids[0])
    identity = pn.Identity().fit({"login": customer, "cookie": "old", "time": "2020-01-01"})
    shop = made(identity).fit(small_data)
    known = json.loads(shop.recommend_json({"identifiers": {"cookie": "old"}, "k": 8}))
    assert known["subject"] in (customer, small_data.subject_ids[0])
    assert known["items"] == json.loads(shop.recommend_json({"subject": customer, "k": 8}))["items"]
    shop.observe(viewed(small_data.item_ids[0], at(now, 1), "e1", cookie="old"))
    assert json.loads(shop.subject_json(customer))["events"] == 1
    assert shop.get_params()["identity"] is identity
