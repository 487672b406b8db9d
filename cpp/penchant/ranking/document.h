#pragma once

// A nested document as XGBoost and CatBoost write their models: JSON or UBJSON, read whole.
//
//   const Document document = read_json(bytes, "xgboost model");
//   const At learner = At(document, "xgboost model")["learner"];
//   learner["learner_model_param"]["num_class"].integer(0, 10'000);
//
// Nothing in the bytes is trusted: nesting is bounded, a length is compared with what is left
// before anything is allocated, and memory stays within a small multiple of the bytes. Every error
// is kBadData and names the byte, or the path of the member.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::ranking {

inline constexpr int kMaxNesting = 512;

// null, a number (true is 1, false is 0), a text, numbers alone, a list of anything, or an object.
struct Document {
  struct Member;
  using Numbers = std::vector<double>;
  using List = std::vector<Document>;
  using Object = std::vector<Member>;
  std::variant<std::monostate, double, std::string, Numbers, List, Object> value;
};

struct Document::Member {
  std::string name;
  Document value;
};

// RFC 8259, and NaN and Infinity as XGBoost writes them. `what` begins the errors.
[[nodiscard]] Document read_json(std::string_view bytes, std::string_view what);

// Draft 12 of UBJSON, with typed containers (big-endian numbers).
[[nodiscard]] Document read_ubjson(std::string_view bytes, std::string_view what);

// A place in a document that knows its path. Does not own: the document must outlive it.
class At {
 public:
  At(const Document& document, std::string path) : document_(&document), path_(std::move(path)) {}

  // A member that must be there; a member that may be absent or null.
  [[nodiscard]] At operator[](std::string_view name) const;
  [[nodiscard]] std::optional<At> find(std::string_view name) const;

  [[nodiscard]] std::size_t size() const;      // of a list or numbers
  [[nodiscard]] At item(std::size_t i) const;  // of a list of other things than numbers
  [[nodiscard]] std::span<const double> numbers() const;
  [[nodiscard]] double number() const;  // a number, or a text that is one ("5E-1")
  // A whole number within [low, high].
  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool is_text() const {
    return std::holds_alternative<std::string>(document_->value);
  }
  [[nodiscard]] bool is_number() const { return std::holds_alternative<double>(document_->value); }
  [[nodiscard]] bool is_object() const {
    return std::holds_alternative<Document::Object>(document_->value);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

  template <class... Parts>
  [[noreturn]] void reject(const Parts&... message) const {
    fail(ErrorKind::kBadData, concat(path_, ": ", message...));
  }

 private:
  const Document* document_;
  std::string path_;
};

// A whole number within [low, high] out of a double; rejects at `at`.
[[nodiscard]] std::int64_t whole(double value, std::int64_t low, std::int64_t high, const At& at);

// A finite number that fills all of `text`; nothing when it is not one.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

}  // namespace penchant::ranking
