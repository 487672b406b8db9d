#include "penchant/bindings/register.h"
#include "penchant/retrieval/filter.h"
#include "penchant/retrieval/vector_index.h"

namespace penchant::bindings {
namespace {

using retrieval::Filter;
using retrieval::Hits;
using retrieval::IndexParams;
using retrieval::IndexReport;
using retrieval::Progress;
using retrieval::SearchOptions;
using retrieval::VectorIndex;

MatrixView<const float> matrix_of(const Array<float>& array, std::string_view what) {
  check_argument(array.ndim() == 2, what, " must be an array of two dimensions, [rows, columns]");
  return {array.data(), static_cast<std::size_t>(array.shape(0)),
          static_cast<std::size_t>(array.shape(1))};
}

// Between rows, with the interpreter held for a moment, so that Ctrl-C and a progress bar come
// through.
Progress progress_of(const py::object& callable) {
  return [&callable](std::size_t done, std::size_t total) {
    const py::gil_scoped_acquire hold;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!callable.is_none()) callable(done, total);
  };
}

std::shared_ptr<VectorIndex> build(const Array<float>& vectors, const std::string& kind,
                                   const std::string& metric, int m, int ef_construction,
                                   double target_recall, const std::string& product_graph,
                                   const std::string& storage, int threads, std::uint64_t seed,
                                   const std::optional<Array<float>>& queries,
                                   const py::object& progress) {
  IndexParams params;
  params.kind = retrieval::parse_kind(kind);
  params.metric = retrieval::parse_metric(metric);
  params.m = m;
  params.ef_construction = ef_construction;
  params.target_recall = target_recall;
  params.product_graph = retrieval::parse_product_graph(product_graph);
  params.storage = retrieval::parse_storage(storage);
  params.threads = threads;
  params.seed = seed;
  const MatrixView<const float> rows = matrix_of(vectors, "vectors");
  const MatrixView<const float> asked =
      queries ? matrix_of(*queries, "queries") : MatrixView<const float>{};
  const Progress report = progress_of(progress);
  const py::gil_scoped_release release;
  return VectorIndex::build(rows, params, asked, report);
}

py::tuple search(const VectorIndex& index, const Array<float>& queries, std::size_t k, int ef,
                 const std::optional<Array<std::int32_t>>& allow,
                 const std::optional<Array<std::uint8_t>>& mask,
                 const std::shared_ptr<Filter>& filter, int threads) {
  const MatrixView<const float> asked = matrix_of(queries, "queries");
  SearchOptions options;
  options.ef = ef;
  options.threads = threads;
  if (allow) options.allow = as_span(*allow);
  if (mask) options.mask = as_span(*mask);
  options.filter = filter;
  Hits hits;
  {
    const py::gil_scoped_release release;
    hits = index.search(asked, k, options);
  }
  const std::vector<py::ssize_t> shape{queries.shape(0), static_cast<py::ssize_t>(k)};
  return py::make_tuple(move_to_array(std::move(hits.rows), shape),
                        move_to_array(std::move(hits.scores), shape), hits.visited);
}

std::shared_ptr<Filter> filter_of(const VectorIndex& index,
                                  const std::optional<Array<std::int32_t>>& allow,
                                  const std::optional<Array<std::uint8_t>>& mask) {
  check_argument(allow.has_value() != mask.has_value(), "give allow or a mask");
  const py::gil_scoped_release release;
  const auto filter = allow ? index.filter(as_span(*allow)) : index.filter_of_mask(as_span(*mask));
  return std::const_pointer_cast<Filter>(filter);  // a holder can't be of const
}

std::int64_t add(VectorIndex& index, const Array<float>& vectors, const py::object& progress) {
  const MatrixView<const float> rows = matrix_of(vectors, "vectors");
  const Progress report = progress_of(progress);
  const py::gil_scoped_release release;
  return index.add(rows, report);
}

void remove(VectorIndex& index, const Array<std::int32_t>& rows) {
  const auto gone = as_span(rows);
  const py::gil_scoped_release release;
  index.remove(gone);
}

py::dict report_of(const VectorIndex& index) {
  const IndexReport& report = index.report();
  py::list efforts;
  for (const retrieval::MeasuredEffort& effort : report.efforts) {
    py::dict one;
    one["ef"] = effort.ef;
    one["recall_at_10"] = effort.recall_at_10;
    one["visited"] = effort.visited;
    one["recall_at_100"] = effort.recall_at_100;
    one["visited_at_100"] = effort.visited_at_100;
    efforts.append(one);
  }
  py::dict out;
  out["kind"] = report.kind;
  out["reason"] = report.reason;
  out["queries"] = report.queries;
  out["held_out"] = report.held_out;
  out["ef"] = report.ef;
  out["recall_at_10"] = report.recall_at_10;
  out["recall_at_100"] = report.recall_at_100;
  out["scan_visited"] = report.scan_visited;
  out["efforts"] = efforts;
  return out;
}

py::dict params_of(const VectorIndex& index) {
  const IndexParams& params = index.params();
  py::dict out;
  out["kind"] = retrieval::kind_name(params.kind);
  out["metric"] = retrieval::metric_name(params.metric);
  out["m"] = params.m;
  out["ef_construction"] = params.ef_construction;
  out["target_recall"] = params.target_recall;
  out["product_graph"] = retrieval::product_graph_name(params.product_graph);
  out["storage"] = retrieval::storage_name(params.storage);
  out["seed"] = params.seed;
  return out;
}

}  // namespace

void register_retrieval(py::module_& module) {
  py::class_<Filter, std::shared_ptr<Filter>>(
      module, "Filter", "Rows that may be returned, made ready; penchant.VectorIndex.filter.")
      .def_property_readonly("size", &Filter::size, "Rows that are there.");
  py::class_<VectorIndex, std::shared_ptr<VectorIndex>>(
      module, "VectorIndex", "Nearest vectors by row number; penchant.VectorIndex speaks ids.")
      .def_static("build", &build, py::arg("vectors"), py::arg("kind"), py::arg("metric"),
                  py::arg("m"), py::arg("ef_construction"), py::arg("target_recall"),
                  py::arg("product_graph"), py::arg("storage"), py::arg("threads"), py::arg("seed"),
                  py::arg("queries") = py::none(), py::arg("progress") = py::none())
      .def("search", &search, py::arg("queries"), py::arg("k"), py::arg("ef"),
           py::arg("allow") = py::none(), py::arg("mask") = py::none(),
           py::arg("filter") = py::none(), py::arg("threads") = 1,
           "Rows [q, k] int32 (-1 where none is left), scores [q, k] float32, rows visited.")
      .def("filter", &filter_of, py::arg("allow") = py::none(), py::arg("mask") = py::none())
      .def("add", &add, py::arg("vectors"), py::arg("progress") = py::none(),
           "The first new row's number.")
      .def("remove", &remove, py::arg("rows"))
      .def_property_readonly("rows", &VectorIndex::rows, "Numbers given so far.")
      .def_property_readonly("size", &VectorIndex::size, "Rows that are there.")
      .def_property_readonly("dimension", &VectorIndex::dimension)
      .def_property_readonly(
          "removed", [](const VectorIndex& index) { return move_to_array(index.removed()); })
      .def_property_readonly("report", &report_of)
      .def_property_readonly("params", &params_of, "As given to build, threads apart.")
      .def(
          "save",
          [](const VectorIndex& index, bundle::Writer& writer, const std::string& prefix) {
            index.save(writer, prefix);
          },
          py::arg("writer"), py::arg("prefix"))
      .def_static(
          "load",
          [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix) {
            const py::gil_scoped_release release;
            return VectorIndex::load(reader, prefix);
          },
          py::arg("reader"), py::arg("prefix"));
}

}  // namespace penchant::bindings
