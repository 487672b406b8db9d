#pragma once

// Rows sorted into lists by the nearest of some hundreds of centres; a search reads the codes of
// the lists nearest to the query, one after the other, and scores the head again from the floats.
// Less memory and a shorter build than a graph, for very large catalogues (Jégou, Douze & Schmid,
// "Product quantization for nearest neighbor search", 2011, section IV, with bytes for codes).
//
//   auto lists = InvertedLists::build(store, {.seed = 0, .threads = 2}, progress);
//   lists.search(store, query, 10, 16, hits);      // of the 16 nearest lists
//
// Centres by Lloyd's iterations on a drawn sample, in fixed blocks: the same at any number of
// threads and on any CPU. For the inner product rows are sorted by direction, and lists are visited
// in the order of (query . direction) * the longest row.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/top_k.h"
#include "penchant/bundle/bundle.h"
#include "penchant/retrieval/code_store.h"
#include "penchant/retrieval/vector_index.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

class InvertedLists {
 public:
  struct Params {
    std::uint64_t seed = 0;
    int threads = 0;
  };
  // Over all rows of the store that are there.
  [[nodiscard]] static InvertedLists build(const VectorStore& store, const Params& params,
                                           const Progress& progress);

  [[nodiscard]] std::size_t size() const { return centres_.size() / columns_; }  // lists

  // Writes the best k found in the `probes` nearest lists, and in further ones until there are k.
  // skip: rows not to be found, ascending. Returns rows read.
  std::uint64_t search(const VectorStore& store, std::span<const float> query, std::size_t k,
                       std::size_t probes, std::span<Scored> hits,
                       std::span<const std::int32_t> skip = {}) const;

  // Rows appended to the store since go to their nearest list.
  void extend(const VectorStore& store, int threads);
  // Overwrites the rows' codes.
  void erase(const VectorStore& store, std::span<const std::int32_t> rows);

  [[nodiscard]] const CodeStore& codes() const { return codes_; }  // of places

  // Sections <prefix>/centres, lists, centre.
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static InvertedLists load(const std::shared_ptr<const bundle::Reader>& reader,
                                          const std::string& prefix, const VectorStore& store);

 private:
  InvertedLists(const VectorStore& store, AlignedVector<float> centres, std::vector<float> centre);
  // Lays the rows out by list_of_.
  void lay(const VectorStore& store);

  Metric metric_;
  std::size_t columns_;                // of centres: the store's stride
  AlignedVector<float> centres_;       // [lists, columns]
  std::vector<std::int32_t> list_of_;  // of each row; -1: removed
  std::vector<std::int64_t> offsets_;  // [lists + 1] of places
  std::vector<std::int32_t> rows_;     // of each place; -1: erased
  std::vector<float> longest_;         // of each list; 1 but for the inner product
  CodeStore codes_;                    // of each place
};

}  // namespace penchant::retrieval
