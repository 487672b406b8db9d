#include "penchant/data/time_column.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::data {

std::vector<Timestamp> parse_times(std::span<const std::int64_t> offsets,
                                   std::span<const char> bytes) {
  if (offsets.empty()) return {};
  check_argument(offsets.front() >= 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                     std::cmp_less_equal(offsets.back(), bytes.size()),
                 "times: offsets must ascend within the bytes");
  std::vector<Timestamp> out(offsets.size() - 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto begin = static_cast<std::size_t>(offsets[i]);
    const std::string_view text(bytes.data() + begin,
                                static_cast<std::size_t>(offsets[i + 1]) - begin);
    try {
      out[i] = parse_timestamp(text);
    } catch (const Error&) {
      out[i] = Timestamp{};
    }
  }
  return out;
}

}  // namespace penchant::data
