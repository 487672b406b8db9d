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
  kWithLevel = 2,        // and "level", after "fallback"
  kWithRanker = 3,       // and "ranker" of items that a ranker put in order, after "shares"
  kWithProbability = 4,  // and "probability" where it is calibrated, after "score"
};
inline constexpr AnswerForm kLatestAnswer = AnswerForm::kWithProbability;

// The form of a bundle's goldens where this version writes it: the least that has what its answers
// have, so that earlier versions read all that they can answer.
[[nodiscard]] AnswerForm form_of(const Assets& assets);

// Replaces `body`. Members stand in a fixed order and numbers in their shortest exact form, so that
// equal decisions are equal bytes.
void write_response(const Request& request, const Decision& decision, const Assets& assets,
                    std::string& body, AnswerForm form = kLatestAnswer);

}  // namespace penchant::engine
