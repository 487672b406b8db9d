#pragma once

// A trained or imported forest, ready to score: immutable, shared between threads.
//
//   const auto forest = std::make_shared<const Forest>(std::move(data));   // checked
//   std::vector<double> scores(rows.rows * forest->outputs());
//   forest->predict_raw(rows, scores, 1);
//
// Every kernel gives the bits of the plain walk (tests/cpp/reference/plain_forest.h).

#include <memory>
#include <span>
#include <string>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

struct ForestLayout;

class Forest {
 public:
  // Throws kBadData when check_forest does.
  explicit Forest(ForestData data);
  ~Forest();

  [[nodiscard]] const ForestData& data() const { return data_; }
  [[nodiscard]] std::size_t outputs() const { return data_.outputs(); }
  [[nodiscard]] std::size_t num_features() const {
    return static_cast<std::size_t>(data_.num_features);
  }

  // scores: [rows, outputs], row-major. Requires rows.columns == num_features(); every value is
  // allowed, NaN and infinity too. threads: 0 means all. Nothing is allocated but a thread's
  // scratch, which is kept. Throws kInvalidArgument on shapes.
  void predict_raw(MatrixView<const float> rows, std::span<double> scores, int threads) const;
  void predict_raw(MatrixView<const double> rows, std::span<double> scores, int threads) const;

  // Applies the link in place. scores: [rows, outputs].
  void apply_link(std::span<double> scores) const;

  // Sections below `prefix` (docs/bundle_format/v1.md). load throws kCorruptBundle.
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static std::shared_ptr<const Forest> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix);

 private:
  ForestData data_;
  std::unique_ptr<const ForestLayout> layout_;  // what the kernels read
};

}  // namespace penchant::ranking
