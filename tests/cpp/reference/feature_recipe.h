#pragma once

// Features of people as feature_recipe.h defines them, word for word, without its tables.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "penchant/models/feature_recipe.h"

namespace penchant::reference {

// Tokens of each person in one column, in their order.
using Tokens = std::vector<std::vector<std::string>>;

// Rows by token name, "<column>/<token>", of unit length or empty.
inline std::vector<std::map<std::string, double>> features(const std::vector<Tokens>& columns,
                                                           const std::vector<double>& weights,
                                                           std::size_t min_count) {
  const std::size_t people = columns.front().size();
  std::vector<std::map<std::string, double>> out(people);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::map<std::string, double> df;
    for (const auto& tokens : columns[c]) {
      for (const auto& token : std::set<std::string>(tokens.begin(), tokens.end())) df[token] += 1;
    }
    for (std::size_t u = 0; u < people; ++u) {
      std::map<std::string, double> row;
      for (const auto& token : columns[c][u]) {
        if (df[token] >= static_cast<double>(min_count)) row[token] += 1;
      }
      double square = 0;
      for (auto& [token, value] : row) {
        value = (1 + std::log(value)) *
                (1 + std::log((1 + static_cast<double>(people)) / (1 + df[token])));
        square += value * value;
      }
      for (const auto& [token, value] : row) {
        out[u][std::to_string(c) + "/" + token] = value * std::sqrt(weights[c] / square);
      }
    }
  }
  for (auto& row : out) {
    double square = 0;
    for (const auto& [token, value] : row) square += value * value;
    for (auto& [token, value] : row) value /= std::sqrt(square);
  }
  return out;
}

}  // namespace penchant::reference
