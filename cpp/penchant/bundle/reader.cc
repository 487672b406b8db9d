#include <algorithm>
#include <numeric>

#include "penchant/bundle/format.h"
#include "penchant/bundle/header.h"
#include "penchant/bundle/mapped_file.h"

namespace penchant::bundle {
namespace {

template <class... Parts>
[[noreturn]] void corrupt(const Parts&... message) {
  fail(ErrorKind::kCorruptBundle, concat(message...));
}

void check_zero(std::span<const std::byte> bytes, std::uint64_t position) {
  const auto wrong =
      std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
  if (wrong != bytes.end()) {
    corrupt("byte ", position + static_cast<std::uint64_t>(wrong - bytes.begin()),
            " is padding and must be zero: the file is damaged");
  }
}

}  // namespace

struct Reader::Impl {
  MappedFile mapping;              // the one or
  AlignedVector<std::byte> owned;  // the other holds the bytes
  std::span<const std::byte> file;

  std::string json;
  std::string lineage;
  std::string fingerprint;
  std::vector<Section> sections;     // offsets from the start of the file
  std::vector<std::size_t> by_name;  // positions in sections, sorted by name

  // Everything there is to check, cheap things first. After it no number needs a second look.
  void check() {
    const Prefix prefix = decode_prefix(file);
    const auto header_bytes =
        file.subspan(kPrefixBytes, static_cast<std::size_t>(prefix.header_bytes));
    if (checksum(header_bytes) != prefix.header_checksum) {
      corrupt("the checksum of the header differs: the file is damaged");
    }
    json.assign(reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size());
    fingerprint = to_hex(prefix.header_checksum);

    Header header = parse_header(json);
    if (header.version != prefix.version || header.oldest_reader != prefix.oldest_reader) {
      corrupt("the header says format ", header.version, " (oldest reader ", header.oldest_reader,
              "), the prefix ", prefix.version, " (", prefix.oldest_reader, ")");
    }
    place_sections(header.sections, align_up(kPrefixBytes + prefix.header_bytes), file.size());
    lineage = std::move(header.lineage);
    sections = std::move(header.sections);
    index_names();
    check_contents(kPrefixBytes + prefix.header_bytes);
  }

  void index_names() {
    by_name.resize(sections.size());
    std::iota(by_name.begin(), by_name.end(), std::size_t{0});
    std::sort(by_name.begin(), by_name.end(),
              [&](std::size_t a, std::size_t b) { return sections[a].name < sections[b].name; });
    const auto twice = std::adjacent_find(
        by_name.begin(), by_name.end(),
        [&](std::size_t a, std::size_t b) { return sections[a].name == sections[b].name; });
    if (twice != by_name.end()) corrupt("two sections are named '", sections[*twice].name, "'");
  }

  void check_contents(std::uint64_t end) const {
    for (const Section& section : sections) {
      check_zero(between(end, section.offset), end);
      end = section.offset + section.bytes;
      if (checksum(between(section.offset, end)) != section.xxh3) {
        corrupt("section '", section.name, "': its checksum differs: the file is damaged");
      }
    }
    check_zero(between(end, file.size()), end);  // only a file without sections has any here
  }

  [[nodiscard]] std::span<const std::byte> between(std::uint64_t begin, std::uint64_t end) const {
    return file.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

  [[nodiscard]] const Section* find(std::string_view name) const {
    const auto at = std::lower_bound(
        by_name.begin(), by_name.end(), name,
        [&](std::size_t i, std::string_view wanted) { return sections[i].name < wanted; });
    if (at == by_name.end() || sections[*at].name != name) return nullptr;
    return &sections[*at];
  }
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

std::shared_ptr<const Reader> Reader::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->mapping = MappedFile(path);
  impl->file = impl->mapping.bytes();
  try {
    impl->mapping.will_read_through();
    impl->check();
    impl->mapping.will_read_anywhere();
  } catch (const Error& error) {
    fail(error.kind(), concat("bundle '", path.string(), "': ", error.what()));
  }
  return std::shared_ptr<const Reader>(new Reader(std::move(impl)));
}

std::shared_ptr<const Reader> Reader::from_bytes(AlignedVector<std::byte> bytes) {
  auto impl = std::make_unique<Impl>();
  impl->owned = std::move(bytes);
  impl->file = impl->owned;
  impl->check();
  return std::shared_ptr<const Reader>(new Reader(std::move(impl)));
}

bool Reader::has(std::string_view name) const { return impl_->find(name) != nullptr; }

const Section& Reader::section(std::string_view name) const {
  const Section* found = impl_->find(name);
  if (found == nullptr) corrupt("the bundle has no section '", name, "'");
  return *found;
}

const std::vector<Section>& Reader::sections() const { return impl_->sections; }
const std::string& Reader::lineage_json() const { return impl_->lineage; }
const std::string& Reader::header_json() const { return impl_->json; }
const std::string& Reader::fingerprint() const { return impl_->fingerprint; }
std::span<const std::byte> Reader::file_bytes() const { return impl_->file; }

std::string_view Reader::text(std::string_view name) const {
  const auto bytes = checked(name, DType::kUint8, 1);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Reader::checked(std::string_view name, DType dtype,
                                           std::size_t rank) const {
  const Section& at = section(name);
  if (at.dtype != dtype || at.shape.size() != rank) {
    corrupt("section '", name, "' holds ", dtype_name(at.dtype), " with ", at.shape.size(),
            " axes; ", dtype_name(dtype), " with ", rank, " are wanted here");
  }
  return impl_->between(at.offset, at.offset + at.bytes);
}

}  // namespace penchant::bundle
