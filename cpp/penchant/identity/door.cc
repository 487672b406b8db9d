#include "penchant/identity/door.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/identity/digest.h"

namespace penchant::identity {
namespace {

constexpr std::string_view kCheckDomain = "penchant identity key check";

std::string_view view(const Digest& digest) { return {digest.data(), digest.size()}; }

int nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

void unhex(std::string_view hex, Digest& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<char>(nibble(hex[2 * i]) * 16 + nibble(hex[2 * i + 1]));
  }
}

}  // namespace

void check(const TextColumn& column) {
  const auto offsets = column.offsets;
  check_argument(!offsets.empty() && offsets.front() >= 0 &&
                     std::is_sorted(offsets.begin(), offsets.end()) &&
                     std::cmp_less_equal(offsets.back(), column.bytes.size()),
                 "a column of texts: offsets must ascend within its bytes");
}

bool kept_as_digest(const Options& options, std::size_t name_space, bool keyed) {
  const Form form = options.namespaces[name_space].form;
  return keyed || form == Form::kEmail || form == Form::kHashedEmail;
}

std::size_t home(const Options& options, std::size_t name_space) {
  const Namespace& one = options.namespaces[name_space];
  return one.same_as.empty() ? name_space
                             : static_cast<std::size_t>(find_namespace(options, one.same_as));
}

std::uint64_t hash_of(std::string_view name_space, std::string_view value) {
  return XXH3_64bits_withSeed(value.data(), value.size(),
                              XXH3_64bits(name_space.data(), name_space.size()));
}

struct Door::Impl {
  Options options;
  std::string key;
  std::vector<std::size_t> homes;
  std::vector<std::unordered_set<std::string>> blocked;  // by home, as kept

  Impl(Options given, std::string_view secret) : options(std::move(given)), key(secret) {
    for (std::size_t i = 0; i < options.namespaces.size(); ++i) {
      homes.push_back(home(options, i));
    }
    block_listed();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    volatile char* bytes = key.data();
    for (std::size_t i = 0; i < key.size(); ++i) bytes[i] = 0;
  }

  void block_listed() {
    blocked.resize(options.namespaces.size());
    Digester digester(key);
    std::string out;
    for (std::size_t i = 0; i < options.namespaces.size(); ++i) {
      const auto block = [&](const std::string& raw) {
        if (keep(i, raw, digester, out) == Reading::kRead) blocked[homes[i]].insert(out);
      };
      std::for_each(options.blocked.begin(), options.blocked.end(), block);
      const auto& own = options.namespaces[i].blocked;
      std::for_each(own.begin(), own.end(), block);
    }
    // As logs write nobody: in any case.
    for (std::size_t i = 0; i < options.namespaces.size(); ++i) {
      for (const std::string& raw : options.blocked) {
        for (const bool shout : {false, true}) {
          std::string other = raw;
          for (std::size_t c = 0; c < other.size(); ++c) {
            const bool letter = other[c] >= 'a' && other[c] <= 'z';
            if (letter && (shout || c == 0)) other[c] = static_cast<char>(other[c] - 'a' + 'A');
          }
          if (keep(i, other, digester, out) == Reading::kRead) blocked[homes[i]].insert(out);
        }
      }
    }
  }

  // Fills `out` with what is kept of one raw value.
  Reading keep(std::size_t name_space, std::string_view raw, Digester& digester,
               std::string& out) const {
    const Form form = options.namespaces[name_space].form;
    const Reading reading = normalize(form, options, raw, out);
    if (reading != Reading::kRead) return reading;
    Digest digest{};
    const bool hashed = form == Form::kEmail || form == Form::kHashedEmail;
    if (form == Form::kEmail) digest = digester.sha256(out);
    if (form == Form::kHashedEmail) unhex(out, digest);
    if (!key.empty()) {
      const std::string& domain = options.namespaces[homes[name_space]].name;
      digest = digester.keyed(domain, hashed ? view(digest) : std::string_view(out));
    }
    if (hashed || !key.empty()) out.assign(digest.data(), kDigestBytes);
    return Reading::kRead;
  }

  [[nodiscard]] Reading pass(std::size_t name_space, std::string_view raw, Digester& digester,
                             std::string& out) const {
    const Reading reading = keep(name_space, raw, digester, out);
    const auto& list = blocked[homes[name_space]];
    return reading == Reading::kRead && list.contains(out) ? Reading::kBlocked : reading;
  }
};

Door::Door(Options options, std::string_view key)
    : impl_(std::make_unique<Impl>(std::move(options), key)) {}
Door::~Door() = default;
Door::Door(Door&&) noexcept = default;
Door& Door::operator=(Door&&) noexcept = default;

Door::Batch Door::read(const TextColumn& column, int threads) const {
  check(column);
  const std::size_t rows = column.rows();
  const std::string& domain = impl_->options.namespaces[impl_->homes[column.name_space]].name;
  Batch batch;
  batch.blocks_.resize((rows + Batch::kRows - 1) / Batch::kRows);
  parallel_blocks(rows, Batch::kRows, threads, [&](const penchant::Block& range) {
    Batch::Block& block = batch.blocks_[range.number];
    const std::size_t count = range.end - range.begin;
    block.ends.resize(count);
    block.hashes.resize(count);
    block.readings.resize(count);
    Digester digester(impl_->key);
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      block.readings[i] =
          impl_->pass(column.name_space, column.text(range.begin + i), digester, out);
      if (block.readings[i] == Reading::kRead) {
        block.bytes += out;
        block.hashes[i] = hash_of(domain, out);
      }
      block.ends[i] = static_cast<std::uint32_t>(block.bytes.size());
    }
  });
  return batch;
}

Reading Door::read(std::size_t name_space, std::string_view raw, std::string& out) const {
  Digester digester(impl_->key);
  return impl_->pass(name_space, raw, digester, out);
}

bool Door::blocks(std::size_t name_space, std::string_view kept) const {
  return impl_->blocked[impl_->homes[name_space]].contains(std::string(kept));
}

std::string Door::key_check() const {
  if (impl_->key.empty()) return {};
  const Digest digest = Digester(impl_->key).keyed(kCheckDomain, {});
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(digest[i]);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

}  // namespace penchant::identity
