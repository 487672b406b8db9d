#pragma once

// What the models' save and load share: a "<prefix>/meta" section of named values, and checked
// reads of it and of the arrays beside it.
//
//   save_meta(writer, prefix, {{"kind", kind()}, {"factors", p.factors}});
//   const Meta meta(*reader, prefix);
//   p.factors = meta.integer<int>("factors", 1, 4096);

#include <algorithm>
#include <cmath>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "penchant/base/error.h"
#include "penchant/bundle/bundle.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {

// A value that a meta section can hold.
class MetaValue {
 public:
  using Variant = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                               std::string, PairWeighting>;
  template <std::same_as<bool> T>
  MetaValue(T value) : value_(value) {}  // NOLINT(google-explicit-constructor)
  template <std::signed_integral T>
  MetaValue(T value) : value_(std::int64_t{value}) {}  // NOLINT(google-explicit-constructor)
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) MetaValue(T value) : value_(std::uint64_t{value}) {}  // NOLINT
  MetaValue(double value) : value_(value) {}                                             // NOLINT
  MetaValue(std::string_view value) : value_(std::string(value)) {}                      // NOLINT
  MetaValue(PairWeighting value) : value_(value) {}                                      // NOLINT
  MetaValue(std::optional<Duration> value) {  // NOLINT: null or microseconds
    if (value) value_ = std::int64_t{value->micros};
  }
  [[nodiscard]] const Variant& variant() const { return value_; }

 private:
  Variant value_;
};

void save_meta(bundle::Writer& writer, const std::string& prefix,
               std::initializer_list<std::pair<std::string_view, MetaValue>> values);

// Every member function throws kCorruptBundle naming the section and the member.
class Meta {
 public:
  Meta(const bundle::Reader& reader, std::string prefix);
  ~Meta();
  Meta(const Meta&) = delete;
  Meta& operator=(const Meta&) = delete;

  void require(bool holds, std::string_view what) const;

  // Runs a check that throws Error; its words become those of a corrupt bundle.
  template <class Check>
  void require_valid(const Check& check) const {
    try {
      check();
    } catch (const Error& error) {
      fail(ErrorKind::kCorruptBundle, concat("bundle, ", prefix_, ": ", error.what()));
    }
  }

  [[nodiscard]] bool has(const char* name) const;  // of a member that older bundles lack
  [[nodiscard]] std::string text(const char* name) const;
  [[nodiscard]] bool flag(const char* name) const;
  [[nodiscard]] double number(const char* name) const;  // finite
  [[nodiscard]] std::int64_t any_integer(const char* name) const;
  [[nodiscard]] std::uint64_t unsigned_integer(const char* name) const;
  [[nodiscard]] std::optional<Duration> duration(const char* name) const;  // positive, or null
  [[nodiscard]] PairWeighting weighting(const char* name) const;

  template <class T>
  [[nodiscard]] T integer(const char* name, std::int64_t low, std::int64_t high) const {
    const std::int64_t value = any_integer(name);
    require(value >= low && value <= high, name);
    return static_cast<T>(value);
  }

  // The section "<prefix>/<name>" with exactly this many elements, all finite where floating.
  template <class T>
  [[nodiscard]] SharedArray<T> array(const std::string& name, std::size_t size) const {
    auto out = any_array<T>(name);
    require(out.size() == size, name + " (size)");
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
  struct Values;

  template <class T>
  void check_finite(std::span<const T> values, const std::string& name) const {
    if constexpr (std::is_floating_point_v<T>) {
      require(std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); }),
              name + " (not finite)");
    }
  }

  const bundle::Reader& reader_;
  std::string prefix_;
  std::unique_ptr<const Values> values_;
};

}  // namespace penchant::models
