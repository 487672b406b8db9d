#pragma once

// One spelling for each identifier.
//
//   std::string out;
//   normalize(Form::kEmail, options, "  Jane@Example.COM", out);    // kRead, "jane@example.com"
//
// Email: blanks at the ends go, ASCII letters become lower case; exactly one "@" with something on
// both sides and no blank inside. What stands for the same mailbox at some providers ("+" tags,
// dots) is left alone unless the options say otherwise. These are also the rules by which
// advertising platforms hash addresses, so hashes that come from there meet ours.
//
// Phone: blanks and ( ) - . / go; "+" or "00" begins a country code, else the trunk prefix of the
// options' country is dropped and its code put in front. 7 to 15 digits in all (E.164).

#include <cstdint>
#include <string>
#include <string_view>

#include "penchant/identity/options.h"

namespace penchant::identity {

enum class Reading : std::uint8_t {
  kRead,
  kAbsent,   // nothing but blanks
  kBlocked,  // a value that identifies nobody
  kInvalid,  // not of its form, not UTF-8, or too long
};

// Fills `out` when kRead. Zeros and punctuation alone ("0000", "-") are kBlocked; the options'
// lists of blocked values are the door's business. What was filled in is its own
// spelling: read again, it stays as it is.
[[nodiscard]] Reading normalize(Form form, const Options& options, std::string_view raw,
                                std::string& out);

}  // namespace penchant::identity
