#pragma once

// Arms by their JSON texts: a row of a policy's table for each, in the order first learnt.
//
//   ArmTable arms;
//   std::int32_t row = arms.add("\"banner-3\"");
//   arms.find("17") == kNewArm;

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penchant::bandits {

class ArmTable {
 public:
  std::int32_t add(std::string_view arm);
  [[nodiscard]] std::int32_t find(std::string_view arm) const;  // kNewArm (-1): not there
  [[nodiscard]] std::size_t size() const { return arms_.size(); }
  [[nodiscard]] const std::vector<std::string>& arms() const { return arms_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<std::string> arms_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> row_of_;
};

}  // namespace penchant::bandits
