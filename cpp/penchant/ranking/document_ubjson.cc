#include <bit>

#include "penchant/ranking/document.h"

namespace penchant::ranking {
namespace {

constexpr std::string_view kNumberTypes = "iUIlLdD";

class UbjsonReader {
 public:
  UbjsonReader(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  Document read() {
    Document document = value(next_type(), 0);
    if (at_ != bytes_.size()) reject("something follows the document's end");
    return document;
  }

 private:
  struct Header {                      // of a container
    char type = 0;                     // 0: each element says its own
    std::optional<std::size_t> count;  // else it ends by its bracket
  };

  template <class... Parts>
  [[noreturn]] void reject(const Parts&... message) const {
    fail(ErrorKind::kBadData, concat(what_, ", byte ", at_, ": ", message...));
  }

  char peek() const {
    if (at_ == bytes_.size()) reject("the document ends too early");
    return bytes_[at_];
  }

  char next_type() {
    while (peek() == 'N') ++at_;  // no-op
    return bytes_[at_++];
  }

  template <class T, class Bits>
  double big_endian() {
    if (bytes_.size() - at_ < sizeof(Bits)) reject("a number ends too early");
    Bits bits = 0;
    for (std::size_t i = 0; i < sizeof(Bits); ++i) {
      bits = static_cast<Bits>(static_cast<std::uint64_t>(bits) << 8 |
                               static_cast<std::uint8_t>(bytes_[at_ + i]));
    }
    at_ += sizeof(Bits);
    return static_cast<double>(std::bit_cast<T>(bits));
  }

  double number(char type) {
    switch (type) {
      case 'i':
        return big_endian<std::int8_t, std::uint8_t>();
      case 'U':
        return big_endian<std::uint8_t, std::uint8_t>();
      case 'I':
        return big_endian<std::int16_t, std::uint16_t>();
      case 'l':
        return big_endian<std::int32_t, std::uint32_t>();
      case 'L':
        return big_endian<std::int64_t, std::uint64_t>();
      case 'd':
        return big_endian<float, std::uint32_t>();
      case 'D':
        return big_endian<double, std::uint64_t>();
      case 'T':
        return 1;
      case 'F':
        return 0;
      default:
        reject("expected a number, found type ", static_cast<int>(type));
    }
  }

  static std::size_t width(char type) {
    return type == 'i' || type == 'U' ? 1 : type == 'I' ? 2 : type == 'l' || type == 'd' ? 4 : 8;
  }

  // A count of things of `least` bytes each that must still fit in the document.
  std::size_t length(std::size_t least) {
    const char type = next_type();
    if (std::string_view("iUIlL").find(type) == std::string_view::npos) {
      reject("expected a length");
    }
    const double found = number(type);
    const std::size_t most = (bytes_.size() - at_) / least;
    if (!(found >= 0 && found <= static_cast<double>(most))) {
      reject("a length of ", found, ", but ", bytes_.size() - at_, " bytes are left");
    }
    return static_cast<std::size_t>(found);
  }

  std::string text() {
    const std::size_t size = length(1);
    std::string out(bytes_.substr(at_, size));
    at_ += size;
    return out;
  }

  Header header() {
    Header found;
    if (peek() == '$') {
      ++at_;
      found.type = next_type();
      // Elements without bytes of their own would make memory out of nothing.
      if (kNumberTypes.find(found.type) == std::string_view::npos &&
          std::string_view("SC[{").find(found.type) == std::string_view::npos) {
        reject("a container of elements of type ", static_cast<int>(found.type));
      }
      if (peek() != '#') reject("a container with a type needs a count");
    }
    if (peek() == '#') {
      ++at_;
      const bool numbers = kNumberTypes.find(found.type) != std::string_view::npos;
      found.count = length(found.type != 0 && numbers ? width(found.type) : 1);
    }
    return found;
  }

  Document value(char type, int depth) {
    if (depth > kMaxNesting) reject("nested deeper than ", kMaxNesting);
    switch (type) {
      case '{':
        return {object(depth)};
      case '[':
        return list(depth);
      case 'S':
      case 'H':
        return {text()};
      case 'C': {
        const char character = peek();
        ++at_;
        return {std::string(1, character)};
      }
      case 'Z':
        return {};
      default:
        return {number(type)};
    }
  }

  bool ends(const Header& header, std::size_t done, char bracket) {
    if (header.count) return done == *header.count;
    while (peek() == 'N') ++at_;
    if (peek() != bracket) return false;
    ++at_;
    return true;
  }

  Document list(int depth) {
    const Header header = this->header();
    if (header.type != 0 && kNumberTypes.find(header.type) != std::string_view::npos) {
      Document::Numbers numbers(*header.count);
      for (double& each : numbers) each = number(header.type);
      return {std::move(numbers)};
    }
    Document::List items;
    bool plain = true;
    for (std::size_t i = 0; !ends(header, i, ']'); ++i) {
      items.push_back(value(header.type != 0 ? header.type : next_type(), depth + 1));
      plain = plain && std::holds_alternative<double>(items.back().value);
    }
    if (!plain) return {std::move(items)};
    Document::Numbers numbers;
    for (const Document& each : items) numbers.push_back(std::get<double>(each.value));
    return {std::move(numbers)};
  }

  Document::Object object(int depth) {
    const Header header = this->header();
    Document::Object members;
    for (std::size_t i = 0; !ends(header, i, '}'); ++i) {
      std::string name = text();
      members.push_back(
          {std::move(name), value(header.type != 0 ? header.type : next_type(), depth + 1)});
    }
    return members;
  }

  std::string_view bytes_;
  std::string_view what_;
  std::size_t at_ = 0;
};

}  // namespace

Document read_ubjson(std::string_view bytes, std::string_view what) {
  return UbjsonReader(bytes, what).read();
}

}  // namespace penchant::ranking
