// The training half of pairwise.h.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/models/csr.h"
#include "penchant/models/pairwise.h"
#include "penchant/models/pairwise_kernels.h"
#include "penchant/models/panel_linalg.h"
#include "penchant/models/small_linalg.h"

namespace penchant::models {
namespace {

constexpr std::uint32_t kStreamStart = 0x50414901;  // these uses of the seed
constexpr std::uint32_t kStreamDeal = 0x50414902;
constexpr std::uint32_t kStreamDraw = 0x50414903;
constexpr std::size_t kMostBlocks = 8;   // users and items are dealt into
constexpr std::size_t kLeastItems = 32;  // of a block: fewer would see the same negatives
constexpr int kDraws = 16;               // of BPR, for one that the user does not have
constexpr double kStartDeviation = 0.1;  // times 1 / sqrt(factors)

// One iteration's deal of the items.
struct Deal {
  std::vector<std::uint8_t> block_of;            // [items]
  std::vector<std::vector<std::int32_t>> block;  // items of each, ascending
};

}  // namespace

void validate(const PairwiseParameters& p) {
  const char* name = p.loss == PairwiseLoss::kBpr ? "BPR" : "WARP";
  check_argument(p.factors >= 1 && p.factors <= 4096, name, ": factors must be 1 to 4096, not ",
                 p.factors);
  check_argument(p.learning_rate > 0 && p.learning_rate <= 10, name,
                 ": learning_rate must be in (0, 10], not ", p.learning_rate);
  check_argument(p.regularization >= 0 && p.regularization * p.learning_rate < 1, name,
                 ": regularization must be 0 or more and below 1 / learning_rate, not ",
                 p.regularization);
  check_argument(p.max_trials >= 1 && p.max_trials <= 100'000, name,
                 ": max_trials must be 1 to 100000, not ", p.max_trials);
}

struct PairwiseTrainer::Impl {
  PairwiseParameters p;
  std::size_t f = 0;
  std::size_t stride = 0;
  std::size_t blocks = 1;
  std::uint32_t iteration = 0;
  Csr pairs;
  Matrix<float> users;  // [users, stride]
  Matrix<float> items;
  std::vector<std::size_t> user_bounds;  // [blocks + 1]
  std::vector<float> rank_weight;        // of WARP, by trials

  void start(Matrix<float>& factors, std::uint32_t side) const {
    const Philox random(p.seed, kStreamStart + (side << 8U));
    const double scale = kStartDeviation / std::sqrt(static_cast<double>(f));
    for (std::size_t i = 0; i < factors.rows(); ++i) {
      for (std::size_t j = 0; j < f; ++j) {
        factors.row(i)[j] =
            static_cast<float>(scale * random.normal(i, static_cast<std::uint32_t>(j)));
      }
    }
  }

  // Users in ranges of about equal numbers of pairs.
  void bound_users() {
    user_bounds.assign(blocks + 1, pairs.rows());
    user_bounds[0] = 0;
    const std::int64_t all = pairs.offsets.back();
    for (std::size_t b = 1; b < blocks; ++b) {
      const auto part = all * static_cast<std::int64_t>(b) / static_cast<std::int64_t>(blocks);
      const auto at = std::lower_bound(pairs.offsets.begin(), pairs.offsets.end(), part);
      user_bounds[b] = std::min(pairs.rows(), static_cast<std::size_t>(at - pairs.offsets.begin()));
    }
  }

  void weigh_ranks() {
    const std::size_t others = std::max<std::size_t>(2, items.rows()) - 1;
    std::vector<double> harmonic(others + 1, 0.0);
    for (std::size_t k = 1; k <= others; ++k) {
      harmonic[k] = harmonic[k - 1] + 1 / static_cast<double>(k);
    }
    rank_weight.assign(static_cast<std::size_t>(p.max_trials) + 1, 0.0F);
    for (std::size_t trials = 1; trials < rank_weight.size(); ++trials) {
      const std::size_t rank = std::max<std::size_t>(1, others / trials);
      rank_weight[trials] = static_cast<float>(harmonic[rank] / harmonic[others]);
    }
  }

  [[nodiscard]] Deal deal() const {
    const Philox random(p.seed, kStreamDeal);
    Deal out;
    out.block_of.resize(items.rows());
    out.block.resize(blocks);
    for (std::size_t i = 0; i < items.rows(); ++i) {
      const auto b = random.below(static_cast<std::uint32_t>(blocks), i, iteration);
      out.block_of[i] = static_cast<std::uint8_t>(b);
      out.block[b].push_back(static_cast<std::int32_t>(i));
    }
    return out;
  }

  // All pairs of a block of users with a block of items: nobody else touches either meanwhile.
  [[nodiscard]] std::size_t meet(std::size_t user_block, std::size_t item_block, const Deal& deal) {
    const std::vector<std::int32_t>& block = deal.block[item_block];
    if (block.empty()) return 0;
    const auto key =
        Philox(p.seed, kStreamDraw).bits(user_block * kMostBlocks + item_block, iteration);
    SplitMix random{(std::uint64_t{key[0]} << 32U) | key[1]};
    const PairwiseStep step{items.view().data, stride, f, static_cast<float>(p.learning_rate),
                            static_cast<float>(p.learning_rate * p.regularization)};
    const WarpSampler sampler{block, nullptr, rank_weight.data(), p.max_trials};
    std::vector<std::uint8_t> marked(items.rows(), 0);
    std::vector<std::int32_t> mine;
    std::vector<std::int32_t> negatives;
    std::size_t right = 0;
    for (std::size_t u = user_bounds[user_block]; u < user_bounds[user_block + 1]; ++u) {
      mine.clear();
      for (const std::int32_t item : pairs.row_index(u)) {
        if (deal.block_of[static_cast<std::size_t>(item)] == item_block) mine.push_back(item);
      }
      if (mine.empty() || mine.size() == block.size()) continue;
      for (const std::int32_t item : mine) marked[static_cast<std::size_t>(item)] = 1;
      float* x = users.row(u).data();
      if (p.loss == PairwiseLoss::kWarp) {
        WarpSampler with_marks = sampler;
        with_marks.marked = marked.data();
        right += warp_steps(step, x, mine, with_marks, random);
      } else {
        draw_negatives(block, marked, mine, negatives, random);
        right += bpr_steps(step, x, mine, negatives);
      }
      for (const std::int32_t item : pairs.row_index(u)) {
        marked[static_cast<std::size_t>(item)] = 0;
      }
    }
    return right;
  }

  // One for each of `mine`, which loses those for which none is found.
  static void draw_negatives(const std::vector<std::int32_t>& block,
                             const std::vector<std::uint8_t>& marked,
                             std::vector<std::int32_t>& mine, std::vector<std::int32_t>& negatives,
                             SplitMix& random) {
    negatives.clear();
    const auto size = static_cast<std::uint32_t>(block.size());
    std::size_t kept = 0;
    for (const std::int32_t item : mine) {
      for (int draw = 0; draw < kDraws; ++draw) {
        const std::int32_t other = block[random.below(size)];
        if (marked[static_cast<std::size_t>(other)] != 0) continue;
        mine[kept++] = item;
        negatives.push_back(other);
        break;
      }
    }
    mine.resize(kept);
  }

  // A of PairwiseModel::fold_in: (M^T M + ridge I) A = M^T X over the users with a history.
  [[nodiscard]] std::vector<double> fold_map() const {
    std::vector<double> square(f * f, 0.0);
    std::vector<double> cross(f * f, 0.0);
    constexpr std::size_t kChunk = 512;
    std::vector<double> m(kChunk * f);
    std::vector<double> x(kChunk * f);
    for (std::size_t first = 0; first < pairs.rows(); first += kChunk) {
      const std::size_t count = std::min(kChunk, pairs.rows() - first);
      parallel_blocks(count, 64, p.threads, [&](const Block& b) {
        for (std::size_t r = b.begin; r < b.end; ++r) {
          const auto row = pairs.row_index(first + r);
          std::fill_n(m.begin() + static_cast<std::ptrdiff_t>(r * f), f, 0.0);
          const double scale =
              1 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, row.size())));
          for (const std::int32_t item : row) {
            const auto y = items.row(static_cast<std::size_t>(item));
            for (std::size_t j = 0; j < f; ++j) m[r * f + j] += scale * static_cast<double>(y[j]);
          }
          // Someone without a history has no vector to tell of.
          for (std::size_t j = 0; j < f; ++j) {
            x[r * f + j] = row.empty() ? 0.0 : static_cast<double>(users.row(first + r)[j]);
          }
        }
      });
      const int n = static_cast<int>(f);
      const int rows = static_cast<int>(count);
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, rows, 1.0, m.data(), n, m.data(),
                  n, 1.0, square.data(), n);
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, rows, 1.0, m.data(), n, x.data(),
                  n, 1.0, cross.data(), n);
    }
    double trace = 0;
    for (std::size_t j = 0; j < f; ++j) trace += square[j * f + j];
    for (std::size_t j = 0; j < f; ++j) {
      square[j * f + j] += 1e-3 * trace / static_cast<double>(f) + 1e-12;
    }
    std::vector<double> out(f * f, 0.0);
    if (!cholesky_in_place(square, f)) return out;
    std::vector<double> column(f);
    for (std::size_t j = 0; j < f; ++j) {
      for (std::size_t i = 0; i < f; ++i) column[i] = cross[i * f + j];
      cholesky_solve(square, f, column);
      for (std::size_t i = 0; i < f; ++i) out[i * f + j] = column[i];
    }
    return out;
  }
};

PairwiseTrainer::PairwiseTrainer(const data::Interactions& interactions,
                                 PairwiseParameters parameters)
    : impl_(std::make_unique<Impl>()) {
  validate(parameters);
  openblas_set_num_threads(1);  // its sums change with its threads; ours don't
  Impl& impl = *impl_;
  impl.p = parameters;
  impl.f = static_cast<std::size_t>(parameters.factors);
  impl.stride = padded_to_panels(impl.f + 1);
  impl.pairs = csr_of(interactions, std::vector<float>(interactions.nnz(), 1.0F));
  impl.users = Matrix<float>(impl.pairs.rows(), impl.stride);
  impl.items = Matrix<float>(interactions.num_items(), impl.stride);
  impl.blocks = std::clamp<std::size_t>(impl.items.rows() / kLeastItems, 1, kMostBlocks);
  impl.start(impl.users, 0);
  impl.start(impl.items, 1);
  for (std::size_t u = 0; u < impl.users.rows(); ++u) impl.users.row(u)[impl.f] = 1.0F;
  impl.bound_users();
  impl.weigh_ranks();
}

PairwiseTrainer::~PairwiseTrainer() = default;
PairwiseTrainer::PairwiseTrainer(PairwiseTrainer&&) noexcept = default;

double PairwiseTrainer::iterate() {
  Impl& impl = *impl_;
  const Deal deal = impl.deal();
  std::size_t right = 0;
  for (std::size_t round = 0; round < impl.blocks; ++round) {
    std::array<std::size_t, kMostBlocks> found{};
    parallel_blocks(impl.blocks, 1, impl.p.threads, [&](const Block& b) {
      found[b.number] = impl.meet(b.number, (b.number + round) % impl.blocks, deal);
    });
    right = std::accumulate(found.begin(), found.end(), right);
  }
  ++impl.iteration;
  const std::size_t all = std::max<std::size_t>(1, impl.pairs.index.size());
  return static_cast<double>(right) / static_cast<double>(all);
}

std::shared_ptr<const PairwiseModel> PairwiseTrainer::finish() && {
  const Impl& impl = *impl_;
  const auto narrow = [&](const Matrix<float>& factors) {
    AlignedVector<float> out(factors.rows() * (impl.f + 1));
    for (std::size_t i = 0; i < factors.rows(); ++i) {
      std::copy_n(factors.row(i).data(), impl.f + 1, out.data() + i * (impl.f + 1));
    }
    return SharedArray<float>::own(std::move(out));
  };
  PairwiseModel::Parts parts;
  parts.parameters = impl.p;
  parts.users = impl.users.rows();
  parts.items = impl.items.rows();
  parts.fold_map = SharedArray<double>::own(impl.fold_map());
  parts.user_factors = narrow(impl.users);
  parts.item_factors = narrow(impl.items);
  return std::make_shared<const PairwiseModel>(std::move(parts));
}

}  // namespace penchant::models
