// Any bytes at all as a bundle: a reader, whose every view then lies inside the file, or a corrupt
// bundle with a reason. Each input is tried as it is, with its checksums repaired, and as a header
// (up to the first zero byte) with data, so that the fuzzer gets behind the checksums.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bundle/forge.h"

#include "penchant/base/error.h"
#include "penchant/bundle/bundle.h"

namespace {

namespace bundle = penchant::bundle;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_everything(const bundle::Reader& reader) {
  const std::size_t size = reader.file_bytes().size();
  unsigned sum = 0;
  for (const bundle::Section& section : reader.sections()) {
    check(section.offset % bundle::kAlignment == 0);
    check(section.offset <= size && section.bytes <= size - section.offset);
    check(&reader.section(section.name) == &section);
    for (const std::byte b : reader.file_bytes().subspan(section.offset, section.bytes)) {
      sum += static_cast<unsigned>(b);
    }
  }
  volatile unsigned sink = sum;
  static_cast<void>(sink);
  check(!reader.lineage_json().empty() && reader.fingerprint().size() == 16);
}

void try_to_read(const std::string& file) {
  try {
    read_everything(*bundle::Reader::from_bytes(bundle::forge::to_bytes(file)));
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kCorruptBundle);
    check(!std::string_view(error.what()).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  try_to_read(input);

  std::string repaired = input;
  bundle::forge::repair(repaired);
  try_to_read(repaired);

  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string built = bundle::forge::file_of(
      input.substr(0, end), end < input.size() ? input.substr(end + 1) : std::string());
  bundle::forge::repair(built);
  try_to_read(built);
  return 0;
}
