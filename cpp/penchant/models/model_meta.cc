#include "penchant/models/model_meta.h"

#include <nlohmann/json.hpp>

namespace penchant::models {
namespace {

using nlohmann::json;

struct ToJson {
  json operator()(std::monostate /*none*/) const { return nullptr; }
  json operator()(const PairWeighting& weighting) const {
    json out = {{"value", value_weighting_name(weighting.value)}, {"half_life_us", nullptr}};
    if (weighting.half_life) out["half_life_us"] = weighting.half_life->micros;
    return out;
  }
  template <class T>
  json operator()(const T& value) const {
    return value;
  }
};

}  // namespace

void save_meta(bundle::Writer& writer, const std::string& prefix,
               std::initializer_list<std::pair<std::string_view, MetaValue>> values) {
  json out = json::object();
  for (const auto& [name, value] : values) {
    out[std::string(name)] = std::visit(ToJson{}, value.variant());
  }
  writer.add_text(prefix + "/meta", out.dump());
}

struct Meta::Values {
  json root;
};

Meta::Meta(const bundle::Reader& reader, std::string prefix)
    : reader_(reader), prefix_(std::move(prefix)) {
  // Parsing is told not to throw; a discarded value is not an object.
  values_ = std::make_unique<const Values>(
      Values{json::parse(reader.text(prefix_ + "/meta"), nullptr, false)});
  require(values_->root.is_object(), "meta (not a JSON object)");
}

Meta::~Meta() = default;

void Meta::require(bool holds, std::string_view what) const {
  if (!holds) {
    fail(ErrorKind::kCorruptBundle, concat("bundle, ", prefix_, ": bad ", what,
                                           "; the file is damaged or was not made by Penchant"));
  }
}

namespace {

const json& member(const Meta& meta, const json& root, const char* name) {
  const auto found = root.find(name);
  meta.require(found != root.end(), name);
  return *found;
}

}  // namespace

bool Meta::has(const char* name) const { return values_->root.contains(name); }

std::string Meta::text(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_string(), name);
  return value.get<std::string>();
}

bool Meta::flag(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_boolean(), name);
  return value.get<bool>();
}

double Meta::number(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_number() && std::isfinite(value.get<double>()), name);
  return value.get<double>();
}

std::int64_t Meta::any_integer(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_number_integer(), name);
  return value.get<std::int64_t>();
}

std::uint64_t Meta::unsigned_integer(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_number_unsigned(), name);
  return value.get<std::uint64_t>();
}

std::optional<Duration> Meta::duration(const char* name) const {
  if (member(*this, values_->root, name).is_null()) return std::nullopt;
  const Duration out{any_integer(name)};
  require(out.micros > 0, name);
  return out;
}

PairWeighting Meta::weighting(const char* name) const {
  const json& value = member(*this, values_->root, name);
  require(value.is_object() && value.contains("value") && value["value"].is_string() &&
              value.contains("half_life_us"),
          name);
  PairWeighting out;
  require_valid([&] { out.value = parse_value_weighting(value["value"].get<std::string>()); });
  if (const json& half_life = value["half_life_us"]; !half_life.is_null()) {
    require(half_life.is_number_integer() && half_life.get<std::int64_t>() > 0, name);
    out.half_life = Duration{half_life.get<std::int64_t>()};
  }
  return out;
}

}  // namespace penchant::models
