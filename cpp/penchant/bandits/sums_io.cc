#include "penchant/bandits/sums_io.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr double kMostFading = 1e30;  // far above what bounded inputs can sum to

std::size_t numbers_of(const LinearSums& sums) {
  return packed_size(sums.dimension()) + sums.dimension();
}

template <class T>
void add_table(bundle::Writer& writer, const std::string& name, std::vector<T>&& values,
               std::size_t rows) {
  const auto kept = std::make_shared<const std::vector<T>>(std::move(values));
  writer.add_shared(name, bundle::dtype_of<T>(), {rows, rows == 0 ? 0 : kept->size() / rows},
                    std::as_bytes(std::span<const T>(*kept)), kept);
}

template <class T>
MatrixView<const T> table(const bundle::Reader& reader, const std::string& name, std::size_t rows,
                          std::size_t columns) {
  const auto view = reader.matrix<T>(name);
  if (view.rows != rows || (rows > 0 && view.columns != columns)) {
    fail(ErrorKind::kCorruptBundle, concat(name, " is [", view.rows, ", ", view.columns, "], not [",
                                           rows, ", ", columns, "]"));
  }
  return view;
}

}  // namespace

void save_sums(bundle::Writer& writer, const std::string& prefix, std::size_t count,
               const std::function<const LinearSums&(std::size_t)>& at) {
  std::vector<std::int64_t> counts(count);
  for (std::size_t p = 0; p < count; ++p) counts[p] = at(p).count();
  writer.add(prefix + "/counts", counts);
  const std::size_t numbers = count == 0 ? 0 : numbers_of(at(0));
  if (count > 0 && at(0).fading()) {
    std::vector<double> fading(count * numbers);
    for (std::size_t p = 0; p < count; ++p) {
      at(p).save(std::span(fading).subspan(p * numbers, numbers));
    }
    add_table(writer, prefix + "/fading", std::move(fading), count);
    return;
  }
  std::vector<std::int64_t> low(count * numbers);
  std::vector<std::int64_t> high;
  std::vector<std::int64_t> row(numbers);
  for (std::size_t p = 0; p < count; ++p) {
    at(p).save(std::span(low).subspan(p * numbers, numbers), row);
    for (std::size_t i = 0; i < numbers; ++i) {
      const bool fits = row[i] == (low[p * numbers + i] < 0 ? -1 : 0);
      if (!fits && high.empty()) high.resize(count * numbers);
    }
    if (!high.empty()) break;
  }
  for (std::size_t p = 0; p < count && !high.empty(); ++p) {
    at(p).save(std::span(low).subspan(p * numbers, numbers),
               std::span(high).subspan(p * numbers, numbers));
  }
  add_table(writer, prefix + "/low", std::move(low), count);
  if (!high.empty()) add_table(writer, prefix + "/high", std::move(high), count);
}

void load_sums(const bundle::Reader& reader, const std::string& prefix, std::size_t count,
               const std::function<LinearSums&(std::size_t)>& at) {
  const auto counts = reader.array<std::int64_t>(prefix + "/counts");
  if (counts.size() != count) {
    fail(ErrorKind::kCorruptBundle,
         concat(prefix, "/counts has ", counts.size(), " numbers, not ", count));
  }
  if (count == 0) return;
  const std::size_t numbers = numbers_of(at(0));
  if (at(0).fading()) {
    const auto fading = table<double>(reader, prefix + "/fading", count, numbers);
    for (const double value : fading.flat()) {
      if (!(std::abs(value) <= kMostFading)) {
        fail(ErrorKind::kCorruptBundle, concat(prefix, "/fading holds ", value));
      }
    }
    for (std::size_t p = 0; p < count; ++p) at(p).load(fading.row(p), counts[p]);
  } else {
    const auto low = table<std::int64_t>(reader, prefix + "/low", count, numbers);
    const bool wide = reader.has(prefix + "/high");
    const auto high = wide ? table<std::int64_t>(reader, prefix + "/high", count, numbers)
                           : MatrixView<const std::int64_t>();
    std::vector<std::int64_t> sign(numbers);
    for (std::size_t p = 0; p < count; ++p) {
      for (std::size_t i = 0; i < numbers; ++i) {
        sign[i] = wide ? high.row(p)[i] : (low.row(p)[i] < 0 ? -1 : 0);
        // Sums of at most 2^63 products below 2^71.
        if (sign[i] > (std::int64_t{1} << 61) || sign[i] < -(std::int64_t{1} << 61)) {
          fail(ErrorKind::kCorruptBundle, concat(prefix, "/high holds ", sign[i]));
        }
      }
      at(p).load(low.row(p), sign, counts[p]);
    }
  }
  for (std::size_t p = 0; p < count; ++p) {
    if (!at(p).plausible()) {
      fail(ErrorKind::kCorruptBundle,
           concat(prefix, ": the sums of problem ", p, " have a negative square or count"));
    }
  }
}

void check_finite(std::span<const double> values, const std::string& what) {
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    fail(ErrorKind::kCorruptBundle, what + ": the sums give no finite coefficients");
  }
}

}  // namespace penchant::bandits
