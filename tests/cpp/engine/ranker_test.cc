// The ranker: the rows it learns from and is asked with, the order it gives, and what a bundle of
// it may say.

#include "penchant/engine/ranker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "engine/ranked_fixture.h"
#include "reference/plain_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/simd.h"
#include "penchant/engine/ranker_rows.h"
#include "penchant/engine/response.h"

namespace penchant::engine {
namespace {

using testing::kDay;
using testing::random_dataset;
using testing::ranked_parts;
using testing::some_attributes;

constexpr std::size_t kDepth = testing::kRankedDepth;

std::shared_ptr<const Engine> engine_of(const EngineParts& parts) {
  return Engine::from_bundle(
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
}

class RankerTest : public ::testing::Test {
 protected:
  data::Dataset data_ = random_dataset(60, 40, 900, 51, true);
  std::shared_ptr<const Engine> engine_ = engine_of(ranked_parts(data_));
  std::shared_ptr<const Engine> plain_ = testing::small_engine(data_);
  [[nodiscard]] Decision decide(const std::string& json) const {
    return engine_->recommend(parse_request(json));
  }
  [[nodiscard]] std::size_t column(const std::string& name) const {
    const CandidateFeatures& features = engine_->assets().ranker->features;
    for (std::size_t c = 0; c < features.size(); ++c) {
      if (features.name(c) == name) return c;
    }
    ADD_FAILURE() << "no feature " << name;
    return 0;
  }
};

std::string subject(int u) { return "s" + std::to_string(1000 + u); }

TEST_F(RankerTest, IsAStageOfBundlesThatHaveOne) {
  EXPECT_EQ(engine_->stage_names(), (std::vector<std::string>{"resolve", "retrieve", "order",
                                                              "rerank", "fill", "explain"}));
  EXPECT_EQ(plain_->stage_names().size(), 5U);
  EXPECT_FALSE(plain_->bundle()->has("ranker/meta"));
}

// The order by the plain walk over the rows that candidate_rows gives.
TEST_F(RankerTest, OrdersTheBestOfTheBlendByTheForest) {
  const Ranker& ranker = *engine_->assets().ranker;
  for (int u = 0; u < 60; ++u) {
    for (const bool exclude : {false, true}) {
      for (const std::size_t k : {1U, 10U, 30U}) {
        const Request request{.subject = subject(u), .k = k, .exclude_seen = exclude};
        const CandidateRows rows = candidate_rows(*engine_, request);
        const std::size_t columns = ranker.features.size();
        ASSERT_EQ(rows.values.size(), rows.items.size() * columns);
        EXPECT_LE(rows.items.size(), std::max(k, kDepth));
        std::vector<std::pair<double, std::size_t>> order;
        for (std::size_t i = 0; i < rows.items.size(); ++i) {
          std::vector<double> row;
          for (std::size_t c = 0; c < columns; ++c) {
            row.push_back(static_cast<double>(rows.values[i * columns + c]));
          }
          const double score = reference::plain_scores(ranker.forest->data(), row)[0];
          EXPECT_EQ(score, rows.scores[i]);
          order.emplace_back(-score, i);
        }
        std::sort(order.begin(), order.end());
        const Decision d = engine_->recommend(request);
        const std::size_t shown = std::min(k, order.size());
        ASSERT_GE(d.items.size(), shown);
        for (std::size_t r = 0; r < shown; ++r) {
          EXPECT_EQ(d.items[r].index, rows.items[order[r].second]) << u << ' ' << r;
          EXPECT_EQ(d.items[r].score, static_cast<float>(-order[r].first));
        }
        EXPECT_TRUE(std::is_sorted(d.items.begin(), d.items.end(),
                                   [](const auto& a, const auto& b) { return a.score > b.score; }));
      }
    }
  }
}

TEST_F(RankerTest, LeavesRequestsWithoutAHistoryToTheBlend) {
  for (const char* request : {R"({})", R"({"subject":"nobody","k":25,"explain":true})"}) {
    const Decision with = decide(request);
    const Decision without = plain_->recommend(parse_request(request));
    ASSERT_EQ(with.items.size(), without.items.size());
    for (std::size_t i = 0; i < with.items.size(); ++i) {
      EXPECT_EQ(with.items[i].index, without.items[i].index);
      EXPECT_EQ(with.items[i].score, without.items[i].score);
      EXPECT_FALSE(with.items[i].ranker.has_value());
    }
    EXPECT_TRUE(candidate_rows(*engine_, parse_request(request)).items.empty());
  }
  // A basket is a history.
  EXPECT_FALSE(
      candidate_rows(*engine_, parse_request(R"({"context":{"basket":["i1003"]}})")).items.empty());
}

TEST_F(RankerTest, KeepsWhatMustNotBeShownAway) {
  const auto shown = [&](const std::string& request) {
    std::set<std::int32_t> out;
    for (const DecidedItem& item : decide(request).items) out.insert(item.index.value);
    return out;
  };
  const auto few = shown(R"({"subject":"s1005","candidates":["i1001","i1002","i1030"],"k":40})");
  EXPECT_EQ(few, (std::set<std::int32_t>{1, 2, 30}));
  EXPECT_FALSE(shown(R"({"subject":"s1005","deny":["i1001"],"k":40})").contains(1));
  EXPECT_EQ(shown(R"({"subject":"s1005","deny":["i1001"],"k":40})").size(), 39U);
  const data::History history = engine_->assets().context->history.history(UserIndex(5));
  const auto fresh = shown(R"({"subject":"s1005","exclude_seen":true,"k":40})");
  for (const ItemIndex item : history.items) EXPECT_FALSE(fresh.contains(item.value));
  EXPECT_EQ(fresh.size(), 40 - history.size());
}

TEST_F(RankerTest, ExplainsItsScores) {
  std::set<std::string_view> named;
  for (int u = 0; u < 60; ++u) {
    const Decision d = engine_->recommend({.subject = subject(u), .k = 40, .explain = true});
    const Decision silent = engine_->recommend({.subject = subject(u), .k = 40});
    std::size_t explained = 0;
    for (std::size_t i = 0; i < d.items.size(); ++i) {
      EXPECT_EQ(d.items[i].index, silent.items[i].index);
      EXPECT_EQ(d.items[i].score, silent.items[i].score);
      EXPECT_FALSE(silent.items[i].ranker.has_value());
      if (!d.items[i].ranker) continue;
      ++explained;
      const RankerShare& share = *d.items[i].ranker;
      double total = share.expected + share.others;
      for (std::size_t f = 0; f < share.features.size(); ++f) {
        total += share.features[f].contribution;
        named.insert(share.features[f].feature);
        if (f > 0) {
          EXPECT_GE(std::abs(share.features[f - 1].contribution),
                    std::abs(share.features[f].contribution));
        }
        EXPECT_NE(share.features[f].text.find(": "), std::string::npos);
      }
      EXPECT_NEAR(total, d.items[i].score, 1e-5);
    }
    EXPECT_GE(explained, 10U);
  }
  EXPECT_GT(named.size(), 10U);
  // Without the training rows of the splits nothing is made up.
  const auto silent = engine_of(ranked_parts(data_, false));
  for (const auto& item : silent->recommend({.subject = "s1005", .explain = true}).items) {
    EXPECT_FALSE(item.ranker.has_value());
  }
}

TEST_F(RankerTest, SameBytesOnEveryInstructionSet) {
  std::vector<std::string> expected;
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (int u = 0; u < 60; ++u) {
      const std::string request =
          concat(R"({"subject":")", subject(u),
                 R"(","k":15,"explain":true,"context":{"basket":["i1003"]}})");
      std::string body;
      engine_->recommend_json(request, body);
      EXPECT_NE(body.find("\"ranker\":{\"expected\":"), std::string::npos);
      const auto at = static_cast<std::size_t>(u);
      if (at == expected.size()) expected.push_back(body);
      EXPECT_EQ(body, expected[at]) << target;
    }
  }
  force_simd_target("best");
}

TEST_F(RankerTest, RankAllOrdersAsRecommendDoes) {
  std::vector<float> scores(engine_->num_items());
  for (int u = 0; u < 60; ++u) {
    for (const bool exclude : {false, true}) {
      const Request request{.subject = subject(u), .k = 20, .exclude_seen = exclude};
      const Decision d = engine_->recommend(request);
      engine_->rank_all(request, scores);
      const std::size_t ranked = candidate_rows(*engine_, request).items.size();
      for (std::size_t r = 1; r < std::min(ranked, d.items.size()); ++r) {
        const auto better = static_cast<std::size_t>(d.items[r - 1].index.value);
        EXPECT_GT(scores[better], scores[static_cast<std::size_t>(d.items[r].index.value)]);
      }
      const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
      EXPECT_EQ(best, d.items[0].index.value);
    }
  }
}

// features ----------------------------------------------------------------------------------------

TEST_F(RankerTest, LearnsFromTheRowsThatItServes) {
  const Ranker& ranker = *engine_->assets().ranker;
  std::vector<ExternalId> subjects;
  std::vector<std::vector<ItemIndex>> truth;
  for (int u = 0; u < 60; ++u) {
    subjects.emplace_back(subject(u));
    truth.push_back({ItemIndex((u * 7 + 3) % 20), ItemIndex((u * 11 + 5) % 20)});
    std::sort(truth.back().begin(), truth.back().end());
  }
  for (const bool exclude : {false, true}) {
    std::vector<RankerTable> tables;
    for (const int threads : {1, 2, 8}) {
      tables.push_back(ranker_rows(*plain_, ranker.features,
                                   {.depth = kDepth, .exclude_seen = exclude, .threads = threads},
                                   subjects, truth));
    }
    const RankerTable& table = tables[0];
    for (const RankerTable& other : tables) {
      EXPECT_EQ(other.group_begin, table.group_begin);
      EXPECT_EQ(other.labels, table.labels);
      ASSERT_EQ(other.values.size(), table.values.size());
      EXPECT_EQ(std::memcmp(other.values.data(), table.values.data(), 4 * table.values.size()), 0);
    }
    ASSERT_GT(table.subject.size(), 20U);
    for (std::size_t g = 0; g < table.subject.size(); ++g) {
      const auto u = static_cast<std::size_t>(table.subject[g]);
      const Request request{
          .subject = subject(static_cast<int>(u)), .k = 10, .exclude_seen = exclude};
      const CandidateRows rows = candidate_rows(*engine_, request);
      const auto first = static_cast<std::size_t>(table.group_begin[g]);
      const auto size = static_cast<std::size_t>(table.group_begin[g + 1]) - first;
      ASSERT_EQ(size, rows.items.size());
      EXPECT_EQ(
          std::memcmp(rows.values.data(), table.values.data() + first * ranker.features.size(),
                      4 * rows.values.size()),
          0);
      float taken = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const bool right = std::binary_search(truth[u].begin(), truth[u].end(), rows.items[i]);
        EXPECT_EQ(table.labels[first + i], right ? 1.0F : 0.0F);
        taken += table.labels[first + i];
      }
      EXPECT_GT(taken, 0);
    }
  }
}

// Each feature of the histories, counted again from the events.
TEST_F(RankerTest, FeaturesSayWhatTheirNamesSay) {
  const data::EventColumns& events = data_.events();
  const double day = static_cast<double>(kDay);
  const auto as_of = static_cast<double>(data_.last_time().micros);
  for (int u = 0; u < 60; u += 7) {
    const CandidateRows rows = candidate_rows(*engine_, {.subject = subject(u), .k = 40});
    const std::size_t columns = engine_->assets().ranker->features.size();
    std::map<std::int32_t, std::set<std::int64_t>> mine;
    std::set<std::int64_t> my_times;
    for (std::size_t e = 0; e < events.size(); ++e) {
      if (events.subjects[e].value != u) continue;
      mine[events.items[e].value].insert(events.times[e].micros);
      my_times.insert(events.times[e].micros);
    }
    double my_events = 0;
    for (const auto& [item, times] : mine) my_events += static_cast<double>(times.size());
    for (std::size_t i = 0; i < rows.items.size(); ++i) {
      const std::int32_t item = rows.items[i].value;
      const auto value = [&](const char* name) {
        return static_cast<double>(rows.values[i * columns + column(name)]);
      };
      const auto near = [&](const char* name, double expected) {
        EXPECT_NEAR(value(name), expected, 1e-5 * std::max(1.0, std::abs(expected))) << name;
      };
      std::set<std::int32_t> people;
      std::set<std::int32_t> lately;
      std::set<std::int32_t> active;
      std::int64_t first = events.times.back().micros;
      std::int64_t last = events.times.front().micros;
      for (std::size_t e = 0; e < events.size(); ++e) {
        const bool recent = events.times[e].micros > data_.last_time().micros - 28 * kDay;
        if (recent) active.insert(events.subjects[e].value);
        if (events.items[e].value != item) continue;
        people.insert(events.subjects[e].value);
        if (recent) lately.insert(events.subjects[e].value);
        first = std::min(first, events.times[e].micros);
        last = std::max(last, events.times[e].micros);
      }
      near("item_popularity", static_cast<double>(people.size()) / 60);
      near("item_popularity_28d",
           static_cast<double>(lately.size()) / static_cast<double>(active.size()));
      near("item_age_days", (as_of - static_cast<double>(first)) / day);
      near("item_idle_days", (as_of - static_cast<double>(last)) / day);
      near("subject_items", static_cast<double>(mine.size()));
      near("subject_times", my_events);
      near("subject_idle_days", (as_of - static_cast<double>(*my_times.rbegin())) / day);
      near("subject_tenure_days", (as_of - static_cast<double>(*my_times.begin())) / day);
      near("request_repeats", 1);
      near("blend_rank", static_cast<double>(i + 1));
      const auto had = mine.find(item);
      if (had == mine.end()) {
        near("pair_times", 0);
        EXPECT_TRUE(std::isnan(value("pair_days")) && std::isnan(value("pair_due")));
        continue;
      }
      const auto& times = had->second;
      const auto count = static_cast<double>(times.size());
      near("pair_times", count);
      near("pair_share", count / my_events);
      const double since = (as_of - static_cast<double>(*times.rbegin())) / day;
      near("pair_days", since);
      if (times.size() < 2) {
        EXPECT_TRUE(std::isnan(value("pair_gap_days")));
        continue;
      }
      const double gap = static_cast<double>(*times.rbegin() - *times.begin()) / day / (count - 1);
      near("pair_gap_days", gap);
      near("pair_due", since / gap);
    }
  }
}

TEST_F(RankerTest, AttributesBecomeFeatures) {
  const auto table = some_attributes(40);
  const CandidateRows rows = candidate_rows(*engine_, {.subject = "s1007", .k = 40});
  const data::History history = engine_->assets().context->history.history(UserIndex(7));
  const std::size_t columns = engine_->assets().ranker->features.size();
  const auto price = [&](ItemIndex item) {
    return table->columns()[1].numbers[static_cast<std::size_t>(item.value)];
  };
  ASSERT_EQ(table->columns()[1].name, "price");
  double sum = 0;
  double known = 0;
  for (const ItemIndex item : history.items) {
    if (std::isnan(price(item))) continue;
    sum += price(item);
    known += 1;
  }
  std::array<double, 3> kinds{};
  const auto kinds_of = [](int i) {
    std::set<std::size_t> out;
    if (i % 5 != 0) out.insert(static_cast<std::size_t>(i % 3));
    if (i % 11 == 3) out.insert(2);
    return out;
  };
  for (const ItemIndex item : history.items) {
    for (const std::size_t kind : kinds_of(item.value)) kinds[kind] += 1;
  }
  for (std::size_t i = 0; i < rows.items.size(); ++i) {
    const auto value = [&](const char* name) {
      return static_cast<double>(rows.values[i * columns + column(name)]);
    };
    const double own = price(rows.items[i]);
    if (std::isnan(own)) {
      EXPECT_TRUE(std::isnan(value("attribute_price")) && std::isnan(value("relative_price")));
    } else {
      EXPECT_EQ(value("attribute_price"), own);
      EXPECT_NEAR(value("relative_price"), own / (sum / known), 1e-6);
    }
    const auto mine = kinds_of(rows.items[i].value);
    double most = 0;
    for (const std::size_t kind : mine) most = std::max(most, kinds[kind]);
    if (mine.empty()) {
      EXPECT_TRUE(std::isnan(value("affinity_kind")));
    } else {
      EXPECT_NEAR(value("affinity_kind"), most / static_cast<double>(history.size()), 1e-6);
    }
  }
}

// The only clock is the request's.
TEST_F(RankerTest, DaysRunWithTheRequest) {
  const Request now{.subject = "s1003", .k = 40};
  Request later = now;
  later.context.time = data_.last_time() - Duration{-3 * kDay};
  const CandidateRows a = candidate_rows(*engine_, now);
  const CandidateRows b = candidate_rows(*engine_, later);
  const std::size_t columns = engine_->assets().ranker->features.size();
  std::map<std::int32_t, std::size_t> place;
  for (std::size_t i = 0; i < a.items.size(); ++i) place[a.items[i].value] = i;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < b.items.size(); ++i) {
    const auto found = place.find(b.items[i].value);
    if (found == place.end()) continue;
    ++compared;
    for (const char* name : {"item_age_days", "item_idle_days", "subject_idle_days"}) {
      EXPECT_NEAR(b.values[i * columns + column(name)],
                  a.values[found->second * columns + column(name)] + 3, 1e-4);
    }
  }
  EXPECT_GT(compared, 10U);
}

TEST(CandidateFeatureNames, UnknownOnesAreRefused) {
  const data::Dataset data = random_dataset(60, 40, 900, 52);
  const EngineParts parts = testing::small_parts(data);
  const FeatureBasis basis = feature_basis(parts.sources, *parts.context, nullptr, nullptr);
  const auto names = CandidateFeatures::all_names(basis);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  const auto refused = [&](std::vector<std::string> wanted, const char* words) {
    try {
      const CandidateFeatures features(basis, wanted);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  refused({"blend_score", "cart_value"}, "there is no feature 'cart_value' in this funnel; there");
  refused({"attribute_price"}, "no feature 'attribute_price'");
  refused({"source_ease_score"}, "no feature 'source_ease_score'");
  refused({"blend_rank", "blend_rank"}, "'blend_rank' is listed twice");
  EXPECT_EQ(CandidateFeatures(basis, {"pair_days", "blend_rank"}).name(0), "pair_days");
}

// bundles -----------------------------------------------------------------------------------------

TEST_F(RankerTest, PartsThatDoNotFitAreRefused) {
  const auto refused = [&](const auto& change) {
    EngineParts parts = ranked_parts(data_);
    change(*parts.ranker);
    try {
      (void)engine_of(parts);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument) << error.what();
    }
  };
  refused([](RankerParts& r) { r.names.pop_back(); });
  refused([](RankerParts& r) { r.names[0] = "no such feature"; });
  refused([](RankerParts& r) { r.depth = 0; });
  refused([](RankerParts& r) { r.attributes = some_attributes(39); });
  const auto with = [&](const auto& change) {
    return [change](RankerParts& r) {
      ranking::ForestData data = r.forest->data();
      change(data);
      r.forest = std::make_shared<const ranking::Forest>(std::move(data));
    };
  };
  refused(with([](ranking::ForestData& data) { data.base = {0, 0}; }));
  refused(with([](ranking::ForestData& data) { data.leaves[0] = 1e39; }));
}

TEST_F(RankerTest, ABundleThatLiesIsRefused) {
  const auto& reader = *engine_->bundle();
  const auto refused = [&](const std::string& name, const std::string& text) {
    testing::expect_refused(reader, name, text);
  };
  refused("ranker/meta", "{}");
  refused("ranker/meta", R"({"depth":0,"attributes":true})");
  refused("ranker/meta", R"({"depth":1e9,"attributes":true})");
  refused("ranker/meta", R"({"depth":10,"attributes":false})");
  refused("ranker/features", "{}");
  refused("ranker/features", "[]");
  refused("ranker/features", "[1]");
  std::string names(reader.text("ranker/features"));
  names.replace(names.find("pair_days"), 9, "cart_days");
  refused("ranker/features", names);
  refused("ranker/forest/meta", "{}");
  refused("ranker/forest/leaves", "x");
  refused("ranker/attributes/numeric", "x");
  refused("goldens/form", "\x02");
  refused("goldens/form", "\x04");
}

// The score is a float in the answer: a text like "nan" must never get there.
TEST_F(RankerTest, CoversThatMakeNoSenseExplainNothing) {
  EngineParts parts = ranked_parts(data_);
  ranking::ForestData data = parts.ranker->forest->data();
  for (ranking::SplitNode& node : data.nodes) node.cover = 1e-300;
  for (double& cover : data.leaf_cover) cover = 1e300;
  parts.ranker->forest = std::make_shared<const ranking::Forest>(std::move(data));
  std::string body;
  engine_of(parts)->recommend_json(R"({"subject":"s1005","explain":true})", body);
  EXPECT_EQ(body.find("nan"), std::string::npos);
  EXPECT_EQ(body.find("inf"), std::string::npos);
}

TEST_F(RankerTest, ComesBackAsItWas) {
  const Ranker& ranker = *engine_->assets().ranker;
  EXPECT_EQ(ranker.depth, kDepth);
  EXPECT_EQ(ranker.forest->data().trees(), 30U);
  EXPECT_TRUE(ranker.explainer);
  std::size_t wanted = 0;
  for (const std::uint8_t each : ranker.wanted) wanted += each;
  EXPECT_GT(wanted, 5U);
  EXPECT_EQ(build_bundle(ranked_parts(data_), "{}", testing::small_goldens()),
            build_bundle(ranked_parts(data_), "{}", testing::small_goldens()));
}

TEST(OldRankerBundles, StillAnswerTheirGoldens) {
  const char* folder = std::getenv("PENCHANT_GOLDEN");
  if (folder == nullptr) GTEST_SKIP() << "PENCHANT_GOLDEN is not set; ctest sets it";
  const auto engine = Engine::open(std::filesystem::path(folder) / "ranker_v1.penchant");
  EXPECT_TRUE(engine->assets().ranker);
  EXPECT_FALSE(engine->assets().ranker->attributes->empty());
}

}  // namespace
}  // namespace penchant::engine
