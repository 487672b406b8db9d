// The item-item operators against their dense twins.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/sample.h"
#include "reference/dense_item_models.h"
#include <gtest/gtest.h>

#include "penchant/base/parallel.h"
#include "penchant/models/dense_inverse.h"
#include "penchant/models/ease.h"
#include "penchant/models/graph_filter.h"
#include "penchant/models/local_problem.h"
#include "penchant/models/local_ridge.h"
#include "penchant/models/singular_vectors.h"
#include "penchant/models/slim.h"

namespace penchant::models {
namespace {

using reference::Dense;
using testing::kDay;
using testing::random_dataset;

const PairWeighting kRecent = {ValueWeighting::kLog, Duration{30 * kDay}};

Query query_of(const data::Dataset& data, const data::Interactions& pairs, int u) {
  return {UserIndex(u), pairs.history(UserIndex(u)), data.last_time(), false};
}

// Scores are the person's weights times the operator.
void expect_operator(const Model& model, const data::Dataset& data, const PairWeighting& weighting,
                     const Dense& expected, double tolerance) {
  const auto pairs = data.interactions();
  const Dense w = reference::weight_matrix(*pairs, data.last_time(), weighting);
  double largest = 0;
  for (const auto& row : expected) {
    for (const double v : row) largest = std::max(largest, std::fabs(v));
  }
  std::vector<float> scores(model.num_items());
  for (int u = 0; u < static_cast<int>(std::min<std::size_t>(pairs->num_users(), 12)); ++u) {
    model.score_all(query_of(data, *pairs, u), scores);
    const auto& own = w[static_cast<std::size_t>(u)];
    double size = 0;
    for (const double v : own) size += v;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < scores.size(); ++i) sum += own[i] * expected[i][j];
      ASSERT_NEAR(static_cast<double>(scores[j]), sum, tolerance * size * largest)
          << "user " << u << ", item " << j;
    }
  }
}

template <class T>
Matrix<T> positive_definite(std::size_t n) {
  const Philox random(5, 1);
  Matrix<T> half(n, 40);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < 40; ++k) {
      half.row(i)[k] = static_cast<T>(random.uniform(i, static_cast<std::uint32_t>(k)) - 0.3);
    }
  }
  Matrix<T> out(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      T sum = i == j ? T{3} : T{0};
      for (std::size_t k = 0; k < 40; ++k) sum += half.row(i)[k] * half.row(j)[k];
      out.row(i)[j] = sum;
    }
  }
  return out;
}

template <class T>
void expect_inverse(std::size_t n, double tolerance) {
  const Matrix<T> a = positive_definite<T>(n);
  Matrix<T> inverse = positive_definite<T>(n);
  int last = 0;
  invert_in_place(
      inverse.view(), 2, [&](int done, int total) { last = done * 1000 + total; }, 1,
      inverse_steps(n) + 1);
  EXPECT_EQ(last, (inverse_steps(n) + 1) * 1001);
  for (std::size_t i = 0; i < n; i += 7) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) {
        sum += static_cast<double>(a.row(i)[k]) * static_cast<double>(inverse.row(k)[j]);
      }
      ASSERT_NEAR(sum, i == j ? 1.0 : 0.0, tolerance) << n << ": " << i << ", " << j;
    }
  }
}

TEST(DenseInverse, TimesTheMatrixIsOne) {
  // Less than a block, exactly one, two and a bit, three.
  for (const std::size_t n : {1U, 30U, 256U, 530U, 768U}) {
    expect_inverse<double>(n, 1e-10);
    expect_inverse<float>(n, 2e-3);
  }
}

TEST(DenseInverse, IsTheSameAtAnyNumberOfThreads) {
  std::vector<std::vector<float>> found;
  for (const int threads : {1, 2, 8}) {
    Matrix<float> a = positive_definite<float>(600);
    invert_in_place(a.view(), threads);
    const auto flat = a.view().flat();
    found.emplace_back(flat.begin(), flat.end());
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

// D + u u^T has the inverse D^-1 - D^-1 u u^T D^-1 / (1 + u^T D^-1 u) (Sherman and Morrison).
TEST(DenseInverse, LargeOnesHaveLargerBlocks) {
  constexpr std::size_t kSize = 4100;
  static_assert(kSize % 512 != 0);
  std::vector<double> d(kSize);
  std::vector<double> u(kSize);
  double scale = 1;
  for (std::size_t i = 0; i < kSize; ++i) {
    d[i] = 1.0 + static_cast<double>(i % 7);
    u[i] = 0.05 * (1.0 + static_cast<double>(i % 5));
    scale += u[i] * u[i] / d[i];
  }
  const auto inverse = [&](int threads) {
    Matrix<float> a(kSize, kSize);
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j < kSize; ++j) {
        a.row(i)[j] = static_cast<float>(u[i] * u[j] + (i == j ? d[i] : 0.0));
      }
    }
    invert_in_place(a.view(), threads);
    return a;
  };
  const Matrix<float> found = inverse(2);
  double worst = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < kSize; ++j) {
      const double wanted = (i == j ? 1 / d[i] : 0.0) - u[i] * u[j] / (d[i] * d[j] * scale);
      worst = std::max(worst, std::abs(static_cast<double>(found.row(i)[j]) - wanted));
    }
  }
  EXPECT_LT(worst, 2e-5);  // the entries off the diagonal are up to a thousandth
  const Matrix<float> alone = inverse(1);
  EXPECT_EQ(std::memcmp(alone.view().data, found.view().data, kSize * kSize * sizeof(float)), 0);
}

TEST(DenseInverse, RefusesWhatIsNotPositiveDefinite) {
  Matrix<double> a = positive_definite<double>(300);
  a.row(280)[280] = -1;
  EXPECT_THROW(invert_in_place(a.view(), 2), Error);
}

Dense ease_twin(const data::Dataset& data, const EaseParameters& p) {
  Dense g = reference::gram_matrix(
      reference::weight_matrix(*data.interactions(), data.last_time(), p.weighting),
      p.user_exponent);
  for (std::size_t i = 0; i < g.size(); ++i) g[i][i] += p.regularization;
  Dense b = reference::inverse(g);
  std::vector<double> diagonal;
  for (std::size_t i = 0; i < b.size(); ++i) diagonal.push_back(b[i][i]);
  for (std::size_t i = 0; i < b.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) b[i][j] = i == j ? 0 : -b[i][j] / diagonal[j];
  }
  return b;
}

TEST(Ease, IsThePlainFormula) {
  const data::Dataset data = random_dataset(60, 40, 700, 31);
  for (const double exponent : {0.0, 0.5}) {
    for (const bool twice : {false, true}) {
      EaseParameters p;
      p.regularization = 4;
      p.user_exponent = exponent;
      p.double_precision = twice;
      p.weighting = kRecent;
      const auto model = fit_ease(*data.interactions(), data.last_time(), p);
      expect_operator(*model, data, p.weighting, ease_twin(data, p), 1e-4);
    }
  }
}

TEST(Ease, KeepsTheLargestOfEachTarget) {
  const data::Dataset data = random_dataset(60, 40, 700, 32);
  EaseParameters p;
  p.regularization = 4;
  p.keep = 5;
  Dense expected = ease_twin(data, p);
  for (std::size_t j = 0; j < expected.size(); ++j) {
    std::vector<double> sizes;
    for (const auto& row : expected) sizes.push_back(std::fabs(row[j]));
    std::nth_element(sizes.begin(), sizes.begin() + 4, sizes.end(), std::greater<>());
    for (auto& row : expected) {
      if (std::fabs(row[j]) < sizes[4]) row[j] = 0;
    }
  }
  expect_operator(*fit_ease(*data.interactions(), data.last_time(), p), data, p.weighting, expected,
                  1e-4);
}

TEST(Ease, SaysWhatMemoryItNeedsBeforeItTakesIt) {
  const data::Dataset data = random_dataset(60, 40, 700, 33);
  EaseParameters p;
  EXPECT_EQ(ease_memory(40, p), 2.0 * 8 * 40 * 40);
  p.keep = 10;
  EXPECT_EQ(ease_memory(40'000, p), 4.0 * 40'000 * 40'000 + 8.0 * 40'000 * 10);
  p.max_memory = 1000;
  try {
    (void)fit_ease(*data.interactions(), data.last_time(), p);
    FAIL() << "it did not mind";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    for (const char* part : {"40 items", "max_memory", "LocalRidge"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
}

TEST(LocalRidge, WithAllNeighboursIsEase) {
  const data::Dataset data = random_dataset(120, 12, 3000, 34);
  LocalRidgeParameters local;
  local.neighbors = 100;
  local.regularization = 3;
  local.user_exponent = 0.5;
  local.weighting = kRecent;
  EaseParameters all;
  all.regularization = 3;
  all.user_exponent = 0.5;
  all.weighting = kRecent;
  Dense expected = ease_twin(data, all);
  const Dense g = reference::gram_matrix(
      reference::weight_matrix(*data.interactions(), data.last_time(), kRecent), 0.5);
  bool complete = true;
  for (const auto& row : g) {
    for (const double v : row) complete = complete && v > 0;
  }
  ASSERT_TRUE(complete);  // items with nothing in common are never neighbours
  expect_operator(*fit_local_ridge(*data.interactions(), data.last_time(), local), data, kRecent,
                  expected, 1e-4);
}

// The two ways of putting a piece together, and the definition.
TEST(LocalProblem, IsThePieceOfTheGramMatrix) {
  for (const std::size_t items : {50U, 9000U}) {  // the whole matrix kept, and not
    const data::Dataset data = random_dataset(80, items, 3000, 35);
    const WeightedPairs w = weighted_pairs(*data.interactions(), data.last_time(), kRecent, 0.5);
    const Dense plain = reference::weight_matrix(*data.interactions(), data.last_time(), kRecent);
    const auto entry = [&](std::size_t i, std::size_t j) {
      double sum = 0;
      for (const auto& row : plain) {
        double degree = 0;
        if (row[i] == 0 || row[j] == 0) continue;
        for (const double v : row) degree += v;
        sum += row[i] * row[j] / std::sqrt(degree);
      }
      return sum;
    };
    const LocalProblems problems(w, 12, 2);
    LocalProblem local(w);
    for (const std::size_t j : {0U, 3U, 17U, 44U, 5U}) {
      problems.assemble(j, local);
      ASSERT_LE(local.size(), 12U);
      ASSERT_GT(local.size(), 3U);
      EXPECT_TRUE(std::is_sorted(local.neighbors.begin(), local.neighbors.end()));
      double weakest = 1e9;
      for (std::size_t a = 0; a < local.size(); ++a) {
        const auto i = static_cast<std::size_t>(local.neighbors[a]);
        ASSERT_NE(i, j);
        EXPECT_NEAR(static_cast<double>(local.target[a]), entry(i, j), 1e-5);
        weakest = std::min(weakest, entry(i, j) / std::sqrt(entry(i, i)));
        for (std::size_t b = 0; b < local.size(); ++b) {
          EXPECT_NEAR(static_cast<double>(local.gram[a * local.size() + b]),
                      entry(i, static_cast<std::size_t>(local.neighbors[b])), 1e-4);
        }
      }
      for (std::size_t i = 0; i < 50; ++i) {
        const bool near = std::binary_search(local.neighbors.begin(), local.neighbors.end(),
                                             static_cast<std::int32_t>(i));
        if (i != j && !near && entry(i, i) > 0) {
          EXPECT_LE(entry(i, j) / std::sqrt(entry(i, i)), weakest + 1e-6);
        }
      }
    }
  }
}

// No step along any coordinate makes the objective smaller.
void expect_optimal(const Model& model, const Dense& g, double l1, double l2) {
  const std::size_t n = g.size();
  std::vector<float> row(n);
  Dense b = reference::zeros(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    ASSERT_TRUE(model.similar(ItemIndex(static_cast<std::int32_t>(i)), row));
    for (std::size_t j = 0; j < n; ++j) b[i][j] = static_cast<double>(row[j]);
  }
  std::size_t used = 0;
  for (std::size_t j = 0; j < n; ++j) {
    EXPECT_EQ(b[j][j], 0);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == j) continue;
      double correlation = g[i][j];
      for (std::size_t k = 0; k < n; ++k) correlation -= g[i][k] * b[k][j];
      const double slope = correlation - l1 - l2 * b[i][j];
      ASSERT_GE(b[i][j], 0);
      if (b[i][j] > 0) {
        ++used;
        EXPECT_NEAR(slope, 0, 2e-2) << i << ", " << j;
      } else {
        EXPECT_LE(slope, 2e-2) << i << ", " << j;
      }
    }
  }
  EXPECT_GT(used, n);
  EXPECT_LT(used, n * (n - 1) / 2);
}

TEST(Slim, IsWhereNoCoordinateImproves) {
  const data::Dataset data = random_dataset(80, 40, 900, 36);
  SlimParameters p;
  p.l1 = 4;
  p.l2 = 6;
  p.iterations = 1000;
  p.tolerance = 1e-6;
  p.weighting = {ValueWeighting::kBinary, {}};
  const Dense g = reference::gram_matrix(
      reference::weight_matrix(*data.interactions(), data.last_time(), p.weighting), 0);
  expect_optimal(*fit_slim(*data.interactions(), data.last_time(), p), g, p.l1, p.l2);
  p.neighbors = 1000;  // all of them, through the local problems
  expect_optimal(*fit_slim(*data.interactions(), data.last_time(), p), g, p.l1, p.l2);
}

TEST(Slim, SaysWhatMemoryItNeeds) {
  const data::Dataset data = random_dataset(80, 40, 900, 36);
  SlimParameters p;
  p.max_memory = 1000;
  EXPECT_THROW((void)fit_slim(*data.interactions(), data.last_time(), p), Error);
  p.neighbors = 5;
  EXPECT_NO_THROW((void)fit_slim(*data.interactions(), data.last_time(), p));
}

TEST(SingularVectors, AreThoseOfTheDenseMatrix) {
  const data::Dataset data = random_dataset(90, 45, 900, 37);
  const WeightedPairs w = weighted_pairs(*data.interactions(), data.last_time(), {}, 0);
  const Dense g = reference::gram_matrix(
      reference::weight_matrix(*data.interactions(), data.last_time(), {}), 0);
  const auto exact = reference::symmetric_eigen(g);
  const SingularVectors found = top_singular_vectors({w.users, w.items}, 6, 1, 2);
  ASSERT_EQ(found.squares.size(), 6U);
  for (std::size_t k = 0; k < 6; ++k) {
    EXPECT_NEAR(found.squares[k] / exact.values[k], 1, 1e-4);
    double overlap = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      overlap += static_cast<double>(found.vectors.row(i)[k]) * exact.vectors[i][k];
    }
    EXPECT_NEAR(std::fabs(overlap), 1, 1e-3) << k;
  }
}

TEST(SingularVectors, StopAtTheRank) {
  // Two kinds of people, each with the same items.
  data::EventColumns columns;
  for (int u = 0; u < 10; ++u) {
    for (int i = 0; i < 3; ++i) {
      columns.subjects.emplace_back(u);
      columns.items.emplace_back(i + 3 * (u % 2));
      columns.times.push_back(Timestamp{0});
      columns.types.push_back(0);
      columns.values.push_back(1);
    }
  }
  std::vector<std::int64_t> people;
  for (int u = 0; u < 10; ++u) people.push_back(u);
  const data::Dataset data(data::IdMap::from_integers(people),
                           data::IdMap::from_integers({0, 1, 2, 3, 4, 5}), std::move(columns),
                           {{"purchase", 1.0F}}, {}, {});
  const WeightedPairs w = weighted_pairs(*data.interactions(), data.last_time(), {}, 0);
  const SingularVectors found = top_singular_vectors({w.users, w.items}, 5, 1, 1);
  ASSERT_EQ(found.squares.size(), 2U);
  EXPECT_NEAR(found.squares[0], 15, 1e-3);
  EXPECT_NEAR(found.squares[1], 15, 1e-3);
  EXPECT_EQ(found.vectors.columns(), 2U);
}

Dense graph_filter_twin(const data::Dataset& data, const GraphFilterParameters& p) {
  Dense r = reference::weight_matrix(*data.interactions(), data.last_time(), p.weighting);
  const std::size_t n = r[0].size();
  std::vector<double> item(n, 0.0);
  for (const auto& row : r) {
    for (std::size_t i = 0; i < n; ++i) item[i] += row[i];
  }
  for (auto& row : r) {
    double user = 0;
    for (const double v : row) user += v;
    for (std::size_t i = 0; i < n; ++i) {
      if (row[i] > 0) {
        row[i] *= std::pow(user, -p.user_exponent / 2) * std::pow(item[i], -p.item_exponent);
      }
    }
  }
  Dense hop = reference::gram_matrix(r, 0);
  const auto eigen = reference::symmetric_eigen(hop);
  for (auto& row : hop) {
    for (double& v : row) v /= eigen.values[0];
  }
  Dense filter = hop;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < static_cast<std::size_t>(p.components); ++k) {
        filter[i][j] += p.low_pass_weight * std::pow(item[i], -p.item_exponent) *
                        eigen.vectors[i][k] * eigen.vectors[j][k] *
                        std::pow(item[j], p.item_exponent);
      }
    }
  }
  const Dense twice = reference::product(filter, hop);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      filter[i][j] = (filter[i][j] - p.sharpen * twice[i][j]) *
                     std::pow(item[j], p.item_exponent - p.target_exponent);
    }
  }
  return filter;
}

TEST(GraphFilter, IsThePlainFormula) {
  const data::Dataset data = random_dataset(70, 37, 800, 38);
  for (const double sharpen : {0.0, 0.7}) {
    for (const int components : {0, 5}) {
      for (const bool apart : {false, true}) {
        GraphFilterParameters p;
        p.components = components;
        p.low_pass_weight = 0.3;
        p.sharpen = sharpen;
        p.user_exponent = apart ? 0.5 : 1.0;
        p.item_exponent = apart ? 0.6 : 0.5;
        p.target_exponent = apart ? 0.3 : 0.5;
        p.weighting = kRecent;
        const auto model = fit_graph_filter(*data.interactions(), data.last_time(), p);
        expect_operator(*model, data, p.weighting, graph_filter_twin(data, p), 2e-3);
      }
    }
  }
}

TEST(GraphFilter, KeepsTheLargestOfEachItem) {
  const data::Dataset data = random_dataset(70, 37, 800, 39);
  GraphFilterParameters p;
  p.sharpen = 0;
  p.keep = 4;
  const auto few = fit_graph_filter(*data.interactions(), data.last_time(), p);
  p.keep = 0;
  const auto all = fit_graph_filter(*data.interactions(), data.last_time(), p);
  std::vector<float> cut(37);
  std::vector<float> full(37);
  for (int i = 0; i < 37; ++i) {
    ASSERT_TRUE(few->similar(ItemIndex(i), cut));
    ASSERT_TRUE(all->similar(ItemIndex(i), full));
    std::vector<float> sorted = full;
    std::sort(sorted.rbegin(), sorted.rend());
    EXPECT_EQ(std::count_if(cut.begin(), cut.end(), [](float v) { return v != 0; }), 4);
    for (std::size_t j = 0; j < cut.size(); ++j) {
      if (cut[j] != 0) {
        EXPECT_EQ(cut[j], full[j]);
        EXPECT_GE(cut[j], sorted[3]);
      }
    }
  }
}

TEST(ItemOperators, AreTheSameAtAnyNumberOfThreads) {
  const data::Dataset data = random_dataset(90, 300, 4000, 40);
  const auto pairs = data.interactions();
  const auto bytes = [](const Model& model) {
    bundle::Writer writer;
    model.save(writer, "m");
    return writer.to_bytes("{}");
  };
  std::vector<std::vector<AlignedVector<std::byte>>> found;
  for (const int threads : {1, 2, 8}) {
    EaseParameters ease;
    ease.threads = threads;
    GraphFilterParameters graph;
    graph.threads = threads;
    graph.low_pass_weight = 0.2;
    LocalRidgeParameters ridge;
    ridge.threads = threads;
    ridge.neighbors = 20;
    SlimParameters slim;
    slim.threads = threads;
    found.push_back({bytes(*fit_ease(*pairs, data.last_time(), ease)),
                     bytes(*fit_graph_filter(*pairs, data.last_time(), graph)),
                     bytes(*fit_local_ridge(*pairs, data.last_time(), ridge)),
                     bytes(*fit_slim(*pairs, data.last_time(), slim))});
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST(ItemOperators, SayWhichItemSpokeForAnother) {
  const data::Dataset data = random_dataset(60, 40, 600, 41);
  const auto pairs = data.interactions();
  GraphFilterParameters graph;
  graph.components = 4;
  graph.low_pass_weight = 0.3;
  graph.weighting = kRecent;
  EaseParameters ease;
  ease.regularization = 5;
  ease.weighting = kRecent;
  for (const auto& model : {fit_graph_filter(*pairs, data.last_time(), graph),
                            fit_ease(*pairs, data.last_time(), ease)}) {
    EXPECT_TRUE(model->together());
    const Query query = query_of(data, *pairs, 1);
    std::vector<float> row(model->num_items());
    for (int j = 0; j < 40; ++j) {
      const ItemIndex because = model->because(query, ItemIndex(j));
      double best = 0;
      ItemIndex expected;
      for (std::size_t h = 0; h < query.history.size(); ++h) {
        if (query.history.items[h] == ItemIndex(j)) continue;
        ASSERT_TRUE(model->similar(query.history.items[h], row));
        const double share = static_cast<double>(row[static_cast<std::size_t>(j)]) *
                             static_cast<double>(pair_weight(kRecent, query.history.values[h],
                                                             query.history.last[h], query.as_of));
        if (share > best * (1 + 1e-5)) {
          best = share;
          expected = query.history.items[h];
        }
      }
      EXPECT_EQ(because.known(), best > 0);
      EXPECT_EQ(because, expected) << model->kind() << " " << j;
    }
  }
}

}  // namespace
}  // namespace penchant::models
