#pragma once

// External ids (strings or 64-bit integers, as given) to dense indices and back.
//
//   IdMap items = IdMap::from_strings({"85123A", "22423"});   // sorted: "22423" is 0
//   items.find("85123A");                                      // 1, or -1
//   items.text(0);                                             // "22423"
//
// Ids are kept sorted (integers by value, strings by bytes), so an index depends on the set of ids
// alone, not on the order of the events, and a lookup is a binary search in the mapped bundle:
// nothing is built when a bundle is loaded.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"

namespace penchant::data {

enum class IdKind : std::uint8_t { kInteger, kString };

class IdMap {
 public:
  IdMap() = default;  // no ids, kind string

  // Any order and duplicates are fine; the map holds each id once, sorted. Throws kInvalidArgument
  // beyond 2^31 - 1 ids.
  [[nodiscard]] static IdMap from_integers(std::vector<std::int64_t> ids);
  [[nodiscard]] static IdMap from_strings(std::vector<std::string> ids);

  [[nodiscard]] IdKind kind() const { return kind_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Ids already sorted and distinct, as arrays: nothing is copied. Throws kInvalidArgument when
  // they are not, or when a string is not UTF-8.
  [[nodiscard]] static IdMap from_sorted(SharedArray<std::int64_t> ids);
  [[nodiscard]] static IdMap from_sorted(SharedArray<std::int64_t> offsets,
                                         SharedArray<char> bytes);

  // -1 when unknown. An integer map also finds the canonical decimal text of an id ("17850", not
  // "017850"); a string map finds an integer by its decimal text.
  [[nodiscard]] std::int32_t find(std::string_view id) const;
  [[nodiscard]] std::int32_t find(std::int64_t id) const;

  [[nodiscard]] std::int64_t integer(std::size_t index) const;     // kind integer only
  [[nodiscard]] std::string_view string(std::size_t index) const;  // kind string only
  [[nodiscard]] std::string text(std::size_t index) const;         // either kind

  // The ids at `indices` (ascending, distinct), as a new map.
  [[nodiscard]] IdMap subset(std::span<const std::int32_t> indices) const;

  // The arrays behind the map; those of the other kind are empty.
  [[nodiscard]] const SharedArray<std::int64_t>& integers() const { return integers_; }
  [[nodiscard]] const SharedArray<std::int64_t>& offsets() const { return offsets_; }
  [[nodiscard]] const SharedArray<char>& bytes() const { return bytes_; }

  // Writes "<prefix>/integers", or "<prefix>/offsets" and "<prefix>/bytes".
  void save(bundle::Writer& writer, std::string_view prefix) const;
  // Checks that ids are sorted, distinct and within bounds. Throws kCorruptBundle.
  [[nodiscard]] static IdMap load(const bundle::Reader& reader, std::string_view prefix);

  friend bool operator==(const IdMap& a, const IdMap& b);

 private:
  IdKind kind_ = IdKind::kString;
  std::size_t size_ = 0;
  SharedArray<std::int64_t> integers_;  // kind integer: the ids
  SharedArray<std::int64_t> offsets_;   // kind string: size + 1 offsets into bytes_
  SharedArray<char> bytes_;
};

}  // namespace penchant::data
