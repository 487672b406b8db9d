#pragma once

// What a subject has at hand as of a time: the last items of some events, the cart, the favorites.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/code_places.h"
#include "penchant/features/state.h"

namespace penchant::features {

class ListWalk {
 public:
  struct Entry {
    std::int32_t code = kNoCode;     // an item; of favorites an attribute's value
    std::int64_t pieces = 0;         // millionths, of carts
    std::int64_t price = kNoNumber;  // of one, millionths
    std::uint32_t row = 0;           // of the last event that added
  };

  // Keeps a reference.
  explicit ListWalk(const State& state);

  // The entries of the plan's `list` for `subject`, from events strictly before `time`: the latest
  // (largest) first, at most `most`; of a cart all that are in it, of which `most` count as the
  // list. O(events that count among them), of carts at most kMostCartRows; of favorites all of the
  // subject's.
  void walk(std::size_t list, std::int32_t subject, std::int64_t time, std::vector<Entry>& out);

 private:
  void latest(const ItemList& list, const Plan::ListAccess& access, const Series::List& rows,
              std::int64_t time, std::vector<Entry>& out);
  void cart(const ItemList& list, const Plan::ListAccess& access, const Series::List& rows,
            std::int64_t time, std::vector<Entry>& out);
  void favorites(const ItemList& list, const Plan::ListAccess& access, const Series::List& rows,
                 std::int64_t time, std::vector<Entry>& out);

  const State& state_;
  CodePlaces places_;
  std::vector<std::uint32_t> rows_;  // of a cart, the latest first
};

}  // namespace penchant::features
