#pragma once

// What the models' save and load share: a "<prefix>/meta" section of JSON and checked reads. Only
// for .cc files (it brings in nlohmann/json).

#include <algorithm>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/bundle/bundle.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

inline void save_meta(bundle::Writer& writer, const std::string& prefix,
                      const nlohmann::json& meta) {
  writer.add_text(prefix + "/meta", meta.dump());
}

[[nodiscard]] inline nlohmann::json weighting_json(const PairWeighting& weighting) {
  nlohmann::json out = {{"value", value_weighting_name(weighting.value)},
                        {"half_life_us", nullptr}};
  if (weighting.half_life) out["half_life_us"] = weighting.half_life->micros;
  return out;
}

// Every member function throws kCorruptBundle naming the section and the member.
class Meta {
 public:
  Meta(const bundle::Reader& reader, std::string prefix)
      : reader_(reader), prefix_(std::move(prefix)) {
    // Parsing is told not to throw; a discarded value is not an object.
    json_ = nlohmann::json::parse(reader.text(prefix_ + "/meta"), nullptr, false);
    require(json_.is_object(), "meta (not a JSON object)");
  }

  void require(bool holds, std::string_view what) const {
    if (!holds) {
      fail(ErrorKind::kCorruptBundle, concat("bundle, ", prefix_, ": bad ", what,
                                             "; the file is damaged or was not made by Penchant"));
    }
  }

  template <class Check>
  void require_valid(const Check& check) const {
    try {
      check();
    } catch (const Error& error) {
      fail(ErrorKind::kCorruptBundle, concat("bundle, ", prefix_, ": ", error.what()));
    }
  }

  [[nodiscard]] const nlohmann::json& at(const char* name) const {
    const auto found = json_.find(name);
    require(found != json_.end(), name);
    return *found;
  }

  [[nodiscard]] std::string text(const char* name) const {
    require(at(name).is_string(), name);
    return at(name).get<std::string>();
  }

  [[nodiscard]] double number(const char* name) const {
    require(at(name).is_number(), name);
    const auto value = at(name).get<double>();
    require(std::isfinite(value), name);
    return value;
  }

  template <class T>
  [[nodiscard]] T integer(const char* name, std::int64_t low, std::int64_t high) const {
    require(at(name).is_number_integer(), name);
    const auto value = at(name).get<std::int64_t>();
    require(value >= low && value <= high, name);
    return static_cast<T>(value);
  }

  [[nodiscard]] std::uint64_t unsigned_integer(const char* name) const {
    require(at(name).is_number_unsigned(), name);
    return at(name).get<std::uint64_t>();
  }

  [[nodiscard]] PairWeighting weighting(const char* name) const {
    const nlohmann::json& json = at(name);
    require(json.is_object() && json.contains("value") && json["value"].is_string() &&
                json.contains("half_life_us"),
            name);
    PairWeighting out;
    require_valid([&] { out.value = parse_value_weighting(json["value"].get<std::string>()); });
    if (const auto& half_life = json["half_life_us"]; !half_life.is_null()) {
      require(half_life.is_number_integer() && half_life.get<std::int64_t>() > 0, name);
      out.half_life = Duration{half_life.get<std::int64_t>()};
    }
    return out;
  }

  // The section "<prefix>/<name>" with exactly this many elements, all finite where floating.
  template <class T>
  [[nodiscard]] SharedArray<T> array(const std::string& name, std::size_t size) const {
    auto out = reader_.array<T>(prefix_ + "/" + name);
    require(out.size() == size, name + " (size)");
    check_finite(out.span(), name);
    return out;
  }
  template <class T>
  [[nodiscard]] SharedArray<T> any_array(const std::string& name) const {
    auto out = reader_.array<T>(prefix_ + "/" + name);
    check_finite(out.span(), name);
    return out;
  }
  template <class T>
  [[nodiscard]] SharedArray<T> matrix(const std::string& name, std::size_t rows,
                                      std::size_t columns) const {
    const auto view = reader_.matrix<T>(prefix_ + "/" + name);
    require(view.rows == rows && view.columns == columns, name + " (shape)");
    check_finite(std::span<const T>(view.data, rows * columns), name);
    return {reader_.shared_from_this(), {view.data, rows * columns}};
  }

 private:
  template <class T>
  void check_finite(std::span<const T> values, const std::string& name) const {
    if constexpr (std::is_floating_point_v<T>) {
      require(std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); }),
              name + " (not finite)");
    }
  }

  const bundle::Reader& reader_;
  std::string prefix_;
  nlohmann::json json_;
};

}  // namespace penchant::models
