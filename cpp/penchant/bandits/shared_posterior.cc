#include "penchant/bandits/shared_posterior.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "penchant/bandits/sums_io.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

std::size_t joint_size(const SharedPosterior::Shape& shape) {
  return shape.interactions ? shape.context * shape.arm : shape.context + shape.arm;
}

}  // namespace

SharedPosterior::SharedPosterior(const Shape& shape)
    : shape_(shape),
      sums_(joint_size(shape), shape.discount),
      theta_(joint_size(shape), 0.0),
      inverse_(shape.variances || !pure() ? packed_size(joint_size(shape)) : 0, 0.0) {
  for (std::size_t i = 0; i < theta_.size() && !inverse_.empty(); ++i) {
    inverse_[packed_begin(i) + i] = 1.0 / std::sqrt(shape.l2);
  }
}

void SharedPosterior::learn(const FixedRow& row, std::int64_t copies) {
  sums_.add(row, copies);
  note(row, copies);
}

void SharedPosterior::take_back(const FixedRow& row, std::int64_t copies, std::int64_t age) {
  sums_.take_back(row, copies, age);
  note(row, -copies);
}

void SharedPosterior::note(const FixedRow& row, std::int64_t copies) {
  if (pure()) {
    stale_ = true;
    return;
  }
  if (copies == 0) return;
  moves_.push_back({.row = row, .copies = copies});
  if (moves_.size() < kRebuild) return;
  moves_.clear();
  moved_ = 0;
  stale_ = true;
}

void SharedPosterior::refresh() {
  if (stale_) rebuild();
  for (; moved_ < moves_.size(); ++moved_) {
    if (move(moves_[moved_])) continue;
    moves_.clear();
    rebuild();
  }
}

// From the sums as they were before the moves.
void SharedPosterior::rebuild() {
  FactorScratch scratch;
  std::vector<double> gram(packed_size(dimension()));
  std::vector<double> moment(dimension());
  if (moves_.empty()) {
    sums_.read(gram, moment);
  } else {
    LinearSums before = sums_;
    for (const Move& event : moves_) before.take_back(event.row, event.copies, 0);
    before.read(gram, moment);
  }
  factorize(gram, dimension(), shape_.l2, scratch);
  solve_factor(dimension(), scratch, moment, theta_);
  if (!inverse_.empty()) invert_factor(dimension(), scratch, inverse_);
  moved_ = 0;
  stale_ = false;
}

// With y = sqrt(c) x for c copies of x, and A' = A +- y y^T:
// theta' = theta +- A'^-1 y sqrt(c) (r - x . theta).
bool SharedPosterior::move(const Move& event) {
  constexpr double kStep = 1.0 / (1 << kFractionBits);
  const std::size_t n = dimension();
  const double root = std::sqrt(static_cast<double>(std::abs(event.copies)));
  const double sign = event.copies > 0 ? 1 : -1;
  scratch_.resize(5 * n);
  const auto y = std::span(scratch_).first(n);
  const auto image = std::span(scratch_).subspan(n, n);
  const auto work = std::span(scratch_).last(3 * n);
  double error = root * (static_cast<double>(event.row.reward) * kStep);
  for (std::size_t j = 0; j < n; ++j) {
    y[j] = root * (event.row.x[j] * kStep);
    error -= y[j] * theta_[j];
  }
  multiply_lower(inverse_, y, image);
  if (!update_inverse(inverse_, image, sign, work)) return false;
  for (std::size_t j = 0; j < n; ++j) theta_[j] += sign * error * work[j];
  return true;
}

void SharedPosterior::save(bundle::Writer& writer, const std::string& prefix) const {
  save_sums(writer, prefix, 1, [&](std::size_t) -> const LinearSums& { return sums_; });
  if (moves_.empty()) return;
  std::vector<std::int32_t> x;
  std::vector<std::int64_t> reward;
  std::vector<std::int64_t> copies;
  for (const Move& event : moves_) {
    x.insert(x.end(), event.row.x.begin(), event.row.x.end());
    reward.push_back(event.row.reward);
    copies.push_back(event.copies);
  }
  writer.add(prefix + "/moves/x",
             MatrixView<const std::int32_t>{x.data(), moves_.size(), dimension()});
  writer.add(prefix + "/moves/reward", reward);
  writer.add(prefix + "/moves/copies", copies);
}

void SharedPosterior::load(const bundle::Reader& reader, const std::string& prefix) {
  load_sums(reader, prefix, 1, [&](std::size_t) -> LinearSums& { return sums_; });
  if (reader.has(prefix + "/moves/x")) load_moves(reader, prefix + "/moves");
  stale_ = true;
  refresh();
  check_finite(theta_, prefix);
  check_finite(inverse_, prefix);
}

void SharedPosterior::load_moves(const bundle::Reader& reader, const std::string& prefix) {
  constexpr std::int64_t kMostCopies = 1000;
  const auto x = reader.matrix<std::int32_t>(prefix + "/x");
  const auto reward = reader.array<std::int64_t>(prefix + "/reward");
  const auto copies = reader.array<std::int64_t>(prefix + "/copies");
  if (pure() || x.rows >= kRebuild || x.columns != dimension() || reward.size() != x.rows ||
      copies.size() != x.rows) {
    fail(ErrorKind::kCorruptBundle, prefix + " is not of the sums' shape");
  }
  for (std::size_t e = 0; e < x.rows; ++e) {
    Move event{.row = {.x = {x.row(e).begin(), x.row(e).end()}, .reward = reward[e]},
               .copies = copies[e]};
    for (const std::int64_t value : event.row.x) {
      event.row.largest = std::max(event.row.largest, std::abs(value));
    }
    const auto most = static_cast<std::int64_t>(kMostReward * (1 << kFractionBits));
    if (std::abs(event.copies) > kMostCopies || event.copies == 0 ||
        event.row.largest > std::int64_t{1} << 31 || event.row.reward > most ||
        event.row.reward < -most) {
      fail(ErrorKind::kCorruptBundle, concat(prefix, ": event ", e, " has no sense"));
    }
    moves_.push_back(std::move(event));
  }
}

void SharedPosterior::joint(std::span<const double> x, std::span<const double> f,
                            std::span<double> z) const {
  if (!shape_.interactions) {
    std::copy(x.begin(), x.end(), z.begin());
    std::copy(f.begin(), f.end(), z.begin() + static_cast<std::ptrdiff_t>(x.size()));
    return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < f.size(); ++j) z[i * f.size() + j] = x[i] * f[j];
  }
}

// A row of a triangle may be shorter than z: what is missing is 0.
void SharedPosterior::fold(std::span<const double> x, std::span<const double> row,
                           std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  if (!shape_.interactions) {
    const std::size_t of_context = std::min(row.size(), x.size());
    for (std::size_t i = 0; i < of_context; ++i) out[0] += row[i] * x[i];
    for (std::size_t j = x.size(); j < row.size(); ++j) out[1 + j - x.size()] = row[j];
    return;
  }
  const std::size_t arm = shape_.arm;
  for (std::size_t begin = 0, i = 0; begin < row.size(); begin += arm, ++i) {
    const std::size_t size = std::min(arm, row.size() - begin);
    for (std::size_t j = 0; j < size; ++j) out[j] += x[i] * row[begin + j];
  }
}

void SharedPosterior::at(std::span<const double> x, bool factor, ContextPosterior& out,
                         std::vector<double>& scratch) const {
  const std::size_t w = width();
  out.mean.resize(w);
  fold(x, theta_, out.mean);
  if (!factor) return;
  out.factor.assign(packed_size(w), 0.0);
  scratch.resize(w);
  // Q = sum over rows of M, each folded, of its outer product; R is Q's factor.
  for (std::size_t r = 0; r < dimension(); ++r) {
    fold(x, std::span(inverse_).subspan(packed_begin(r), r + 1), scratch);
    double* q = out.factor.data();
    for (std::size_t i = 0; i < w; ++i) {
      for (std::size_t j = 0; j <= i; ++j) q[j] += scratch[i] * scratch[j];
      q += i + 1;
    }
  }
  double largest = 0;
  for (std::size_t i = 0; i < w; ++i) {
    largest = std::max(largest, out.factor[packed_begin(i) + i]);
  }
  factorize_semidefinite(out.factor, w, largest * 1e-14);
}

double SharedPosterior::mean(const ContextPosterior& here, std::span<const double> f) const {
  double sum = shape_.interactions ? 0.0 : here.mean[0];
  const double* u = here.mean.data() + (shape_.interactions ? 0 : 1);
  for (std::size_t j = 0; j < f.size(); ++j) sum += u[j] * f[j];
  return sum;
}

double SharedPosterior::variance(const ContextPosterior& here, std::span<const double> f,
                                 std::vector<double>& scratch) const {
  const std::size_t w = width();
  scratch.assign(w, 0.0);
  const double* r = here.factor.data();
  for (std::size_t i = 0; i < w; ++i) {
    const double fi = shape_.interactions ? f[i] : (i == 0 ? 1.0 : f[i - 1]);
    for (std::size_t j = 0; j <= i; ++j) scratch[j] += r[j] * fi;
    r += i + 1;
  }
  double sum = 0;
  for (const double value : scratch) sum += value * value;
  return sum;
}

std::size_t SharedPosterior::memory_bytes() const {
  return sums_.memory_bytes() + (theta_.capacity() + inverse_.capacity()) * sizeof(double);
}

}  // namespace penchant::bandits
