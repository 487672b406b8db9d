// Every model through a bundle: what comes back answers the same, and a section that lies is
// refused.

#include <functional>

#include "models/sample.h"
#include <gtest/gtest.h>

#include "penchant/models/als.h"
#include "penchant/models/blend.h"
#include "penchant/models/context.h"
#include "penchant/models/ease.h"
#include "penchant/models/graph_filter.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/local_ridge.h"
#include "penchant/models/popular.h"
#include "penchant/models/random_model.h"
#include "penchant/models/repeat_purchase.h"
#include "penchant/models/slim.h"

namespace penchant::models {
namespace {

using testing::random_dataset;

std::vector<std::shared_ptr<const Model>> all_models(const data::Dataset& data) {
  const auto pairs = data.interactions();
  const Timestamp as_of = data.last_time();
  AlsTrainer trainer(*pairs, as_of, {.factors = 9, .weighting = {ValueWeighting::kLog, {}}});
  trainer.iterate();
  std::vector<std::shared_ptr<const Model>> out = {
      std::move(trainer).finish(),
      fit_item_knn(*pairs, as_of, {.neighbors = 5}),
      fit_popular(data, {Duration{10 * testing::kDay}, Duration{testing::kDay}}),
      fit_repeat_purchase(*pairs, as_of),
      std::make_shared<const RandomModel>(pairs->num_items(), 3),
      fit_graph_filter(*pairs, as_of, {.components = 6, .low_pass_weight = 0.3, .keep = 9}),
      fit_ease(*pairs, as_of, {.keep = 9, .weighting = {ValueWeighting::kBinary, {}}}),
      fit_local_ridge(*pairs, as_of, {.neighbors = 7}),
      fit_slim(*pairs, as_of, {})};
  out.push_back(std::make_shared<const BlendModel>(
      std::vector<std::shared_ptr<const Model>>{out[0], out[5]}, std::vector<float>{1, 0.5F}));
  return out;
}
constexpr std::size_t kGraphFilter = 5;  // positions in all_models
constexpr std::size_t kBlend = 9;

std::function<void(bundle::Writer&)> as_text(const std::string& name, const std::string& text) {
  return [name, text](bundle::Writer& w) { w.add_text(name, text); };
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

TEST(ModelBundle, AnOperatorThatLiesIsRefused) {
  const data::Dataset data = random_dataset(40, 30, 500, 23);
  const auto models = all_models(data);
  const Model& graph = *models[kGraphFilter];
  const std::string weighting = "\"weighting\":{\"value\":\"linear\",\"half_life_us\":null}";
  for (const char* components : {"-1", "7", "5", "1e99", "\"6\"", "4611686018427387904"}) {
    expect_refused(graph, "m/meta",
                   as_text("m/meta", concat("{\"kind\":\"graph_filter\",", weighting,
                                            ",\"components\":", components, "}")));
  }
  expect_refused(graph, "m/meta", as_text("m/meta", "{\"kind\":\"ease\",\"components\":0}"));
  for (const std::string part : {"m/left", "m/right"}) {
    expect_refused(graph, part,
                   [&](bundle::Writer& w) { w.add(part, Matrix<float>(6, 30).view()); });
    expect_refused(graph, part, [&](bundle::Writer& w) {
      Matrix<float> wild(30, 6);
      wild.row(29)[5] = std::numeric_limits<float>::infinity();
      w.add(part, MatrixView<const float>(wild.view()));
    });
  }
  std::vector<std::int64_t> wild(31, 1LL << 60);
  wild[0] = 0;
  expect_refused(graph, "m/offsets", [&](bundle::Writer& w) {
    w.add("m/offsets", std::span<const std::int64_t>(wild));
  });
}

TEST(ModelBundle, ABlendThatLiesIsRefused) {
  const data::Dataset data = random_dataset(40, 30, 500, 23);
  const auto models = all_models(data);
  const Model& blend = *models[kBlend];
  for (const char* members : {"0", "3", "17", "-1", "null", "1e9"}) {
    expect_refused(blend, "m/meta",
                   as_text("m/meta", concat("{\"kind\":\"blend\",\"members\":", members, "}")));
  }
  for (const std::vector<float>& weights : std::vector<std::vector<float>>{
           {}, {1}, {1, 1, 1}, {0, 0}, {1, -1}, {1, std::numeric_limits<float>::quiet_NaN()}}) {
    expect_refused(blend, "m/weights",
                   [&](bundle::Writer& w) { w.add("m/weights", std::span<const float>(weights)); });
  }
  // A member that is another blend whose members are missing, and one of no known kind.
  expect_refused(blend, "m/members/1/meta",
                 as_text("m/members/1/meta", "{\"kind\":\"blend\",\"members\":1}"));
  expect_refused(blend, "m/members/1/meta", as_text("m/members/1/meta", "{\"kind\":\"odd\"}"));
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
