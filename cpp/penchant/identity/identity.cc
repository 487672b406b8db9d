#include "penchant/identity/identity.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"

namespace penchant::identity {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
// Rows ahead of which slots, entries and values of the table are fetched.
constexpr std::size_t kAheadSlots = 24;
constexpr std::size_t kAheadEntries = 16;
constexpr std::size_t kAheadValues = 8;

void check_columns(const std::vector<TextColumn>& columns, const Options& options) {
  check_argument(!columns.empty(), "records need at least one column of identifiers");
  for (const TextColumn& column : columns) {
    check_argument(column.name_space < options.namespaces.size(), "a column of namespace ",
                   column.name_space, " of ", options.namespaces.size());
    check(column);
    check_argument(column.rows() == columns.front().rows(), "columns of ", column.rows(), " and ",
                   columns.front().rows(), " rows");
  }
}

// The digest that 32 hexadecimal digits are; none where they are not.
std::optional<std::string> unhex(std::string_view digits) {
  if (digits.size() != 2 * kDigestBytes ||
      digits.find_first_not_of(kHex) != std::string_view::npos) {
    return std::nullopt;
  }
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out += static_cast<char>(kHex.find(digits[i]) * 16 + kHex.find(digits[i + 1]));
  }
  return out;
}

// Columns from the one that leads to the one that follows: by priority, then as in the options.
std::vector<std::size_t> by_priority(const std::vector<TextColumn>& columns,
                                     const Options& options) {
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto key = [&](std::size_t i) {
    const std::size_t at = home(options, columns[i].name_space);
    return std::pair(options.namespaces[at].priority, at);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return key(x) < key(y); });
  return order;
}

// Columns behind the door, in the order of priority.
struct Read {
  std::vector<std::size_t> columns;
  std::vector<std::size_t> homes;
  std::vector<Door::Batch> batches;

  Read(const Door& door, const Options& options, const std::vector<TextColumn>& given, int threads)
      : columns(by_priority(given, options)) {
    for (const std::size_t i : columns) {
      homes.push_back(home(options, given[i].name_space));
      batches.push_back(door.read(given[i], threads));
    }
  }
  void prefetch(const IdentifierTable& table, std::size_t row, std::size_t rows) const {
    for (const Door::Batch& batch : batches) {
      if (row + kAheadSlots < rows) table.prefetch(batch.hash(row + kAheadSlots));
      if (row + kAheadEntries < rows) table.prefetch_entry(batch.hash(row + kAheadEntries));
      if (row + kAheadValues < rows) table.prefetch_value(batch.hash(row + kAheadValues));
    }
  }
};

}  // namespace

Identity::Identity(Options options, std::string_view key)
    : graph_((check(options), std::make_unique<Graph>(options, Door(options, key).key_check()))),
      door_(graph_->options(), key),
      has_key_(!key.empty()) {}

Identity::Identity(std::unique_ptr<Graph> graph, std::string_view key)
    : graph_(std::move(graph)), door_(graph_->options(), key), has_key_(!key.empty()) {
  check_argument(key.empty() || graph_->key_check() == door_.key_check(),
                 graph_->keyed() ? "this is not the key that the identity was made with"
                                 : "this identity was made without a key");
}

void Identity::check_open() const {
  check_argument(has_key_ == graph_->keyed(),
                 "this identity was made with a key; give it (set_params(key=...)) before raw "
                 "identifiers");
}

LinkReport Identity::link(const Records& records, int threads) {
  check_open();
  check_columns(records.identifiers, graph_->options());
  const std::size_t rows = records.identifiers.front().rows();
  check_argument(records.times.empty() || records.times.size() == rows, records.times.size(),
                 " times of ", rows, " records");
  check_argument(records.skip.empty() || records.skip.size() == rows, records.skip.size(),
                 " marks of ", rows, " records");
  if (records.events != nullptr) {
    check(*records.events);
    check_argument(records.events->rows() == rows, records.events->rows(), " event ids of ", rows,
                   " records");
  }
  const Read read(door_, graph_->options(), records.identifiers, threads);
  LinkReport report;
  report.rows = static_cast<std::int64_t>(rows);
  report.blocked.resize(records.identifiers.size());
  report.invalid.resize(records.identifiers.size());
  std::vector<std::int32_t> met;
  for (std::size_t row = 0; row < rows; ++row) {
    read.prefetch(graph_->table(), row, rows);
    if (!records.skip.empty() && records.skip[row] != 0) continue;
    Record record{.time = records.times.empty() ? std::numeric_limits<std::int64_t>::min()
                                                : records.times[row]};
    if (records.events != nullptr) record.event = records.events->text(row);
    met.clear();
    for (std::size_t k = 0; k < read.batches.size(); ++k) {
      const Door::Batch& batch = read.batches[k];
      const Reading reading = batch.reading(row);
      report.blocked[read.columns[k]] += reading == Reading::kBlocked ? 1 : 0;
      report.invalid[read.columns[k]] += reading == Reading::kInvalid ? 1 : 0;
      if (reading != Reading::kRead) continue;
      met.push_back(graph_->see(read.homes[k], batch.value(row), batch.hash(row), record.time));
      if (met.size() > 1) graph_->link(met.front(), met.back(), record);
    }
  }
  report.changes = graph_->settle();
  return report;
}

std::vector<std::int32_t> Identity::resolve(const std::vector<TextColumn>& identifiers,
                                            int threads) const {
  check_open();
  check_columns(identifiers, graph_->options());
  const std::size_t rows = identifiers.front().rows();
  const Read read(door_, graph_->options(), identifiers, threads);
  std::vector<std::int32_t> out(rows, -1);
  for (std::size_t row = 0; row < rows; ++row) {
    read.prefetch(graph_->table(), row, rows);
    std::int32_t fallback = -1;
    for (std::size_t k = 0; k < read.batches.size() && out[row] < 0; ++k) {
      const Door::Batch& batch = read.batches[k];
      if (batch.reading(row) != Reading::kRead) continue;
      const std::int32_t id =
          graph_->table().find(read.homes[k], batch.value(row), batch.hash(row));
      if (id < 0 || graph_->blocked(id)) continue;
      if (!graph_->shared(id))
        out[row] = graph_->subject(id);
      else if (fallback < 0)
        fallback = graph_->subject(id);
    }
    if (out[row] < 0) out[row] = fallback;
  }
  return out;
}

std::int32_t Identity::find(std::string_view text) const {
  const std::size_t raw = text.find(':');
  const std::size_t digest = text.find('#');
  if (raw < digest) return find(text.substr(0, raw), text.substr(raw + 1));
  check_argument(digest != std::string_view::npos, "identifier '", text,
                 "': want 'namespace:value', or 'namespace#' and 32 hexadecimal digits");
  const Options& options = graph_->options();
  const std::string_view space = text.substr(0, digest);
  const std::string_view digits = text.substr(digest + 1);
  const int at = find_namespace(options, space);
  check_argument(at >= 0, "no namespace '", space, "'");
  const std::optional<std::string> value = unhex(digits);
  check_argument(value.has_value(), "identifier '", text,
                 "': want 32 digits 0-9a-f behind the '#'");
  return find(Token{home(options, static_cast<std::size_t>(at)), *value});
}

std::int32_t Identity::find(std::string_view name_space, std::string_view raw) const {
  check_open();
  const Options& options = graph_->options();
  const int at = find_namespace(options, name_space);
  check_argument(at >= 0, "no namespace '", name_space, "'");
  std::string value;
  const Reading reading = door_.read(static_cast<std::size_t>(at), raw, value);
  if (reading == Reading::kAbsent || reading == Reading::kBlocked) return -1;
  // The value itself is not told: messages end up in logs.
  check_argument(reading == Reading::kRead, "the value is not one of namespace '", name_space,
                 "' (form ", form_name(options.namespaces[static_cast<std::size_t>(at)].form), ")");
  const std::size_t own = home(options, static_cast<std::size_t>(at));
  return graph_->table().find(own, value, hash_of(options.namespaces[own].name, value));
}

std::optional<Token> Identity::admit(std::string_view name_space, std::string_view raw) const {
  const Options& options = graph_->options();
  const bool named = name_space.ends_with('#');
  if (named) name_space.remove_suffix(1);
  const int at = find_namespace(options, name_space);
  if (at < 0) return std::nullopt;
  const auto space = static_cast<std::size_t>(at);
  Token token{.name_space = home(options, space)};
  if (named) {
    if (!kept_as_digest(options, token.name_space, graph_->keyed())) return std::nullopt;
    const std::optional<std::string> digest = unhex(raw);
    if (!digest || door_.blocks(space, *digest)) return std::nullopt;
    token.value = *digest;
    return token;
  }
  check_open();
  if (door_.read(space, raw, token.value) != Reading::kRead) return std::nullopt;
  return token;
}

std::int32_t Identity::find(const Token& token) const {
  const std::string& space = graph_->options().namespaces[token.name_space].name;
  return graph_->table().find(token.name_space, token.value, hash_of(space, token.value));
}

std::int32_t Identity::see(const Token& token, std::int64_t time) {
  const std::string& space = graph_->options().namespaces[token.name_space].name;
  return graph_->see(token.name_space, token.value, hash_of(space, token.value), time);
}

std::string Identity::name(std::int32_t id) const {
  return name(Token{graph_->table().name_space(id), std::string(graph_->table().value(id))});
}

std::string Identity::name(const Token& token) const {
  const Options& options = graph_->options();
  const std::size_t space = token.name_space;
  const std::string_view value = token.value;
  std::string out = options.namespaces[space].name;
  if (!kept_as_digest(options, space, graph_->keyed())) return (out += ':').append(value);
  out += '#';
  for (const char c : value) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string reason(const Graph& graph, std::int32_t link) {
  const Namespace& culprit = graph.options().namespaces[graph.links().culprit(link)];
  switch (graph.links().standing(link)) {
    case Standing::kUnique:
      return concat(culprit.name, " is unique");
    case Standing::kLimit:
      return concat("more than ", culprit.limit, " of ", culprit.name);
    case Standing::kMost:
      return concat("more than ", graph.options().most, " identifiers");
    case Standing::kBridge:
      return "a weak identifier joins no two people";
    case Standing::kShared:
      return "shared identifier";
    case Standing::kBlocked:
      return "blocked identifier";
    case Standing::kCut:
      return "unlinked";
    case Standing::kPending:
    case Standing::kUnited:
    case Standing::kSpare:
      break;
  }
  return "";
}

}  // namespace penchant::identity
