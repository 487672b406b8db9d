#include "penchant/bindings/model_arguments.h"
#include "penchant/bindings/register.h"
#include "penchant/bindings/scorer.h"
#include "penchant/data/attributes.h"
#include "penchant/data/fresh_events.h"
#include "penchant/data/reindex.h"
#include "penchant/models/als.h"
#include "penchant/models/context.h"
#include "penchant/models/context_update.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/popular.h"
#include "penchant/models/random_model.h"
#include "penchant/models/recommend.h"
#include "penchant/models/repeat_purchase.h"

namespace penchant::bindings {
namespace {

using models::Context;
using models::Model;
using ContextPtr = std::shared_ptr<Context>;
using ModelPtr = std::shared_ptr<Model>;
using AttributesPtr = std::shared_ptr<data::AttributeTable>;

void register_context(py::module_& module) {
  module.def(
      "extended_context",
      [](const Context& old, const data::Dataset& more) {
        models::ContextUpdate update = models::extended(old, more);
        return py::make_tuple(std::const_pointer_cast<Context>(update.context),
                              move_to_array(std::move(update.user_rows)),
                              move_to_array(std::move(update.item_rows)));
      },
      py::arg("context"), py::arg("more"),
      "(context, rows of its subjects in the old one or -1, the same for items)");
  py::class_<Context, ContextPtr>(module, "Context",
                                  "Ids, histories and popularity that fitted models share.")
      .def(py::init([](const data::Dataset& data,
                       const std::shared_ptr<data::AttributeTable>& attributes) {
             const py::gil_scoped_release release;
             return std::const_pointer_cast<Context>(
                 Context::of(data, attributes ? *attributes : data::AttributeTable{}));
           }),
           py::arg("data"), py::arg("attributes") = py::none())
      .def_property_readonly(
          "attributes",
          [](const ContextPtr& c) {
            return std::shared_ptr<data::AttributeTable>(
                c, const_cast<data::AttributeTable*>(&c->attributes));
          },
          "Of the subjects, a row each; without columns when none are known.")
      .def_property_readonly(
          "subjects", [](const Context& c) -> const data::IdMap& { return c.subjects; },
          py::return_value_policy::reference_internal)
      .def_property_readonly(
          "items", [](const Context& c) -> const data::IdMap& { return c.items; },
          py::return_value_policy::reference_internal)
      .def_property_readonly("history",
                             [](const ContextPtr& c) {
                               return std::shared_ptr<data::Interactions>(
                                   c, const_cast<data::Interactions*>(&c->history));
                             })
      .def_property_readonly("popularity",
                             [](const ContextPtr& c) {
                               return borrow(c, c->popularity.data(),
                                             {static_cast<py::ssize_t>(c->popularity.size())});
                             })
      .def_property_readonly("as_of", [](const Context& c) { return c.as_of.micros; })
      .def(
          "item_name",
          [](const Context& c, std::int32_t item) {
            check_argument(item >= 0 && static_cast<std::size_t>(item) < c.items.size(),
                           "item index ", item, " is out of bounds");
            return std::string(c.item_name(ItemIndex(item)));
          },
          py::arg("item"), "The catalogue's name of the item, '' when it has none.")
      .def("save", [](const Context& c, bundle::Writer& writer,
                      const std::string& prefix) { c.save(writer, prefix); })
      .def_static("load",
                  [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix) {
                    return std::const_pointer_cast<Context>(Context::load(reader, prefix));
                  });
}

// The scores of `subjects` rows of `pairs` as evaluate() reads them. People are known by `stored`,
// by the same rows, and by what the caller told, by rows of its own (-1: nothing).
struct ScoredPeople {
  ModelPtr model;
  std::shared_ptr<data::Interactions> pairs;
  ContextPtr context;
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> users;
  AttributesPtr stored;
  AttributesPtr told;
  std::vector<std::int32_t> told_rows;

  // `attributes` holds what the query points to.
  [[nodiscard]] models::Query query(std::size_t r, data::Attributes& attributes) const {
    if (told) told->read(UserIndex(told_rows[r]), attributes);
    if (stored) stored->read(UserIndex(rows[r]), attributes);
    return {.user = UserIndex(users[r]),
            .history = pairs->history(UserIndex(rows[r])),
            .as_of = context->as_of,
            .attributes = attributes.empty() ? nullptr : &attributes};
  }
};

Scorer make_scorer(const ModelPtr& model, const std::shared_ptr<data::Interactions>& pairs,
                   const ContextPtr& context, const Array<std::int32_t>& rows,
                   const Array<std::int32_t>& users, const AttributesPtr& stored,
                   const AttributesPtr& told, const Array<std::int32_t>& told_rows) {
  check_argument(rows.size() == users.size() && (!told || told_rows.size() == rows.size()),
                 "scorer: rows, users and told rows differ in length");
  const auto listed = [](const Array<std::int32_t>& array) {
    return std::vector<std::int32_t>(array.data(), array.data() + array.size());
  };
  const ScoredPeople people{model,         pairs,  context, listed(rows),
                            listed(users), stored, told,    listed(told_rows)};
  const auto fill = [people](std::size_t r, std::span<float> scores) {
    data::Attributes attributes;
    models::score_row(*people.model, people.query(r, attributes), people.context->popularity.span(),
                      scores);
  };
  const auto vector = [people](std::size_t r, std::span<float> out) {
    data::Attributes attributes;
    const models::Query query = people.query(r, attributes);
    if (!people.model->can_score(query)) return false;
    people.model->query_vector(query, out);
    return true;
  };
  Scorer scorer{people.rows.size(), model->num_items(), fill};
  if (model->inner_products()) {
    scorer.factors = [=] { return evaluation::FactorScores{&model->scan(), vector}; };
  }
  return scorer;
}

py::tuple recommend(const Model& model, const data::Interactions& pairs, const Context& context,
                    const Array<std::int32_t>& rows, const Array<std::int32_t>& users,
                    std::size_t k, bool exclude_seen,
                    const std::optional<Array<std::uint8_t>>& allowed, int threads,
                    bool histories_are_fresh, const AttributesPtr& attributes,
                    const Array<std::int32_t>& people,
                    const std::optional<std::map<std::string, data::AttributeValue>>& given) {
  models::RecommendOptions options;
  options.k = k;
  options.exclude_seen = exclude_seen;
  options.as_of = context.as_of;
  options.threads = threads;
  options.histories_are_fresh = histories_are_fresh;
  if (allowed) options.allowed = as_span(*allowed);
  data::Attributes told;
  if (given) told.insert(given->begin(), given->end());
  options.attributes = {attributes.get(), as_indices<UserIndex>(people), given ? &told : nullptr};
  models::Recommendations out;
  {
    const py::gil_scoped_release release;
    out = models::recommend_batch(model, pairs, as_indices<UserIndex>(rows),
                                  as_indices<UserIndex>(users), context.popularity.span(), options);
  }
  const std::vector<py::ssize_t> shape = {rows.size(), static_cast<py::ssize_t>(k)};
  std::vector<std::int32_t> items(out.items.size());
  std::transform(out.items.begin(), out.items.end(), items.begin(),
                 [](ItemIndex item) { return item.value; });
  return py::make_tuple(
      move_to_array(std::move(items), shape), move_to_array(std::move(out.scores), shape),
      move_to_array(std::move(out.counts)), move_to_array(std::move(out.fell_back)));
}

void register_model(py::module_& module) {
  py::class_<Model, ModelPtr>(module, "Model", "A fitted, immutable model.")
      .def_property_readonly("kind", [](const Model& m) { return std::string(m.kind()); })
      .def_property_readonly("num_items", &Model::num_items)
      .def(
          "similar",
          [](const Model& model, std::int32_t item) -> py::object {
            check_argument(item >= 0 && static_cast<std::size_t>(item) < model.num_items(),
                           "item index ", item, " is out of bounds");
            std::vector<float> scores(model.num_items());
            if (!model.similar(ItemIndex(item), scores)) return py::none();
            return move_to_array(std::move(scores));
          },
          py::arg("item"), "Similarity of every item to `item`; None when there is no notion.")
      .def("save", [](const Model& model, bundle::Writer& writer,
                      const std::string& prefix) { model.save(writer, prefix); })
      .def_static("load", [](const std::shared_ptr<bundle::Reader>& reader,
                             const std::string& prefix, std::size_t users, std::size_t items) {
        return unconst(models::load_model(reader, prefix, users, items));
      });
  py::class_<models::AlsModel, Model, std::shared_ptr<models::AlsModel>>(module, "AlsModel")
      .def_property_readonly("user_factors",
                             [](const models::AlsModel& model) {
                               const auto view = model.user_vectors();
                               return borrow(model.user_owner(), view.data,
                                             {static_cast<py::ssize_t>(view.rows),
                                              static_cast<py::ssize_t>(view.columns)});
                             })
      .def_property_readonly("item_factors",
                             [](const models::AlsModel& model) {
                               const auto view = model.item_vectors();
                               return borrow(model.item_owner(), view.data,
                                             {static_cast<py::ssize_t>(view.rows),
                                              static_cast<py::ssize_t>(view.columns)});
                             })
      .def(
          "fold_in",
          [](const models::AlsModel& model, const data::Interactions& pairs, std::int64_t as_of) {
            check_argument(pairs.num_items() == model.num_items(), "fold_in: the events know ",
                           pairs.num_items(), " items, the model ", model.num_items());
            const std::size_t f = models::als_width(model.parameters());
            std::vector<float> out(pairs.num_users() * f);
            for (std::size_t u = 0; u < pairs.num_users(); ++u) {
              model.fold_in(pairs.history(UserIndex(static_cast<std::int32_t>(u))),
                            Timestamp{as_of}, std::span(out).subspan(u * f, f));
            }
            return move_to_array(std::move(out), {static_cast<py::ssize_t>(pairs.num_users()),
                                                  static_cast<py::ssize_t>(f)});
          },
          py::arg("pairs"), py::arg("as_of"), "Vectors [users, factors] of the histories.")
      .def(
          "loss",
          [](const models::AlsModel& model, const data::Interactions& pairs, std::int64_t as_of,
             int threads) { return models::als_loss(model, pairs, Timestamp{as_of}, threads); },
          py::arg("pairs"), py::arg("as_of"), py::arg("threads") = 0,
          py::call_guard<py::gil_scoped_release>());
}

py::tuple als_state(models::AlsTrainer& trainer) {
  const auto copy = [](MatrixView<float> view) {
    std::vector<float> out(view.flat().begin(), view.flat().end());
    return move_to_array(std::move(out), {static_cast<py::ssize_t>(view.rows),
                                          static_cast<py::ssize_t>(view.columns)});
  };
  return py::make_tuple(copy(trainer.user_state()), copy(trainer.item_state()));
}

void als_restore(models::AlsTrainer& trainer, const Array<float>& users, const Array<float>& items,
                 int iteration) {
  trainer.set_iteration(iteration);
  const auto put = [](const Array<float>& from, MatrixView<float> to) {
    check_argument(from.ndim() == 2 && std::cmp_equal(from.shape(0), to.rows) &&
                       std::cmp_equal(from.shape(1), to.columns),
                   "ALS: the state is that of other data or factors");
    std::copy_n(from.data(), to.flat().size(), to.data);
  };
  put(users, trainer.user_state());
  put(items, trainer.item_state());
}

void register_trainers(py::module_& module) {
  py::class_<models::AlsTrainer>(module, "AlsTrainer")
      .def(py::init([](const data::Interactions& pairs, std::int64_t as_of, int factors,
                       double regularization, double alpha, double unobserved_weight,
                       double regularization_exponent, const std::string& solver,
                       const std::string& value_weighting, std::optional<std::int64_t> half_life,
                       bool user_bias, bool item_bias, int cg_steps, int block_factors,
                       std::uint64_t seed, int threads) {
             models::AlsParameters p;
             p.factors = factors;
             p.regularization = regularization;
             p.alpha = alpha;
             p.unobserved_weight = unobserved_weight;
             p.regularization_exponent = regularization_exponent;
             p.solver = models::parse_als_solver(solver);
             p.user_bias = user_bias;
             p.item_bias = item_bias;
             p.block_factors = block_factors;
             p.weighting = weighting(value_weighting, half_life);
             p.cg_steps = cg_steps;
             p.seed = seed;
             p.threads = threads;
             return models::AlsTrainer(pairs, Timestamp{as_of}, p);
           }),
           py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("factors"),
           py::arg("regularization"), py::arg("alpha"), py::arg("unobserved_weight"),
           py::arg("regularization_exponent"), py::arg("solver"), py::arg("weighting"),
           py::arg("half_life"), py::arg("user_bias"), py::arg("item_bias"), py::arg("cg_steps"),
           py::arg("block_factors"), py::arg("seed"), py::arg("threads"))
      .def("state", &als_state, "What iterations change: (users, items), float32, copied.")
      .def("restore", &als_restore, py::arg("users"), py::arg("items"), py::arg("iteration"))
      .def(
          "continue_from",
          [](models::AlsTrainer& trainer, const models::AlsModel& model,
             const Array<std::int32_t>& user_rows, const Array<std::int32_t>& item_rows) {
            const py::gil_scoped_release release;
            trainer.continue_from(model, as_span(user_rows), as_span(item_rows));
          },
          py::arg("model"), py::arg("user_rows"), py::arg("item_rows"))
      .def("snapshot",
           [](const models::AlsTrainer& trainer) {
             const py::gil_scoped_release release;
             return std::const_pointer_cast<models::AlsModel>(trainer.snapshot());
           })
      .def("iterate", &models::AlsTrainer::iterate, py::call_guard<py::gil_scoped_release>())
      .def("loss", &models::AlsTrainer::loss, py::call_guard<py::gil_scoped_release>())
      .def("finish", [](models::AlsTrainer& trainer) {
        const py::gil_scoped_release release;
        return std::const_pointer_cast<models::AlsModel>(std::move(trainer).finish());
      });
  module.def(
      "fit_item_knn",
      [](const data::Interactions& pairs, std::int64_t as_of, const std::string& similarity,
         int neighbors, double k1, double b, double shrinkage, const std::string& value_weighting,
         std::optional<std::int64_t> half_life, int threads, const py::object& progress) {
        models::ItemKnnParameters p;
        p.similarity = models::parse_item_similarity(similarity);
        p.neighbors = neighbors;
        p.k1 = k1;
        p.b = b;
        p.shrinkage = shrinkage;
        p.weighting = weighting(value_weighting, half_life);
        p.threads = threads;
        const models::Progress report = progress_of(progress);
        const py::gil_scoped_release release;
        return unconst(models::fit_item_knn(pairs, Timestamp{as_of}, p, report));
      },
      py::arg("pairs"), py::arg("as_of"), py::kw_only(), py::arg("similarity"),
      py::arg("neighbors"), py::arg("k1"), py::arg("b"), py::arg("shrinkage"), py::arg("weighting"),
      py::arg("half_life"), py::arg("threads"), py::arg("progress") = py::none());
  module.def(
      "fit_popular",
      [](const data::Dataset& data, std::optional<std::int64_t> window,
         std::optional<std::int64_t> half_life) {
        const py::gil_scoped_release release;
        return unconst(models::fit_popular(data, {duration(window), duration(half_life)}));
      },
      py::arg("data"), py::kw_only(), py::arg("window") = py::none(),
      py::arg("half_life") = py::none());
  module.def(
      "fit_repeat_purchase",
      [](const data::Interactions& pairs, std::int64_t as_of) {
        return unconst(models::fit_repeat_purchase(pairs, Timestamp{as_of}));
      },
      py::arg("pairs"), py::arg("as_of"), py::call_guard<py::gil_scoped_release>());
  module.def(
      "fit_random",
      [](std::size_t num_items, std::uint64_t seed) {
        return unconst(std::make_shared<const models::RandomModel>(num_items, seed));
      },
      py::arg("num_items"), py::arg("seed"));
}

}  // namespace

void register_models(py::module_& module) {
  register_context(module);
  register_model(module);
  register_trainers(module);
  module.def("recommend_batch", &recommend, py::arg("model"), py::arg("pairs"), py::arg("context"),
             py::arg("rows"), py::arg("users"), py::arg("k"), py::arg("exclude_seen"),
             py::arg("allowed"), py::arg("threads"), py::arg("histories_are_fresh") = false,
             py::arg("attributes") = py::none(), py::arg("people") = Array<std::int32_t>(0),
             py::arg("given") = py::none(),
             "items int32 [n, k], scores float32 [n, k], counts int32 [n], fell_back uint8 [n].");
  module.def(
      "reindexed_interactions",
      [](const data::Interactions& pairs, const Array<std::int32_t>& to_index,
         std::size_t num_items) {
        return std::make_shared<data::Interactions>(
            data::reindexed(pairs, as_span(to_index), num_items));
      },
      py::arg("pairs"), py::arg("to_index"), py::arg("num_items"),
      "The same users with item j renamed to to_index[j], -1: left out.");
  module.def(
      "with_events",
      [](const data::Interactions& pairs, const Array<std::int32_t>& rows,
         const Array<std::int32_t>& items, const Array<std::int64_t>& times,
         const Array<float>& values) {
        check_argument(items.size() == times.size() && items.size() == values.size(),
                       "with_events: items, times and values differ in length");
        std::vector<data::FreshEvent> events;
        for (py::ssize_t i = 0; i < items.size(); ++i) {
          events.push_back({ItemIndex(items.at(i)), Timestamp{times.at(i)}, values.at(i)});
        }
        return std::make_shared<data::Interactions>(
            data::with_events(pairs, as_indices<UserIndex>(rows), std::move(events)));
      },
      py::arg("pairs"), py::arg("rows"), py::arg("items"), py::arg("times"), py::arg("values"),
      "A row for each of `rows` (-1: nobody known) with these events added.");
  module.def("model_scorer", &make_scorer, py::arg("model"), py::arg("pairs"), py::arg("context"),
             py::arg("rows"), py::arg("users"), py::arg("stored") = py::none(),
             py::arg("told") = py::none(), py::arg("told_rows") = Array<std::int32_t>(0));
}

}  // namespace penchant::bindings
