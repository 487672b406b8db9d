#include "penchant/data/id_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/data/utf8.h"

namespace penchant::data {
namespace {

constexpr std::size_t kMaxIds = std::numeric_limits<std::int32_t>::max();

std::string_view slice(std::span<const std::int64_t> offsets, std::span<const char> bytes,
                       std::size_t index) {
  const auto begin = static_cast<std::size_t>(offsets[index]);
  return {bytes.data() + begin, static_cast<std::size_t>(offsets[index + 1]) - begin};
}

void check_count(std::size_t count, ErrorKind kind) {
  if (count > kMaxIds) {
    fail(kind, concat("id map: ", count, " ids, at most ", kMaxIds, " fit an index"));
  }
}

void check_sorted(std::span<const std::int64_t> ids, ErrorKind kind) {
  check_count(ids.size(), kind);
  const auto fault = std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>());
  if (fault != ids.end()) {
    fail(kind, concat("id map: ids ", fault - ids.begin(), " and the next are not ascending"));
  }
}

void check_sorted(std::span<const std::int64_t> offsets, std::span<const char> bytes,
                  ErrorKind kind) {
  if (offsets.empty() || offsets.front() != 0 || !std::is_sorted(offsets.begin(), offsets.end()) ||
      std::cmp_not_equal(offsets.back(), bytes.size())) {
    fail(kind, "id map: offsets must start at 0, ascend and end at the number of bytes");
  }
  const std::size_t size = offsets.size() - 1;
  check_count(size, kind);
  for (std::size_t i = 0; i < size; ++i) {
    const std::string_view id = slice(offsets, bytes, i);
    if (i > 0 && slice(offsets, bytes, i - 1) >= id) {
      fail(kind, concat("id map: ids ", i - 1, " and ", i, " are not ascending by bytes"));
    }
    if (!is_utf8(id)) fail(kind, concat("id map: id ", i, " is not UTF-8"));
  }
}

// The integer that `text` is the canonical decimal form of.
std::optional<std::int64_t> canonical_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  const std::size_t first_digit = text.front() == '-' ? 1 : 0;
  const bool padded = text[first_digit] == '0' && text.size() > 1;
  return padded ? std::nullopt : std::optional(value);
}

}  // namespace

IdMap IdMap::from_sorted(SharedArray<std::int64_t> ids) {
  check_sorted(ids.span(), ErrorKind::kInvalidArgument);
  IdMap out;
  out.kind_ = IdKind::kInteger;
  out.size_ = ids.size();
  out.integers_ = std::move(ids);
  return out;
}

IdMap IdMap::from_sorted(SharedArray<std::int64_t> offsets, SharedArray<char> bytes) {
  check_sorted(offsets.span(), bytes.span(), ErrorKind::kInvalidArgument);
  IdMap out;
  out.kind_ = IdKind::kString;
  out.size_ = offsets.size() - 1;
  out.offsets_ = std::move(offsets);
  out.bytes_ = std::move(bytes);
  return out;
}

IdMap IdMap::from_integers(std::vector<std::int64_t> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return from_sorted(SharedArray<std::int64_t>::own(std::move(ids)));
}

IdMap IdMap::from_strings(std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(ids.size() + 1);
  std::vector<char> bytes;
  for (const std::string& id : ids) {
    bytes.insert(bytes.end(), id.begin(), id.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return from_sorted(SharedArray<std::int64_t>::own(std::move(offsets)),
                     SharedArray<char>::own(std::move(bytes)));
}

std::int32_t IdMap::find(std::string_view id) const {
  if (kind_ == IdKind::kInteger) {
    const auto value = canonical_integer(id);
    return value ? find(*value) : -1;
  }
  std::size_t low = 0;
  std::size_t high = size_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (string(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < size_ && string(low) == id ? static_cast<std::int32_t>(low) : -1;
}

std::int32_t IdMap::find(std::int64_t id) const {
  if (kind_ == IdKind::kString) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), id).ptr;
    return find(std::string_view(text.data(), end));
  }
  const auto at = std::lower_bound(integers_.begin(), integers_.end(), id);
  if (at == integers_.end() || *at != id) return -1;
  return static_cast<std::int32_t>(at - integers_.begin());
}

std::int64_t IdMap::integer(std::size_t index) const { return integers_[index]; }

std::string_view IdMap::string(std::size_t index) const {
  return slice(offsets_.span(), bytes_.span(), index);
}

std::string IdMap::text(std::size_t index) const {
  return kind_ == IdKind::kInteger ? std::to_string(integers_[index]) : std::string(string(index));
}

IdMap IdMap::subset(std::span<const std::int32_t> indices) const {
  for (const std::int32_t index : indices) {
    check_argument(index >= 0 && std::cmp_less(index, size_), "id map: index ", index,
                   " is out of bounds, there are ", size_, " ids");
  }
  if (kind_ == IdKind::kInteger) {
    std::vector<std::int64_t> kept(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      kept[i] = integers_[static_cast<std::size_t>(indices[i])];
    }
    return from_sorted(SharedArray<std::int64_t>::own(std::move(kept)));
  }
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(indices.size() + 1);
  std::vector<char> bytes;
  for (const std::int32_t index : indices) {
    const std::string_view id = string(static_cast<std::size_t>(index));
    bytes.insert(bytes.end(), id.begin(), id.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return from_sorted(SharedArray<std::int64_t>::own(std::move(offsets)),
                     SharedArray<char>::own(std::move(bytes)));
}

void IdMap::save(bundle::Writer& writer, std::string_view prefix) const {
  if (kind_ == IdKind::kInteger) {
    writer.add(concat(prefix, "/integers"), integers_.span());
    return;
  }
  // A map without ids may hold no offsets at all; a file always has the leading zero.
  constexpr std::array<std::int64_t, 1> kNoIds = {0};
  writer.add(concat(prefix, "/offsets"),
             offsets_.empty() ? std::span<const std::int64_t>(kNoIds) : offsets_.span());
  writer.add(concat(prefix, "/bytes"), bytes_.span());
}

IdMap IdMap::load(const bundle::Reader& reader, std::string_view prefix) {
  IdMap out;
  if (reader.has(concat(prefix, "/integers"))) {
    out.kind_ = IdKind::kInteger;
    out.integers_ = reader.array<std::int64_t>(concat(prefix, "/integers"));
    check_sorted(out.integers_.span(), ErrorKind::kCorruptBundle);
    out.size_ = out.integers_.size();
    return out;
  }
  out.offsets_ = reader.array<std::int64_t>(concat(prefix, "/offsets"));
  out.bytes_ = reader.array<char>(concat(prefix, "/bytes"));
  check_sorted(out.offsets_.span(), out.bytes_.span(), ErrorKind::kCorruptBundle);
  out.size_ = out.offsets_.size() - 1;
  return out;
}

bool operator==(const IdMap& a, const IdMap& b) {
  if (a.kind_ != b.kind_ || a.size_ != b.size_) return false;
  if (a.size_ == 0) return true;
  return std::ranges::equal(a.integers_.span(), b.integers_.span()) &&
         std::ranges::equal(a.offsets_.span(), b.offsets_.span()) &&
         std::ranges::equal(a.bytes_.span(), b.bytes_.span());
}

}  // namespace penchant::data
