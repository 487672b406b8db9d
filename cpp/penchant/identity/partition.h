#pragma once

// Which nodes are one subject: union-find (by size, paths halved) that refuses a union which would
// break a rule. Links are offered one after the other; what was refused leaves no trace.
//
//   Partition partition(options, table);  partition.grow(table.size());
//   partition.unite(a, b).standing;                     // kUnited, kSpare, or why not
//
// A node is an identifier of the table: the one of its own number, or the one it was added for.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "penchant/identity/identifier_table.h"
#include "penchant/identity/link_set.h"
#include "penchant/identity/options.h"

namespace penchant::identity {

struct Verdict {
  Standing standing = Standing::kUnited;
  std::size_t culprit = 0;  // namespace, for kUnique and kLimit
};

class Partition {
 public:
  Partition(const Options& options, const IdentifierTable& table);

  void grow(std::size_t nodes);       // new nodes are the identifiers of their own numbers
  std::int32_t add(std::int32_t id);  // one node for `id`; never together with grow
  void reset(std::int32_t node);      // alone again; so must be all that were united with it

  // Nearly O(1), times the number of namespaces that have limits.
  Verdict unite(std::int32_t a, std::int32_t b);
  // The identifier that names the node's subject. O(log size), safe among readers.
  [[nodiscard]] std::int32_t leader(std::int32_t node) const { return leaders_[index(root(node))]; }
  [[nodiscard]] std::size_t subject_size(std::int32_t node) const {
    return static_cast<std::size_t>(sizes_[index(root(node))]);
  }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] std::int32_t root(std::int32_t node) const;
  std::int32_t find(std::int32_t node);
  [[nodiscard]] std::int32_t id(std::int32_t node) const {
    return ids_.empty() ? node : ids_[index(node)];
  }
  [[nodiscard]] Verdict verdict(std::int32_t a, std::int32_t b, std::int32_t x,
                                std::int32_t y) const;

  const IdentifierTable* table_;
  std::vector<std::uint8_t> weak_;    // by namespace
  std::vector<std::int32_t> slots_;   // by namespace: its place among those with limits, or -1
  std::vector<std::size_t> limited_;  // namespaces with limits, and these
  std::vector<std::int32_t> limits_;
  std::int64_t most_;

  std::vector<std::int32_t> ids_;      // by node, where they are not the nodes
  std::vector<std::int32_t> parents_;  // what follows holds for roots
  std::vector<std::int32_t> leaders_;
  std::vector<std::int32_t> sizes_;
  std::vector<std::uint8_t> personal_;  // has an identifier that is not weak
  std::vector<std::uint16_t> counts_;   // [node, limited_]
};

}  // namespace penchant::identity
