#include "penchant/data/splits.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::data {
namespace {

// One stream a use of the seed, so that two splits of one seed are independent.
constexpr std::uint32_t kStreamRandomSplit = 0x5350'0001;
constexpr std::uint32_t kStreamUserSplit = 0x5350'0002;

void check_share(double share) {
  check_argument(share > 0 && share < 1, "split: test share ", share, " is not between 0 and 1");
}

void check_times(const Dataset& data, std::string_view split) {
  check_argument(data.size() == 0 || data.first_time().known(), split,
                 ": the events have no times; give a time column, or split by random or by_user");
}

// By text, so that 17850 and "17850" go the same way.
std::vector<std::uint64_t> hashed_ids(const IdMap& ids) {
  std::vector<std::uint64_t> out(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string text = ids.text(i);
    out[i] = XXH3_64bits(text.data(), text.size());
  }
  return out;
}

// Row numbers of each subject: rows[begin[s]] .. rows[begin[s + 1]], sorted by item.
struct RowsBySubject {
  std::vector<std::size_t> begin;
  std::vector<std::uint32_t> rows;

  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t subject) const {
    return {rows.data() + begin[subject], begin[subject + 1] - begin[subject]};
  }
};

RowsBySubject rows_by_subject(const Dataset& data) {
  const EventColumns& events = data.events();
  RowsBySubject out;
  out.begin.assign(data.subjects().size() + 1, 0);
  for (const UserIndex subject : events.subjects) {
    if (subject.known()) ++out.begin[static_cast<std::size_t>(subject.value) + 1];
  }
  for (std::size_t s = 0; s + 1 < out.begin.size(); ++s) out.begin[s + 1] += out.begin[s];
  out.rows.resize(out.begin.back());
  std::vector<std::size_t> next(out.begin.begin(), out.begin.end() - 1);
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (!events.subjects[row].known()) continue;
    out.rows[next[static_cast<std::size_t>(events.subjects[row].value)]++] =
        static_cast<std::uint32_t>(row);
  }
  for (std::size_t s = 0; s + 1 < out.begin.size(); ++s) {
    std::sort(out.rows.begin() + static_cast<std::ptrdiff_t>(out.begin[s]),
              out.rows.begin() + static_cast<std::ptrdiff_t>(out.begin[s + 1]),
              [&](std::uint32_t a, std::uint32_t b) {
                return events.items[a] != events.items[b] ? events.items[a] < events.items[b]
                                                          : a < b;
              });
  }
  return out;
}

}  // namespace

std::vector<std::uint8_t> temporal_test_rows(const Dataset& data, Timestamp cut) {
  check_times(data, "temporal split");
  check_argument(cut.known(), "temporal split: the cut is not a time");
  std::vector<std::uint8_t> test(data.size(), 0);
  for (std::size_t row = 0; row < test.size(); ++row) {
    test[row] = data.events().times[row] >= cut ? 1 : 0;
  }
  return test;
}

std::vector<std::uint8_t> leave_last_out_test_rows(const Dataset& data) {
  check_times(data, "leave_last_out split");
  const EventColumns& events = data.events();
  std::vector<Timestamp> first(data.subjects().size());
  std::vector<Timestamp> last(data.subjects().size());
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (!events.subjects[row].known()) continue;
    const auto subject = static_cast<std::size_t>(events.subjects[row].value);
    if (!first[subject].known()) first[subject] = events.times[row];
    last[subject] = events.times[row];
  }
  std::vector<std::uint8_t> test(data.size(), 0);
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (!events.subjects[row].known()) continue;
    const auto subject = static_cast<std::size_t>(events.subjects[row].value);
    const bool in_last = events.times[row] == last[subject] && first[subject] < last[subject];
    test[row] = in_last ? 1 : 0;
  }
  return test;
}

std::vector<std::uint8_t> random_test_rows(const Dataset& data, double share, std::uint64_t seed) {
  check_share(share);
  const Philox random(seed, kStreamRandomSplit);
  const auto subject_hash = hashed_ids(data.subjects());
  const auto item_hash = hashed_ids(data.items());
  const RowsBySubject grouped = rows_by_subject(data);
  const auto item_of = [&](std::uint32_t row) { return data.events().items[row]; };
  std::vector<std::uint8_t> test(data.size(), 0);
  for (std::size_t subject = 0; subject < subject_hash.size(); ++subject) {
    const auto rows = grouped.of(subject);
    double highest = -1;
    ItemIndex most_train_like;  // the item that leaves train last as the share grows
    bool all_drawn = true;
    for (std::size_t at = 0; at < rows.size();) {
      const ItemIndex item = item_of(rows[at]);
      const std::array<std::uint64_t, 2> pair = {subject_hash[subject],
                                                 item_hash[static_cast<std::size_t>(item.value)]};
      const double drawn = random.uniform(XXH3_64bits(pair.data(), sizeof pair), 0);
      if (drawn > highest) {
        highest = drawn;
        most_train_like = item;
      }
      if (drawn >= share) all_drawn = false;
      for (; at < rows.size() && item_of(rows[at]) == item; ++at) {
        test[rows[at]] = drawn < share ? 1 : 0;
      }
    }
    if (!all_drawn) continue;
    for (const std::uint32_t row : rows) {
      if (item_of(row) == most_train_like) test[row] = 0;
    }
  }
  return test;
}

std::vector<std::uint8_t> by_user_test_rows(const Dataset& data, double share, std::uint64_t seed) {
  check_share(share);
  const Philox random(seed, kStreamUserSplit);
  const auto subject_hash = hashed_ids(data.subjects());
  std::vector<std::uint8_t> drawn(subject_hash.size(), 0);
  for (std::size_t subject = 0; subject < drawn.size(); ++subject) {
    drawn[subject] = random.uniform(subject_hash[subject], 0) < share ? 1 : 0;
  }
  std::vector<std::uint8_t> test(data.size(), 0);
  for (std::size_t row = 0; row < test.size(); ++row) {
    const UserIndex subject = data.events().subjects[row];
    test[row] = subject.known() ? drawn[static_cast<std::size_t>(subject.value)] : 0;
  }
  return test;
}

}  // namespace penchant::data
