#include "penchant/bundle/header.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "penchant/base/build_info.h"
#include "penchant/bundle/format.h"

namespace penchant::bundle {
namespace {

template <class... Parts>
[[noreturn]] void corrupt(const Parts&... message) {
  fail(ErrorKind::kCorruptBundle, concat("header: ", message...));
}

enum class Field : unsigned {
  kUnknown,
  kVersion,
  kOldestReader,
  kProducer,
  kLineage,
  kSections,  // of the header
  kName,
  kDtype,
  kShape,
  kOffset,
  kBytes,
  kXxh3,  // of a section
};

struct FieldName {
  std::string_view text;
  Field field;
};
constexpr FieldName kHeaderFields[] = {{"version", Field::kVersion},
                                       {"oldest_reader", Field::kOldestReader},
                                       {"producer", Field::kProducer},
                                       {"lineage", Field::kLineage},
                                       {"sections", Field::kSections}};
constexpr FieldName kSectionFields[] = {{"name", Field::kName},   {"dtype", Field::kDtype},
                                        {"shape", Field::kShape}, {"offset", Field::kOffset},
                                        {"bytes", Field::kBytes}, {"xxh3", Field::kXxh3}};

// Which fields of one object were seen; a second time is an error, as is never.
class Seen {
 public:
  Field add(std::span<const FieldName> known, std::string_view key) {
    for (const FieldName& name : known) {
      if (name.text != key) continue;
      const unsigned bit = 1U << static_cast<unsigned>(name.field);
      if ((bits_ & bit) != 0) corrupt("'", key, "' appears twice in one object");
      bits_ |= bit;
      return name.field;
    }
    return Field::kUnknown;  // a later writer may say more
  }
  void require(std::span<const FieldName> known, std::string_view where) const {
    for (const FieldName& name : known) {
      if ((bits_ & 1U << static_cast<unsigned>(name.field)) == 0) {
        corrupt("'", name.text, "' is missing in ", where);
      }
    }
  }

 private:
  unsigned bits_ = 0;
};

// The nesting limit and the syntax errors that every handler shares (nlohmann's SAX interface).
class DepthLimit {
 public:
  explicit DepthLimit(std::size_t limit) : limit_(limit) {}
  bool binary(nlohmann::json::binary_t& /*value*/) { corrupt("binary values are not JSON"); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) {
    // The library's own text quotes the last token, which may be megabytes.
    corrupt("not valid JSON near byte ", position);
  }

 protected:
  void enter() {
    if (++depth_ > limit_) corrupt("nested more than ", limit_, " deep");
  }
  void leave() { --depth_; }

 private:
  std::size_t limit_;
  std::size_t depth_ = 0;
};

// Checks syntax and depth, keeps nothing.
class SyntaxHandler : public DepthLimit {
 public:
  using DepthLimit::DepthLimit;
  bool null() { return true; }
  bool boolean(bool /*value*/) { return true; }
  bool number_integer(std::int64_t /*value*/) { return true; }
  bool number_unsigned(std::uint64_t /*value*/) { return true; }
  bool number_float(double /*value*/, const std::string& /*text*/) { return true; }
  bool string(std::string& /*value*/) { return true; }
  bool key(std::string& /*value*/) { return true; }
  bool start_object(std::size_t /*count*/) { return enter(), true; }
  bool start_array(std::size_t /*count*/) { return enter(), true; }
  bool end_object() { return leave(), true; }
  bool end_array() { return leave(), true; }
};

// Builds the section table as the parser goes; lineage and unknown members are skipped over.
class HeaderHandler : public DepthLimit {
 public:
  explicit HeaderHandler(Header& header) : DepthLimit(kMaxDepth), header_(header) {}

  bool null() { return other("null"); }
  bool boolean(bool /*value*/) { return other("a truth value"); }
  bool number_integer(std::int64_t /*value*/) { return other("a negative number"); }
  bool number_float(double /*value*/, const std::string& /*text*/) {
    return other("a number that is no 64-bit integer");
  }
  bool number_unsigned(std::uint64_t value) {
    if (skipped_ > 0) return true;
    if (place_ == Place::kShape) {
      if (section_.shape.size() == kMaxRank) corrupt(here(), ": more than ", kMaxRank, " axes");
      section_.shape.push_back(value);
      return true;
    }
    switch (field_) {
      case Field::kVersion:
        header_.version = value;
        return true;
      case Field::kOldestReader:
        header_.oldest_reader = value;
        return true;
      case Field::kOffset:
        section_.offset = value;
        return true;
      case Field::kBytes:
        section_.bytes = value;
        return true;
      default:
        return other("a number");
    }
  }
  bool string(std::string& value) {
    if (skipped_ > 0) return true;
    switch (place_ == Place::kShape ? Field::kShape : field_) {
      case Field::kProducer:
        return true;
      case Field::kName:
        if (!is_valid_name(value)) {
          corrupt(here(), ": a name is 1 to ", kMaxNameBytes, " characters of [a-z0-9_/.-]");
        }
        section_.name = value;
        return true;
      case Field::kDtype: {
        const auto dtype = dtype_from_name(value);
        if (!dtype) corrupt(here(), ": unknown dtype");
        section_.dtype = *dtype;
        return true;
      }
      case Field::kXxh3: {
        const auto digits = from_hex(value);
        if (!digits) corrupt(here(), ": 'xxh3' must be 16 lower-case hex digits");
        section_.xxh3 = *digits;
        return true;
      }
      default:
        return other("text");
    }
  }
  bool key(std::string& value) {
    if (skipped_ > 0) return true;
    field_ = place_ == Place::kTop ? seen_.add(kHeaderFields, value)
                                   : seen_in_section_.add(kSectionFields, value);
    return true;
  }
  bool start_object(std::size_t /*count*/) { return start(true); }
  bool start_array(std::size_t /*count*/) { return start(false); }
  bool end_object() { return end(); }
  bool end_array() { return end(); }

 private:
  enum class Place { kOutside, kTop, kSections, kSection, kShape };

  bool start(bool object) {
    enter();
    if (skipped_ > 0) return ++skipped_, true;
    if (place_ == Place::kOutside && object) {
      place_ = Place::kTop;
    } else if (place_ == Place::kTop && field_ == Field::kSections && !object) {
      place_ = Place::kSections;
    } else if (place_ == Place::kSections && object) {
      place_ = Place::kSection;
      section_ = {};
      seen_in_section_ = {};
    } else if (place_ == Place::kSection && field_ == Field::kShape && !object) {
      place_ = Place::kShape;
    } else if ((place_ == Place::kTop && field_ == Field::kLineage && object) ||
               ((place_ == Place::kTop || place_ == Place::kSection) &&
                field_ == Field::kUnknown)) {
      skipped_ = 1;
    } else {
      other(object ? "an object" : "an array");
    }
    return true;
  }

  bool end() {
    leave();
    if (skipped_ > 0) return --skipped_, true;
    // The field goes back to the container's own, so that a stray value after this one is seen.
    switch (place_) {
      case Place::kShape:
        place_ = Place::kSection;
        break;
      case Place::kSection:
        finish_section();
        place_ = Place::kSections;
        field_ = Field::kSections;
        break;
      case Place::kSections:
        place_ = Place::kTop;
        break;
      case Place::kTop:
        seen_.require(kHeaderFields, "the header");
        place_ = Place::kOutside;
        break;
      case Place::kOutside:
        break;
    }
    return true;
  }

  void finish_section() {
    seen_in_section_.require(kSectionFields, here());
    if (section_.shape.empty()) corrupt(here(), ": no axis in 'shape'");
    const auto bytes = array_bytes(section_.shape, section_.dtype);
    if (!bytes) corrupt(here(), ": the product of 'shape' overflows");
    if (*bytes != section_.bytes) {
      corrupt(here(), ": 'shape' and 'dtype' make ", *bytes, " bytes, 'bytes' says ",
              section_.bytes);
    }
    header_.sections.push_back(std::move(section_));
  }

  // A value that fits nowhere, unless it belongs to a member nobody knows.
  bool other(std::string_view what) const {
    const bool inside = place_ == Place::kTop || place_ == Place::kSection;
    if (skipped_ > 0 || (inside && field_ == Field::kUnknown)) return true;
    corrupt(here(), ": ", what, " where it does not belong");
  }

  [[nodiscard]] std::string here() const {
    if (place_ != Place::kSection && place_ != Place::kShape) return "top level";
    return concat("section ", header_.sections.size(),
                  section_.name.empty() ? "" : " ('" + section_.name + "')");
  }

  Header& header_;
  Place place_ = Place::kOutside;
  Field field_ = Field::kUnknown;
  std::size_t skipped_ = 0;  // how deep inside a value that is passed over
  Seen seen_;
  Seen seen_in_section_;
  Section section_;
};

// The parser takes a NUL for the end of its input and skips a byte order mark; neither may hide
// bytes from it.
void parse(std::string_view json, auto& handler) {
  if (json.size() < 2 || json.front() != '{' || json.back() != '}' ||
      json.find('\0') != std::string_view::npos) {
    corrupt("must be one JSON object from its first byte to its last");
  }
  nlohmann::json::sax_parse(json.data(), json.data() + json.size(), &handler);
}

std::size_t skip_space(std::string_view json, std::size_t at) {
  return std::min(json.find_first_not_of(" \t\r\n", at), json.size());
}

// The text of the object under a key of the outermost object, of JSON that was parsed before.
std::string_view member_text(std::string_view json, std::string_view key) {
  std::size_t depth = 0;
  std::size_t start = 0;  // of the value, once the key was found
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '{' || json[i] == '[') {
      ++depth;
    } else if (json[i] == '}' || json[i] == ']') {
      if (--depth == 1 && start > 0) return json.substr(start, i + 1 - start);
    } else if (json[i] == '"') {
      const std::size_t opened = ++i;
      while (json[i] != '"') i += json[i] == '\\' ? 2 : 1;
      if (depth != 1 || start > 0 || json.substr(opened, i - opened) != key) continue;
      const std::size_t colon = skip_space(json, i + 1);
      if (json[colon] == ':') start = skip_space(json, colon + 1);
    }
  }
  corrupt("'", key, "' must be spelled without escapes");
}

}  // namespace

Header parse_header(std::string_view json) {
  Header header;
  HeaderHandler handler(header);
  parse(json, handler);
  header.lineage = member_text(json, "lineage");
  return header;
}

std::string format_header(const std::vector<Section>& sections, std::string_view lineage) {
  try {
    SyntaxHandler syntax(kMaxDepth - 1);  // the header around it takes one
    parse(lineage, syntax);
  } catch (const Error& error) {
    fail(ErrorKind::kInvalidArgument,
         concat("lineage must be the text of one JSON object, nested at most ", kMaxDepth - 1,
                " deep: ", error.what()));
  }
  // Names hold nothing that JSON would have to escape.
  std::string out =
      concat("{\"version\":", kFormatVersion, ",\"oldest_reader\":", kFormatVersion,
             ",\"producer\":\"penchant ", version(), "\",\"lineage\":", lineage, ",\"sections\":[");
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    out += concat(i == 0 ? "" : ",", "{\"name\":\"", section.name, "\",\"dtype\":\"",
                  dtype_name(section.dtype), "\",\"shape\":[");
    for (std::size_t axis = 0; axis < section.shape.size(); ++axis) {
      out += concat(axis == 0 ? "" : ",", section.shape[axis]);
    }
    out += concat("],\"offset\":", section.offset, ",\"bytes\":", section.bytes, ",\"xxh3\":\"",
                  to_hex(section.xxh3), "\"}");
  }
  return out + "]}";
}

void place_sections(std::vector<Section>& sections, std::uint64_t data_start,
                    std::uint64_t file_bytes) {
  const auto room = [&](std::uint64_t position) {
    return position <= file_bytes ? file_bytes - position : 0;
  };
  std::uint64_t end = data_start;
  for (Section& section : sections) {
    // Both stay far from overflow: `end` never passes the file's size, which fits in memory.
    const std::uint64_t start = align_up(end);
    if (section.offset != start - data_start) {
      corrupt("section '", section.name, "': offset ", section.offset, " should be ",
              start - data_start);
    }
    if (start > file_bytes || section.bytes > room(start)) {
      corrupt("section '", section.name, "': ", section.bytes, " bytes at offset ", section.offset,
              " reach past the end of the file (", file_bytes, " bytes)");
    }
    for (const std::uint64_t dimension : section.shape) {
      if (dimension > file_bytes) {
        corrupt("section '", section.name, "': an axis of ", dimension,
                " is longer than the file (", file_bytes, " bytes)");
      }
    }
    section.offset = start;
    end = start + section.bytes;
  }
  if (end != file_bytes) {
    corrupt("the last section ends at byte ", end, ", the file at ", file_bytes);
  }
}

}  // namespace penchant::bundle
