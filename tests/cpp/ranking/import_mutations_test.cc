// Model files with bytes changed, cut, repeated or removed: a clean error or a valid forest, never
// anything else.

#include "ranking/golden_models.h"
#include "reference/plain_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant {
namespace {

class Mutator {
 public:
  explicit Mutator(const std::string& bytes) : bytes_(bytes) {}

  std::string operator()(std::uint32_t number) {
    number_ = number;
    step_ = 0;
    std::string out = bytes_;
    const std::uint32_t changes = 1 + below(3);
    for (std::uint32_t i = 0; i < changes && !out.empty(); ++i) change(out);
    return out;
  }

 private:
  std::uint32_t below(std::size_t bound) {
    return random_.below(static_cast<std::uint32_t>(bound), number_, step_++);
  }

  void change(std::string& out) {
    const std::size_t at = below(out.size());
    switch (below(6)) {
      case 0:  // any byte
        out[at] = static_cast<char>(below(256));
        break;
      case 1:  // a digit where numbers are
        out[at] = "0123456789-.eE,[]{}="[below(20)];
        break;
      case 2:
        out.resize(at);
        break;
      case 3:
        out.erase(at, 1 + below(40));
        break;
      case 4:  // something from elsewhere
        out.insert(at, bytes_.substr(below(bytes_.size()), 1 + below(40)));
        break;
      default:
        out.insert(at, std::to_string(0x7fffffffffffffffULL >> below(64)));
        break;
    }
  }

  const std::string& bytes_;
  Philox random_{7, 0};
  std::uint32_t number_ = 0;
  std::uint32_t step_ = 0;
};

TEST(ImportMutations, GiveACleanErrorOrAValidForest) {
  std::size_t imported = 0;
  std::size_t refused = 0;
  for (const golden::Model& model : golden::models()) {
    Mutator mutate(model.bytes);
    for (std::uint32_t number = 0; number < 300; ++number) {
      const std::string bytes = mutate(number);
      try {
        const ranking::ForestData data = golden::import_model(model.name, bytes);
        ranking::check_forest(data);
        const std::vector<double> row(static_cast<std::size_t>(data.num_features), 0.5);
        ASSERT_EQ(reference::plain_scores(data, row).size(), data.outputs());
        ++imported;
      } catch (const Error& error) {
        ASSERT_EQ(error.kind(), ErrorKind::kBadData) << model.name << " " << number;
        ASSERT_GT(std::string(error.what()).size(), 10U) << model.name << " " << number;
        ++refused;
      }
    }
  }
  EXPECT_GT(imported, 1000U);
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace penchant
