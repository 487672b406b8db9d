#include "penchant/evaluation/metric.h"

#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::evaluation {
namespace {

TEST(ParseMetric, ReadsNamesAndCutsAndWritesThemBack) {
  for (const char* name : {"precision@1", "recall@20", "hit_rate@10", "map@10", "ndcg@1000000",
                           "mrr", "mrr@5", "auc", "coverage@10", "novelty@3"}) {
    EXPECT_EQ(metric_name(parse_metric(name)), name);
  }
  EXPECT_EQ(parse_metric("NDCG@20"), (Metric{MetricKind::kNdcg, 20}));
  EXPECT_EQ(parse_metric("auc"), (Metric{MetricKind::kAuc, 0}));
}

TEST(ParseMetric, RefusesWhatItDoesNotKnow) {
  for (const char* name :
       {"", "@", "map", "map@", "map@0", "map@-1", "map@10 ", "map@1e2", "map@+1", "map@1000001",
        "map@99999999999999999999", "auc@10", "maps@10", "ndcg10", "map@10@10", " map@10"}) {
    try {
      (void)parse_metric(name);
      FAIL() << "took '" << name << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    }
  }
}

TEST(ParseMetric, SaysWhatToWriteInstead) {
  try {
    (void)parse_metric("map");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("map@10"), std::string::npos);
  }
  try {
    (void)parse_metric("gini");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("coverage@k"), std::string::npos);
  }
}

}  // namespace
}  // namespace penchant::evaluation
