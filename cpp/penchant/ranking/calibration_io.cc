// How a calibration lies in a bundle (docs/bundle_format/v1.md). Every number read is taken for
// hostile.

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/ranking/calibration.h"

namespace penchant::ranking {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kIsotonic = "isotonic";
constexpr const char* kSigmoid = "sigmoid";

// One row of numbers a curve.
void read_sigmoid(const bundle::Reader& reader, const std::string& prefix, CalibrationData& data) {
  const auto slope = reader.array<double>(prefix + "/slope");
  const auto offset = reader.array<double>(prefix + "/offset");
  if (slope.size() != offset.size()) {
    fail(ErrorKind::kCorruptBundle,
         concat(prefix, "/offset has ", offset.size(), " numbers for ", slope.size(), " slopes"));
  }
  for (std::size_t o = 0; o < slope.size(); ++o) {
    data.curves.push_back({.slope = slope[o], .offset = offset[o]});
  }
}

void read_isotonic(const bundle::Reader& reader, const std::string& prefix, CalibrationData& data) {
  const auto begin = reader.array<std::int64_t>(prefix + "/begin");
  const auto x = reader.array<double>(prefix + "/x");
  const auto p = reader.array<double>(prefix + "/p");
  const auto corrupt = [&](const auto&... parts) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, parts...));
  };
  if (p.size() != x.size()) corrupt("/p has ", p.size(), " numbers for ", x.size(), " knots");
  if (begin.empty() || begin[0] != 0 ||
      begin[begin.size() - 1] != static_cast<std::int64_t>(x.size())) {
    corrupt("/begin must go from 0 to ", x.size());
  }
  for (std::size_t o = 0; o + 1 < begin.size(); ++o) {
    if (begin[o + 1] < begin[o]) corrupt("/begin descends at ", o + 1);
  }
  for (std::size_t o = 0; o + 1 < begin.size(); ++o) {
    data.curves.push_back({.x = {x.begin() + begin[o], x.begin() + begin[o + 1]},
                           .p = {p.begin() + begin[o], p.begin() + begin[o + 1]}});
  }
}

}  // namespace

void Calibration::save(bundle::Writer& writer, const std::string& prefix) const {
  const bool steps = data_.method == CalibrationMethod::kIsotonic;
  writer.add_text(prefix + "/meta", Json{{"method", steps ? kIsotonic : kSigmoid}}.dump());
  std::vector<double> first;
  std::vector<double> second;
  std::vector<std::int64_t> begin{0};
  for (const CalibrationCurve& curve : data_.curves) {
    if (steps) {
      first.insert(first.end(), curve.x.begin(), curve.x.end());
      second.insert(second.end(), curve.p.begin(), curve.p.end());
      begin.push_back(static_cast<std::int64_t>(first.size()));
    } else {
      first.push_back(curve.slope);
      second.push_back(curve.offset);
    }
  }
  if (steps) writer.add(prefix + "/begin", begin);
  writer.add(prefix + (steps ? "/x" : "/slope"), first);
  writer.add(prefix + (steps ? "/p" : "/offset"), second);
}

std::shared_ptr<const Calibration> Calibration::load(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix) {
  const Json meta = Json::parse(reader->text(prefix + "/meta"), nullptr, false);
  const auto method = meta.is_object() ? meta.find("method") : meta.end();
  if (!meta.is_object() || method == meta.end() || !method->is_string()) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, "/meta: lacks a 'method'"));
  }
  CalibrationData data;
  if (*method == kIsotonic) {
    read_isotonic(*reader, prefix, data);
  } else if (*method == kSigmoid) {
    data.method = CalibrationMethod::kSigmoid;
    read_sigmoid(*reader, prefix, data);
  } else {
    fail(ErrorKind::kCorruptBundle,
         concat(prefix, "/meta: unknown method '", method->get_ref<const std::string&>(), "'"));
  }
  try {
    return std::make_shared<const Calibration>(std::move(data));
  } catch (const Error& error) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, ": ", error.what()));
  }
}

}  // namespace penchant::ranking
