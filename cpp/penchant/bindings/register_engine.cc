#include <functional>

#include "penchant/bindings/join_options.h"
#include "penchant/bindings/log_columns.h"
#include "penchant/bindings/model_arguments.h"
#include "penchant/bindings/register.h"
#include "penchant/bindings/scorer.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/blend_learner.h"
#include "penchant/engine/engine.h"
#include "penchant/engine/erasure.h"
#include "penchant/engine/live.h"
#include "penchant/engine/ranker_rows.h"

namespace penchant::bindings {
namespace {

using engine::Engine;
using EnginePtr = std::shared_ptr<Engine>;

EnginePtr unconst(std::shared_ptr<const Engine> engine) {
  return std::const_pointer_cast<Engine>(std::move(engine));
}

// The engine's scores for these subjects, ordered as recommend would order. `told`: what their
// requests say of them, by rows of its own (-1: nothing).
Scorer make_scorer(const EnginePtr& engine, const std::vector<engine::ExternalId>& subjects,
                   bool exclude_seen, std::size_t k,
                   const std::shared_ptr<data::AttributeTable>& told,
                   const Array<std::int32_t>& told_rows) {
  check_argument(!told || std::cmp_equal(told_rows.size(), subjects.size()),
                 "scorer: one told row a subject is needed");
  const std::vector<std::int32_t> rows(told_rows.data(), told_rows.data() + told_rows.size());
  return {subjects.size(), engine->num_items(),
          [engine, subjects, exclude_seen, k, told, rows](std::size_t r, std::span<float> scores) {
            engine::Request request;
            request.subject = subjects[r];
            request.exclude_seen = exclude_seen;
            request.k = k;
            if (told) told->read(UserIndex(rows[r]), request.context.attributes);
            engine->rank_all(request, scores);
          }};
}

Matrix<double> matrix_of(const Array<double>& array, const char* what) {
  check_argument(array.ndim() == 2, what, " must have rows and columns");
  Matrix<double> out(static_cast<std::size_t>(array.shape(0)),
                     static_cast<std::size_t>(array.shape(1)));
  std::ranges::copy(as_span(array), out.view().flat().begin());
  return out;
}

// From (name, offers, their attributes [offers, p], attributes of items [items, p] or [0, 0],
// depth, context as JSON, BanditPolicy, arms, join options).
engine::Placement placement_of(const py::tuple& told) {
  engine::Placement out;
  out.name = told[0].cast<std::string>();
  out.offers = told[1].cast<std::vector<engine::ExternalId>>();
  out.offer_features = matrix_of(told[2].cast<Array<double>>(), "attributes of offers");
  out.item_features = matrix_of(told[3].cast<Array<double>>(), "attributes of items");
  out.depth = told[4].cast<std::size_t>();
  out.context_json = told[5].cast<std::string>();
  out.context = engine::ContextTerms::parse(out.context_json);
  out.policy = told[6].cast<std::shared_ptr<bandits::Policy>>();
  out.arms = told[7].cast<std::vector<engine::ExternalId>>();
  out.join = join_of(told[8].cast<py::dict>());
  return out;
}

engine::EngineParts parts_of(const std::shared_ptr<models::Context>& context,
                             const py::list& sources, bool exclude_seen, bool cold_start,
                             const py::object& ranker, const py::list& placements,
                             const std::shared_ptr<features::Profiles>& profiles,
                             const std::string& segments,
                             const std::shared_ptr<events::Taxonomy>& taxonomy,
                             const std::shared_ptr<identity::Identity>& identity,
                             const std::pair<std::string, std::uint64_t>& trained) {
  engine::EngineParts parts;
  parts.events = {.log = trained.first, .through = trained.second};
  parts.segments = segments;
  parts.profiles = profiles;
  parts.taxonomy = taxonomy;
  parts.identity = identity;
  parts.context = context;
  parts.exclude_seen = exclude_seen;
  parts.cold_start = cold_start;
  for (const py::handle entry : sources) {
    const auto source = entry.cast<py::tuple>();
    parts.sources.push_back({.name = source[0].cast<std::string>(),
                             .model = source[1].cast<std::shared_ptr<models::Model>>(),
                             .quota = source[2].cast<std::size_t>(),
                             .repeat_weight = source[3].cast<float>(),
                             .new_weight = source[4].cast<float>(),
                             .cold_weight = source[5].cast<float>()});
  }
  if (!ranker.is_none()) {
    const auto told = ranker.cast<py::tuple>();
    parts.ranker = {.forest = told[0].cast<std::shared_ptr<ranking::Forest>>(),
                    .names = told[1].cast<std::vector<std::string>>(),
                    .attributes = told[2].cast<std::shared_ptr<data::AttributeTable>>(),
                    .depth = told[3].cast<std::size_t>(),
                    .profiles = profiles,
                    .calibration = told[4].cast<std::shared_ptr<ranking::Calibration>>()};
  }
  for (const py::handle one : placements) {
    parts.placements.push_back(placement_of(one.cast<py::tuple>()));
  }
  return parts;
}

void register_engine_class(py::module_& module) {
  py::class_<Engine, EnginePtr>(module, "Engine", "The one request path, assembled from a bundle.")
      .def_static(
          "open",
          [](const std::filesystem::path& path, bool check_goldens) {
            return unconst(Engine::open(path, check_goldens));
          },
          py::arg("path"), py::arg("check_goldens") = true,
          py::call_guard<py::gil_scoped_release>())
      .def_static(
          "from_bundle",
          [](const std::shared_ptr<bundle::Reader>& reader, bool check_goldens) {
            return unconst(Engine::from_bundle(reader, check_goldens));
          },
          py::arg("reader"), py::arg("check_goldens") = true,
          py::call_guard<py::gil_scoped_release>())
      .def(
          "recommend_json",
          [](const Engine& self, std::string_view request) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.recommend_json(request, body);
            }
            return py::bytes(body);
          },
          py::arg("request"))
      .def("scorer", &make_scorer, py::arg("subjects"), py::arg("exclude_seen"), py::arg("k"),
           py::arg("told") = py::none(), py::arg("told_rows") = Array<std::int32_t>(0))
      .def_property_readonly("num_items", &Engine::num_items)
      .def_property_readonly("version", &Engine::fingerprint)
      .def_property_readonly("stages", &Engine::stage_names)
      .def_property_readonly(
          "placements",
          [](const Engine& e) {
            std::vector<std::string> names;
            for (const auto& one : e.assets().placements) names.push_back(one.name);
            return names;
          },
          "Names of those where a policy decides.")
      .def_property_readonly("has_identity",
                             [](const Engine& e) { return e.assets().has_identity(); })
      .def_property_readonly("identity_has_key",
                             [](const Engine& e) { return e.assets().identity_has_key(); })
      .def_property_readonly("segments",
                             [](const Engine& e) {
                               return e.assets().segments ? e.assets().segments->names()
                                                          : std::vector<std::string>();
                             })
      .def_property_readonly(
          "taxonomy",
          [](const Engine& e) {
            return std::const_pointer_cast<events::Taxonomy>(e.assets().taxonomy);
          })
      .def_property_readonly("exclude_seen",
                             [](const Engine& e) { return e.assets().exclude_seen; })
      .def_property_readonly("cold_start", [](const Engine& e) { return e.assets().cold_start; })
      .def_property_readonly(
          "ranker",
          [](const Engine& e) -> py::object {
            const auto& ranker = e.assets().ranker;
            if (!ranker) return py::none();
            std::vector<std::string> names;
            std::vector<std::string> words;
            for (std::size_t c = 0; c < ranker->features.size(); ++c) {
              names.push_back(ranker->features.name(c));
              words.emplace_back(ranker->features.words(c));
            }
            return py::make_tuple(
                std::const_pointer_cast<ranking::Forest>(ranker->forest), names, words,
                ranker->depth, std::const_pointer_cast<ranking::Calibration>(ranker->calibration));
          },
          "(Forest, names of its features, what they are in words, depth, Calibration or None), or "
          "None.")
      .def_property_readonly(
          "sources",
          [](const Engine& e) {
            py::list out;
            for (const engine::Source& s : e.assets().sources) {
              out.append(py::make_tuple(s.name, std::string(s.model->kind()), s.quota,
                                        s.repeat_weight, s.new_weight, s.cold_weight));
            }
            return out;
          })
      .def("source_model",
           [](const Engine& e, std::size_t i) {
             check_argument(i < e.assets().sources.size(), "there is no source ", i);
             return std::const_pointer_cast<models::Model>(e.assets().sources[i].model);
           })
      .def_property_readonly(
          "profiles",
          [](const Engine& e) {
            return std::const_pointer_cast<features::Profiles>(e.assets().profiles);
          })
      .def_property_readonly("context",
                             [](const Engine& e) {
                               return std::const_pointer_cast<models::Context>(e.assets().context);
                             })
      .def_property_readonly("bundle", [](const Engine& e) {
        return std::const_pointer_cast<bundle::Reader>(e.bundle());
      });
}

void register_blend(py::module_& module) {
  using engine::BlendProblem;
  py::class_<BlendProblem>(module, "BlendProblem")
      .def(py::init<std::size_t>(), py::arg("sources"))
      .def_property_readonly("rows", &BlendProblem::rows)
      .def(
          "add",
          [](BlendProblem& self, const Engine& engine,
             const std::vector<engine::ExternalId>& subjects, const Array<std::int64_t>& offsets,
             const Array<std::int32_t>& items, bool exclude_seen, int threads,
             const std::shared_ptr<data::AttributeTable>& attributes) {
            const auto truth = item_lists(as_span(offsets), as_indices<ItemIndex>(items),
                                          subjects.size(), engine.num_items());
            const py::gil_scoped_release release;
            self.add(engine, subjects, truth, exclude_seen, threads,
                     attributes ? *attributes : data::AttributeTable{});
          },
          py::arg("engine"), py::arg("subjects"), py::arg("offsets"), py::arg("items"),
          py::arg("exclude_seen"), py::arg("threads") = 0, py::arg("attributes") = py::none())
      .def(
          "objective",
          [](const BlendProblem& self, const std::vector<float>& weights, int threads) {
            check_argument(weights.size() == self.sources(), "one weight a source is needed");
            return self.objective(weights, threads);
          },
          py::arg("weights"), py::arg("threads") = 0, py::call_guard<py::gil_scoped_release>());
  module.def(
      "learn_blend",
      [](const BlendProblem& problem, const std::vector<float>& prior, double prior_strength,
         int threads) {
        return engine::learn_blend(problem, prior, {prior_strength, threads});
      },
      py::arg("problem"), py::arg("prior"), py::arg("prior_strength"), py::arg("threads") = 0,
      py::call_guard<py::gil_scoped_release>());
}

py::dict table_of(const engine::RankerTable& table, std::size_t columns) {
  const auto rows = static_cast<py::ssize_t>(table.labels.size());
  py::array_t<float> values({rows, static_cast<py::ssize_t>(columns)});
  std::copy(table.values.begin(), table.values.end(), values.mutable_data());
  py::dict out;
  out["values"] = values;
  out["labels"] = py::array_t<float>(rows, table.labels.data());
  out["group_begin"] = py::array_t<std::int64_t>(static_cast<py::ssize_t>(table.group_begin.size()),
                                                 table.group_begin.data());
  out["subject"] = py::array_t<std::int32_t>(static_cast<py::ssize_t>(table.subject.size()),
                                             table.subject.data());
  return out;
}

py::dict candidates_of(const Engine& engine, std::string_view text) {
  engine::CandidateRows rows;
  {
    const py::gil_scoped_release release;
    rows = engine::candidate_rows(engine, engine::parse_request(text));
  }
  const auto count = static_cast<py::ssize_t>(rows.items.size());
  py::array_t<std::int32_t> items(count);
  std::transform(rows.items.begin(), rows.items.end(), items.mutable_data(),
                 [](ItemIndex item) { return item.value; });
  const auto columns = static_cast<py::ssize_t>(engine.assets().ranker->features.size());
  py::array_t<float> values({count, columns});
  std::copy(rows.values.begin(), rows.values.end(), values.mutable_data());
  py::dict out;
  out["items"] = items;
  out["values"] = values;
  out["scores"] = py::array_t<double>(count, rows.scores.data());
  return out;
}

void register_ranker(py::module_& module) {
  using engine::CandidateFeatures;
  using Attributes = std::shared_ptr<data::AttributeTable>;
  const auto basis_of = [](const Engine& engine, const Attributes& attributes) {
    const engine::Assets& assets = engine.assets();
    return engine::feature_basis(assets.sources, *assets.context, attributes, assets.profiles,
                                 assets.segments.get());
  };
  module.def(
      "candidate_feature_names",
      [basis_of](const Engine& engine, const Attributes& attributes) {
        return CandidateFeatures::all_names(basis_of(engine, attributes));
      },
      py::arg("engine"), py::arg("attributes") = py::none(),
      "Names of the features that a ranker over this engine's candidates can have.");
  module.def(
      "ranker_rows",
      [basis_of](const Engine& engine, const std::vector<std::string>& names,
                 const Attributes& attributes, const std::vector<engine::ExternalId>& subjects,
                 const Array<std::int64_t>& offsets, const Array<std::int32_t>& items,
                 bool exclude_seen, std::size_t depth, bool keep_all, int threads,
                 const std::vector<std::string>& requests) {
        const auto truth = item_lists(as_span(offsets), as_indices<ItemIndex>(items),
                                      subjects.size(), engine.num_items());
        engine::RankerTable table;
        {
          const py::gil_scoped_release release;
          const CandidateFeatures features(basis_of(engine, attributes), names);
          std::vector<engine::Context> contexts;
          for (const std::string& request : requests) {
            contexts.push_back(engine::parse_request(request).context);
          }
          table = engine::ranker_rows(engine, features,
                                      {.depth = depth,
                                       .exclude_seen = exclude_seen,
                                       .keep_all = keep_all,
                                       .threads = threads},
                                      subjects, truth, contexts);
        }
        return table_of(table, names.size());
      },
      py::arg("engine"), py::arg("names"), py::arg("attributes"), py::arg("subjects"),
      py::arg("offsets"), py::arg("items"), py::arg("exclude_seen"), py::arg("depth"),
      py::arg("keep_all") = false, py::arg("threads") = 0,
      py::arg("requests") = std::vector<std::string>(),
      "What a ranker learns from: values [rows, features] float32, labels [rows], group_begin "
      "[groups + 1] and subject [groups].");
  module.def("candidate_rows", &candidates_of, py::arg("engine"), py::arg("request"),
             "Candidates of one request as its ranker sees them: items, values, scores.");
}

using LivePtr = std::shared_ptr<engine::Live>;
using UseLine = std::function<void(std::string_view line)>;

// What `read` gives line by line, and where the log of it is.
py::tuple event_lines(const std::function<store::LogPosition(const UseLine&)>& read) {
  std::string lines;
  store::LogPosition position;
  {
    const py::gil_scoped_release release;
    position = read([&](std::string_view line) {
      lines += line;
      lines += '\n';
    });
  }
  return py::make_tuple(py::bytes(lines), position.log, position.through);
}

void register_live(py::module_& module) {
  py::class_<engine::Live, LivePtr>(module, "Live",
                                    "An engine whose policies decide, log and learn.")
      .def_static(
          "open",
          [](const EnginePtr& engine, const std::filesystem::path& folder, int threads,
             const py::bytes& identity_key, std::int64_t keep, std::uint64_t keep_bytes) {
            std::string key(static_cast<std::string_view>(identity_key));
            const py::gil_scoped_release release;
            return engine::Live::open(engine, {.folder = folder,
                                               .keep = {.age = {keep}, .bytes = keep_bytes},
                                               .threads = threads,
                                               .identity_key = std::move(key)});
          },
          py::arg("engine"), py::arg("folder") = "", py::arg("threads") = 1,
          py::arg("identity_key") = py::bytes(), py::arg("keep") = 0, py::arg("keep_bytes") = 0)
      .def(
          "recommend_json",
          [](engine::Live& self, std::string_view request, std::int64_t now) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.recommend_json(request, {now}, body);
            }
            return py::bytes(body);
          },
          py::arg("request"), py::arg("now"), "now: microseconds since 1970, UTC.")
      .def(
          "events_json",
          [](engine::Live& self, std::string_view request, std::int64_t now) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.events_json(request, {now}, body);
            }
            return py::bytes(body);
          },
          py::arg("request"), py::arg("now"), "now: microseconds since 1970, UTC.")
      .def(
          "identity_json",
          [](engine::Live& self, std::string_view request) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.identity_json(request, body);
            }
            return py::bytes(body);
          },
          py::arg("request"))
      .def(
          "reward_json",
          [](engine::Live& self, std::string_view request) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.reward_json(request, body);
            }
            return py::bytes(body);
          },
          py::arg("request"))
      .def(
          "pass_time", [](engine::Live& self, std::int64_t now) { self.loop().pass({now}); },
          py::arg("now"), py::call_guard<py::gil_scoped_release>())
      .def(
          "snapshot", [](engine::Live& self) { self.loop().snapshot(); },
          py::call_guard<py::gil_scoped_release>())
      .def(
          "decision_json",
          [](const engine::Live& self, std::string_view id) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.decision_json(id, body);
            }
            return py::bytes(body);
          },
          py::arg("id"))
      .def(
          "subject_json",
          [](const engine::Live& self, std::string_view subject) {
            std::string body;
            {
              const py::gil_scoped_release release;
              self.subject_json(subject, body);
            }
            return py::bytes(body);
          },
          py::arg("subject"))
      .def(
          "segments_of",
          [](const engine::Live& self, std::string_view subject, std::int64_t moment) {
            return self.events().segments_of(subject, Timestamp{moment});
          },
          py::arg("subject"), py::arg("moment"), py::call_guard<py::gil_scoped_release>())
      .def(
          "segment_sizes", [](const engine::Live& self) { return self.events().segment_sizes(); },
          py::call_guard<py::gil_scoped_release>())
      .def(
          "segment_members",
          [](const engine::Live& self, std::size_t segment) {
            return self.events().segment_members(segment);
          },
          py::arg("segment"), py::call_guard<py::gil_scoped_release>())
      .def("metrics_text",
           [](const engine::Live& self) {
             std::string text;
             self.metrics_text(text);
             return text;
           })
      .def(
          "event_lines",
          [](engine::Live& self) {
            return event_lines([&](const UseLine& use) { return self.events().read_lines(use); });
          },
          "What was taken, as JSON lines, and where the log of it is: its id (empty in memory), "
          "and "
          "the last record.")
      .def("read_log", [](engine::Live& self) { return log_columns(self.loop()); })
      .def("dropped", [](engine::Live& self) { return dropped_dict(self.loop().dropped()); })
      .def("state", [](engine::Live& self) { return py::bytes(self.loop().state()); })
      .def_property_readonly("waiting", [](engine::Live& self) { return self.loop().waiting(); })
      .def_property_readonly("placements",
                             [](engine::Live& self) { return self.loop().policies(); })
      .def("bundle", [](const engine::Live& self) {
        return std::const_pointer_cast<bundle::Reader>(self.bundle());
      });
}

}  // namespace

void register_engine(py::module_& module) {
  module.def(
      "erase_json",
      [](const LivePtr& live, std::string_view subject) {
        std::string body;
        {
          const py::gil_scoped_release release;
          engine::erase_json(live.get(), subject, body);
        }
        return py::bytes(body);
      },
      py::arg("live").none(true), py::arg("subject"),
      "Forgets a person in what a Live keeps; None keeps nothing. The receipt as JSON.");
  register_engine_class(module);
  register_live(module);
  register_blend(module);
  register_ranker(module);
  module.def(
      "build_bundle",
      [](const std::shared_ptr<models::Context>& context, const py::list& sources,
         bool exclude_seen, const std::string& lineage, const std::vector<std::string>& goldens,
         bool cold_start, const py::object& ranker, const py::list& placements,
         const std::shared_ptr<features::Profiles>& profiles, const std::string& segments,
         const std::shared_ptr<events::Taxonomy>& taxonomy,
         const std::shared_ptr<identity::Identity>& identity,
         const std::pair<std::string, std::uint64_t>& trained) {
        const engine::EngineParts parts =
            parts_of(context, sources, exclude_seen, cold_start, ranker, placements, profiles,
                     segments, taxonomy, identity, trained);
        const py::gil_scoped_release release;
        return std::const_pointer_cast<bundle::Reader>(
            bundle::Reader::from_bytes(engine::build_bundle(parts, lineage, goldens)));
      },
      py::arg("context"), py::arg("sources"), py::arg("exclude_seen"), py::arg("lineage"),
      py::arg("goldens"), py::arg("cold_start") = false, py::arg("ranker") = py::none(),
      py::arg("placements") = py::list(), py::arg("profiles") = py::none(),
      py::arg("segments") = "", py::arg("taxonomy") = py::none(), py::arg("identity") = py::none(),
      py::arg("trained") = std::pair<std::string, std::uint64_t>(),
      "Sources are tuples (name, Model, quota, repeat_weight, new_weight, cold_weight), the last "
      "of them used with cold_start; ranker is a tuple (Forest, names of features, AttributeTable "
      "of items or None, depth); placements are tuples (name, offers, their attributes, those of "
      "items, depth, "
      "context as JSON, BanditPolicy, its arms, join options); profiles are FeatureProfiles; "
      "trained is the "
      "id of a log of events, and its last record that was trained on. A checked BundleReader.");
  module.def(
      "event_lines_of_folder",
      [](const EnginePtr& engine, const std::filesystem::path& folder, const py::bytes& key) {
        const std::string_view secret(key);
        return event_lines([&](const UseLine& use) {
          return engine::LiveEvents::read_folder(engine, folder, secret, use);
        });
      },
      py::arg("engine"), py::arg("folder"), py::arg("key"),
      "As Live.event_lines, of a folder that may be open elsewhere.");
  module.def(
      "context_term_names",
      [](std::string_view json) { return engine::ContextTerms::parse(json).names(); },
      py::arg("json"), "Names of the numbers that a context of these terms has.");
  module.def(
      "context_term_rows",
      [](std::string_view json, const data::AttributeTable& table) {
        const Matrix<double> rows = engine::ContextTerms::parse(json).of_rows(table);
        return py::array_t<double>(
            {static_cast<py::ssize_t>(rows.rows()), static_cast<py::ssize_t>(rows.columns())},
            rows.view().flat().data());
      },
      py::arg("json"), py::arg("table"),
      "The numbers of these terms (numbers and levels) for each row of a table.");
}

}  // namespace penchant::bindings
