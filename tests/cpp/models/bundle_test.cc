// Every model through a bundle: what comes back answers the same, and a section that lies is
// refused.

#include <functional>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/als.h"
#include "penchant/models/context.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/popular.h"
#include "penchant/models/random_model.h"
#include "penchant/models/repeat_purchase.h"

namespace penchant::models {
namespace {

using testing::random_dataset;

std::vector<std::shared_ptr<const Model>> all_models(const data::Dataset& data) {
  const auto pairs = data.interactions();
  const Timestamp as_of = data.last_time();
  AlsTrainer trainer(*pairs, as_of, {.factors = 9, .weighting = {ValueWeighting::kLog, {}}});
  trainer.iterate();
  return {std::move(trainer).finish(), fit_item_knn(*pairs, as_of, {.neighbors = 5}),
          fit_popular(data, {Duration{10 * testing::kDay}, Duration{testing::kDay}}),
          fit_repeat_purchase(*pairs, as_of),
          std::make_shared<const RandomModel>(pairs->num_items(), 3)};
}

TEST(ModelBundle, ComesBackAnsweringTheSame) {
  const data::Dataset data = random_dataset(40, 30, 500, 21);
  const auto pairs = data.interactions();
  for (const auto& model : all_models(data)) {
    bundle::Writer writer;
    model->save(writer, "m");
    const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
    const auto loaded = load_model(reader, "m", pairs->num_users(), pairs->num_items());
    ASSERT_EQ(loaded->kind(), model->kind());
    bundle::Writer again;
    loaded->save(again, "m");
    EXPECT_EQ(again.to_bytes("{}"), writer.to_bytes("{}")) << model->kind();
    std::vector<float> before(30);
    std::vector<float> after(30);
    for (int u = 0; u < 40; ++u) {
      const Query query{UserIndex(u), pairs->history(UserIndex(u)), data.last_time(), false};
      if (!model->can_score(query)) continue;
      model->score_all(query, before);
      loaded->score_all(query, after);
      EXPECT_EQ(before, after) << model->kind();
    }
  }
}

TEST(ModelBundle, OfOtherShapeIsRefused) {
  const data::Dataset data = random_dataset(40, 30, 500, 22);
  for (const auto& model : all_models(data)) {
    bundle::Writer writer;
    model->save(writer, "m");
    const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
    if (model->kind() == "random" || model->kind() == "repeat_purchase") continue;  // of any shape
    EXPECT_THROW((void)load_model(reader, "m", 40, 31), Error) << model->kind();
    EXPECT_THROW((void)load_model(reader, "other", 40, 30), Error);
  }
}

// Replaces one section of a saved model and expects the loader to notice.
void expect_refused(const Model& model, const std::string& name,
                    const std::function<void(bundle::Writer&)>& replacement) {
  bundle::Writer writer;
  model.save(writer, "m");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  bundle::Writer forged;
  for (const bundle::Section& section : reader->sections()) {
    if (section.name == name) {
      replacement(forged);
      continue;
    }
    forged.add_bytes(section.name, section.dtype, section.shape,
                     reader->file_bytes().subspan(section.offset, section.bytes));
  }
  const auto hostile = bundle::Reader::from_bytes(forged.to_bytes("{}"));
  try {
    (void)load_model(hostile, "m", 40, 30);
    ADD_FAILURE() << name << " was believed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
  }
}

TEST(ModelBundle, ASectionThatLiesIsRefused) {
  const data::Dataset data = random_dataset(40, 30, 500, 23);
  const auto models = all_models(data);
  const auto text = [](const std::string& meta) {
    return [meta](bundle::Writer& w) { w.add_text("m/meta", meta); };
  };
  for (const std::string& meta :
       {std::string(""), std::string("[]"), std::string("{}"), std::string("{\"kind\":3}"),
        std::string("{\"kind\":\"unheard of\"}"), std::string("{\"kind\":\"als\"}"),
        std::string("{\"kind\":\"als\",\"factors\":-1}"),
        std::string("{\"kind\":\"als\",\"factors\":1e99}"), std::string(1000, '[')}) {
    expect_refused(*models[0], "m/meta", text(meta));
  }
  expect_refused(*models[0], "m/item_factors",
                 [](bundle::Writer& w) { w.add("m/item_factors", Matrix<float>(30, 8).view()); });
  expect_refused(*models[0], "m/user_factors", [](bundle::Writer& w) {
    Matrix<float> nan(40, 9);
    nan.row(3)[3] = std::numeric_limits<float>::quiet_NaN();
    w.add("m/user_factors", MatrixView<const float>(nan.view()));
  });
  const auto offsets = [](std::vector<std::int64_t> values) {
    return
        [values](bundle::Writer& w) { w.add("m/offsets", std::span<const std::int64_t>(values)); };
  };
  expect_refused(*models[1], "m/offsets", offsets({}));
  expect_refused(*models[1], "m/offsets", offsets(std::vector<std::int64_t>(31, 0)));
  std::vector<std::int64_t> wild(31, 1LL << 60);
  wild[0] = 0;
  expect_refused(*models[1], "m/offsets", offsets(wild));
  wild.assign(31, -5);
  expect_refused(*models[1], "m/offsets", offsets(wild));
  expect_refused(*models[1], "m/neighbors", [&](bundle::Writer& w) {
    // As many as there are similarities, but pointing outside the catalogue.
    bundle::Writer plain;
    models[1]->save(plain, "m");
    const auto reader = bundle::Reader::from_bytes(plain.to_bytes("{}"));
    const std::vector<ItemIndex> outside(reader->section("m/neighbors").shape[0], ItemIndex(30));
    w.add("m/neighbors", std::span<const ItemIndex>(outside));
  });
}

TEST(ContextBundle, ComesBackAndChecksItsShape) {
  const data::Dataset data = random_dataset(40, 30, 500, 24, true);
  const auto context = Context::of(data);
  bundle::Writer writer;
  context->save(writer, "context");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const auto loaded = Context::load(reader, "context");
  EXPECT_EQ(loaded->subjects, context->subjects);
  EXPECT_EQ(loaded->items, context->items);
  EXPECT_EQ(loaded->as_of, context->as_of);
  EXPECT_EQ(loaded->item_name(ItemIndex(3)), context->item_name(ItemIndex(3)));
  EXPECT_FALSE(loaded->item_name(ItemIndex(3)).empty());
}

}  // namespace
}  // namespace penchant::models
