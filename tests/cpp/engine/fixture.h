#pragma once

// A small funnel over random data, as bundle bytes and as an engine.

#include <memory>
#include <string>
#include <vector>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/engine.h"
#include "penchant/models/als.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/popular.h"
#include "penchant/models/repeat_purchase.h"

namespace penchant::testing {

inline engine::EngineParts small_parts(const data::Dataset& data, std::size_t quota = 10) {
  const auto pairs = data.interactions();
  models::AlsTrainer trainer(*pairs, data.last_time(), {.factors = 8, .regularization = 1});
  trainer.iterate();
  engine::EngineParts parts;
  parts.context = models::Context::of(data);
  parts.sources.push_back({"als", std::move(trainer).finish(), quota, 0.25F, 1.0F, {}});
  parts.sources.push_back({"item_knn",
                           models::fit_item_knn(*pairs, data.last_time(), {.neighbors = 5}),
                           quota,
                           0.5F,
                           0.5F,
                           {}});
  parts.sources.push_back({"popular",
                           models::fit_popular(data, {Duration{14 * kDay}, std::nullopt}),
                           quota,
                           0.25F,
                           0.25F,
                           {}});
  parts.sources.push_back({"repeat_purchase",
                           models::fit_repeat_purchase(*pairs, data.last_time()),
                           quota,
                           1.0F,
                           0.0F,
                           {}});
  return parts;
}

inline std::vector<std::string> small_goldens() {
  return {R"({"subject":"s1003"})", R"({"subject":null,"k":3})",
          R"({"subject":"s1004","exclude_seen":true,"explain":true})"};
}

inline AlignedVector<std::byte> small_bundle(const data::Dataset& data) {
  return engine::build_bundle(small_parts(data), R"({"made":"by a test"})", small_goldens());
}

inline std::shared_ptr<const engine::Engine> small_engine(const data::Dataset& data) {
  return engine::Engine::from_bundle(bundle::Reader::from_bytes(small_bundle(data)));
}

// The bundle with one section replaced by a text, checksums right.
inline std::shared_ptr<const bundle::Reader> forged(const bundle::Reader& reader,
                                                    const std::string& name,
                                                    const std::string& text) {
  bundle::Writer writer;
  for (const bundle::Section& section : reader.sections()) {
    if (section.name == name) {
      writer.add_text(name, text);
    } else {
      writer.add_bytes(section.name, section.dtype, section.shape,
                       reader.file_bytes().subspan(section.offset, section.bytes));
    }
  }
  return bundle::Reader::from_bytes(writer.to_bytes(reader.lineage_json()));
}

// The bundle with a section that lies, checksums right, is refused as corrupt.
inline void expect_refused(const bundle::Reader& reader, const std::string& name,
                           const std::string& text) {
  ASSERT_TRUE(reader.has(name)) << name;
  try {
    (void)engine::Engine::from_bundle(forged(reader, name, text));
    ADD_FAILURE() << name << " was believed: " << text.substr(0, 60);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
  }
}

}  // namespace penchant::testing
