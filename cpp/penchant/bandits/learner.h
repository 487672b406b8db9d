#pragma once

// One policy of a loop: who reads it shares it, who teaches it has it alone.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/bandits/arm_table.h"
#include "penchant/bandits/fair_lock.h"
#include "penchant/bandits/joiner.h"
#include "penchant/bandits/policy.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

class Learner {
 public:
  // `remembers`: untaught() is wanted also where exact(). `knows`: up to which record of the loop's
  // log the policy was taught before.
  Learner(std::string name, Policy policy, ArmTable arms, const JoinOptions& join,
          bool remembers = false, std::uint64_t knows = 0);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const JoinOptions& join() const { return join_; }
  // Whether what it says is a function of sums over events in any order, which give each back to
  // the bit. Others are taught anew when someone is forgotten.
  [[nodiscard]] bool exact() const { return exact_; }

  [[nodiscard]] std::uint64_t knows() const { return knows_; }
  // The last record that taught it, here or before; 0: none did.
  [[nodiscard]] std::uint64_t taught_to() const;

  using Use = std::function<void(const Policy&, const ArmTable&, const std::string& version)>;
  void read(const Use& use) const;

  // Throws kInvalidArgument on a decision that it could not learn from.
  void check(const Decided& decision) const;

  // Learns and takes back, in this order where it matters; Taught::record of the last names the
  // version. What the policy refuses is counted and left out.
  void teach(std::span<const Taught> lessons, int threads);

  // One as this was when it was made, to be taught anew beside it (where exact(), only with
  // `remembers`); and then to take its place for those who decide. `record` names the version.
  [[nodiscard]] bool remembers() const { return start_.has_value(); }
  [[nodiscard]] std::unique_ptr<Learner> untaught() const;
  void become(Learner& other, std::uint64_t record);

  void save(bundle::Writer& writer, const std::string& prefix) const;
  void load(const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix);

 private:
  void apply(std::span<const Taught* const> lessons, bool back);
  void apply_together(std::span<const Taught* const> lessons, bool back);
  void set_version(std::uint64_t record);

  std::string name_;
  PolicyOptions options_;
  JoinOptions join_;
  bool exact_;
  std::uint64_t knows_;
  mutable FairMutex mutex_;
  Policy policy_;
  ArmTable arms_;
  std::optional<Policy> start_;
  ArmTable start_arms_;
  std::uint64_t record_ = 0;
  std::uint64_t refused_ = 0;
  std::string version_ = "0";
};

}  // namespace penchant::bandits
