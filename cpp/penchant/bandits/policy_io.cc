// How a policy lies in a bundle (docs/bundle_format/v1.md). Every number read is taken for hostile.

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "penchant/bandits/inputs.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/bandits/policy_impl.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostArms = std::size_t{1} << 31;

Json to_json(const PolicyOptions& o) {
  return Json{{"kind", policy_kind_name(o.kind)},
              {"model", model_kind_name(o.model)},
              {"dimension", o.dimension},
              {"arm_dimension", o.arm_dimension},
              {"intercept", o.intercept},
              {"interactions", o.interactions},
              {"l2", o.l2},
              {"discount", o.discount},
              {"epsilon", o.epsilon},
              {"temperature", o.temperature},
              {"alpha", o.alpha},
              {"scale", o.scale},
              {"prior_success", o.prior_success},
              {"prior_failure", o.prior_failure},
              {"gamma", o.gamma},
              {"gamma_exponent", o.gamma_exponent},
              {"replicas", o.replicas},
              {"draws", o.draws},
              {"min_probability", o.min_probability},
              {"seed", o.seed}};
}

// Reads members of the JSON object below `where`.
class Meta {
 public:
  Meta(std::string_view text, std::string where)
      : where_(std::move(where)), json_(Json::parse(text, nullptr, false)) {
    if (!json_.is_object()) corrupt("is not a JSON object");
  }

  [[nodiscard]] std::string text(const char* key) const {
    if (!at(key).is_string()) corrupt("'", key, "' is not a text");
    return at(key).get<std::string>();
  }
  [[nodiscard]] bool flag(const char* key) const {
    if (!at(key).is_boolean()) corrupt("'", key, "' is neither true nor false");
    return at(key).get<bool>();
  }
  [[nodiscard]] double number(const char* key) const {
    if (!at(key).is_number()) corrupt("'", key, "' is not a number");
    return at(key).get<double>();
  }
  [[nodiscard]] std::uint64_t count(const char* key) const {
    if (!at(key).is_number_unsigned()) corrupt("'", key, "' is not an integer from 0 up");
    return at(key).get<std::uint64_t>();
  }

  template <class... Parts>
  [[noreturn]] void corrupt(const Parts&... parts) const {
    fail(ErrorKind::kCorruptBundle, concat(where_, ": ", parts...));
  }

 private:
  [[nodiscard]] const Json& at(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) corrupt("lacks '", key, "'");
    return *found;
  }

  std::string where_;
  Json json_;
};

PolicyOptions options_from(const Meta& meta) {
  return {.kind = find_policy_kind(meta.text("kind")),
          .model = find_model_kind(meta.text("model")),
          .dimension = meta.count("dimension"),
          .arm_dimension = meta.count("arm_dimension"),
          .intercept = meta.flag("intercept"),
          .interactions = meta.flag("interactions"),
          .l2 = meta.number("l2"),
          .discount = meta.number("discount"),
          .epsilon = meta.number("epsilon"),
          .temperature = meta.number("temperature"),
          .alpha = meta.number("alpha"),
          .scale = meta.number("scale"),
          .prior_success = meta.number("prior_success"),
          .prior_failure = meta.number("prior_failure"),
          .gamma = meta.number("gamma"),
          .gamma_exponent = meta.number("gamma_exponent"),
          .replicas = meta.count("replicas"),
          .draws = meta.count("draws"),
          .min_probability = meta.number("min_probability"),
          .seed = meta.count("seed")};
}

// Before anything of the size that is claimed is made, the file must hold as much.
class Sections {
 public:
  Sections(const bundle::Reader& reader, const PolicyOptions& options)
      : reader_(reader), fading_(options.discount < 1) {
    const Inputs inputs(options);
    const Needs needs = needs_of(options);
    const bool plain = needs.tally || options.kind == PolicyKind::kUniform;
    own_ = plain ? 1 : inputs.context();
    has_own_ = plain || options.model != ModelKind::kShared;
    has_shared_ =
        !plain && (options.model == ModelKind::kShared || options.model == ModelKind::kHybrid);
    shared_ = options.interactions || options.model == ModelKind::kHybrid
                  ? inputs.context() * inputs.arm()
                  : inputs.context() + inputs.arm();
    if (!plain && options.model == ModelKind::kJoint) own_ += shared_;
  }

  void check(const std::string& prefix, std::size_t arms) const {
    if (has_own_) check_sums(prefix + "/arms", arms, own_);
    if (has_shared_) check_sums(prefix + "/shared", 1, shared_);
  }

 private:
  void check_sums(const std::string& prefix, std::size_t problems, std::size_t n) const {
    const auto expect = [&](const std::string& name, std::vector<std::uint64_t> shape) {
      if (reader_.section(name).shape != shape) {
        fail(ErrorKind::kCorruptBundle, concat(name, " is not of the shape that ", problems,
                                               " problems of ", n, " coefficients have"));
      }
    };
    expect(prefix + "/counts", {problems});
    if (problems > 0) {
      expect(prefix + (fading_ ? "/fading" : "/low"), {problems, packed_size(n) + n});
    }
  }

  const bundle::Reader& reader_;
  bool fading_;
  bool has_own_ = false;
  bool has_shared_ = false;
  std::size_t own_ = 1;
  std::size_t shared_ = 1;
};

std::string model_prefix(const std::string& prefix, std::size_t model) {
  return concat(prefix, "/models/", model);
}

}  // namespace

void Policy::save(bundle::Writer& writer, const std::string& prefix) const {
  impl_->settle(1);
  const Impl& impl = *impl_;
  Json meta = to_json(impl.options);
  meta["arms"] = impl.arms;
  meta["events"] = impl.events;
  meta["next_event"] = impl.next_event;
  writer.add_text(prefix + "/meta", meta.dump());
  for (std::size_t m = 0; m < impl.models.size(); ++m) {
    impl.models[m]->save(writer, model_prefix(prefix, m));
  }
  if (!impl.logistic()) return;
  std::vector<std::int64_t> ids;
  std::vector<double> root;
  std::vector<double> target;
  for (const auto& [id, kept] : impl.linearized) {
    ids.push_back(static_cast<std::int64_t>(id));
    root.push_back(kept.root);
    target.push_back(kept.target);
  }
  writer.add(prefix + "/linearized/ids", ids);
  writer.add(prefix + "/linearized/root", root);
  writer.add(prefix + "/linearized/target", target);
}

Policy Policy::load(const std::shared_ptr<const bundle::Reader>& reader,
                    const std::string& prefix) {
  const Meta meta(reader->text(prefix + "/meta"), prefix + "/meta");
  PolicyOptions options;
  try {
    options = options_from(meta);
    check_options(options);
  } catch (const Error& error) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, "/meta: ", error.what()));
  }
  const std::size_t arms = meta.count("arms");
  if (arms >= kMostArms) meta.corrupt("'arms' is ", arms);
  const std::uint64_t events = meta.count("events");
  if (events >= std::uint64_t{1} << 62) meta.corrupt("'events' is ", events);
  const Sections sections(*reader, options);
  const std::size_t models = options.kind == PolicyKind::kBagging ? options.replicas : 1;
  for (std::size_t m = 0; m < models; ++m) sections.check(model_prefix(prefix, m), arms);
  auto impl = std::make_unique<Impl>(options);
  impl->arms = arms;
  impl->events = static_cast<std::int64_t>(events);
  impl->next_event = meta.count("next_event");
  for (std::size_t m = 0; m < models; ++m) {
    impl->models[m]->load(*reader, model_prefix(prefix, m), arms);
  }
  if (impl->logistic()) {
    const auto ids = reader->array<std::int64_t>(prefix + "/linearized/ids");
    const auto root = reader->array<double>(prefix + "/linearized/root");
    const auto target = reader->array<double>(prefix + "/linearized/target");
    if (root.size() != ids.size() || target.size() != ids.size()) {
      meta.corrupt("the columns of linearized events differ in length");
    }
    for (std::size_t e = 0; e < ids.size(); ++e) {
      if (!(root[e] > 0 && root[e] <= 1 && std::abs(target[e]) <= kMostReward)) {
        meta.corrupt("linearized event ", e, " has no sense");
      }
      impl->linearized[static_cast<std::uint64_t>(ids[e])] = {root[e], target[e]};
    }
  }
  return Policy(std::move(impl));
}

}  // namespace penchant::bandits
