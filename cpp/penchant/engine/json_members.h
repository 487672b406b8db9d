#pragma once

// Reading members of requests: what is wrong is said with its place. For sources only: simdjson is
// a heavy header.

#include <string>
#include <string_view>

#include <simdjson.h>

#include "penchant/engine/request.h"

namespace penchant::engine {

inline constexpr std::size_t kMaxTextBytes = 4096;  // of an id or an attribute

// Throws kInvalidArgument.
[[noreturn]] void refuse(const std::string& message);
[[noreturn]] void refuse_member(std::string_view where, std::string_view key,
                                std::string_view known);

[[nodiscard]] std::string_view read_string(simdjson::dom::element value, std::string_view where);
[[nodiscard]] bool read_bool(simdjson::dom::element value, std::string_view where);
// JSON has one kind of number: 13.0 and 1e2 are integers too, where a double holds them exactly.
[[nodiscard]] bool read_integer(simdjson::dom::element value, std::int64_t& out);
[[nodiscard]] ExternalId read_id(simdjson::dom::element value, std::string_view where);
[[nodiscard]] Timestamp read_time(simdjson::dom::element value, std::string_view where);

// The object that a request is; lives until this thread's next call. `example` is shown to who
// sends nothing.
[[nodiscard]] simdjson::dom::object read_object(std::string_view json, std::string_view example);

}  // namespace penchant::engine
