// Numbers of events and sums of rewards: what is believed where there are no contexts. A linear
// model of the one input 1, whose mean is the sum of rewards and whose spread the number of events.

#include "penchant/bandits/linear_sums.h"
#include "penchant/bandits/models.h"
#include "penchant/bandits/sums_io.h"

namespace penchant::bandits {
namespace {

class TallyModel : public RewardModel {
 public:
  explicit TallyModel(double discount) : discount_(discount) {}

  [[nodiscard]] std::unique_ptr<RewardModel> clone() const override {
    return std::make_unique<TallyModel>(*this);
  }

  void ensure_arms(std::size_t arms) override {
    if (arms <= sums_.size()) return;
    sums_.resize(arms, LinearSums(1, discount_));
    events_.resize(arms, 0.0);
    rewards_.resize(arms, 0.0);
  }

  void check(const Lesson& lesson) override { put(lesson); }

  void learn(const Lesson& lesson) override {
    put(lesson);
    sums_[lesson.arm].add(row_, lesson.copies);
    read(lesson.arm);
  }

  void take_back(const Lesson& lesson) override {
    put(lesson);
    sums_[lesson.arm].take_back(row_, lesson.copies, lesson.age);
    read(lesson.arm);
  }

  [[nodiscard]] bool plausible(std::size_t arm) const override { return sums_[arm].plausible(); }
  void refresh(int /*threads*/) override {}

  void beliefs(const Candidates& ask, std::size_t /*first*/, std::size_t rows, double* mean,
               double* spread) const override {
    const std::size_t arms = ask.arms.size();
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t a = 0; a < arms; ++a) {
        const bool known = ask.arms[a] >= 0;
        const auto arm = static_cast<std::size_t>(known ? ask.arms[a] : 0);
        mean[r * arms + a] = known ? rewards_[arm] : 0.0;
        spread[r * arms + a] = known ? events_[arm] : 0.0;
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const override {
    std::size_t bytes = 2 * sums_.size() * sizeof(double);
    for (const LinearSums& sums : sums_) bytes += sums.memory_bytes() + sizeof(LinearSums);
    return bytes;
  }

  void save(bundle::Writer& writer, const std::string& prefix) const override {
    save_sums(writer, prefix + "/arms", sums_.size(),
              [&](std::size_t arm) -> const LinearSums& { return sums_[arm]; });
  }

  void load(const bundle::Reader& reader, const std::string& prefix, std::size_t arms) override {
    ensure_arms(arms);
    load_sums(reader, prefix + "/arms", arms,
              [&](std::size_t arm) -> LinearSums& { return sums_[arm]; });
    for (std::size_t arm = 0; arm < arms; ++arm) read(arm);
  }

 private:
  void put(const Lesson& lesson) {
    constexpr double kOne[] = {1.0};
    row_.set(kOne, lesson.reward);
  }

  void read(std::size_t arm) { sums_[arm].read({&events_[arm], 1}, {&rewards_[arm], 1}); }

  double discount_;
  std::vector<LinearSums> sums_;
  std::vector<double> events_;
  std::vector<double> rewards_;
  FixedRow row_;
};

}  // namespace

std::unique_ptr<RewardModel> make_tally_model(const PolicyOptions& options) {
  return std::make_unique<TallyModel>(options.discount);
}

}  // namespace penchant::bandits
