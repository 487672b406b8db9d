#include <charconv>
#include <limits>

#include "penchant/ranking/document.h"

namespace penchant::ranking {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

class JsonReader {
 public:
  JsonReader(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  Document read() {
    Document document = value(0);
    skip_space();
    if (at_ != bytes_.size()) reject("something follows the document's end");
    return document;
  }

 private:
  template <class... Parts>
  [[noreturn]] void reject(const Parts&... message) const {
    fail(ErrorKind::kBadData, concat(what_, ", byte ", at_, ": ", message...));
  }

  void skip_space() {
    while (at_ < bytes_.size() && (bytes_[at_] == ' ' || bytes_[at_] == '\n' ||
                                   bytes_[at_] == '\t' || bytes_[at_] == '\r')) {
      ++at_;
    }
  }

  // The next byte that is no space, not yet taken.
  char peek() {
    skip_space();
    if (at_ == bytes_.size()) reject("the document ends too early");
    return bytes_[at_];
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) reject("expected '", wanted, "'");
  }

  bool take_word(std::string_view word) {
    if (bytes_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Document value(int depth) {
    if (depth > kMaxNesting) reject("nested deeper than ", kMaxNesting);
    switch (peek()) {
      case '{':
        return {object(depth)};
      case '[':
        return list(depth);
      case '"':
        return {text()};
      default:
        break;
    }
    if (take_word("null")) return {};
    return {number()};
  }

  double number() {
    if (take_word("true")) return 1;
    if (take_word("false")) return 0;
    if (take_word("NaN")) return std::numeric_limits<double>::quiet_NaN();
    if (take_word("Infinity")) return std::numeric_limits<double>::infinity();
    if (take_word("-Infinity")) return -std::numeric_limits<double>::infinity();
    const char first = bytes_[at_];
    double found = 0;
    const char* begin = bytes_.data() + at_;
    const auto [end, error] = std::from_chars(begin, bytes_.data() + bytes_.size(), found);
    // from_chars also reads "inf" and "nan".
    const bool digits = first == '-' || (first >= '0' && first <= '9');
    if (!digits || error != std::errc()) reject("expected a value within the range of numbers");
    at_ += static_cast<std::size_t>(end - begin);
    return found;
  }

  Document list(int depth) {
    expect('[');
    Document::Numbers numbers;
    Document::List items;
    bool plain = true;  // numbers alone so far
    if (take(']')) return {std::move(numbers)};
    do {
      Document next = value(depth + 1);
      const auto* found = std::get_if<double>(&next.value);
      if (plain && found != nullptr) {
        numbers.push_back(*found);
        continue;
      }
      if (plain) {
        for (const double each : numbers) items.push_back({each});
        plain = false;
      }
      items.push_back(std::move(next));
    } while (take(','));
    expect(']');
    if (plain) return {std::move(numbers)};
    return {std::move(items)};
  }

  Document::Object object(int depth) {
    expect('{');
    Document::Object members;
    if (take('}')) return members;
    do {
      if (peek() != '"') reject("expected the name of a member");
      std::string name = text();
      expect(':');
      members.push_back({std::move(name), value(depth + 1)});
    } while (take(','));
    expect('}');
    return members;
  }

  std::string text() {
    expect('"');
    std::string out;
    for (;;) {
      const std::size_t end = bytes_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) reject("a text has no end");
      out += bytes_.substr(at_, end - at_);
      at_ = end + 1;
      if (bytes_[end] == '"') return out;
      escape(out);
    }
  }

  void escape(std::string& out) {
    if (at_ == bytes_.size()) reject("a text has no end");
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char name = bytes_[at_++];
    if (const std::size_t found = kNames.find(name); found != std::string_view::npos) {
      out += kMeant[found];
      return;
    }
    if (name != 'u') reject("unknown escape '\\", name, "'");
    std::uint32_t code = hexadecimal();
    if (code >= 0xD800 && code < 0xDC00 && take_word("\\u")) {
      const std::uint32_t low = hexadecimal();
      if (low < 0xDC00 || low > 0xDFFF) reject("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) reject("half of a surrogate pair");
    append_utf8(out, code);
  }

  std::uint32_t hexadecimal() {
    std::uint32_t code = 0;
    const std::string_view digits = bytes_.substr(at_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() != 4 || end != digits.data() + 4) {
      reject("expected four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  std::string_view bytes_;
  std::string_view what_;
  std::size_t at_ = 0;
};

}  // namespace

Document read_json(std::string_view bytes, std::string_view what) {
  return JsonReader(bytes, what).read();
}

}  // namespace penchant::ranking
