// A ranker with a calibration: what its items carry, and what a bundle of it may say.

#include <map>

#include "engine/ranked_fixture.h"
#include <gtest/gtest.h>

#include "penchant/engine/ranker_rows.h"
#include "penchant/engine/response.h"

namespace penchant::engine {
namespace {

using testing::random_dataset;
using testing::ranked_parts;

std::shared_ptr<const Engine> engine_of(const EngineParts& parts) {
  return Engine::from_bundle(
      bundle::Reader::from_bytes(build_bundle(parts, "{}", testing::small_goldens())));
}

std::shared_ptr<const ranking::Calibration> made_calibration(std::size_t outputs = 1) {
  ranking::CalibrationData data;
  data.curves.assign(outputs, {.x = {-2, 0.5, 3}, .p = {0.01, 0.2, 0.9}});
  return std::make_shared<const ranking::Calibration>(std::move(data));
}

class CalibratedRankerTest : public ::testing::Test {
 protected:
  static EngineParts parts_of(const data::Dataset& data) {
    EngineParts parts = ranked_parts(data);
    parts.ranker->calibration = made_calibration();
    return parts;
  }
  data::Dataset data_ = random_dataset(60, 40, 900, 51, true);
  std::shared_ptr<const Engine> engine_ = engine_of(parts_of(data_));
  std::shared_ptr<const Engine> plain_ = engine_of(ranked_parts(data_));
};

TEST_F(CalibratedRankerTest, TellsTheProbabilityOfWhatTheRankerPutInOrder) {
  for (int u = 0; u < 60; ++u) {
    const Request request{.subject = "s" + std::to_string(1000 + u), .k = 40};
    const CandidateRows rows = candidate_rows(*engine_, request);
    std::vector<double> p = rows.scores;
    made_calibration()->apply(p, 1);
    std::map<std::int32_t, double> expected;
    for (std::size_t i = 0; i < p.size(); ++i) expected[rows.items[i].value] = p[i];
    const Decision with = engine_->recommend(request);
    const Decision without = plain_->recommend(request);
    ASSERT_EQ(with.items.size(), without.items.size());
    for (std::size_t i = 0; i < with.items.size(); ++i) {
      const DecidedItem& item = with.items[i];
      EXPECT_EQ(item.index, without.items[i].index);
      EXPECT_EQ(item.score, without.items[i].score);
      EXPECT_FALSE(without.items[i].probability.has_value());
      const auto known = expected.find(item.index.value);
      ASSERT_EQ(item.probability.has_value(), known != expected.end()) << u << ' ' << i;
      if (item.probability) {
        EXPECT_EQ(*item.probability, known->second);
      }
    }
  }
}

// Workspaces are used again: nothing of the request before may be told of a stranger's items.
TEST_F(CalibratedRankerTest, SaysNothingOfStrangers) {
  std::string body;
  engine_->recommend_json(R"({"subject":"s1003","k":5})", body);
  EXPECT_NE(body.find("\"probability\":"), std::string::npos);
  engine_->recommend_json(R"({"subject":"nobody","k":5})", body);
  EXPECT_EQ(body.find("\"probability\":"), std::string::npos);
}

TEST_F(CalibratedRankerTest, ABundleThatLiesIsRefused) {
  const auto& reader = *engine_->bundle();
  const auto refused = [&](const std::string& name, const std::string& text) {
    testing::expect_refused(reader, name, text);
  };
  refused("ranker/calibration/meta", "{}");
  refused("ranker/calibration/meta", R"({"method":"sigmoid"})");
  refused("ranker/calibration/x", "x");
  refused("ranker/calibration/begin", "");
  refused("goldens/form", "\x03");  // readers of before would answer without the probabilities
  refused("goldens/form", "\x05");
  EXPECT_EQ(reader.array<std::uint8_t>("goldens/form")[0], 4);
  EXPECT_EQ(plain_->bundle()->array<std::uint8_t>("goldens/form")[0], 3);
}

TEST_F(CalibratedRankerTest, OneOfSeveralOutputsIsRefused) {
  EngineParts parts = ranked_parts(data_);
  parts.ranker->calibration = made_calibration(2);
  EXPECT_THROW((void)engine_of(parts), Error);
}

}  // namespace
}  // namespace penchant::engine
