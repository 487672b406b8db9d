// The graph against its plain twin: after any steps in any order, at once or one by one, and as of
// any time.

#include "penchant/identity/graph.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "identity/small_world.h"
#include <gtest/gtest.h>

namespace penchant::identity {
namespace {

using testing::Draw;
using testing::Id;
using testing::PlainIdentity;
using testing::Step;

std::map<Id, Id> subjects_of(const Graph& graph) {
  std::map<Id, Id> out;
  for (std::int32_t id = 0; std::cmp_less(id, graph.table().size()); ++id) {
    const std::int32_t subject = graph.subject(id);
    if (subject >= 0) out[testing::id_of(graph, id)] = testing::id_of(graph, subject);
  }
  return out;
}

void expect_same(const Graph& graph, const PlainIdentity& plain) {
  const PlainIdentity::Subjects expected = plain.subjects();
  ASSERT_EQ(subjects_of(graph), expected.of);
  for (std::int32_t link = 0; std::cmp_less(link, graph.links().size()); ++link) {
    if (!graph.links().seen(link)) continue;
    auto a = testing::id_of(graph, graph.links().a(link));
    auto b = testing::id_of(graph, graph.links().b(link));
    if (b < a) std::swap(a, b);
    ASSERT_EQ(graph.links().standing(link), expected.standings.at({a, b}));
  }
  for (std::int64_t time = -1; time < 7; ++time) {
    const PlainIdentity::Subjects then = plain.subjects(time);
    for (std::int32_t id = 0; std::cmp_less(id, graph.table().size()); ++id) {
      const auto at = then.of.find(testing::id_of(graph, id));
      const std::int32_t subject = graph.subject_at(id, time);
      ASSERT_EQ(subject < 0, at == then.of.end());
      if (subject >= 0) {
        ASSERT_EQ(testing::id_of(graph, subject), at->second);
      }
    }
  }
}

struct Before {
  std::map<Id, Id> subjects;  // a blocked identifier is its own
  std::set<Id> blocked;
};

Before before_of(const Graph& graph) {
  Before out{subjects_of(graph), {}};
  for (std::int32_t id = 0; std::cmp_less(id, graph.table().size()); ++id) {
    if (!graph.blocked(id)) continue;
    const Id own = testing::id_of(graph, id);
    out.subjects[own] = own;
    out.blocked.insert(own);
  }
  return out;
}

// What Changes promise, from the subjects before and after.
void expect_changes(const Graph& graph, const std::vector<Change>& changes, const Before& before) {
  std::map<Id, std::set<std::int32_t>> went;
  for (const auto& [id, subject] : before.subjects) {
    const std::int32_t now = testing::find(graph, id);
    if (before.blocked.contains(id) && graph.blocked(now)) continue;
    went[subject].insert(graph.subject(now));
  }
  std::set<std::tuple<Id, std::int32_t, bool>> expected;
  for (const auto& [from, to] : went) {
    for (const std::int32_t one : to) {
      const bool same = to.size() == 1 && one == testing::find(graph, from);
      if (!same) expected.emplace(from, one, to.size() > 1);
    }
  }
  std::set<std::tuple<Id, std::int32_t, bool>> got;
  for (const Change& change : changes) {
    got.emplace(testing::id_of(graph, change.from), change.to, change.split);
  }
  ASSERT_EQ(got.size(), changes.size());
  ASSERT_EQ(got, expected);
}

Step random_step(Draw& draw, const std::vector<Id>& ids, const Graph& graph) {
  Step out = testing::random_link(draw, ids);
  const std::size_t kind = draw.below(10);
  if (kind < 6) return out;
  if (testing::find(graph, out.a) < 0 || testing::find(graph, out.b) < 0) return out;
  out.kind = kind == 6   ? Step::kCut
             : kind == 7 ? Step::kUncut
             : kind == 8 ? Step::kBlock
                         : Step::kUnblock;
  return out;
}

TEST(Graph, EqualsThePlainTwinAfterAnySteps) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Draw draw(seed);
    const std::vector<Id> ids = testing::small_identifiers(2 + draw.below(5));
    Graph graph(testing::small_options());
    PlainIdentity plain(testing::small_options(), &hash_of);
    const std::size_t batch = 1 + draw.below(12);
    for (std::size_t round = 0; round < 30; ++round) {
      const Before before = before_of(graph);
      for (std::size_t i = 0; i < batch; ++i) {
        const Step step = random_step(draw, ids, graph);
        testing::apply(graph, step);
        testing::apply(plain, step);
      }
      const std::vector<Change> changes = graph.settle();
      ASSERT_NO_FATAL_FAILURE(expect_changes(graph, changes, before)) << "seed " << seed;
      ASSERT_NO_FATAL_FAILURE(expect_same(graph, plain)) << "seed " << seed;
    }
  }
}

// Links, cuts and blocks are sets: only the last word on each counts, not the order.
TEST(Graph, KeepsNoTraceOfTheOrder) {
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    Draw draw(seed);
    const std::vector<Id> ids = testing::small_identifiers(5);
    std::vector<Step> steps;
    for (const Id& id : ids) {  // so that all can be cut and blocked at any point
      Step both = testing::random_link(draw, ids);
      both.a = id;
      both.b = ids[id == ids[0] ? 1 : 0];
      both.time = 5;
      steps.push_back(both);
    }
    std::vector<Step> rest;
    for (int i = 0; i < 60; ++i) rest.push_back(testing::random_link(draw, ids));
    for (int i = 0; i < 6; ++i) {
      rest.push_back(testing::random_link(draw, ids));
      rest.back().kind = Step::kCut;
      rest.push_back(testing::random_link(draw, ids));
      rest.back().kind = i < 2 ? Step::kBlock : Step::kCut;
    }
    AlignedVector<std::byte> expected;
    std::map<Id, Id> subjects;
    for (int order = 0; order < 4; ++order) {
      draw.shuffle(steps);
      draw.shuffle(rest);
      const std::size_t batch = 1 + draw.below(70);
      Graph graph(testing::small_options());
      for (const Step& step : steps) testing::apply(graph, step);
      for (std::size_t i = 0; i < rest.size(); ++i) {
        testing::apply(graph, rest[i]);
        if (i % batch == 0) graph.settle();
      }
      graph.settle();
      if (order == 0) {
        expected = testing::bytes_of(graph);
        subjects = subjects_of(graph);
      }
      ASSERT_EQ(testing::bytes_of(graph), expected) << "seed " << seed;
      ASSERT_EQ(subjects_of(graph), subjects) << "seed " << seed;
      const auto again = testing::reloaded(graph);
      ASSERT_EQ(testing::bytes_of(*again), expected) << "seed " << seed;
      ASSERT_EQ(subjects_of(*again), subjects) << "seed " << seed;
    }
  }
}

TEST(Graph, TakingBackRestoresBothSidesBitForBit) {
  for (std::uint64_t seed = 200; seed < 240; ++seed) {
    Draw draw(seed);
    const std::vector<Id> ids = testing::small_identifiers(6);
    Graph graph(testing::small_options());
    for (int i = 0; i < 40; ++i) testing::apply(graph, testing::random_link(draw, ids));
    graph.settle();
    const auto bytes = testing::bytes_of(graph);
    const auto subjects = subjects_of(graph);
    const auto a = static_cast<std::int32_t>(draw.below(graph.table().size()));
    const auto b = static_cast<std::int32_t>(draw.below(graph.table().size()));
    if (a == b) continue;
    const Before before = before_of(graph);
    const bool together = graph.subject(a) == graph.subject(b);
    const Graph::Parting parting = graph.part(a, b);
    EXPECT_EQ(!parting.links.empty(), together);
    EXPECT_NE(graph.subject(a), graph.subject(b));
    ASSERT_NO_FATAL_FAILURE(expect_changes(graph, parting.changes, before));
    for (const std::int32_t link : parting.links) {
      graph.cut(graph.links().a(link), graph.links().b(link), false);
    }
    graph.settle();
    EXPECT_EQ(testing::bytes_of(graph), bytes);
    EXPECT_EQ(subjects_of(graph), subjects);
  }
}

TEST(Graph, TheChainJoinsItsEnds) {
  Draw draw(7);
  const std::vector<Id> ids = testing::small_identifiers(6);
  Graph graph(testing::small_options());
  for (int i = 0; i < 60; ++i) testing::apply(graph, testing::random_link(draw, ids));
  graph.settle();
  for (std::int32_t a = 0; std::cmp_less(a, graph.table().size()); ++a) {
    const std::vector<std::int32_t> members = graph.members(a);
    for (std::int32_t b = 0; std::cmp_less(b, graph.table().size()); ++b) {
      const bool together = graph.subject(a) == graph.subject(b);
      EXPECT_EQ(std::count(members.begin(), members.end(), b), together ? 1 : 0);
      std::int32_t at = a;
      for (const std::int32_t link : graph.chain(a, b)) {
        EXPECT_EQ(graph.links().standing(link), Standing::kUnited);
        at = graph.links().other(at, link);
      }
      EXPECT_EQ(at, together ? b : a);
    }
  }
}

TEST(Graph, ALinkOfAnotherOrderRebuildsOnlyItsSurroundings) {
  Graph graph(testing::small_options());
  const Id login_a{0, "a"};
  const Id login_b{0, "b"};
  const Id mail{1, "a"};
  testing::apply(graph, {Step::kLink, login_a, mail, 5, ""});
  graph.settle();
  testing::apply(graph, {Step::kLink, login_b, mail, 3, ""});
  const std::vector<Change> changes = graph.settle();
  // The earlier claim wins: the address leaves a, who keeps nothing of it.
  EXPECT_EQ(graph.subject(testing::find(graph, mail)), testing::find(graph, login_b));
  EXPECT_EQ(graph.links().standing(0), Standing::kUnique);
  EXPECT_EQ(changes.size(), 2U);
  EXPECT_EQ(graph.refused(), std::vector<std::int32_t>{0});
}

TEST(Graph, ASharedDeviceLeavesBothAndTheRestStays) {
  Graph graph(testing::small_options());
  const Id dad{0, "dad"};
  const Id mum{0, "mum"};
  const Id tablet{3, "t"};
  const Id phone{3, "p"};
  testing::apply(graph, {Step::kLink, dad, tablet, 1, ""});
  testing::apply(graph, {Step::kLink, dad, phone, 2, ""});
  graph.settle();
  EXPECT_EQ(graph.subject(testing::find(graph, tablet)), testing::find(graph, dad));
  testing::apply(graph, {Step::kLink, mum, tablet, 3, ""});
  const std::vector<Change> changes = graph.settle();
  const std::int32_t device = testing::find(graph, tablet);
  EXPECT_TRUE(graph.shared(device));
  EXPECT_EQ(graph.subject(device), device);
  EXPECT_EQ(graph.subject(testing::find(graph, phone)), testing::find(graph, dad));
  const std::int32_t father = testing::find(graph, dad);
  EXPECT_EQ(changes, (std::vector<Change>{{father, father, true}, {father, device, true}}));
  // As of before mum's login it was dad's.
  EXPECT_EQ(graph.subject_at(device, 2), father);
  EXPECT_EQ(graph.subject_at(device, 0), -1);
}

TEST(Graph, RefusesOptionsThatMakeNoSense) {
  const auto refuse = [](const auto& change, std::string_view part) {
    Options options = default_options();
    change(options);
    try {
      Graph graph(options);
      ADD_FAILURE() << "accepted: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
    }
  };
  refuse([](Options& o) { o.namespaces.clear(); }, "at least one");
  refuse([](Options& o) { o.namespaces[0].name = "User"; }, "a-z");
  refuse([](Options& o) { o.namespaces[1].name = "login"; }, "twice");
  refuse([](Options& o) { o.namespaces[1].limit = -1; }, "limit is -1");
  refuse([](Options& o) { o.namespaces[1].shared_after = 70'000; }, "shared_after is 70000");
  refuse([](Options& o) { o.namespaces[0].shared_after = 1; }, "can't be shared");
  refuse([](Options& o) { o.namespaces[0].bridge = false; }, "stands for a person");
  refuse([](Options& o) { o.namespaces[2].same_as = ""; }, "email namespace");
  refuse([](Options& o) { o.namespaces[2].same_as = "login"; }, "can't meet");
  refuse([](Options& o) { o.namespaces[2].same_as = "nobody"; }, "no namespace");
  refuse([](Options& o) { o.namespaces[0].same_as = "hashed_email"; }, "another's");
  refuse([](Options& o) { o.most = -1; }, "most is -1");
  refuse([](Options& o) { o.country = "XX"; }, "country 'XX'");
  refuse([](Options& o) { o.namespaces.resize(40); }, "at most 32");
}

TEST(Options, ComeBackFromJson) {
  Options options = default_options();
  options.country = "DE";
  options.email_drop_plus = true;
  options.namespaces[3].blocked = {"+49 30 1234567"};
  EXPECT_EQ(to_json(options_from_json(to_json(options))), to_json(options));
  EXPECT_THROW((void)options_from_json("{}"), Error);
  EXPECT_THROW((void)options_from_json("["), Error);
}

}  // namespace
}  // namespace penchant::identity
