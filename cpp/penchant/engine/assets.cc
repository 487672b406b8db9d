#include "penchant/engine/assets.h"

#include <set>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "penchant/base/kernels.h"
#include "penchant/engine/engine.h"
#include "penchant/engine/hex.h"
#include "penchant/engine/response.h"
#include "penchant/models/model_meta.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kMaxSources = 64;
constexpr float kMostWeight = 1e30F;  // in size: sums of all sources stay finite
constexpr std::string_view kGoldens = "goldens/";
constexpr std::string_view kPlacements = "placements/";
constexpr const char* kProfiles = "profiles";
constexpr const char* kSegments = "segments/rules";
constexpr const char* kIdentity = "identity";
constexpr const char* kIdentityMeta = "identity/meta";
constexpr const char* kTaxonomy = "events/taxonomy";
constexpr const char* kEventsPosition = "events/position";
constexpr const char* kDecisionsPosition = "placements/position";
constexpr std::size_t kLongestLogId = 256;

// Names what decides the answers, so that the answers themselves (the goldens) can quote it.
std::string version_of(const bundle::Reader& reader) {
  std::string text = reader.lineage_json();
  for (const bundle::Section& section : reader.sections()) {
    if (section.name.starts_with(kGoldens)) continue;
    text += concat('\n', section.name, ' ', hex16(section.xxh3));
  }
  return hex16(XXH3_64bits(text.data(), text.size()));
}

std::shared_ptr<const features::SegmentRules> rules_of(std::string_view text,
                                                       const features::Profiles* profiles) {
  check_argument(profiles != nullptr, "segments want features that they are rules about");
  auto out = std::make_shared<const features::SegmentRules>(
      features::SegmentRules::from_json(text, profiles->plan()));
  check_argument(out->scores() == 0, "segments of a bundle have no scores of others");
  const auto items = static_cast<std::int64_t>(profiles->items().size());
  for (const std::int32_t item : out->items()) {
    check_argument(item < items, "a rule is about an item that there is not");
  }
  return out;
}

std::shared_ptr<const features::SegmentRules> load_segments(const bundle::Reader& reader,
                                                            const features::Profiles* profiles) {
  if (!reader.has(kSegments)) return nullptr;
  try {
    return rules_of(reader.text(kSegments), profiles);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCorruptBundle) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle, ", kSegments, ": ", error.what()));
  }
}

void save_position(bundle::Writer& writer, const char* name, const store::LogPosition& position) {
  if (position.log.empty()) return;
  check_argument(position.log.size() <= kLongestLogId && position.through <= INT64_MAX, name, ": '",
                 position.log.substr(0, 64), "' is no log's id");
  writer.add_text(name,
                  nlohmann::json({{"log", position.log}, {"through", position.through}}).dump());
}

store::LogPosition load_position(const bundle::Reader& reader, const char* name) {
  if (!reader.has(name)) return {};
  const auto json = nlohmann::json::parse(reader.text(name), nullptr, false);
  const bool good = json.is_object() && json.contains("log") && json["log"].is_string() &&
                    json["log"].get_ref<const std::string&>().size() <= kLongestLogId &&
                    json.contains("through") && json["through"].is_number_unsigned() &&
                    json["through"].get<std::uint64_t>() <= INT64_MAX;
  if (!good) fail(ErrorKind::kCorruptBundle, concat("bundle, ", name, ": want log and through"));
  return {.log = json["log"].get<std::string>(), .through = json["through"].get<std::uint64_t>()};
}

std::shared_ptr<const events::Taxonomy> load_taxonomy(const bundle::Reader& reader) {
  if (!reader.has(kTaxonomy)) return events::Taxonomy::builtin();
  try {
    return events::Taxonomy::from_json(reader.text(kTaxonomy));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCorruptBundle) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle, ", kTaxonomy, ": ", error.what()));
  }
}

}  // namespace

bool Assets::has_identity() const { return reader->has(kIdentityMeta); }

bool Assets::identity_has_key() const {
  if (!has_identity()) return false;
  const auto meta = nlohmann::json::parse(reader->text(kIdentityMeta), nullptr, false);
  return meta.is_object() && meta.value("key_check", nlohmann::json()) != "";
}

std::unique_ptr<identity::Graph> Assets::load_identity() const {
  return identity::Graph::load(*reader, kIdentity);
}

std::unique_ptr<Assets> load_assets(std::shared_ptr<const bundle::Reader> reader) {
  auto out = std::make_unique<Assets>();
  out->reader = std::move(reader);
  out->context = models::Context::load(out->reader, "context");
  const models::Meta meta(*out->reader, "engine");
  out->exclude_seen = meta.flag("exclude_seen");
  const auto sources = nlohmann::json::parse(out->reader->text("engine/sources"), nullptr, false);
  meta.require(sources.is_array() && sources.size() <= kMaxSources, "sources");
  if (meta.has("cold_start")) out->cold_start = meta.flag("cold_start");
  std::set<std::string> names;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const nlohmann::json& json = sources[i];
    const auto number = [&](const char* name) {
      meta.require(json.is_object() && json.contains(name) && json[name].is_number() &&
                       std::abs(json[name].get<float>()) <= kMostWeight,
                   concat("sources[", i, "].", name));
      return json[name].get<float>();
    };
    Source source;
    meta.require(json.is_object() && json.contains("name") && json["name"].is_string(),
                 concat("sources[", i, "].name"));
    source.name = json["name"].get<std::string>();
    meta.require(names.insert(source.name).second, concat("sources[", i, "].name (taken)"));
    meta.require(json.contains("quota") && json["quota"].is_number_unsigned(),
                 concat("sources[", i, "].quota"));
    source.quota = json["quota"].get<std::size_t>();
    source.repeat_weight = number("repeat_weight");
    source.new_weight = number("new_weight");
    if (out->cold_start) source.cold_weight = number("cold_weight");
    source.model = models::load_model(out->reader, concat("sources/", i),
                                      out->context->subjects.size(), out->num_items());
    if (source.model->constant()) {
      source.constant_feature.resize(out->num_items());
      source.model->score_all({}, source.constant_feature);
      scale_to_roots(source.constant_feature);
    }
    out->sources.push_back(std::move(source));
  }
  out->profiles = features::Profiles::load(*out->reader, kProfiles);
  out->segments = load_segments(*out->reader, out->profiles.get());
  out->ranker = load_ranker(out->reader, out->sources, *out->context, out->profiles, out->segments);
  out->placements = load_placements(out->reader, out->num_items());
  out->decisions = load_position(*out->reader, kDecisionsPosition);
  out->events = load_position(*out->reader, kEventsPosition);
  out->taxonomy = load_taxonomy(*out->reader);
  out->version = version_of(*out->reader);
  return out;
}

void save_parts(bundle::Writer& writer, const EngineParts& parts) {
  check_argument(parts.sources.size() <= kMaxSources, "a funnel may have at most ", kMaxSources,
                 " sources, not ", parts.sources.size());
  nlohmann::json sources = nlohmann::json::array();
  for (std::size_t i = 0; i < parts.sources.size(); ++i) {
    const Source& source = parts.sources[i];
    check_argument(source.model->num_items() == parts.context->items.size(), "source '",
                   source.name, "' was fitted on ", source.model->num_items(),
                   " items, the funnel on ", parts.context->items.size());
    sources.push_back({{"name", source.name},
                       {"quota", source.quota},
                       {"repeat_weight", source.repeat_weight},
                       {"new_weight", source.new_weight}});
    if (parts.cold_start) sources.back()["cold_weight"] = source.cold_weight;
    source.model->save(writer, concat("sources/", i));
  }
  if (parts.cold_start) {
    models::save_meta(writer, "engine",
                      {{"exclude_seen", parts.exclude_seen}, {"cold_start", true}});
  } else {
    models::save_meta(writer, "engine", {{"exclude_seen", parts.exclude_seen}});
  }
  writer.add_text("engine/sources", sources.dump());
  parts.context->save(writer, "context");
  if (parts.profiles) parts.profiles->save(writer, kProfiles);
  if (!parts.segments.empty()) writer.add_text(kSegments, parts.segments);
  if (parts.ranker) {
    RankerParts ranker = *parts.ranker;
    if (!parts.segments.empty()) ranker.segments = rules_of(parts.segments, parts.profiles.get());
    save_ranker(writer, ranker, parts.sources, *parts.context);
  }
  if (parts.taxonomy) writer.add_text(kTaxonomy, parts.taxonomy->to_json());
  save_position(writer, kEventsPosition, parts.events);
  if (parts.identity) parts.identity->graph().save(writer, kIdentity);
  save_placements(writer, parts.placements);
}

namespace {

// The sections of `writer`, then golden requests with the answers that an engine over these very
// sections gives.
AlignedVector<std::byte> with_goldens(bundle::Writer& writer, std::string_view lineage_json,
                                      const std::vector<std::string>& goldens) {
  const auto engine =
      Engine::from_bundle(bundle::Reader::from_bytes(writer.to_bytes(lineage_json)), false);
  nlohmann::json answers = nlohmann::json::array();
  std::string body;
  for (const std::string& request : goldens) {
    engine->recommend_json(request, body);
    answers.push_back(body);
  }
  writer.add_text(std::string(kGoldens) + "requests", nlohmann::json(goldens).dump());
  writer.add_text(std::string(kGoldens) + "answers", answers.dump());
  // Readers of before there were rankers, or calibrated ones, must not take such a bundle for one
  // without; others they may read.
  const AnswerForm written = form_of(engine->assets());
  const std::vector<std::uint8_t> form{static_cast<std::uint8_t>(written)};
  writer.add(std::string(kGoldens) + "form", form);
  return writer.to_bytes(lineage_json);
}

}  // namespace

AlignedVector<std::byte> build_bundle(const EngineParts& parts, const std::string& lineage_json,
                                      const std::vector<std::string>& goldens) {
  bundle::Writer writer;
  save_parts(writer, parts);
  return with_goldens(writer, lineage_json, goldens);
}

std::shared_ptr<const bundle::Reader> with_placements(const bundle::Reader& reader,
                                                      const std::vector<Placement>& placements,
                                                      const store::LogPosition& decisions) {
  bundle::Writer writer;
  for (const bundle::Section& section : reader.sections()) {
    if (section.name.starts_with(kGoldens) || section.name.starts_with(kPlacements)) continue;
    writer.add_bytes(section.name, section.dtype, section.shape,
                     reader.file_bytes().subspan(section.offset, section.bytes));
  }
  save_placements(writer, placements);
  save_position(writer, kDecisionsPosition, decisions);
  const auto goldens = nlohmann::json::parse(reader.text(std::string(kGoldens) + "requests"));
  return bundle::Reader::from_bytes(
      with_goldens(writer, reader.lineage_json(), goldens.get<std::vector<std::string>>()));
}

}  // namespace penchant::engine
