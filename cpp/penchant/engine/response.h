#pragma once

// A decision as the JSON that HTTP sends and that Python's recommend_json returns.

#include <cstdint>
#include <string>

#include "penchant/engine/assets.h"
#include "penchant/engine/request.h"

namespace penchant::engine {

// The forms that answers have had. What a bundle's goldens were written in, they are compared in;
// requests get the latest.
enum class AnswerForm : std::uint8_t {
  kFirst = 1,
  kWithLevel = 2,   // and "level", after "fallback"
  kWithRanker = 3,  // and "ranker" of items that a ranker put in order, after "shares"
};
inline constexpr AnswerForm kLatestAnswer = AnswerForm::kWithRanker;

// Replaces `body`. Members stand in a fixed order and numbers in their shortest exact form, so that
// equal decisions are equal bytes.
void write_response(const Request& request, const Decision& decision, const Assets& assets,
                    std::string& body, AnswerForm form = kLatestAnswer);

}  // namespace penchant::engine
