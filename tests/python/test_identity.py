"""`penchant.Identity`: frames in and out, rules, undo, keys; and a world whose truth is known."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penchant as pn
from penchant.errors import (
    CorruptBundleError,
    InvalidArgumentError,
    NotFittedError,
    NotFoundError,
)

KEY = "a key of 16 bytes or more"
RECORDS = {
    "event_id": ["e1", "e2", "e3", "e4", "e5"],
    "time": pd.to_datetime(
        ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"]
    ).tz_localize(None),
    "cookie": ["c1", "c1", None, "c2", "c3"],
    "login": [None, "17", "17", None, None],
    "email": [None, None, "Jane@Example.com ", "jane@example.com", "unknown@example.com"],
}


def frame_of(kind: str):
    frame = pd.DataFrame(RECORDS)
    return {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "pyarrow": pa.Table.from_pandas(frame),
    }[kind]


def rows(frame) -> list[tuple]:
    if isinstance(frame, pa.Table):
        return [tuple(row.values()) for row in frame.to_pylist()]
    if isinstance(frame, pl.DataFrame):
        return frame.rows()
    return [
        tuple(None if pd.isna(value) else value for value in row)
        for row in frame.itertuples(index=False)
    ]


# -- frames ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_of_every_kind_in_and_out(kind):
    frame = frame_of(kind)
    identity = pn.Identity()
    changes = identity.link(frame)
    resolved = identity.resolve(frame)
    assert type(resolved) is type(frame)
    assert rows(resolved) == [
        ("e1", "login:17"),
        ("e2", "login:17"),
        ("e3", "login:17"),
        ("e4", "login:17"),
        ("e5", "cookie:c3"),
    ]
    for out in (changes.merged, changes.split, identity.refused, identity.subjects):
        assert type(out) is type(frame)
    assert changes.dropped == {"email is blocked": 1}
    assert not changes
    assert identity.num_identifiers == 5
    assert identity.num_subjects == 2
    assert identity.num_links == 3


def test_an_identity_that_knows_nothing_links_what_it_resolves():
    assert rows(pn.Identity().resolve(frame_of("pandas")))[3] == ("e4", "login:17")
    fitted = pn.Identity().fit(frame_of("pandas"))
    fitted.resolve({"cookie": "c9"})
    assert fitted.num_identifiers == 5  # nothing was learned
    assert rows(fitted.resolve({"cookie": "c9"})) == [(0, None)]
    with pytest.raises(InvalidArgumentError, match="time_unit"):
        fitted.resolve({"cookie": "c9"}, time_unit="s")


def test_columns_of_other_names_and_integers():
    frame = pd.DataFrame({"user": [1.0, np.nan, 2.0], "visitor": [7, 7, 8], "at": [3, 1, 2]})
    identity = pn.Identity()
    columns = {"user": "login", "visitor": "cookie"}
    identity.link(frame, columns=columns, time="at", time_unit="s")
    assert identity.subject_of(("cookie", 7)) == "login:1"
    resolved = identity.resolve(frame, columns=columns, record="at")
    assert resolved["record"].tolist() == [3, 1, 2]
    assert resolved["subject"].tolist() == ["login:1", "login:1", "login:2"]


def test_what_frames_may_not_have():
    identity = pn.Identity()
    with pytest.raises(InvalidArgumentError, match="no column is named like a namespace"):
        identity.link(pd.DataFrame({"x": [1]}))
    with pytest.raises(InvalidArgumentError, match="no namespace 'crm'"):
        identity.link(pd.DataFrame({"x": [1]}), columns={"x": "crm"})
    with pytest.raises(InvalidArgumentError, match="no column 'ts'"):
        identity.link(pd.DataFrame({"login": [1]}), time="ts")
    with pytest.raises(NotFittedError):
        identity.subject_of("login:1")  # nothing came of the attempts above
    changes = identity.link(
        pd.DataFrame({"login": ["a", True, "b", "c"], "time": ["2026-01-01", None, "soon", None]})
    )
    assert changes.dropped == {
        "login is a boolean": 1,
        "time is null": 2,
        "time is not ISO 8601": 1,
    }
    assert identity.num_identifiers == 1


def test_identifiers_are_named_in_two_ways():
    identity = pn.Identity().fit(frame_of("pandas"))
    assert identity.subject_of("cookie:c1") == identity.subject_of(("cookie", "c1")) == "login:17"
    email = next(one for one in identity.identifiers_of("login:17") if one.startswith("email#"))
    assert email == "email#" + hashlib.sha256(b"jane@example.com").hexdigest()[:32]
    assert identity.subject_of(email) == "login:17"
    assert identity.subject_of(("login", 17)) == "login:17"
    assert identity.subject_of(("login", "nobody")) is None
    for bad in ("c1", "crm:1", "email#12", ("cookie", 1.5), 17):
        with pytest.raises(InvalidArgumentError):
            identity.subject_of(bad)
    with pytest.raises(InvalidArgumentError, match="not one of namespace 'email'"):
        identity.subject_of(("email", "jane"))
    with pytest.raises(NotFoundError):
        identity.identifiers_of("login:18")


# -- rules -----------------------------------------------------------------------------------------


def linked(identity: pn.Identity, *records: dict) -> pn.Identity:
    for day, record in enumerate(records):
        identity.link({"time": f"2026-01-{day + 1:02d}", "event_id": f"e{day + 1}", **record})
    return identity


def reasons(identity: pn.Identity) -> list[tuple]:
    columns = ["identifier_a", "identifier_b", "reason"]
    return [tuple(row) for row in identity.refused[columns].itertuples(index=False)]


def test_two_logins_never_merge():
    identity = linked(
        pn.Identity(),
        {"login": "1", "phone": "+44 20 7946 0018"},
        {"login": "2", "phone": "+442079460018"},
    )
    assert identity.subject_of("login:1") != identity.subject_of("login:2")
    assert reasons(identity) == [("login:2", "phone:+442079460018", "login is unique")]
    assert identity.refused["event"].tolist() == ["e2"]


def test_limits_of_a_namespace_and_of_all():
    records = [{"login": "1", "loyalty_card": f"{number}1"} for number in range(1, 5)]
    identity = linked(pn.Identity(limits={"loyalty_card": 2}), *records)
    assert reasons(identity) == [
        ("login:1", "loyalty_card:31", "more than 2 of loyalty_card"),
        ("login:1", "loyalty_card:41", "more than 2 of loyalty_card"),
    ]
    identity = linked(pn.Identity(limits={"loyalty_card": None, "all": 3}), *records)
    assert [reason for _, _, reason in reasons(identity)] == ["more than 3 identifiers"] * 2


def test_a_weak_identifier_joins_no_two_people():
    records = [{"login": "1", "cookie": "c"}, {"cookie": "c", "email": "eve@example.com"}]
    identity = linked(pn.Identity(), *records)
    assert identity.subject_of("login:1") != identity.subject_of("email:eve@example.com")
    assert [reason for _, _, reason in reasons(identity)] == [
        "a weak identifier joins no two people"
    ]
    bridging = linked(pn.Identity({"cookie": {"bridge": True}}), *records)
    assert bridging.subject_of("email:eve@example.com") == "login:1"


def test_a_shared_device_leaves_its_subject_and_the_history_with_it():
    identity = linked(
        pn.Identity(), {"device": "tab", "cookie": "c"}, {"device": "tab", "login": "1"}
    )
    assert identity.subject_of("cookie:c") == "login:1"
    changes = identity.link({"time": "2026-02-01", "device": "tab", "login": "2"})
    assert rows(changes.split) == [
        ("login:1", "login:1"),
        ("login:1", "device:tab"),
        ("login:1", "cookie:c"),
    ]
    assert identity.is_shared("device:tab")
    assert not identity.is_shared("cookie:c")
    assert identity.subject_of("device:tab", as_of="2026-01-31") == "login:1"
    # It still says who a record is of where nothing else does, and never otherwise.
    frame = pd.DataFrame({"device": ["tab", "tab"], "cookie": [None, "c"], "login": [None, None]})
    assert identity.resolve(frame)["subject"].tolist() == ["device:tab", "cookie:c"]
    lenient = pn.Identity({"device": {"shared_after": 2}})
    linked(lenient, {"device": "tab", "login": "1"}, {"device": "tab", "login": "2"})
    assert lenient.subject_of("device:tab") == "login:1"


def test_own_namespaces_and_those_left_out():
    identity = pn.Identity({"crm": {"priority": 5, "unique": True, "form": "code"}, "phone": None})
    identity.link({"crm": "ab-1", "login": "1", "phone": "ignored"})
    assert identity.subject_of("login:1") == "crm:AB1"
    assert "phone" not in str(identity.subjects)
    few = pn.Identity(["login", "cookie"])
    few.link({"login": "1", "cookie": "c", "email": "x@example.com"})
    assert few.num_identifiers == 2
    for namespaces, told in (
        ({"crm": {"colour": 1}}, "no rule 'colour'"),
        ({"crm": 3}, "want a dict of rules"),
        ({"crm": {"unique": True, "limit": 2}}, "limit=1"),
        (["crm"], "not there by default|no namespace 'crm'"),
        ("login", "list of names"),
        ({"email": None}, "same_as 'email' is no namespace"),
        ({"Crm": {}}, "a-z"),
    ):
        with pytest.raises(InvalidArgumentError, match=told):
            pn.Identity(namespaces).link({"login": "1"})
    for limits, told in (
        ({"crm": 1}, "no namespace 'crm'"),
        ({"email": 0}, "1 or more"),
        ({"email": 1.5}, "1 or more"),
        (5, "give a dict"),
    ):
        with pytest.raises(InvalidArgumentError, match=told):
            pn.Identity(limits=limits).link({"login": "1"})
    with pytest.raises(InvalidArgumentError, match="country 'UK'"):
        pn.Identity(country="UK").link({"login": "1"})


def test_spellings_meet():
    identity = pn.Identity(country="GB", email_drop_plus=True, email_drop_dots=True)
    linked(
        identity,
        {"email": "J.Doe+x@gmail.com", "loyalty_card": "29-00 1"},
        {"email": "jdoe@googlemail.com", "phone": "020 7946 0018"},
        {"phone": "+44 20 79460018", "loyalty_card": "29001"},
        {"hashed_email": hashlib.sha256(b"jdoe@gmail.com").hexdigest().upper(), "login": "1"},
    )
    assert identity.num_subjects == 1
    assert identity.num_identifiers == 4


def test_blocked_values():
    records = [{"login": "1", "pos_customer": "CASH"}, {"login": "2", "pos_customer": "CASH"}]
    identity = linked(pn.Identity({"pos_customer": {"blocked": ["CASH"]}}), *records)
    assert identity.num_identifiers == 2
    identity = linked(pn.Identity(blocked=["CASH"]), *records)
    assert identity.num_identifiers == 2
    identity = linked(pn.Identity(), *records)
    before = identity.to_bytes()
    changes = identity.block("pos_customer:CASH")
    assert rows(changes.split) == [("login:1", "login:1"), ("login:1", None)]
    assert identity.subject_of("pos_customer:CASH") is None
    assert rows(identity.resolve({"pos_customer": "CASH"})) == [(0, None)]
    changes = identity.unblock("pos_customer:CASH")
    assert rows(changes.merged) == [("pos_customer:CASH", "login:1")]
    assert identity.to_bytes() == before


# -- time, reasons, undo ---------------------------------------------------------------------------


def test_anonymous_history_joins_at_login():
    identity = pn.Identity()
    identity.link({"cookie": "c1", "device": "d1", "time": "2026-01-01"})
    changes = identity.link({"cookie": "c1", "login": "17", "time": "2026-01-02"})
    assert rows(changes.merged) == [("device:d1", "login:17")]
    assert len(changes.split) == 0
    assert repr(changes) == "Changes(1 merged, 0 split rows)"
    assert identity.subject_of("cookie:c1", as_of="2026-01-01") == "device:d1"
    assert identity.subject_of("cookie:c1", as_of=dt.datetime(2026, 1, 2)) == "login:17"
    assert identity.subject_of("cookie:c1", as_of="2025-12-31") is None


def test_moving_histories_along_the_changes_equals_counting_anew():
    """The seam for features: merged rows add up, split ones are computed again from the events."""
    world = pn.simulate.identities(people=150, seed=5)
    events = world.events.sample(frac=1.0, random_state=1).reset_index(drop=True)  # any order
    identity = pn.Identity()
    counts: dict = {}
    seen = 0
    for size in (1, 40, 400, 401, len(events)):
        batch = events.iloc[seen:size]
        changes = identity.link(batch)
        gone = set(changes.split["from"])
        moved = [(source, counts.pop(source, 0)) for source in changes.merged["from"]]
        for (_, count), target in zip(moved, changes.merged["to"], strict=True):
            counts[target] = counts.get(target, 0) + count
        # Of new records by their subjects; of split subjects, and whom their records went to, anew.
        now = identity.resolve(events.iloc[:size])["subject"]
        anew = gone | set(changes.split["to"])
        for subject in now.iloc[seen:]:
            counts[subject] = counts.get(subject, 0) + 1
        for subject in anew:
            counts.pop(subject, None)
        for subject, count in now[now.isin(anew)].value_counts().items():
            counts[subject] = count
        assert counts == now.value_counts().to_dict()
        seen = size


def test_explain_shows_the_chain():
    identity = linked(
        pn.Identity(),
        {"cookie": "c1", "device": "d1"},
        {"cookie": "c1", "login": "17"},
        {"login": "17", "email": "jane@example.com"},
    )
    chain = identity.explain("device:d1", "email:jane@example.com")
    assert chain["event"].tolist() == ["e1", "e2", "e3"]
    assert chain["identifier_a"].tolist()[0] == "device:d1"
    assert chain["time"].tolist()[0] == pd.Timestamp("2026-01-01")
    assert len(identity.explain("device:d1", "device:d1")) == 0
    identity.link({"login": "18"})
    assert len(identity.explain("device:d1", "login:18")) == 0


def test_unlink_and_unmerge_restore_both_profiles():
    left = [{"login": "1", "device": "d1"}, {"device": "d1", "cookie": "c1"}]
    right = [
        {"email": "x@example.com", "cookie": "c2"},
        {"email": "x@example.com", "phone": "+4420794600"},
    ]
    apart = linked(pn.Identity(), *left, *right)
    profiles = rows(apart.subjects.sort_values("identifier"))
    joined = linked(pn.Identity(), *left, *right, {"login": "1", "email": "x@example.com"})
    together = joined.to_bytes()
    assert joined.num_subjects == 1
    changes, links = joined.unmerge("cookie:c1", "cookie:c2")
    assert rows(joined.subjects.sort_values("identifier")) == profiles
    assert rows(changes.split) == [
        ("login:1", "login:1"),
        ("login:1", apart.subject_of("cookie:c2")),
    ]
    assert links["event"].tolist() == ["e5"]
    # Seen again, it stays undone; lifted, it is as it was.
    joined.link({"login": "1", "email": "x@example.com", "time": "2026-03-01"})
    assert joined.num_subjects == 2
    changes = joined.relink(links["identifier_a"][0], links["identifier_b"][0])
    assert joined.to_bytes() == together
    assert rows(changes.merged) == [(apart.subject_of("cookie:c2"), "login:1")]
    joined.unlink("login:1", "email:x@example.com")
    assert rows(joined.subjects.sort_values("identifier")) == profiles
    with pytest.raises(NotFoundError):
        joined.unlink("login:1", "login:99")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_order_and_any_batches_end_the_same(data):
    values = st.sampled_from([None, "a", "b", "c"])
    record = st.fixed_dictionaries(
        dict.fromkeys(("login", "pos_customer", "device", "cookie"), values)
    )
    records = data.draw(st.lists(record, min_size=1, max_size=12))
    times = data.draw(st.lists(st.integers(1, 4), min_size=len(records), max_size=len(records)))
    frame = pd.DataFrame(records, dtype=object).assign(time=times)
    once = pn.Identity().fit(frame)
    order = data.draw(st.permutations(range(len(records))))
    bits = pn.Identity(threads=data.draw(st.sampled_from([1, 2, 8])))
    for at in order:
        bits.link(frame.iloc[[at]])
    assert bits.to_bytes() == once.to_bytes()
    one = bits.subjects.sort_values("identifier").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        one, once.subjects.sort_values("identifier").reset_index(drop=True)
    )
    bits.link(frame)  # and again
    assert bits.to_bytes() == once.to_bytes()


# -- keys and files --------------------------------------------------------------------------------


def test_a_key_hides_everything_and_hides_itself(tmp_path):
    identity = pn.Identity(key=KEY).fit(frame_of("pandas"))
    identity.link({"cookie": "cookie-of-jane", "phone": "+44 20 7946 0018"})
    data = identity.to_bytes()
    address = hashlib.sha256(b"jane@example.com").digest()
    for raw in (b"of-jane", b"79460018", b"jane@", address[:16], KEY.encode()):
        assert raw not in data
    assert KEY not in repr(identity)
    assert KEY not in str(identity.get_params())
    assert KEY.encode() not in pickle.dumps(identity)
    name = identity.subject_of(("login", "17"))
    assert name.startswith("login#")
    path = tmp_path / "people.identity"
    identity.save(path)
    closed = pn.Identity.load(path)
    assert closed.subject_of(name) == name
    with pytest.raises(InvalidArgumentError, match="made with a key"):
        closed.subject_of(("login", "17"))
    with pytest.raises(InvalidArgumentError, match="made with a key"):
        closed.link({"login": "17"})
    with pytest.raises(InvalidArgumentError, match="not the key"):
        closed.set_params(key="another key of 16 bytes")
    assert closed.set_params(key=KEY).subject_of(("login", "17")) == name
    assert pn.Identity.load(path, key=KEY).subject_of(("login", "17")) == name
    with pytest.raises(InvalidArgumentError, match="without a key"):
        pn.Identity.from_bytes(pn.Identity().fit(frame_of("pandas")).to_bytes(), key=KEY)
    with pytest.raises(InvalidArgumentError, match="16 random"):
        pn.Identity(key="short")
    with pytest.raises(InvalidArgumentError, match="key is a int"):
        pn.Identity(key=5)
    with pytest.raises(TypeError):
        pickle.dumps(identity.key)
    assert copy.deepcopy(identity.key) is identity.key
    other = pn.Identity(key="another key of 16 bytes").fit(frame_of("pandas"))
    assert other.subject_of(("login", "17")) != name


def test_files_pickles_parameters(tmp_path):
    identity = pn.Identity(
        {"crm": {"unique": True}, "phone": None}, {"email": 3, "all": 50}, country="DE"
    )
    identity.fit(frame_of("polars"))
    for again in (
        pickle.loads(pickle.dumps(identity)),
        pn.Identity.from_bytes(identity.to_bytes()),
        copy.deepcopy(identity),
    ):
        assert again.to_bytes() == identity.to_bytes()
        assert again.subject_of("cookie:c1") == "login:17"
        again.link({"crm": "1", "cookie": "c1"})  # by the same rules
        assert again.num_subjects == identity.num_subjects + 1
    loaded = pn.Identity.from_bytes(identity.to_bytes())
    assert loaded.fit(frame_of("polars")).to_bytes() == identity.to_bytes()
    clone = pn.Identity(**identity.get_params())
    assert clone.fit(frame_of("polars")).to_bytes() == identity.to_bytes()
    data = bytearray(identity.to_bytes())
    data[-1] ^= 1
    with pytest.raises(CorruptBundleError):
        pn.Identity.from_bytes(bytes(data))
    assert "identifiers" in repr(identity)
    assert pickle.loads(pickle.dumps(pn.Identity())).get_params() == pn.Identity().get_params()


def test_scikit_learn_clones_it():
    clone = pytest.importorskip("sklearn.base").clone
    identity = pn.Identity(limits={"email": 2}, key=KEY)
    assert clone(identity).get_params() == identity.get_params()


def test_threads_do_not_show():
    events = pn.simulate.identities(people=2000, seed=2, format="pyarrow").events
    one = pn.Identity(key=KEY, threads=1).fit(events)
    for threads in (2, 8):
        assert pn.Identity(key=KEY, threads=threads).fit(events).to_bytes() == one.to_bytes()


# -- a world whose truth is known ------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_precision_is_one_in_a_world_of_shared_devices(seed):
    world = pn.simulate.identities(people=600, seed=seed, family_devices=0.6, email_typos=0.1)
    score = world.score(pn.Identity().fit(world.events))
    assert score.precision == 1.0
    assert score.recall > 0.7
    assert score.attribution > 0.9
    keyed = world.score(pn.Identity(key=KEY).fit(world.events))
    assert keyed == score
    # The rules are what keeps people apart: without them families are one.
    free = {"bridge": True, "shared_after": 0}
    off = pn.Identity({"cookie": free, "device": free, "login": {"limit": None}}).fit(world.events)
    assert world.score(off).precision < 0.9


def test_merge_limits_hold_in_that_world():
    world = pn.simulate.identities(people=600, seed=4, email_typos=0.5, store_visits=8.0)
    identity = pn.Identity(limits={"email": 2, "all": 12}).fit(world.events)
    subjects = identity.subjects
    spaces = subjects["identifier"].str.split("[:#]").str[0]
    counts = (
        subjects.assign(space=spaces).groupby(["subject", "space"]).size().unstack(fill_value=0)
    )
    assert counts["login"].max() == 1
    assert counts["email"].max() == 2
    assert counts.sum(axis=1).max() <= 12
    assert set(identity.refused["reason"]) >= {"more than 2 of email", "more than 12 identifiers"}


def test_worlds_follow_from_their_knobs():
    one = pn.simulate.identities(people=50, seed=3, format="pyarrow")
    two = pn.simulate.identities(people=50, seed=3, format="pyarrow")
    assert one.events.equals(two.events)
    assert one.owners.equals(two.owners)
    assert repr(one).startswith("IdentityWorld(50 people, seed 3")
    assert not one.events.equals(pn.simulate.identities(people=50, seed=4, format="pyarrow").events)
    for knobs in ({"cats": 1}, {"people": 0}, {"seed": -1}, {"accounts": 1.5}, {"visits": -1.0}):
        with pytest.raises(InvalidArgumentError):
            pn.simulate.identities(**knobs)
    with pytest.raises(InvalidArgumentError):
        pn.simulate.identities(format="csv")
