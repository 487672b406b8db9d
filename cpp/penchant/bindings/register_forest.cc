#include <algorithm>

#include "penchant/bindings/register.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/link_name.h"

namespace penchant::bindings {
namespace {

using ranking::Forest;
using ranking::ForestData;
using ranking::SplitNode;

// pybind11 holds no pointer to const; a Forest has nothing that changes it.
using ForestPtr = std::shared_ptr<Forest>;

ForestPtr unconst(const std::shared_ptr<const Forest>& forest) {
  return std::const_pointer_cast<Forest>(forest);
}

template <class T>
std::vector<T> vector_of(const py::dict& arrays, const char* name) {
  check_argument(arrays.contains(name), "a forest's arrays lack '", name, "'");
  const auto array = Array<T>::ensure(arrays[name]);
  check_argument(static_cast<bool>(array) && array.ndim() == 1, "'", name,
                 "' must be an array of one dimension");
  return std::vector<T>(array.data(), array.data() + array.size());  // not braces: T may be bool
}

template <class T>
T value_of(const py::dict& arrays, const char* name) {
  check_argument(arrays.contains(name), "a forest's arrays lack '", name, "'");
  return arrays[name].cast<T>();
}

template <class T, class Set>
void fill_nodes(std::vector<SplitNode>& nodes, const py::dict& arrays, const char* name,
                const Set& set) {
  const auto values = vector_of<T>(arrays, name);
  check_argument(values.size() == nodes.size(), "'", name, "' has ", values.size(),
                 " numbers, but there are ", nodes.size(), " thresholds");
  for (std::size_t i = 0; i < nodes.size(); ++i) set(nodes[i], values[i]);
}

ForestPtr from_arrays(const py::dict& arrays) {
  ForestData data;
  data.num_features = value_of<std::int32_t>(arrays, "num_features");
  const auto thresholds = vector_of<double>(arrays, "threshold");
  auto& nodes = data.nodes;
  nodes.resize(thresholds.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].threshold = thresholds[i];
  using Int = std::int32_t;
  fill_nodes<Int>(nodes, arrays, "feature", [](SplitNode& n, Int v) { n.feature = v; });
  fill_nodes<Int>(nodes, arrays, "left", [](SplitNode& n, Int v) { n.left = v; });
  fill_nodes<Int>(nodes, arrays, "right", [](SplitNode& n, Int v) { n.right = v; });
  fill_nodes<Int>(nodes, arrays, "categories", [](SplitNode& n, Int v) { n.categories = v; });
  fill_nodes<bool>(nodes, arrays, "missing_left", [](SplitNode& n, bool v) { n.missing_left = v; });
  fill_nodes<std::uint8_t>(nodes, arrays, "missing", [](SplitNode& n, std::uint8_t v) {
    n.missing = static_cast<ranking::Missing>(v);
  });
  fill_nodes<float>(nodes, arrays, "gain", [](SplitNode& n, float v) { n.gain = v; });
  fill_nodes<double>(nodes, arrays, "cover", [](SplitNode& n, double v) { n.cover = v; });
  data.node_begin = vector_of<std::int64_t>(arrays, "node_begin");
  data.leaf_begin = vector_of<std::int64_t>(arrays, "leaf_begin");
  data.leaves = vector_of<double>(arrays, "leaves");
  data.leaf_cover = vector_of<double>(arrays, "leaf_cover");
  data.category_words = vector_of<std::uint64_t>(arrays, "category_words");
  data.category_begin = vector_of<std::int64_t>(arrays, "category_begin");
  data.base = vector_of<double>(arrays, "base");
  const auto name = value_of<std::string>(arrays, "link");
  const auto link = ranking::find_link(name);
  check_argument(link.has_value(), "unknown link '", name,
                 "'; choose one of: identity, sigmoid, softmax, exp");
  data.link = *link;
  data.link_slope = value_of<double>(arrays, "link_slope");
  data.float32_inputs = value_of<bool>(arrays, "float32_inputs");
  data.feature_names = value_of<std::vector<std::string>>(arrays, "feature_names");
  const py::gil_scoped_release release;
  return std::make_shared<Forest>(std::move(data));
}

template <class T, class Get>
py::array_t<T> column(const std::vector<SplitNode>& nodes, const Get& get) {
  py::array_t<T> out(static_cast<py::ssize_t>(nodes.size()));
  std::transform(nodes.begin(), nodes.end(), out.mutable_data(), get);
  return out;
}

template <class T>
py::array_t<T> copied(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

py::dict to_arrays(const Forest& forest) {
  const ForestData& data = forest.data();
  const auto& nodes = data.nodes;
  py::dict out;
  out["num_features"] = data.num_features;
  out["threshold"] = column<double>(nodes, [](const SplitNode& n) { return n.threshold; });
  out["feature"] = column<std::int32_t>(nodes, [](const SplitNode& n) { return n.feature; });
  out["left"] = column<std::int32_t>(nodes, [](const SplitNode& n) { return n.left; });
  out["right"] = column<std::int32_t>(nodes, [](const SplitNode& n) { return n.right; });
  out["categories"] = column<std::int32_t>(nodes, [](const SplitNode& n) { return n.categories; });
  out["missing_left"] = column<bool>(nodes, [](const SplitNode& n) { return n.missing_left; });
  out["missing"] = column<std::uint8_t>(
      nodes, [](const SplitNode& n) { return static_cast<std::uint8_t>(n.missing); });
  out["gain"] = column<float>(nodes, [](const SplitNode& n) { return n.gain; });
  out["cover"] = column<double>(nodes, [](const SplitNode& n) { return n.cover; });
  out["node_begin"] = copied(data.node_begin);
  out["leaf_begin"] = copied(data.leaf_begin);
  out["leaves"] = copied(data.leaves);
  out["leaf_cover"] = copied(data.leaf_cover);
  out["category_words"] = copied(data.category_words);
  out["category_begin"] = copied(data.category_begin);
  out["base"] = copied(data.base);
  out["link"] = ranking::link_name(data.link);
  out["link_slope"] = data.link_slope;
  out["float32_inputs"] = data.float32_inputs;
  out["feature_names"] = data.feature_names;
  return out;
}

template <class T>
py::array_t<double> predict_raw(const Forest& forest, const Array<T>& rows, int threads) {
  check_argument(rows.ndim() == 2, "rows must be an array of two dimensions, [rows, features]");
  const MatrixView<const T> view{rows.data(), static_cast<std::size_t>(rows.shape(0)),
                                 static_cast<std::size_t>(rows.shape(1))};
  py::array_t<double> scores({rows.shape(0), static_cast<py::ssize_t>(forest.outputs())});
  const std::span<double> out(scores.mutable_data(), static_cast<std::size_t>(scores.size()));
  const py::gil_scoped_release release;
  forest.predict_raw(view, out, threads);
  return scores;
}

py::array_t<double> apply_link(const Forest& forest, const Array<double>& scores) {
  check_argument(
      scores.ndim() == 2 && scores.shape(1) == static_cast<py::ssize_t>(forest.outputs()),
      "scores must be [rows, ", forest.outputs(), "]");
  py::array_t<double> out({scores.shape(0), scores.shape(1)});
  const std::span<double> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
  std::copy(scores.data(), scores.data() + scores.size(), values.begin());
  const py::gil_scoped_release release;
  forest.apply_link(values);
  return out;
}

}  // namespace

void register_forest(py::module_& module) {
  py::class_<Forest, ForestPtr>(module, "Forest",
                                "Trees ready to score; penchant.ranking.Forest wraps it.")
      .def_static("from_arrays", &from_arrays, py::arg("arrays"), "What to_arrays gives.")
      .def("to_arrays", &to_arrays)
      .def("predict_raw", &predict_raw<float>, py::arg("rows").noconvert(), py::arg("threads") = 1)
      .def("predict_raw", &predict_raw<double>, py::arg("rows"), py::arg("threads") = 1,
           "Scores [rows, outputs] float64, before the link.")
      .def("apply_link", &apply_link, py::arg("scores"), "Predictions [rows, outputs].")
      .def_property_readonly("num_trees", [](const Forest& f) { return f.data().trees(); })
      .def_property_readonly("num_features", &Forest::num_features)
      .def_property_readonly("num_outputs", &Forest::outputs)
      .def_property_readonly("num_leaves", [](const Forest& f) { return f.data().leaves.size(); })
      .def_property_readonly("link",
                             [](const Forest& f) { return ranking::link_name(f.data().link); })
      .def_property_readonly("feature_names",
                             [](const Forest& f) { return f.data().feature_names; })
      .def(
          "save",
          [](const Forest& forest, bundle::Writer& writer, const std::string& prefix) {
            forest.save(writer, prefix);
          },
          py::arg("writer"), py::arg("prefix"))
      .def_static(
          "load",
          [](const std::shared_ptr<bundle::Reader>& reader, const std::string& prefix) {
            const py::gil_scoped_release release;
            return unconst(Forest::load(reader, prefix));
          },
          py::arg("reader"), py::arg("prefix"));
}

}  // namespace penchant::bindings
