#pragma once

// Members of the JSON that plans are made of; errors say whose member is wrong. Of plan_json*.cc
// alone.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"

namespace penchant::features {

inline constexpr std::size_t kMostNames = 65'535;
inline constexpr std::int64_t kMostMicros = 1000LL * 366 * 86'400'000'000;

template <class T, std::size_t N>
[[nodiscard]] T named(const std::array<std::pair<std::string_view, T>, N>& names,
                      const std::string& name, std::string_view what) {
  const auto at = std::ranges::find(names, name, [](const auto& one) { return one.first; });
  check_argument(at != names.end(), what, " '", name, "' is not known");
  return at->second;
}

// Reads members of one object, and says whose they are when one is wrong.
class Members {
 public:
  Members(const nlohmann::json& object, std::string whose)
      : object_(object), whose_(std::move(whose)) {
    check_argument(object.is_object(), whose_, ": an object is wanted");
  }

  [[nodiscard]] bool has(const char* name) const {
    return object_.contains(name) && !object_[name].is_null();
  }
  [[nodiscard]] const nlohmann::json& at(const char* name) const {
    check_argument(has(name), whose_, ": no '", name, "'");
    return object_[name];
  }
  [[nodiscard]] std::string text(const char* name) const {
    check_argument(at(name).is_string(), whose_, ": '", name, "' is no text");
    return at(name).get<std::string>();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> out;
    if (!has(name)) return out;
    check_argument(at(name).is_array() && at(name).size() <= kMostNames, whose_, ": '", name,
                   "' is no list of at most ", kMostNames, " texts");
    for (const nlohmann::json& one : at(name)) {
      check_argument(one.is_string(), whose_, ": '", name, "' holds something else than texts");
      out.push_back(one.get<std::string>());
    }
    return out;
  }
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t least, std::int64_t most,
                                     std::int64_t otherwise) const {
    if (!has(name)) return otherwise;
    check_argument(at(name).is_number_integer(), whose_, ": '", name, "' is no whole number");
    const bool fits = !at(name).is_number_unsigned() ||
                      at(name).get<std::uint64_t>() <=
                          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto out = fits ? at(name).get<std::int64_t>() : std::numeric_limits<std::int64_t>::max();
    check_argument(out >= least && out <= most, whose_, ": '", name, "' must be ", least, " to ",
                   most, ", not ", out);
    return out;
  }
  // A number below `size`.
  [[nodiscard]] std::size_t index(const char* name, std::size_t size) const {
    return index_of(at(name), size, name, whose_);
  }
  static std::size_t index_of(const nlohmann::json& number, std::size_t size, std::string_view what,
                              const std::string& whose) {
    check_argument(number.is_number_unsigned() && number.get<std::uint64_t>() < size, whose, ": '",
                   what, "' is no number below ", size);
    return number.get<std::size_t>();
  }
  [[nodiscard]] const std::string& whose() const { return whose_; }

 private:
  const nlohmann::json& object_;
  std::string whose_;
};

[[nodiscard]] inline const nlohmann::json& listed(const Members& members, const char* name,
                                                  std::size_t most) {
  static const nlohmann::json none = nlohmann::json::array();
  if (!members.has(name)) return none;
  check_argument(members.at(name).is_array() && members.at(name).size() <= most, members.whose(),
                 ": '", name, "' is no list of at most ", most);
  return members.at(name);
}

}  // namespace penchant::features
