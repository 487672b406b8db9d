#include "penchant/engine/context_terms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "penchant/base/portable_math.h"
#include "penchant/engine/stage.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kMostTerms = 1'000;
constexpr std::size_t kLongestName = 256;
constexpr double kMostOfANumber =
    10;  // a typo in an attribute must not outweigh all that was learnt
constexpr std::int64_t kDay = 86'400'000'000;
constexpr std::size_t kWeekdays = 7;

using Kind = ContextTerm::Kind;

struct KindName {
  std::string_view name;
  Kind kind;
  bool of = false;
  bool level = false;
};
constexpr std::array kKinds = {
    KindName{"hour", Kind::kHour},
    KindName{"weekday", Kind::kWeekday},
    KindName{"device", Kind::kDevice, false, true},
    KindName{"page", Kind::kPage, false, true},
    KindName{"history", Kind::kHistory},
    KindName{"number", Kind::kNumber, true, false},
    KindName{"segment", Kind::kSegment, false, true},
    KindName{"level", Kind::kLevel, true, true},
};

const KindName& kind_of(Kind kind) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](auto one) { return one.kind == kind; });
}

std::string text_of(const nlohmann::json& json, const char* name, std::size_t place) {
  check_argument(json.contains(name) && json[name].is_string() &&
                     json[name].get_ref<const std::string&>().size() <= kLongestName,
                 "context[", place, "]: ", name, " must be a text of at most ", kLongestName,
                 " bytes");
  return json[name].get<std::string>();
}

double number_of(const nlohmann::json& json, const char* name, double otherwise,
                 std::size_t place) {
  if (!json.contains(name)) return otherwise;
  check_argument(json[name].is_number() && std::abs(json[name].get<double>()) <= 1e30, "context[",
                 place, "]: ", name, " must be a finite number");
  return json[name].get<double>();
}

ContextTerm term_of(const nlohmann::json& json, std::size_t place) {
  check_argument(json.is_object(), "context[", place, "] must be an object");
  const std::string name = text_of(json, "term", place);
  const auto at =
      std::find_if(kKinds.begin(), kKinds.end(), [&](auto one) { return one.name == name; });
  check_argument(at != kKinds.end(), "context[", place, "]: there is no term '", name,
                 "'; there are hour, weekday, device, page, history, number, segment and level");
  ContextTerm term;
  term.kind = at->kind;
  if (at->of) term.of = text_of(json, "of", place);
  if (at->level) term.level = text_of(json, "level", place);
  if (term.kind == Kind::kNumber) {
    term.centre = number_of(json, "centre", 0, place);
    term.scale = number_of(json, "scale", 1, place);
    check_argument(term.scale > 1e-30, "context[", place, "]: scale must be positive");
  }
  return term;
}

// Days and time of day of a moment, both for moments before 1970, too.
std::int64_t day_of(Timestamp at) { return at.micros / kDay - (at.micros % kDay < 0 ? 1 : 0); }

double number_in(const data::Attributes& known, const ContextTerm& term) {
  const auto found = known.find(term.of);
  if (found == known.end()) return 0;
  const double* const value = std::get_if<double>(&found->second);
  if (value == nullptr || !std::isfinite(*value)) return 0;
  return std::clamp((*value - term.centre) / term.scale, -kMostOfANumber, kMostOfANumber);
}

bool has_level(const data::Attributes& known, const ContextTerm& term) {
  const auto found = known.find(term.of);
  if (found == known.end()) return false;
  const auto* const texts = std::get_if<std::vector<std::string>>(&found->second);
  return texts != nullptr && std::find(texts->begin(), texts->end(), term.level) != texts->end();
}

bool in_segment(const Workspace& work, const ContextTerm& term) {
  if (work.segments.empty()) return false;
  const std::vector<std::string>& names = work.assets->segments->names();
  const auto at = std::ranges::find(names, term.level);
  return at != names.end() && work.segments[static_cast<std::size_t>(at - names.begin())] != 0;
}

void write_term(const ContextTerm& term, const Workspace& work, Timestamp at,
                std::span<double> out) {
  static const data::Attributes nothing;
  const Context& context = work.request->context;
  const data::Attributes& known =
      work.query.attributes == nullptr ? nothing : *work.query.attributes;
  switch (term.kind) {
    case Kind::kHour: {
      const std::int64_t into_day = at.micros - day_of(at) * kDay;
      const double turn = static_cast<double>(into_day) / static_cast<double>(kDay);
      out[0] = portable_sin_turn(turn);
      out[1] = portable_sin_turn(turn + 0.25);
      return;
    }
    case Kind::kWeekday: {
      // 1970-01-01 was a Thursday.
      const std::int64_t weekday = ((day_of(at) + 3) % 7 + 7) % 7;
      std::ranges::fill(out, 0.0);
      out[static_cast<std::size_t>(weekday)] = 1;
      return;
    }
    case Kind::kDevice:
      out[0] = context.device == term.level ? 1 : 0;
      return;
    case Kind::kPage:
      out[0] = context.page == term.level ? 1 : 0;
      return;
    case Kind::kHistory: {
      std::int64_t events = 0;
      for (const std::int32_t count : work.query.history.counts) events += count;
      out[0] = portable_log1p(static_cast<double>(events));
      return;
    }
    case Kind::kNumber:
      out[0] = number_in(known, term);
      return;
    case Kind::kSegment:
      out[0] = in_segment(work, term) ? 1 : 0;
      return;
    case Kind::kLevel:
      out[0] = has_level(known, term) ? 1 : 0;
      return;
  }
}

}  // namespace

std::size_t ContextTerm::size() const {
  if (kind == Kind::kHour) return 2;
  return kind == Kind::kWeekday ? kWeekdays : 1;
}

ContextTerms ContextTerms::parse(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  check_argument(json.is_array() && json.size() <= kMostTerms,
                 "context must be a JSON list of at most ", kMostTerms, " terms");
  ContextTerms out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    out.terms_.push_back(term_of(json[i], i));
    out.size_ += out.terms_.back().size();
  }
  return out;
}

std::vector<std::string> ContextTerms::names() const {
  constexpr std::array kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                "friday", "saturday", "sunday"};
  std::vector<std::string> out;
  for (const ContextTerm& term : terms_) {
    const KindName& kind = kind_of(term.kind);
    if (term.kind == Kind::kHour) {
      out.insert(out.end(), {"hour (sine)", "hour (cosine)"});
    } else if (term.kind == Kind::kWeekday) {
      out.insert(out.end(), kDays.begin(), kDays.end());
    } else if (term.kind == Kind::kHistory) {
      out.emplace_back(kind.name);
    } else {
      const std::string of = kind.of ? term.of : std::string(kind.name);
      out.push_back(kind.level ? concat(of, " = ", term.level) : of);
    }
  }
  return out;
}

Matrix<double> ContextTerms::of_rows(const data::AttributeTable& table) const {
  std::set<std::string_view> columns;
  std::string listed;
  for (const auto& column : table.columns()) {
    columns.insert(column.name);
    listed += concat(listed.empty() ? "" : ", ", column.name);
  }
  for (const ContextTerm& term : terms_) {
    check_argument(term.kind == Kind::kNumber || term.kind == Kind::kLevel, "a table's row has no ",
                   kind_of(term.kind).name);
    check_argument(columns.contains(term.of), "there is no attribute '", term.of,
                   "'; there are: ", listed.empty() ? "none" : listed);
  }
  Matrix<double> out(table.rows(), size_);
  for (std::size_t r = 0; r < table.rows(); ++r) {
    data::Attributes known;
    table.read(UserIndex(static_cast<std::int32_t>(r)), known);
    const std::span<double> row = out.view().row(r);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const bool number = terms_[i].kind == Kind::kNumber;
      row[i] = number ? number_in(known, terms_[i]) : (has_level(known, terms_[i]) ? 1.0 : 0.0);
    }
  }
  return out;
}

void ContextTerms::write(const Workspace& work, Timestamp at, std::span<double> row) const {
  std::size_t next = 0;
  for (const ContextTerm& term : terms_) {
    write_term(term, work, at, row.subspan(next, term.size()));
    next += term.size();
  }
}

}  // namespace penchant::engine
