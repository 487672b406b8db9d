#include "penchant/ranking/document.h"

#include <charconv>
#include <cmath>

namespace penchant::ranking {
namespace {

const Document* member(const Document& document, std::string_view name) {
  const auto* object = std::get_if<Document::Object>(&document.value);
  if (object == nullptr) return nullptr;
  for (const Document::Member& each : *object) {
    if (each.name == name) return &each.value;
  }
  return nullptr;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::int64_t whole(double value, std::int64_t low, std::int64_t high, const At& at) {
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)) ||
      value != std::floor(value)) {
    at.reject(value, " is not a whole number from ", low, " to ", high);
  }
  return static_cast<std::int64_t>(value);
}

std::optional<At> At::find(std::string_view name) const {
  const Document* found = member(*document_, name);
  if (found == nullptr || std::holds_alternative<std::monostate>(found->value)) return {};
  return At(*found, concat(path_, '.', name));
}

At At::operator[](std::string_view name) const {
  if (!is_object()) reject("must be an object with a member '", name, "'");
  std::optional<At> found = find(name);
  if (!found) reject("there is no member '", name, "'");
  return *std::move(found);
}

std::size_t At::size() const {
  if (const auto* list = std::get_if<Document::List>(&document_->value)) return list->size();
  return numbers().size();
}

At At::item(std::size_t i) const {
  const auto* list = std::get_if<Document::List>(&document_->value);
  if (list == nullptr) reject("must be a list");
  if (i >= list->size()) reject("has ", list->size(), " elements, and element ", i, " is needed");
  return At((*list)[i], concat(path_, '[', i, ']'));
}

std::span<const double> At::numbers() const {
  const auto* found = std::get_if<Document::Numbers>(&document_->value);
  if (found == nullptr) reject("must be a list of numbers");
  return *found;
}

double At::number() const {
  if (const auto* found = std::get_if<double>(&document_->value)) return *found;
  if (is_text()) {
    if (const std::optional<double> parsed = parse_number(text())) return *parsed;
  }
  reject("must be a finite number");
}

std::int64_t At::integer(std::int64_t low, std::int64_t high) const {
  return whole(number(), low, high, *this);
}

const std::string& At::text() const {
  const auto* found = std::get_if<std::string>(&document_->value);
  if (found == nullptr) reject("must be a text");
  return *found;
}

}  // namespace penchant::ranking
