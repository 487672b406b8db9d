#include "penchant/events/deduplicator.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/events/event.h"

namespace penchant::events {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr std::size_t kMaxIds = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kFirstPlaces = 64;
constexpr std::int32_t kFree = -1;
constexpr std::string_view kMagic = "PNCHDUP1";

struct Entry {
  std::string id;
  std::int64_t time = 0;
  std::uint32_t heap_at = 0;
};

// Ordered by time, then id.
using Key = std::pair<std::int64_t, std::string_view>;

Key key_of(const Entry& entry) { return {entry.time, entry.id}; }

// Beyond what a string holds without memory of its own.
std::size_t heap_bytes(const std::string& id) {
  return id.capacity() > std::string().capacity() ? id.capacity() + 1 : 0;
}

[[noreturn]] void bad(std::string_view what) {
  fail(ErrorKind::kBadData, concat("deduplicator: ", what));
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string_view take(std::string_view& bytes, std::size_t size) {
  if (size > bytes.size()) bad("its state ends too soon");
  const std::string_view out = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return out;
}

template <class T>
T get(std::string_view& bytes) {
  T value{};
  std::memcpy(&value, take(bytes, sizeof value).data(), sizeof value);
  return value;
}

void put_key(std::string& out, const Key& key) {
  put(out, key.first);
  put(out, static_cast<std::uint32_t>(key.second.size()));
  out += key.second;
}

Key get_key(std::string_view& bytes) {
  const auto time = get<std::int64_t>(bytes);
  const auto size = get<std::uint32_t>(bytes);
  if (size == 0 || size > kMaxIdBytes) bad("an id's length is out of range");
  return {time, take(bytes, size)};
}

}  // namespace

std::string_view seen_name(Seen seen) {
  switch (seen) {
    case Seen::kNew:
      return "new";
    case Seen::kDuplicate:
      return "duplicate";
    case Seen::kUnknown:
      return "unknown";
  }
  return "";
}

// Entries in slots, found by id through a table with open addressing, the oldest on top of a heap.
struct Deduplicator::Impl {
  explicit Impl(const DeduplicatorOptions& given) : options(given) {
    check_argument(options.horizon.micros >= 0, "deduplicator: a horizon of ",
                   options.horizon.micros, " microseconds; it can't be negative");
    check_argument(options.max_ids >= 1 && options.max_ids <= kMaxIds, "deduplicator: room for ",
                   options.max_ids, " ids; want 1 to ", kMaxIds);
    places.assign(kFirstPlaces, kFree);
  }

  DeduplicatorOptions options;
  std::vector<Entry> entries;
  std::vector<std::uint32_t> unused;  // slots of entries
  std::vector<std::uint32_t> heap;    // of slots, the least key first
  std::vector<std::int32_t> places;   // slots by hash
  std::size_t id_bytes = 0;
  Timestamp latest{};
  // The greatest that there was no room for: at or before it, nothing can be told.
  bool has_floor = false;
  std::int64_t floor_time = 0;
  std::string floor_id;

  Timestamp edge() const { return latest - options.horizon; }

  std::size_t home(std::string_view id) const {
    return XXH3_64bits_withSeed(id.data(), id.size(), options.seed) & (places.size() - 1);
  }
  // The place of the id, or where it would be.
  std::size_t place_of(std::string_view id) const {
    std::size_t at = home(id);
    while (places[at] != kFree && entries[static_cast<std::size_t>(places[at])].id != id) {
      at = (at + 1) & (places.size() - 1);
    }
    return at;
  }

  Seen classify(std::string_view id, Timestamp time) const {
    if (id.empty()) return Seen::kNew;
    if (places[place_of(id)] != kFree) return Seen::kDuplicate;
    if (latest.known() && time < edge()) return Seen::kUnknown;
    if (has_floor && Key(time.micros, id) <= Key(floor_time, floor_id)) return Seen::kUnknown;
    return Seen::kNew;
  }

  Seen fold(std::string_view id, Timestamp time) {
    check_argument(time.known(), "deduplicator: an event's time is not known");
    check_argument(id.size() <= kMaxIdBytes, "deduplicator: an id of more than ", kMaxIdBytes,
                   " bytes");
    const Seen seen = classify(id, time);
    if (id.empty()) return seen;
    if (seen == Seen::kNew) insert(id, time.micros);
    if (seen == Seen::kDuplicate) {
      Entry& entry = entries[static_cast<std::size_t>(places[place_of(id)])];
      if (time.micros > entry.time) {
        entry.time = time.micros;
        sift_down(entry.heap_at);
      }
    }
    latest = std::max(latest, time);
    while (!heap.empty() && entries[heap[0]].time < edge().micros) pop();
    if (heap.size() > options.max_ids) {
      const Entry& oldest = entries[heap[0]];
      has_floor = true;
      floor_time = oldest.time;
      floor_id = oldest.id;
      pop();
    }
    return seen;
  }

  void insert(std::string_view id, std::int64_t time) {
    if (places.size() < 2 * (heap.size() + 1)) grow();
    std::uint32_t slot = 0;
    if (unused.empty()) {
      slot = static_cast<std::uint32_t>(entries.size());
      entries.emplace_back();
    } else {
      slot = unused.back();
      unused.pop_back();
    }
    places[place_of(id)] = static_cast<std::int32_t>(slot);
    entries[slot].id = id;
    entries[slot].time = time;
    id_bytes += heap_bytes(entries[slot].id);
    heap.push_back(slot);
    sift_up(heap.size() - 1);
  }

  void grow() {
    places.assign(2 * places.size(), kFree);
    for (const std::uint32_t slot : heap) {
      places[place_of(entries[slot].id)] = static_cast<std::int32_t>(slot);
    }
  }

  // Takes the oldest out.
  void pop() {
    const std::uint32_t slot = heap[0];
    free_place(place_of(entries[slot].id));
    set_heap(0, heap.back());
    heap.pop_back();
    if (!heap.empty()) sift_down(0);
    id_bytes -= heap_bytes(entries[slot].id);
    entries[slot].id = std::string();
    unused.push_back(slot);
  }

  // Those behind it move up, so that no probe stops too soon.
  void free_place(std::size_t hole) {
    const std::size_t mask = places.size() - 1;
    for (std::size_t at = (hole + 1) & mask; places[at] != kFree; at = (at + 1) & mask) {
      const std::size_t wanted = home(entries[static_cast<std::size_t>(places[at])].id);
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      places[hole] = places[at];
      hole = at;
    }
    places[hole] = kFree;
  }

  void set_heap(std::size_t at, std::uint32_t slot) {
    heap[at] = slot;
    entries[slot].heap_at = static_cast<std::uint32_t>(at);
  }
  void sift_up(std::size_t at) {
    const std::uint32_t slot = heap[at];
    while (at > 0) {
      const std::size_t above = (at - 1) / 2;
      if (key_of(entries[heap[above]]) <= key_of(entries[slot])) break;
      set_heap(at, heap[above]);
      at = above;
    }
    set_heap(at, slot);
  }
  void sift_down(std::size_t at) {
    const std::uint32_t slot = heap[at];
    for (;;) {
      std::size_t below = 2 * at + 1;
      if (below >= heap.size()) break;
      if (below + 1 < heap.size() &&
          key_of(entries[heap[below + 1]]) < key_of(entries[heap[below]])) {
        ++below;
      }
      if (key_of(entries[slot]) <= key_of(entries[heap[below]])) break;
      set_heap(at, heap[below]);
      at = below;
    }
    set_heap(at, slot);
  }
};

Deduplicator::Deduplicator(const DeduplicatorOptions& options)
    : impl_(std::make_unique<Impl>(options)) {}
Deduplicator::~Deduplicator() = default;
Deduplicator::Deduplicator(Deduplicator&&) noexcept = default;
Deduplicator& Deduplicator::operator=(Deduplicator&&) noexcept = default;

Seen Deduplicator::fold(std::string_view id, Timestamp time) { return impl_->fold(id, time); }
Seen Deduplicator::classify(std::string_view id, Timestamp time) const {
  return impl_->classify(id, time);
}
std::size_t Deduplicator::size() const { return impl_->heap.size(); }
Timestamp Deduplicator::latest() const { return impl_->latest; }
std::size_t Deduplicator::bytes() const {
  return sizeof(Impl) + impl_->entries.capacity() * sizeof(Entry) + impl_->id_bytes +
         (impl_->unused.capacity() + impl_->heap.capacity()) * sizeof(std::uint32_t) +
         impl_->places.capacity() * sizeof(std::int32_t);
}

std::string Deduplicator::save() const {
  std::string out(kMagic);
  put(out, impl_->latest.micros);
  // A floor before the horizon says nothing more.
  const bool floor = impl_->has_floor && impl_->floor_time >= impl_->edge().micros;
  put(out, static_cast<std::uint8_t>(floor ? 1 : 0));
  if (floor) put_key(out, {impl_->floor_time, impl_->floor_id});
  std::vector<Key> keys;
  keys.reserve(size());
  for (const std::uint32_t slot : impl_->heap) keys.push_back(key_of(impl_->entries[slot]));
  std::sort(keys.begin(), keys.end());
  put(out, static_cast<std::uint64_t>(keys.size()));
  for (const Key& key : keys) put_key(out, key);
  return out;
}

Deduplicator Deduplicator::restore(const DeduplicatorOptions& options, std::string_view bytes) {
  Deduplicator out(options);
  Impl& impl = *out.impl_;
  if (take(bytes, kMagic.size()) != kMagic) bad("this is not its state");
  impl.latest.micros = get<std::int64_t>(bytes);
  const auto floor = get<std::uint8_t>(bytes);
  if (floor > 1) bad("a flag is neither 0 nor 1");
  Key last{std::numeric_limits<std::int64_t>::min(), {}};
  if (floor == 1) {
    last = get_key(bytes);
    impl.has_floor = true;
    impl.floor_time = last.first;
    impl.floor_id = last.second;
    if (!impl.latest.known() || last.first < impl.edge().micros ||
        last.first > impl.latest.micros) {
      bad("its floor is out of the horizon");
    }
  }
  const auto count = get<std::uint64_t>(bytes);
  if (count > options.max_ids) bad("more ids than there is room for; raise max_ids");
  for (std::uint64_t i = 0; i < count; ++i) {
    const Key key = get_key(bytes);
    if (key <= last) bad("its ids do not ascend");
    if (key.first < impl.edge().micros || key.first > impl.latest.micros) {
      bad("an id is out of the horizon; restore with the horizon it was saved with, or a longer");
    }
    if (impl.places[impl.place_of(key.second)] != kFree) bad("an id is there twice");
    impl.insert(key.second, key.first);
    last = key;
  }
  if (!bytes.empty()) bad("bytes follow its end");
  if (count == 0 && floor == 0 && !impl.latest.known()) return out;
  if (!impl.latest.known()) bad("ids without a latest time");
  return out;
}

}  // namespace penchant::events
