// The plain compiled loop that evaluation.py compares with: what one would write in an afternoon,
// and compile for the machine at hand (-O3 -march=native -ffast-math -fopenmp). Several people
// share each item's vector while it is in the cache; lists by a heap, AUC by a binary search of
// every score among the sorted scores of the right items. Nothing is stored beyond one block.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

constexpr int kPeople = 8;
constexpr int kCut = 20;

struct Hit {
  float score;
  std::int32_t item;
};
bool before(const Hit& a, const Hit& b) {
  return a.score > b.score || (a.score == b.score && a.item < b.item);
}

// The scores of kPeople people for one item; the compiler makes vectors of it.
template <int kFactors>
void score(const float* people, const float* item, int factors, float* out) {
  const int n = kFactors > 0 ? kFactors : factors;
  for (int p = 0; p < kPeople; ++p) {
    float sum = 0;
    for (int j = 0; j < n; ++j) sum += people[p * n + j] * item[j];
    out[p] = sum;
  }
}

}  // namespace

// values: [people, 3] recall@20, ndcg@20, auc (NaN without with_auc). Lists are CSR, ascending.
extern "C" void plain_evaluate(const float* users, const float* items, std::int64_t num_users,
                               std::int64_t num_items, int factors, const std::int64_t* truth_at,
                               const std::int32_t* truth, const std::int64_t* seen_at,
                               const std::int32_t* seen, int with_auc, int threads,
                               double* values) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scores(static_cast<std::size_t>(num_items) * kPeople);
    std::vector<float> block(static_cast<std::size_t>(factors) * kPeople);
    std::vector<Hit> heap;
    std::vector<float> right;
    std::vector<char> masked(static_cast<std::size_t>(num_items));
#pragma omp for schedule(dynamic, 4)
    for (std::int64_t first = 0; first < num_users; first += kPeople) {
      const std::int64_t count = std::min<std::int64_t>(kPeople, num_users - first);
      std::fill(block.begin(), block.end(), 0.0F);
      std::copy_n(users + first * factors, count * factors, block.begin());
      for (std::int64_t i = 0; i < num_items; ++i) {
        float out[kPeople];
        if (factors == 128) {
          score<128>(block.data(), items + i * factors, factors, out);
        } else {
          score<0>(block.data(), items + i * factors, factors, out);
        }
        for (int p = 0; p < kPeople; ++p)
          scores[static_cast<std::size_t>(p * num_items + i)] = out[p];
      }
      for (std::int64_t p = 0; p < count; ++p) {
        const std::int64_t user = first + p;
        const float* row = scores.data() + p * num_items;
        const std::int32_t* truth_begin = truth + truth_at[user];
        const std::int32_t* truth_end = truth + truth_at[user + 1];
        for (auto at = seen_at[user]; at < seen_at[user + 1]; ++at)
          masked[static_cast<std::size_t>(seen[at])] = 1;
        heap.clear();
        for (std::int64_t i = 0; i < num_items; ++i) {
          const Hit hit{row[i], static_cast<std::int32_t>(i)};
          if (heap.size() == kCut && !(hit.score > heap.front().score)) continue;
          if (masked[static_cast<std::size_t>(i)] != 0) continue;
          if (heap.size() == kCut) {
            std::pop_heap(heap.begin(), heap.end(), before);
            heap.pop_back();
          }
          heap.push_back(hit);
          std::push_heap(heap.begin(), heap.end(), before);
        }
        std::sort_heap(heap.begin(), heap.end(), before);
        double hits = 0;
        double gain = 0;
        double ideal = 0;
        for (std::size_t r = 0; r < heap.size(); ++r) {
          if (!std::binary_search(truth_begin, truth_end, heap[r].item)) continue;
          hits += 1;
          gain += 1 / std::log2(static_cast<double>(r) + 2);
        }
        const auto size = truth_end - truth_begin;
        for (std::int64_t r = 0; r < std::min<std::int64_t>(kCut, size); ++r) {
          ideal += 1 / std::log2(static_cast<double>(r) + 2);
        }
        values[3 * user] = hits / static_cast<double>(size);
        values[3 * user + 1] = gain / ideal;
        values[3 * user + 2] = -1;
        if (with_auc != 0) {
          right.clear();
          for (const auto* t = truth_begin; t != truth_end; ++t) {
            right.push_back(row[*t]);
            masked[static_cast<std::size_t>(*t)] = 1;
          }
          std::sort(right.begin(), right.end());
          std::int64_t twice = 0;
          std::int64_t negatives = 0;
          for (std::int64_t i = 0; i < num_items; ++i) {
            if (masked[static_cast<std::size_t>(i)] != 0) continue;
            ++negatives;
            const auto low = std::lower_bound(right.begin(), right.end(), row[i]);
            const auto high = std::upper_bound(low, right.end(), row[i]);
            twice += 2 * (right.end() - high) + (high - low);
          }
          values[3 * user + 2] =
              static_cast<double>(twice) / 2 /
              (static_cast<double>(right.size()) * static_cast<double>(negatives));
          for (const auto* t = truth_begin; t != truth_end; ++t)
            masked[static_cast<std::size_t>(*t)] = 0;
        }
        for (auto at = seen_at[user]; at < seen_at[user + 1]; ++at)
          masked[static_cast<std::size_t>(seen[at])] = 0;
      }
    }
  }
}
