// How an index lies in a bundle. Every number read is taken for hostile.

#include <limits>
#include <mutex>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/retrieval/vector_index_impl.h"

namespace penchant::retrieval {
namespace {

using Json = nlohmann::ordered_json;

Json report_json(const IndexReport& report) {
  Json efforts = Json::array();
  for (const MeasuredEffort& effort : report.efforts) {
    efforts.push_back(Json{{"ef", effort.ef},
                           {"recall_at_10", effort.recall_at_10},
                           {"visited", effort.visited},
                           {"recall_at_100", effort.recall_at_100},
                           {"visited_at_100", effort.visited_at_100}});
  }
  return Json{{"kind", report.kind},
              {"reason", report.reason},
              {"queries", report.queries},
              {"held_out", report.held_out},
              {"ef", report.ef},
              {"recall_at_10", report.recall_at_10},
              {"recall_at_100", report.recall_at_100},
              {"scan_visited", report.scan_visited},
              {"efforts", std::move(efforts)}};
}

// Typed access to a JSON object that may hold anything.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) corrupt("is not an object");
  }

  template <class... Parts>
  [[noreturn]] void corrupt(const Parts&... parts) const {
    fail(ErrorKind::kCorruptBundle, concat(where_, " ", parts...));
  }
  [[nodiscard]] const Json& any(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) corrupt("lacks '", key, "'");
    return *found;
  }
  [[nodiscard]] std::string text(const char* key) const {
    const Json& value = any(key);
    if (!value.is_string()) corrupt("has '", key, "' that is not a text");
    return value.get<std::string>();
  }
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const {
    const Json& value = any(key);
    if (!value.is_number_integer()) corrupt("has '", key, "' that is not an integer");
    const bool huge = value.is_number_unsigned() &&
                      value.get<std::uint64_t>() >
                          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto number = huge ? std::numeric_limits<std::int64_t>::max() : value.get<std::int64_t>();
    if (huge || number < least || number > most) {
      corrupt("has '", key, "' outside ", least, " to ", most);
    }
    return number;
  }
  [[nodiscard]] std::uint64_t unsigned_integer(const char* key) const {
    const Json& value = any(key);
    if (!value.is_number_unsigned()) corrupt("has '", key, "' that is not a natural number");
    return value.get<std::uint64_t>();
  }
  [[nodiscard]] double number(const char* key) const {
    const Json& value = any(key);
    if (!value.is_number()) corrupt("has '", key, "' that is not a number");
    return value.get<double>();
  }
  // Of fields that older bundles lack.
  [[nodiscard]] double number_or(const char* key, double otherwise) const {
    return object_.contains(key) ? number(key) : otherwise;
  }
  [[nodiscard]] std::string text_or(const char* key, const std::string& otherwise) const {
    return object_.contains(key) ? text(key) : otherwise;
  }
  [[nodiscard]] bool truth(const char* key) const {
    const Json& value = any(key);
    if (!value.is_boolean()) corrupt("has '", key, "' that is neither true nor false");
    return value.get<bool>();
  }

 private:
  const Json& object_;
  std::string where_;
};

constexpr std::int64_t kMostRows = std::numeric_limits<std::int32_t>::max() - 1;
constexpr std::int64_t kMostEffort = 1 << 20;

IndexReport read_report(const Json& json, const std::string& where) {
  const Fields fields(json, where + ", report");
  IndexReport report;
  report.kind = fields.text("kind");
  report.reason = fields.text("reason");
  report.queries = fields.integer("queries", 0, kMostRows);
  report.held_out = fields.truth("held_out");
  report.ef = static_cast<int>(fields.integer("ef", 0, kMostEffort));
  report.recall_at_10 = fields.number("recall_at_10");
  report.recall_at_100 = fields.number_or("recall_at_100", report.kind == "flat" ? 1 : 0);
  report.scan_visited = fields.number_or("scan_visited", 0);
  const Json& efforts = fields.any("efforts");
  if (!efforts.is_array()) fields.corrupt("has 'efforts' that is not a list");
  for (const Json& effort : efforts) {
    const Fields one(effort, where + ", report, efforts");
    report.efforts.push_back({static_cast<int>(one.integer("ef", 1, kMostEffort)),
                              one.number("recall_at_10"), one.number("visited"),
                              one.number_or("recall_at_100", 0),
                              one.number_or("visited_at_100", 0)});
  }
  return report;
}

IndexParams read_params(const Fields& meta) {
  IndexParams params;
  params.kind = parse_kind(meta.text("asked"));
  params.metric = parse_metric(meta.text("metric"));
  params.m = static_cast<int>(meta.integer("m", 0, kMostRows));
  params.ef_construction = static_cast<int>(meta.integer("ef_construction", 0, kMostRows));
  params.target_recall = meta.number("target_recall");
  params.product_graph = parse_product_graph(meta.text("product_graph"));
  // Before there were codes, walks and scans read floats, and so they still do in an old bundle.
  params.storage = parse_storage(meta.text_or("storage", "float32"));
  params.seed = meta.unsigned_integer("seed");
  check_params(params);
  return params;
}

}  // namespace

void VectorIndex::save(bundle::Writer& writer, const std::string& prefix) const {
  const std::shared_lock shared(impl_->lock);
  const IndexParams& params = impl_->params;
  Json meta{{"kind", kind_name(kind())},
            {"asked", kind_name(params.kind)},
            {"metric", metric_name(params.metric)},
            {"rows", impl_->store.rows()},
            {"dimension", impl_->store.dimension()},
            {"m", params.m},
            {"ef_construction", params.ef_construction},
            {"target_recall", params.target_recall},
            {"product_graph", product_graph_name(params.product_graph)},
            {"storage", storage_name(params.storage)},
            {"seed", params.seed},
            {"report", report_json(impl_->report)}};
  if (impl_->graph) meta["entry"] = impl_->graph->entry();
  writer.add_text(prefix + "/meta", meta.dump());
  impl_->store.save(writer, prefix);
  if (impl_->graph) impl_->graph->save(writer, prefix);
  if (impl_->codes) writer.add(prefix + "/centre", impl_->codes->centre());
  if (impl_->lists) impl_->lists->save(writer, prefix);
}

std::shared_ptr<VectorIndex> VectorIndex::load(const std::shared_ptr<const bundle::Reader>& reader,
                                               const std::string& prefix) {
  const std::string where = prefix + "/meta";
  const Json json = Json::parse(reader->text(where), nullptr, false);
  if (json.is_discarded()) fail(ErrorKind::kCorruptBundle, where + " is not JSON");
  const Fields meta(json, where);
  IndexParams params;
  try {
    params = read_params(meta);
  } catch (const Error& error) {
    meta.corrupt("can't be used: ", error.what());
  }
  const auto rows = static_cast<std::size_t>(meta.integer("rows", 0, kMostRows));
  const auto dimension = static_cast<std::size_t>(
      meta.integer("dimension", 1, static_cast<std::int64_t>(VectorStore::kMaxDimension)));
  const std::string kind = meta.text("kind");
  if (kind != "flat" && kind != "hnsw" && kind != "ivf")
    meta.corrupt("has unknown kind '", kind, "'");
  auto impl = std::make_unique<Impl>(
      params, VectorStore::load(reader, prefix, params.metric, rows, dimension));
  impl->report = read_report(meta.any("report"), where);
  if (kind == "hnsw") {
    const auto entry = static_cast<std::int32_t>(meta.integer("entry", -1, kMostRows));
    impl->graph = HnswGraph::load(reader, prefix, params.m, entry, rows);
    impl->graph->check_unlinked(impl->store.removed_rows());
  }
  if (kind == "ivf") impl->lists = InvertedLists::load(reader, prefix, impl->store);
  std::vector<float> centre;
  if (impl->graph && params.storage == Storage::kInt8) {
    centre = load_centre(reader, prefix, impl->store);
  }
  derive(*impl, std::move(centre));
  return std::make_shared<VectorIndex>(std::move(impl));
}

}  // namespace penchant::retrieval
