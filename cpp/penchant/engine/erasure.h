#pragma once

// Forgets a person in all that is kept beside the bundle, and says what went.
//
//   erase_json(live.get(), "17850", body);
//   // {"subject":"17850","erased":{"decisions":3,"rewards":1,"events":12}}

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/engine/live.h"

namespace penchant::engine {

struct Receipt {
  std::string subject = {};
  // What there was, and how much of it, in the order in which it went. Every kind of state that
  // knows people has its lines here.
  std::vector<std::pair<std::string, std::uint64_t>> erased = {};
};

// Whoever asks over HTTP can send any bytes: throws kInvalidArgument on what no subject can be.
// `what` begins the message.
void check_subject(std::string_view subject, std::string_view what);

// `subject` is the text of an id; where it is that of an integer, both are forgotten, 17 and "17".
// Throws kInvalidArgument on one that no id can be, and what bandits::Loop::forget throws; asked
// again, it goes on where it stopped. O(log).
[[nodiscard]] Receipt erase(Live& live, std::string_view subject);

// Replaces `body`. Without a Live nothing is kept and the receipt is empty.
void erase_json(Live* live, std::string_view subject, std::string& body);

}  // namespace penchant::engine
