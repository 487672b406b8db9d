#include "penchant/models/content.h"

#include <cmath>
#include <functional>

#include "models/sample.h"
#include <gtest/gtest.h>

namespace penchant::models {
namespace {

constexpr std::size_t kItems = 37;
constexpr std::size_t kFeatures = 19;
constexpr std::size_t kWidth = 5;

template <class T>
SharedArray<T> own(std::vector<T> values) {
  return SharedArray<T>::own(std::move(values));
}

// Random rows, some of them empty, the dense part of item 3 all zero.
ContentModel::Parts random_parts(std::uint64_t seed, std::size_t width) {
  const Philox random(seed, 5);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> features;
  std::vector<float> values;
  std::vector<float> dense;
  for (std::size_t i = 0; i < kItems; ++i) {
    for (std::uint32_t f = 0; f < kFeatures && i % 9 != 3; ++f) {
      if (random.uniform(i, f) > 0.25 && i != 0) continue;
      features.push_back(static_cast<std::int32_t>(f));
      values.push_back(static_cast<float>(random.uniform(i, 100 + f)));
    }
    offsets.push_back(static_cast<std::int64_t>(features.size()));
    for (std::uint32_t d = 0; d < width; ++d) {
      dense.push_back(i == 3 ? 0.0F : static_cast<float>(random.uniform(i, 200 + d)) - 0.5F);
    }
  }
  ContentModel::Parts parts;
  parts.num_features = kFeatures;
  parts.width = width;
  parts.offsets = own(std::move(offsets));
  parts.features = own(std::move(features));
  parts.values = own(std::move(values));
  parts.dense = own(std::move(dense));
  return parts;
}

// The rows written out, [items, features + width].
std::vector<std::vector<double>> spelled_out(const ContentModel::Parts& parts) {
  std::vector<std::vector<double>> out(kItems, std::vector<double>(kFeatures + parts.width, 0.0));
  for (std::size_t i = 0; i < kItems; ++i) {
    for (auto k = static_cast<std::size_t>(parts.offsets[i]);
         k < static_cast<std::size_t>(parts.offsets[i + 1]); ++k) {
      out[i][static_cast<std::size_t>(parts.features[k])] = static_cast<double>(parts.values[k]);
    }
    for (std::size_t d = 0; d < parts.width; ++d) {
      out[i][kFeatures + d] = static_cast<double>(parts.dense[i * parts.width + d]);
    }
  }
  return out;
}

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

TEST(Content, ScoresAndReasonsLikeAPlainLoop) {
  const auto data = testing::random_dataset(25, kItems, 300, 8);
  const auto pairs = data.interactions();
  for (const std::size_t width : {std::size_t{0}, kWidth}) {
    const auto parts = random_parts(4, width);
    const auto rows = spelled_out(parts);
    const ContentModel model(parts);
    std::vector<float> scores(kItems);
    for (int user = 0; user < 25; ++user) {
      const Query query{UserIndex(user), pairs->history(UserIndex(user)), data.last_time(), false};
      ASSERT_TRUE(model.can_score(query));
      model.score_all(query, scores);
      for (std::size_t j = 0; j < kItems; ++j) {
        double expected = 0;
        double best_share = 0;
        ItemIndex best;
        for (std::size_t h = 0; h < query.history.size(); ++h) {
          const ItemIndex had = query.history.items[h];
          const double share = static_cast<double>(query.history.values[h]) *
                               inner(rows[static_cast<std::size_t>(had.value)], rows[j]);
          expected += share;
          if (share > best_share + 1e-6) {
            best_share = share;
            best = had;
          }
        }
        ASSERT_NEAR(static_cast<double>(scores[j]), expected, 1e-4 * (1 + std::abs(expected)));
        const ItemIndex because = model.because(query, ItemIndex(static_cast<std::int32_t>(j)));
        ASSERT_EQ(because.known(), best.known());
      }
    }
    for (std::size_t i = 0; i < kItems; ++i) {
      ASSERT_TRUE(model.similar(ItemIndex(static_cast<std::int32_t>(i)), scores));
      for (std::size_t j = 0; j < kItems; ++j) {
        ASSERT_NEAR(static_cast<double>(scores[j]), inner(rows[i], rows[j]), 1e-5);
      }
    }
  }
}

TEST(Content, HasNothingToGoOnForItemsOfWhichNothingIsKnown) {
  const ContentModel model(random_parts(4, kWidth));
  data::OwnedHistory history;
  const auto with = [&](std::int32_t item) {
    history = {};
    history.items = {ItemIndex(item)};
    history.values = {1.0F};
    history.counts = {1};
    history.first = {Timestamp{0}};
    history.last = {Timestamp{0}};
    return Query{{}, history.view(), Timestamp{0}, true};
  };
  EXPECT_FALSE(model.can_score(with(3)));
  EXPECT_TRUE(model.can_score(with(12)));  // no features, but a vector
  EXPECT_TRUE(model.can_score(with(0)));
  EXPECT_FALSE(model.can_score(Query{}));
}

TEST(Content, PartsThatDoNotBelongTogetherAreRefused) {
  const std::vector<std::function<void(ContentModel::Parts&)>> faults = {
      [](auto& p) { p.num_features = kFeatures - 1; },
      [](auto& p) { p.width = kWidth + 1; },
      [](auto& p) { p.width = std::size_t{1} << 63; },
      [](auto& p) { p.dense = {}; },
      [](auto& p) { p.values = own(std::vector<float>{1.0F}); },
      [](auto& p) { p.offsets = {}; },
      [](auto& p) {
        std::vector<std::int64_t> offsets(p.offsets.begin(), p.offsets.end());
        std::swap(offsets[1], offsets[2]);
        p.offsets = own(std::move(offsets));
      },
      [](auto& p) {
        std::vector<std::int32_t> features(p.features.begin(), p.features.end());
        features[1] = features[0];
        p.features = own(std::move(features));
      },
      [](auto& p) {
        std::vector<std::int32_t> features(p.features.begin(), p.features.end());
        features[0] = -1;
        p.features = own(std::move(features));
      },
      [](auto& p) {
        std::vector<float> values(p.values.begin(), p.values.end());
        values[0] = std::nanf("");
        p.values = own(std::move(values));
      },
  };
  for (std::size_t at = 0; at < faults.size(); ++at) {
    auto parts = random_parts(6, kWidth);
    faults[at](parts);
    EXPECT_THROW(ContentModel{std::move(parts)}, Error) << at;
  }
}

TEST(Content, ABundleThatLiesIsRefused) {
  const ContentModel model(random_parts(9, kWidth));
  bundle::Writer writer;
  model.save(writer, "m");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  EXPECT_EQ(load_model(reader, "m", 9, kItems)->num_items(), kItems);
  EXPECT_THROW((void)load_model(reader, "m", 9, kItems + 1), Error);
  for (const std::string name : {"m/offsets", "m/features", "m/values", "m/dense"}) {
    bundle::Writer forged;
    for (const bundle::Section& section : reader->sections()) {
      if (section.name == name) {
        forged.add(name, std::span<const float>());
        continue;
      }
      forged.add_bytes(section.name, section.dtype, section.shape,
                       reader->file_bytes().subspan(section.offset, section.bytes));
    }
    const auto other = bundle::Reader::from_bytes(forged.to_bytes("{}"));
    EXPECT_THROW((void)load_model(other, "m", 9, kItems), Error) << name;
  }
}

}  // namespace
}  // namespace penchant::models
