#pragma once

// How exact sums lie in a bundle (docs/bundle_format/v1.md). Every number read is taken for
// hostile.

#include <functional>
#include <string>

#include "penchant/bandits/linear_sums.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

// The sums of `count` problems of one dimension, below `prefix`.
void save_sums(bundle::Writer& writer, const std::string& prefix, std::size_t count,
               const std::function<const LinearSums&(std::size_t)>& at);
// Into fresh sums. Throws kCorruptBundle.
void load_sums(const bundle::Reader& reader, const std::string& prefix, std::size_t count,
               const std::function<LinearSums&(std::size_t)>& at);

// Throws kCorruptBundle unless all are finite.
void check_finite(std::span<const double> values, const std::string& what);

}  // namespace penchant::bandits
