// How a graph lies in a bundle: what was seen, cut and blocked, in an order of its own. What
// follows from that is folded anew, so there is nothing derived to distrust; every number that is
// read is checked before it is used.

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/data/utf8.h"
#include "penchant/identity/door.h"
#include "penchant/identity/graph.h"
#include "penchant/identity/normalize.h"

namespace penchant::identity {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint8_t kSeen = 1;
constexpr std::uint8_t kCut = 2;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostRows = std::numeric_limits<std::int32_t>::max() - 1;

template <class... Parts>
[[noreturn]] void corrupt(const std::string& prefix, const Parts&... parts) {
  fail(ErrorKind::kCorruptBundle, concat("identity '", prefix, "': ", parts...));
}

struct Texts {
  SharedArray<std::int64_t> offsets;
  SharedArray<char> bytes;

  [[nodiscard]] std::size_t size() const { return offsets.size() - 1; }
  [[nodiscard]] std::string_view at(std::size_t i) const {
    const auto begin = static_cast<std::size_t>(offsets[i]);
    return {bytes.data() + begin, static_cast<std::size_t>(offsets[i + 1]) - begin};
  }
};

Texts read_texts(const bundle::Reader& reader, const std::string& prefix, const std::string& name) {
  Texts out{reader.array<std::int64_t>(prefix + "/" + name + "/offsets"),
            reader.array<char>(prefix + "/" + name + "/bytes")};
  const auto offsets = out.offsets.span();
  if (offsets.empty() || offsets.front() != 0 || !std::is_sorted(offsets.begin(), offsets.end()) ||
      std::cmp_not_equal(offsets.back(), out.bytes.size()) || out.size() > kMostRows) {
    corrupt(prefix, name, ": offsets must start at 0, ascend and end at the number of bytes");
  }
  return out;
}

struct Identifiers {
  SharedArray<std::uint8_t> spaces;
  Texts values;
  SharedArray<std::int64_t> firsts;
  SharedArray<std::uint8_t> blocked;
};

void check_identifier(const Options& options, bool keyed, const Identifiers& ids, std::size_t i,
                      const std::string& prefix) {
  const std::size_t space = ids.spaces[i];
  if (space >= options.namespaces.size() || !options.namespaces[space].same_as.empty()) {
    corrupt(prefix, "identifier ", i, " is of namespace ", space, ", which holds none");
  }
  const std::string_view value = ids.values.at(i);
  std::string spelled;
  const bool sound =
      kept_as_digest(options, space, keyed)
          ? value.size() == kDigestBytes
          : normalize(options.namespaces[space].form, options, value, spelled) == Reading::kRead &&
                spelled == value;
  if (!sound) {
    corrupt(prefix, "identifier ", i, " of ", value.size(), " bytes is not a value of '",
            options.namespaces[space].name, "'");
  }
  if (i > 0 && (ids.spaces[i - 1] > space ||
                (ids.spaces[i - 1] == space && ids.values.at(i - 1) >= value))) {
    corrupt(prefix, "identifiers ", i - 1, " and ", i, " are not ascending");
  }
  if (ids.firsts[i] == kNever || ids.blocked[i] > 1) {
    corrupt(prefix, "identifier ", i, " was never seen, or is blocked by ", int{ids.blocked[i]});
  }
}

struct Links {
  SharedArray<std::int32_t> a;
  SharedArray<std::int32_t> b;
  SharedArray<std::int64_t> times;
  SharedArray<std::int32_t> events;
  SharedArray<std::uint8_t> flags;
};

void check_link(const Links& links, const Identifiers& ids, std::size_t events, std::size_t i,
                const std::string& prefix) {
  const std::int32_t a = links.a[i];
  const std::int32_t b = links.b[i];
  if (a < 0 || b <= a || std::cmp_greater_equal(b, ids.spaces.size())) {
    corrupt(prefix, "link ", i, " is between ", a, " and ", b, " of ", ids.spaces.size());
  }
  if (i > 0 && std::pair(links.a[i - 1], links.b[i - 1]) >= std::pair(a, b)) {
    corrupt(prefix, "links ", i - 1, " and ", i, " are not ascending");
  }
  if (links.events[i] < -1 || std::cmp_greater_equal(links.events[i], events)) {
    corrupt(prefix, "link ", i, " is of event ", links.events[i], " of ", events);
  }
  const std::uint8_t flags = links.flags[i];
  const bool seen = (flags & kSeen) != 0;
  if (flags == 0 || flags > (kSeen | kCut)) corrupt(prefix, "link ", i, " has flags ", int{flags});
  if (!seen && (links.times[i] != kNever || links.events[i] != -1)) {
    corrupt(prefix, "link ", i, " was never seen, and has a moment");
  }
  const auto earliest = [&](std::int32_t id) { return ids.firsts[static_cast<std::size_t>(id)]; };
  if (seen &&
      (links.times[i] == kNever || links.times[i] < earliest(a) || links.times[i] < earliest(b))) {
    corrupt(prefix, "link ", i, " was seen before its identifiers");
  }
}

template <class T>
SharedArray<T> read_column(const bundle::Reader& reader, const std::string& prefix,
                           const std::string& name, std::size_t rows) {
  auto out = reader.array<T>(prefix + "/" + name);
  if (out.size() != rows) corrupt(prefix, name, " has ", out.size(), " rows, not ", rows);
  return out;
}

Identifiers read_identifiers(const bundle::Reader& reader, const Options& options, bool keyed,
                             const std::string& prefix) {
  Identifiers out;
  out.values = read_texts(reader, prefix, "identifiers");
  const std::size_t rows = out.values.size();
  out.spaces = read_column<std::uint8_t>(reader, prefix, "identifiers/namespaces", rows);
  out.firsts = read_column<std::int64_t>(reader, prefix, "identifiers/first", rows);
  out.blocked = read_column<std::uint8_t>(reader, prefix, "identifiers/blocked", rows);
  for (std::size_t i = 0; i < rows; ++i) check_identifier(options, keyed, out, i, prefix);
  return out;
}

Texts read_events(const bundle::Reader& reader, const std::string& prefix) {
  Texts out = read_texts(reader, prefix, "events");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out.at(i).empty() || !data::is_utf8(out.at(i)) || (i > 0 && out.at(i - 1) >= out.at(i))) {
      corrupt(prefix, "event ", i, " is empty, not UTF-8, or not above the one before it");
    }
  }
  return out;
}

Links read_links(const bundle::Reader& reader, const Identifiers& ids, std::size_t events,
                 const std::string& prefix) {
  Links out;
  out.a = reader.array<std::int32_t>(prefix + "/links/a");
  const std::size_t rows = out.a.size();
  if (rows > kMostRows) corrupt(prefix, rows, " links");
  out.b = read_column<std::int32_t>(reader, prefix, "links/b", rows);
  out.times = read_column<std::int64_t>(reader, prefix, "links/time", rows);
  out.events = read_column<std::int32_t>(reader, prefix, "links/event", rows);
  out.flags = read_column<std::uint8_t>(reader, prefix, "links/flags", rows);
  for (std::size_t i = 0; i < rows; ++i) check_link(out, ids, events, i, prefix);
  return out;
}

// Options and key check of the meta section.
std::pair<Options, std::string> read_meta(const bundle::Reader& reader, const std::string& prefix) {
  const Json meta = Json::parse(reader.text(prefix + "/meta"), nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("options") || !meta.contains("key_check") ||
      !meta["key_check"].is_string()) {
    corrupt(prefix, "meta lacks 'options' or 'key_check'");
  }
  const auto key_check = meta["key_check"].get<std::string>();
  const bool hex = std::all_of(key_check.begin(), key_check.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!hex || (!key_check.empty() && key_check.size() != 16)) {
    corrupt(prefix, "'key_check' is not 16 hexadecimal digits");
  }
  try {
    return {options_from_json(meta["options"].dump()), key_check};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInvalidArgument) throw;
    corrupt(prefix, error.what());
  } catch (const Json::exception&) {  // a text that is not UTF-8
    corrupt(prefix, "'options' can't be written again");
  }
}

// Texts in an order of our own, as columns.
template <class At>
void add_texts(bundle::Writer& writer, const std::string& name, std::size_t count, const At& at) {
  std::vector<std::int64_t> offsets{0};
  std::vector<char> bytes;
  offsets.reserve(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view text = at(i);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  writer.add(name + "/offsets", offsets);
  writer.add(name + "/bytes", bytes);
}

}  // namespace

void Graph::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add_text(
      prefix + "/meta",
      Json{{"options", Json::parse(to_json(options_))}, {"key_check", key_check_}}.dump());
  const std::size_t rows = table_.size();
  std::vector<std::int32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](auto x, auto y) { return table_.before(x, y); });
  std::vector<std::int32_t> numbers(rows);
  std::vector<std::uint8_t> spaces;
  std::vector<std::int64_t> firsts;
  std::vector<std::uint8_t> blocked;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int32_t id = order[i];
    numbers[index(id)] = static_cast<std::int32_t>(i);
    spaces.push_back(static_cast<std::uint8_t>(table_.name_space(id)));
    firsts.push_back(table_.first(id));
    blocked.push_back(blocked_[index(id)]);
  }
  add_texts(writer, prefix + "/identifiers", rows, [&](auto i) { return table_.value(order[i]); });
  writer.add(prefix + "/identifiers/namespaces", spaces);
  writer.add(prefix + "/identifiers/first", firsts);
  writer.add(prefix + "/identifiers/blocked", blocked);
  save_links(writer, prefix, numbers);
}

void Graph::save_links(bundle::Writer& writer, const std::string& prefix,
                       std::span<const std::int32_t> numbers) const {
  struct Row {
    std::int32_t a, b, link;
  };
  std::vector<Row> rows;
  std::vector<std::string_view> names;
  for (std::int32_t link = 0; std::cmp_less(link, links_.size()); ++link) {
    if (!links_.seen(link) && !links_.is_cut(link)) continue;  // cut ahead, and taken back
    const auto [a, b] = std::minmax(numbers[index(links_.a(link))], numbers[index(links_.b(link))]);
    rows.push_back({a, b, link});
    if (const std::string_view name = event(link); !name.empty()) names.push_back(name);
  }
  std::sort(rows.begin(), rows.end(),
            [](const Row& x, const Row& y) { return std::pair(x.a, x.b) < std::pair(y.a, y.b); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::int32_t> a;
  std::vector<std::int32_t> b;
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> events;
  std::vector<std::uint8_t> flags;
  for (const Row& row : rows) {
    const std::string_view name = event(row.link);
    const auto at = std::lower_bound(names.begin(), names.end(), name);
    a.push_back(row.a);
    b.push_back(row.b);
    times.push_back(links_.moment(row.link).time);
    events.push_back(name.empty() ? -1 : static_cast<std::int32_t>(at - names.begin()));
    flags.push_back(static_cast<std::uint8_t>((links_.seen(row.link) ? kSeen : 0) |
                                              (links_.is_cut(row.link) ? kCut : 0)));
  }
  writer.add(prefix + "/links/a", a);
  writer.add(prefix + "/links/b", b);
  writer.add(prefix + "/links/time", times);
  writer.add(prefix + "/links/event", events);
  writer.add(prefix + "/links/flags", flags);
  add_texts(writer, prefix + "/events", names.size(), [&](auto i) { return names[i]; });
}

std::unique_ptr<Graph> Graph::load(const bundle::Reader& reader, const std::string& prefix) {
  auto [options, key_check] = read_meta(reader, prefix);
  const Identifiers ids = read_identifiers(reader, options, !key_check.empty(), prefix);
  const Texts events = read_events(reader, prefix);
  const Links links = read_links(reader, ids, events.size(), prefix);

  auto out = std::make_unique<Graph>(std::move(options), std::move(key_check));
  out->reserve(ids.spaces.size(), links.a.size());
  for (std::size_t i = 0; i < ids.spaces.size(); ++i) {
    const std::string_view value = ids.values.at(i);
    out->see(ids.spaces[i], value, hash_of(out->options_.namespaces[ids.spaces[i]].name, value),
             ids.firsts[i]);
    out->blocked_[i] = ids.blocked[i];
    out->was_blocked_[i] = ids.blocked[i];
  }
  for (std::size_t i = 0; i < events.size(); ++i) out->events_.add(events.at(i));
  for (std::size_t i = 0; i < links.a.size(); ++i) {
    if ((links.flags[i] & kCut) != 0) out->cut(links.a[i], links.b[i], true);
    if ((links.flags[i] & kSeen) == 0) continue;
    const std::int32_t event = links.events[i];
    Record record{links.times[i], out->events_.name(event), event};
    out->link(links.a[i], links.b[i], record);
  }
  out->settle();
  return out;
}

}  // namespace penchant::identity
