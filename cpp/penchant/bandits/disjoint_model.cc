// Coefficients of its own for each arm.

#include "penchant/bandits/inputs.h"
#include "penchant/bandits/linear_bank.h"
#include "penchant/bandits/models.h"
#include "penchant/bandits/sums_io.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

class DisjointModel : public RewardModel {
 public:
  DisjointModel(const PolicyOptions& options, bool variances)
      : inputs_(options),
        bank_({.dimension = inputs_.context(),
               .l2 = options.l2,
               .discount = options.discount,
               .variances = variances}),
        scratch_(inputs_.context()) {}

  [[nodiscard]] std::unique_ptr<RewardModel> clone() const override {
    return std::make_unique<DisjointModel>(*this);
  }

  void ensure_arms(std::size_t arms) override { bank_.ensure(arms); }
  void check(const Lesson& lesson) override { put(lesson); }

  void learn(const Lesson& lesson) override {
    put(lesson);
    bank_.sums(lesson.arm).add(row_, lesson.copies);
    bank_.touch(lesson.arm);
  }

  void take_back(const Lesson& lesson) override {
    put(lesson);
    bank_.sums(lesson.arm).take_back(row_, lesson.copies, lesson.age);
    bank_.touch(lesson.arm);
  }

  [[nodiscard]] bool plausible(std::size_t arm) const override {
    return bank_.sums(arm).plausible();
  }
  void refresh(int threads) override { bank_.refresh(threads); }

  void beliefs(const Candidates& ask, std::size_t first, std::size_t rows, double* mean,
               double* spread) const override {
    const auto x = inputs_.contexts(ask, first, rows);
    bank_.moments(bank_.plan(ask.arms), x.data(), rows, mean, spread);
  }

  [[nodiscard]] std::size_t memory_bytes() const override { return bank_.memory_bytes(); }

  void save(bundle::Writer& writer, const std::string& prefix) const override {
    save_sums(writer, prefix + "/arms", bank_.arms(),
              [&](std::size_t arm) -> const LinearSums& { return bank_.sums(arm); });
  }

  void load(const bundle::Reader& reader, const std::string& prefix, std::size_t arms) override {
    load_bank(reader, prefix + "/arms", arms, bank_);
  }

 private:
  void put(const Lesson& lesson) {
    inputs_.put_context(lesson.context, scratch_);
    for (double& value : scratch_) value *= lesson.root;
    row_.set(scratch_, lesson.reward * lesson.root);
  }

  Inputs inputs_;
  LinearBank bank_;
  std::vector<double> scratch_;
  FixedRow row_;
};

}  // namespace

void load_bank(const bundle::Reader& reader, const std::string& prefix, std::size_t arms,
               LinearBank& bank) {
  bank.ensure(arms);
  load_sums(reader, prefix, arms, [&](std::size_t arm) -> LinearSums& { return bank.sums(arm); });
  for (std::size_t arm = 0; arm < arms; ++arm) {
    if (bank.sums(arm).count() > 0) bank.touch(arm);
  }
  bank.refresh(0);
  if (!bank.finite()) fail(ErrorKind::kCorruptBundle, prefix + ": no finite coefficients follow");
}

std::unique_ptr<RewardModel> make_disjoint_model(const PolicyOptions& options, bool variances) {
  return std::make_unique<DisjointModel>(options, variances);
}

}  // namespace penchant::bandits
