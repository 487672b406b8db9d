#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "penchant/bundle/atomic_file.h"
#include "penchant/bundle/format.h"
#include "penchant/bundle/header.h"

namespace penchant::bundle {
namespace {

constexpr std::array<std::byte, kAlignment> kZeros{};

}  // namespace

struct Writer::Impl {
  std::vector<Section> sections;                    // offsets from the start of the data area
  std::vector<std::span<const std::byte>> bytes;    // of each section
  std::vector<std::shared_ptr<const void>> owners;  // of those bytes
  std::set<std::string, std::less<>> names;
  std::uint64_t end = 0;  // of the last section

  // Hands the file to `sink` piece by piece, each a span, in order.
  void emit(std::string_view lineage_json, auto&& reserve, auto&& sink) const {
    const std::string json = format_header(sections, lineage_json);
    check_argument(json.size() <= kMaxHeaderBytes, "the header would be ", json.size(),
                   " bytes; at most ", kMaxHeaderBytes, " are allowed: shorten the lineage");
    const auto header = std::as_bytes(std::span(json));
    const std::uint64_t data_start = align_up(kPrefixBytes + header.size());
    std::uint64_t position = 0;
    const auto put = [&](std::span<const std::byte> piece) {
      sink(piece);
      position += piece.size();
    };
    const auto pad_to = [&](std::uint64_t target) {
      put(std::span(kZeros).first(static_cast<std::size_t>(target - position)));
    };
    Prefix prefix;
    prefix.header_bytes = header.size();
    prefix.header_checksum = checksum(header);
    prefix.file_bytes = data_start + end;
    check_placed(data_start, prefix.file_bytes);
    std::array<std::byte, kPrefixBytes> encoded{};
    encode_prefix(prefix, encoded);
    reserve(static_cast<std::size_t>(prefix.file_bytes));
    put(encoded);
    put(header);
    pad_to(data_start);
    for (std::size_t i = 0; i < sections.size(); ++i) {
      pad_to(data_start + sections[i].offset);
      put(bytes[i]);
    }
  }

  // The reader's own rules, so that nothing is written that would not be read.
  void check_placed(std::uint64_t data_start, std::uint64_t file_bytes) const {
    std::vector<Section> placed = sections;
    try {
      place_sections(placed, data_start, file_bytes);
    } catch (const Error& error) {
      fail(ErrorKind::kInvalidArgument, concat("a bundle can't hold this: ", error.what()));
    }
  }
};

Writer::Writer() : impl_(std::make_unique<Impl>()) {}
Writer::~Writer() = default;
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;

void Writer::add_text(std::string_view name, std::string_view text) {
  add_bytes(name, DType::kUint8, {text.size()}, std::as_bytes(std::span(text)));
}

void Writer::add_bytes(std::string_view name, DType dtype, std::vector<std::uint64_t> shape,
                       std::span<const std::byte> bytes) {
  // Exactly as large as needed, and not zeroed first.
  std::shared_ptr<std::byte[]> kept = std::make_shared_for_overwrite<std::byte[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(kept.get(), bytes.data(), bytes.size());
  const std::span<const std::byte> view(kept.get(), bytes.size());
  add_shared(name, dtype, std::move(shape), view, std::move(kept));
}

void Writer::add_shared(std::string_view name, DType dtype, std::vector<std::uint64_t> shape,
                        std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  if (!owner) return add_bytes(name, dtype, std::move(shape), bytes);
  check_argument(is_valid_name(name), "section name '", name.substr(0, kMaxNameBytes),
                 "': a name is 1 to ", kMaxNameBytes, " characters of [a-z0-9_/.-]");
  check_argument(!impl_->names.contains(name), "section '", name, "' was already added");
  check_argument(!shape.empty() && shape.size() <= kMaxRank, "section '", name, "': ", shape.size(),
                 " axes; 1 to ", kMaxRank, " are possible");
  check_argument(array_bytes(shape, dtype) == bytes.size(), "section '", name,
                 "': its shape and dtype do not make ", bytes.size(), " bytes");
  Section section;
  section.name = name;
  section.dtype = dtype;
  section.shape = std::move(shape);
  section.offset = align_up(impl_->end);
  section.bytes = bytes.size();
  section.xxh3 = checksum(bytes);
  impl_->names.emplace(name);
  impl_->end = section.offset + section.bytes;
  impl_->sections.push_back(std::move(section));
  impl_->bytes.push_back(bytes);
  impl_->owners.push_back(std::move(owner));
}

AlignedVector<std::byte> Writer::to_bytes(std::string_view lineage_json) const {
  AlignedVector<std::byte> out;
  impl_->emit(
      lineage_json, [&](std::size_t size) { out.reserve(size); },
      [&](std::span<const std::byte> piece) { out.insert(out.end(), piece.begin(), piece.end()); });
  return out;
}

void Writer::write_file(const std::filesystem::path& path, std::string_view lineage_json) const {
  AtomicFile file(path);
  impl_->emit(
      lineage_json, [](std::size_t /*size*/) {},
      [&](std::span<const std::byte> piece) { file.write(piece); });
  file.commit();
}

}  // namespace penchant::bundle
