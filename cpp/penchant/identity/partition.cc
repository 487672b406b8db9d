#include "penchant/identity/partition.h"

#include <limits>
#include <utility>

namespace penchant::identity {

Partition::Partition(const Options& options, const IdentifierTable& table)
    : table_(&table),
      most_(options.most > 0 ? options.most : std::numeric_limits<std::int64_t>::max()) {
  for (std::size_t i = 0; i < options.namespaces.size(); ++i) {
    const Namespace& one = options.namespaces[i];
    const bool limited = one.limit > 0 && one.same_as.empty();
    weak_.push_back(one.bridge ? 0 : 1);
    slots_.push_back(limited ? static_cast<std::int32_t>(limited_.size()) : -1);
    if (!limited) continue;
    limited_.push_back(i);
    limits_.push_back(one.limit);
  }
}

void Partition::grow(std::size_t nodes) {
  const std::size_t before = parents_.size();
  parents_.resize(nodes);
  leaders_.resize(nodes);
  sizes_.resize(nodes);
  personal_.resize(nodes);
  counts_.resize(nodes * limited_.size());
  for (std::size_t i = before; i < nodes; ++i) reset(static_cast<std::int32_t>(i));
}

std::int32_t Partition::add(std::int32_t id) {
  ids_.push_back(id);
  grow(ids_.size());
  return static_cast<std::int32_t>(ids_.size()) - 1;
}

void Partition::reset(std::int32_t node) {
  const std::size_t i = index(node);
  const std::size_t space = table_->name_space(id(node));
  parents_[i] = node;
  leaders_[i] = id(node);
  sizes_[i] = 1;
  personal_[i] = weak_[space] == 0 ? 1 : 0;
  for (std::size_t k = 0; k < limited_.size(); ++k) counts_[i * limited_.size() + k] = 0;
  if (slots_[space] >= 0) counts_[i * limited_.size() + index(slots_[space])] = 1;
}

std::int32_t Partition::root(std::int32_t node) const {
  while (parents_[index(node)] != node) node = parents_[index(node)];
  return node;
}

std::int32_t Partition::find(std::int32_t node) {
  while (parents_[index(node)] != node) {
    std::int32_t& parent = parents_[index(node)];
    parent = parents_[index(parent)];
    node = parent;
  }
  return node;
}

Verdict Partition::verdict(std::int32_t a, std::int32_t b, std::int32_t x, std::int32_t y) const {
  const bool weak = (weak_[table_->name_space(id(a))] | weak_[table_->name_space(id(b))]) != 0;
  if (weak && personal_[index(x)] != 0 && personal_[index(y)] != 0) return {Standing::kBridge, 0};
  const std::uint16_t* of_x = counts_.data() + index(x) * limited_.size();
  const std::uint16_t* of_y = counts_.data() + index(y) * limited_.size();
  for (std::size_t k = 0; k < limited_.size(); ++k) {
    if (of_x[k] + of_y[k] > limits_[k]) {
      return {limits_[k] == 1 ? Standing::kUnique : Standing::kLimit, limited_[k]};
    }
  }
  if (std::int64_t{sizes_[index(x)]} + sizes_[index(y)] > most_) return {Standing::kMost, 0};
  return {};
}

Verdict Partition::unite(std::int32_t a, std::int32_t b) {
  std::int32_t x = find(a);
  std::int32_t y = find(b);
  if (x == y) return {Standing::kSpare, 0};
  const Verdict out = verdict(a, b, x, y);
  if (out.standing != Standing::kUnited) return out;
  if (sizes_[index(x)] < sizes_[index(y)]) std::swap(x, y);
  parents_[index(y)] = x;
  sizes_[index(x)] += sizes_[index(y)];
  personal_[index(x)] |= personal_[index(y)];
  const std::int32_t other = leaders_[index(y)];
  if (table_->leads(other, leaders_[index(x)])) leaders_[index(x)] = other;
  for (std::size_t k = 0; k < limited_.size(); ++k) {
    counts_[index(x) * limited_.size() + k] = static_cast<std::uint16_t>(
        counts_[index(x) * limited_.size() + k] + counts_[index(y) * limited_.size() + k]);
  }
  return out;
}

std::size_t Partition::memory_bytes() const {
  return ids_.capacity() * sizeof(std::int32_t) + parents_.capacity() * sizeof(std::int32_t) +
         leaders_.capacity() * sizeof(std::int32_t) + sizes_.capacity() * sizeof(std::int32_t) +
         personal_.capacity() + counts_.capacity() * sizeof(std::uint16_t);
}

}  // namespace penchant::identity
