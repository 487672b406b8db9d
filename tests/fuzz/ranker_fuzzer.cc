// Any sections "ranker/..." at all in the place of those of a good bundle: an engine that answers,
// with scores that are numbers and an order that is theirs, or a corrupt bundle with a reason. Each
// input is a header (up to the first zero byte) and data, sealed with the right checksums; what it
// does not name is taken from the good bundle.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/forge.h"
#include "engine/ranked_fixture.h"
#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/engine/ranker_rows.h"
#include "penchant/engine/request.h"

namespace {

namespace bundle = penchant::bundle;
namespace engine = penchant::engine;

constexpr std::size_t kMaxTrees = 4096;  // an input is to take milliseconds

void check(bool holds) {
  if (!holds) std::abort();
}

const bundle::Reader& good_bundle() {
  static const auto kReader = [] {
    const auto data = penchant::testing::random_dataset(12, 10, 80, 51);
    bundle::Writer writer;
    engine::save_parts(writer, penchant::testing::ranked_parts(data));
    return bundle::Reader::from_bytes(writer.to_bytes("{}"));
  }();
  return *kReader;
}

void add(bundle::Writer& writer, const bundle::Reader& reader, const bundle::Section& section) {
  writer.add_bytes(section.name, section.dtype, section.shape,
                   reader.file_bytes().subspan(section.offset, section.bytes));
}

std::shared_ptr<const bundle::Reader> with_sections_of(const bundle::Reader& given) {
  bundle::Writer writer;
  for (const bundle::Section& section : given.sections()) {
    if (section.name.starts_with("ranker/")) add(writer, given, section);
  }
  for (const bundle::Section& section : good_bundle().sections()) {
    if (!section.name.starts_with("ranker/") || !given.has(section.name)) {
      add(writer, good_bundle(), section);
    }
  }
  return bundle::Reader::from_bytes(writer.to_bytes("{}"));
}

void expect_answers(const engine::Engine& engine) {
  const auto& ranker = engine.assets().ranker;
  if (ranker && ranker->forest->data().trees() > kMaxTrees) return;
  std::vector<float> scores(engine.num_items());
  std::string body;
  for (const std::string_view text :
       {R"({"subject":"s1003","k":5,"explain":true})",
        R"({"subject":"s1004","exclude_seen":true,"candidates":["i1001","i1004"]})",
        R"({"context":{"basket":["i1002"],"time":"2001-02-03T04:05:06Z"},"explain":true})"}) {
    engine.recommend_json(text, body);
    check(nlohmann::json::accept(body));  // no "nan" and no "inf" among them
    const engine::Request request = engine::parse_request(text);
    engine.rank_all(request, scores);
    check(std::all_of(scores.begin(), scores.end(), [](float s) { return std::isfinite(s); }));
    if (!ranker) continue;
    const engine::CandidateRows rows = engine::candidate_rows(engine, request);
    check(rows.values.size() == rows.items.size() * ranker->features.size());
    check(std::all_of(rows.scores.begin(), rows.scores.end(),
                      [](double s) { return std::isfinite(s); }));
    const engine::Decision decision = engine.recommend(request);
    const std::size_t ranked = std::min(rows.items.size(), request.k);
    check(ranked <= decision.items.size());
    for (std::size_t i = 1; i < ranked; ++i) {
      check(decision.items[i - 1].score >= decision.items[i].score);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string file = bundle::forge::file_of(
      input.substr(0, end), end < input.size() ? input.substr(end + 1) : std::string());
  bundle::forge::repair(file);
  try {
    const auto given = bundle::Reader::from_bytes(bundle::forge::to_bytes(file));
    expect_answers(*engine::Engine::from_bundle(with_sections_of(*given), false));
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kCorruptBundle);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
