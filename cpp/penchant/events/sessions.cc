#include "penchant/events/sessions.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string>

#include <xxhash.h>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

// Of the bytes of the subject, then the start as eight little-endian bytes.
std::uint64_t session_id(std::string_view subject, Timestamp start, std::string& scratch) {
  scratch.assign(subject);
  for (int shift = 0; shift < 64; shift += 8) {
    scratch += static_cast<char>(static_cast<std::uint64_t>(start.micros) >> shift & 0xFF);
  }
  return XXH3_64bits(scratch.data(), scratch.size());
}

// The rows that are in sessions, subject by subject, each in the order of time.
std::vector<std::int32_t> rows_by_subject(const EventTable& table) {
  const auto types = table.taxonomy().types();
  const auto counts = [&](std::size_t row) {
    return table.subject()[row] >= 0 && types[table.type()[row]].in_session;
  };
  std::vector<std::int64_t> begins(table.subjects().size() + 1, 0);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (counts(row)) ++begins[static_cast<std::size_t>(table.subject()[row]) + 1];
  }
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<std::int32_t> out(static_cast<std::size_t>(begins.back()));
  std::vector<std::int64_t> next(begins.begin(), begins.end() - 1);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!counts(row)) continue;
    auto& at = next[static_cast<std::size_t>(table.subject()[row])];
    out[static_cast<std::size_t>(at++)] = static_cast<std::int32_t>(row);
  }
  const auto earlier = [&](std::int32_t a, std::int32_t b) {
    return table.time()[static_cast<std::size_t>(a)] < table.time()[static_cast<std::size_t>(b)];
  };
  for (std::size_t subject = 0; subject + 1 < begins.size(); ++subject) {
    const auto begin = out.begin() + begins[subject];
    const auto end = out.begin() + begins[subject + 1];
    // Logs come sorted as a rule.
    if (!std::is_sorted(begin, end, earlier)) std::sort(begin, end, earlier);
  }
  return out;
}

}  // namespace

Sessions sessions(const EventTable& table, const SessionOptions& options) {
  check_argument(options.gap.micros >= 0, "sessions: a gap of ", options.gap.micros,
                 " microseconds; it can't be negative");
  Sessions out;
  out.id.assign(table.rows(), 0);
  out.number.assign(table.rows(), -1);
  out.start.assign(table.rows(), Timestamp{});
  std::int32_t subject = -1;
  std::int32_t number = 0;
  Timestamp last;
  Timestamp start;
  std::uint64_t id = 0;
  std::string scratch;
  for (const std::int32_t at : rows_by_subject(table)) {
    const auto row = static_cast<std::size_t>(at);
    const Timestamp time = table.time()[row];
    const bool same = table.subject()[row] == subject;
    if (!same || time - last > options.gap) {
      number = same ? number + 1 : 0;
      subject = table.subject()[row];
      start = time;
      id = session_id(table.subjects().text(subject), start, scratch);
      ++out.count;
    }
    last = time;
    out.id[row] = id;
    out.number[row] = number;
    out.start[row] = start;
  }
  return out;
}

Baskets baskets(const EventTable& table) {
  Baskets out;
  // By order code first, then renumbered in the order of time.
  std::vector<Timestamp> first(table.orders().size(), Timestamp{});
  std::vector<std::uint8_t> there(table.orders().size(), 0);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.order()[row] < 0) continue;
    const auto order = static_cast<std::size_t>(table.order()[row]);
    const Timestamp time = table.time()[row];
    first[order] = there[order] != 0 ? std::min(first[order], time) : time;
    there[order] = 1;
  }
  for (std::size_t order = 0; order < there.size(); ++order) {
    if (there[order] != 0) out.order.push_back(static_cast<std::int32_t>(order));
  }
  std::sort(out.order.begin(), out.order.end(), [&](std::int32_t a, std::int32_t b) {
    const Timestamp at_a = first[static_cast<std::size_t>(a)];
    const Timestamp at_b = first[static_cast<std::size_t>(b)];
    if (at_a != at_b) return at_a < at_b;
    return table.orders().text(a) < table.orders().text(b);
  });
  std::vector<std::int32_t> number(there.size(), -1);
  for (std::size_t basket = 0; basket < out.order.size(); ++basket) {
    const auto order = static_cast<std::size_t>(out.order[basket]);
    number[order] = static_cast<std::int32_t>(basket);
    out.time.push_back(first[order]);
  }
  out.basket.reserve(table.rows());
  for (const std::int32_t order : table.order()) {
    out.basket.push_back(order < 0 ? -1 : number[static_cast<std::size_t>(order)]);
  }
  return out;
}

}  // namespace penchant::events
