#pragma once

// The JSON header: what the writer says about the sections, and what a reader believes of it.
// Parsing builds the section table and nothing else, so a hostile header costs memory in
// proportion to its own size.

#include <string>
#include <string_view>
#include <vector>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle {

struct Header {
  std::uint64_t version = 0;
  std::uint64_t oldest_reader = 0;
  std::string lineage;            // the text of the object, as it stands in the header
  std::vector<Section> sections;  // offsets from the start of the data area, in the file's order
};

// Checks the syntax, the nesting, the types, that nothing is missing or said twice, and each
// section by itself (name, dtype, checksum's form, shape against bytes). Throws kCorruptBundle.
[[nodiscard]] Header parse_header(std::string_view json);

// The inverse; `lineage` is spliced in as it is. Throws kInvalidArgument unless it is one JSON
// object without anything around it.
[[nodiscard]] std::string format_header(const std::vector<Section>& sections,
                                        std::string_view lineage);

// Walks the sections in their order over a file of `file_bytes` whose data area starts at
// `data_start`: each must start where the alignment puts it after the one before, the last must
// end the file, and no dimension may exceed file_bytes. Turns offsets into positions in the file.
// Throws kCorruptBundle.
void place_sections(std::vector<Section>& sections, std::uint64_t data_start,
                    std::uint64_t file_bytes);

}  // namespace penchant::bundle
