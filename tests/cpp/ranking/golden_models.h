#pragma once

// The model files of tests/golden/forests with the rows, raw scores and SHAP values that the
// library which wrote them gave.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "penchant/ranking/import_catboost.h"
#include "penchant/ranking/import_lightgbm.h"
#include "penchant/ranking/import_xgboost.h"

namespace penchant::golden {

struct Model {
  std::string name;  // "xgboost_binary.json"
  std::string bytes;
  std::vector<std::vector<double>> rows;  // [rows][features]
  std::vector<std::vector<double>> raw;   // [rows][outputs]
  std::vector<std::vector<double>> shap;  // [rows][outputs * (features + 1)], or empty rows
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("can't read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void read_table(const std::filesystem::path& path, Model& model) {
  const std::string text = read_file(path);
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    std::vector<std::string> cells;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t comma = std::min(line.find(',', at), line.size());
      cells.push_back(line.substr(at, comma - at));
      at = comma + 1;
    }
    if (names.empty()) {
      names = cells;
      continue;
    }
    model.rows.emplace_back();
    model.raw.emplace_back();
    model.shap.emplace_back();
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const double value = std::strtod(cells[c].c_str(), nullptr);
      if (names[c].starts_with("x")) model.rows.back().push_back(value);
      if (names[c].starts_with("raw")) model.raw.back().push_back(value);
      if (names[c].starts_with("shap")) model.shap.back().push_back(value);
    }
  }
}

// ctest says where they are; by hand, from the root of the checkout.
inline std::filesystem::path folder() {
  const char* const golden = std::getenv("PENCHANT_GOLDEN");
  return std::filesystem::path(golden != nullptr ? golden : "tests/golden") / "forests";
}

inline std::vector<Model> models() {
  std::vector<Model> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    const std::filesystem::path& path = entry.path();
    const std::string extension = path.extension().string();
    if (extension != ".txt" && extension != ".json" && extension != ".ubj") continue;
    Model model{.name = path.filename().string(),
                .bytes = read_file(path),
                .rows = {},
                .raw = {},
                .shap = {}};
    read_table(folder() / (path.stem().string() + ".csv"), model);
    found.push_back(std::move(model));
  }
  std::sort(found.begin(), found.end(),
            [](const Model& a, const Model& b) { return a.name < b.name; });
  return found;
}

// CatBoost's file with target statistics is there to be refused.
inline bool importable(const Model& model) { return !model.name.starts_with("catboost_ctr"); }

inline ranking::ForestData import_model(const std::string& name, const std::string& bytes) {
  if (name.starts_with("lightgbm")) return ranking::import_lightgbm(bytes);
  if (name.starts_with("catboost")) return ranking::import_catboost(bytes);
  return ranking::import_xgboost(bytes);
}

}  // namespace penchant::golden
