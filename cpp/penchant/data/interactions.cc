#include "penchant/data/interactions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

constexpr std::size_t kMaxItems = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void bad(const std::string& what) {
  fail(ErrorKind::kBadData, concat("interactions: ", what));
}

void check_offsets(std::span<const std::int64_t> offsets, std::size_t nnz) {
  if (offsets.empty()) {
    if (nnz != 0) bad("entries without rows");
    return;
  }
  if (offsets.size() - 1 > kMaxItems) bad("more rows than an index can count");
  if (offsets.front() != 0 || !std::is_sorted(offsets.begin(), offsets.end()) ||
      std::cmp_not_equal(offsets.back(), nnz)) {
    bad("offsets must start at 0, ascend and end at the number of entries");
  }
}

void check_row(std::size_t row, std::size_t num_items, const History& history) {
  for (std::size_t j = 0; j < history.size(); ++j) {
    const std::int32_t item = history.items[j].value;
    if (item < 0 || std::cmp_greater_equal(item, num_items)) {
      bad(concat("row ", row, " names item ", item, " of ", num_items));
    }
    if (j > 0 && history.items[j - 1].value >= item) {
      bad(concat("row ", row, " is not sorted by distinct items"));
    }
    if (!(history.values[j] > 0) || !std::isfinite(history.values[j])) {
      bad(concat("row ", row, " has a value that is not finite and positive"));
    }
    if (history.counts[j] < 1) bad(concat("row ", row, " counts less than one event"));
    if (history.first[j] > history.last[j]) bad(concat("row ", row, " ends before it begins"));
  }
}

}  // namespace

std::ptrdiff_t History::find(ItemIndex item) const {
  const auto at = std::lower_bound(items.begin(), items.end(), item);
  return at != items.end() && *at == item ? at - items.begin() : -1;
}

Interactions::Interactions(std::size_t num_items, SharedArray<std::int64_t> offsets,
                           SharedArray<ItemIndex> items, SharedArray<float> values,
                           SharedArray<std::int32_t> counts, SharedArray<Timestamp> first,
                           SharedArray<Timestamp> last)
    : num_items_(num_items),
      offsets_(std::move(offsets)),
      items_(std::move(items)),
      values_(std::move(values)),
      counts_(std::move(counts)),
      first_(std::move(first)),
      last_(std::move(last)) {
  if (num_items_ > kMaxItems) bad(concat(num_items_, " items are more than an index can count"));
  const std::size_t nnz = items_.size();
  if (values_.size() != nnz || counts_.size() != nnz || first_.size() != nnz ||
      last_.size() != nnz) {
    bad("columns differ in length");
  }
  check_offsets(offsets_.span(), nnz);
  for (std::size_t row = 0; row < num_users(); ++row) {
    check_row(row, num_items_, history(UserIndex{static_cast<std::int32_t>(row)}));
  }
}

History Interactions::history(UserIndex user) const {
  if (!user.known() || std::cmp_greater_equal(user.value, num_users())) return {};
  const auto row = static_cast<std::size_t>(user.value);
  const auto begin = static_cast<std::size_t>(offsets_[row]);
  const std::size_t length = static_cast<std::size_t>(offsets_[row + 1]) - begin;
  return {items_.span().subspan(begin, length), values_.span().subspan(begin, length),
          counts_.span().subspan(begin, length), first_.span().subspan(begin, length),
          last_.span().subspan(begin, length)};
}

void Interactions::save(bundle::Writer& writer, std::string_view prefix) const {
  const std::array<std::int64_t, 1> num_items = {static_cast<std::int64_t>(num_items_)};
  writer.add(concat(prefix, "/num_items"), std::span<const std::int64_t>(num_items));
  writer.add(concat(prefix, "/offsets"), offsets_.span());
  writer.add(concat(prefix, "/items"), items_.span());
  writer.add(concat(prefix, "/values"), values_.span());
  writer.add(concat(prefix, "/counts"), counts_.span());
  writer.add(concat(prefix, "/first"), first_.span());
  writer.add(concat(prefix, "/last"), last_.span());
}

Interactions Interactions::load(const bundle::Reader& reader, std::string_view prefix) {
  const auto num_items = reader.array<std::int64_t>(concat(prefix, "/num_items"));
  if (num_items.size() != 1 || num_items[0] < 0) {
    fail(ErrorKind::kCorruptBundle, concat("bundle: ", prefix, "/num_items must be one count"));
  }
  try {
    return {static_cast<std::size_t>(num_items[0]),
            reader.array<std::int64_t>(concat(prefix, "/offsets")),
            reader.array<ItemIndex>(concat(prefix, "/items")),
            reader.array<float>(concat(prefix, "/values")),
            reader.array<std::int32_t>(concat(prefix, "/counts")),
            reader.array<Timestamp>(concat(prefix, "/first")),
            reader.array<Timestamp>(concat(prefix, "/last"))};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle: ", prefix, ": ", error.what()));
  }
}

}  // namespace penchant::data
