#include "penchant/identity/graph.h"

#include <algorithm>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::identity {

Graph::Graph(Options options, std::string key_check)
    : options_(std::move(options)),
      key_check_(std::move(key_check)),
      table_(options_),
      partition_(options_, table_) {
  check(options_);
  for (const Namespace& one : options_.namespaces) {
    shared_after_.push_back(one.shared_after);
    unique_.push_back(one.unique() ? static_cast<std::int32_t>(uniques_++) : -1);
  }
}

// --- what was seen ------------------------------------------------------------------------------

std::int32_t Graph::see(std::size_t name_space, std::string_view value, std::uint64_t hash,
                        std::int64_t time) {
  const std::int32_t id = table_.add(name_space, value, hash);
  if (index(id) == blocked_.size()) {
    blocked_.push_back(0);
    was_blocked_.push_back(0);
    logins_.resize(table_.size() * uniques_);
    links_.grow(table_.size());
  }
  if (time < table_.first(id)) {
    table_.set_first(id, time);
    if (index(id) < settled_) touched_.push_back(id);  // another may lead now
  }
  return id;
}

void Graph::link(std::int32_t a, std::int32_t b, Record& record) {
  if (a == b) return;
  const std::int32_t link = links_.add(a, b);
  const bool known = links_.seen(link);
  if (known) {
    const LinkSet::Moment first = links_.moment(link);
    if (first.time < record.time) return;
    if (first.time == record.time && events_.name(first.event) <= record.event) return;
  }
  if (record.number < 0 && !record.event.empty()) record.number = events_.add(record.event);
  links_.see(link, {record.time, record.number});
  if (!known) {
    if (!links_.is_cut(link)) count(link, 1);
    pending_.push_back(link);
  } else if (links_.standing(link) != Standing::kPending) {
    touched_.insert(touched_.end(), {a, b});
  }
}

void Graph::cut(std::int32_t a, std::int32_t b, bool away) {
  check_argument(a != b, "an identifier has no link to itself");
  const std::int32_t link = links_.add(a, b);
  if (links_.is_cut(link) == away) return;
  if (links_.seen(link)) {
    count(link, away ? -1 : 1);
    touched_.insert(touched_.end(), {a, b});
  }
  links_.cut(link, away);
}

void Graph::block(std::int32_t id, bool nobody) {
  if (blocked(id) == nobody) return;
  touched_.push_back(id);
  reblocked_.push_back(id);
  for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
    const std::int32_t other = links_.other(id, link);
    touched_.push_back(other);
    if (links_.seen(link) && !links_.is_cut(link) && login_kind(id) >= 0 && counts_logins(other)) {
      if (nobody) count_one(other, id, -1);
    }
  }
  blocked_[index(id)] = nobody ? 1 : 0;
  if (nobody) return;
  for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
    const std::int32_t other = links_.other(id, link);
    if (links_.seen(link) && !links_.is_cut(link)) count_one(other, id, 1);
  }
}

void Graph::count(std::int32_t link, int change) {
  count_one(links_.a(link), links_.b(link), change);
  count_one(links_.b(link), links_.a(link), change);
}

void Graph::count_one(std::int32_t id, std::int32_t other, int change) {
  const std::int32_t kind = login_kind(other);
  if (!counts_logins(id) || kind < 0 || blocked(other)) return;
  const bool before = shared(id);
  logins_[index(id) * uniques_ + index(kind)] += change;
  if (shared(id) != before && index(id) < settled_) flipped_.push_back(id);
}

bool Graph::shared(std::int32_t id) const {
  if (!counts_logins(id)) return false;
  const auto counts = std::span(logins_).subspan(index(id) * uniques_, uniques_);
  const int most = shared_after_[table_.name_space(id)];
  return std::any_of(counts.begin(), counts.end(), [&](int count) { return count > most; });
}

Standing Graph::hindrance(std::int32_t link) const {
  const std::int32_t a = links_.a(link);
  const std::int32_t b = links_.b(link);
  if (links_.is_cut(link)) return Standing::kCut;
  if (blocked(a) || blocked(b)) return Standing::kBlocked;
  if (shared(a) || shared(b)) return Standing::kShared;
  return Standing::kPending;
}

// --- the order of the fold ----------------------------------------------------------------------

Graph::Ordered Graph::ordered(std::int32_t link) const {
  const LinkSet::Moment moment = links_.moment(link);
  const std::uint64_t x = table_.hash(links_.a(link));
  const std::uint64_t y = table_.hash(links_.b(link));
  // Of both ends alike: which of them came first must not show.
  std::uint64_t tie = (x ^ y) * 0x9e3779b97f4a7c15ULL + (x + y);
  tie ^= tie >> 32;
  return {moment.time, tie * 0xd6e8feb86659fd93ULL, moment.event, link};
}

bool Graph::earlier(const Ordered& a, const Ordered& b) const {
  if (a.time != b.time) return a.time < b.time;
  const int events = events_.compare(a.event, b.event);
  if (events != 0) return events < 0;
  if (a.tie != b.tie) return a.tie < b.tie;
  const auto ends = [this](const Ordered& of) {
    const std::int32_t x = links_.a(of.link);
    const std::int32_t y = links_.b(of.link);
    return table_.before(x, y) ? std::pair(x, y) : std::pair(y, x);
  };
  const auto [a_low, a_high] = ends(a);
  const auto [b_low, b_high] = ends(b);
  if (a_low != b_low) return table_.before(a_low, b_low);
  return a_high != b_high && table_.before(a_high, b_high);
}

void Graph::sort(std::vector<Ordered>& links) const {
  const auto by = [this](const Ordered& a, const Ordered& b) { return earlier(a, b); };
  if (!std::is_sorted(links.begin(), links.end(), by)) std::sort(links.begin(), links.end(), by);
}

// --- folding ------------------------------------------------------------------------------------

// All that links may be followed to from the seeds, seeds included; each once.
std::vector<std::int32_t> Graph::connected(std::span<const std::int32_t> seeds) {
  std::vector<std::int32_t> found;
  const auto meet = [&](std::int32_t id) {
    if (marks_[index(id)] != 0) return;
    marks_[index(id)] = 1;
    found.push_back(id);
  };
  std::for_each(seeds.begin(), seeds.end(), meet);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::int32_t id = found[i];
    for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
      if (links_.seen(link) && hindrance(link) == Standing::kPending) meet(links_.other(id, link));
    }
  }
  for (const std::int32_t id : found) marks_[index(id)] = 0;
  return found;
}

std::vector<std::int32_t> Graph::take_seeds() {
  std::vector<std::int32_t> seeds = std::exchange(touched_, {});
  for (const std::int32_t id : std::exchange(flipped_, {})) {
    seeds.push_back(id);
    for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
      seeds.push_back(links_.other(id, link));
    }
  }
  return seeds;
}

// New links that come after all others, sorted; those that come late add to the seeds.
std::vector<Graph::Ordered> Graph::take_pending(std::vector<std::int32_t>& seeds) {
  std::vector<Ordered> last;
  last.reserve(pending_.size());
  for (const std::int32_t link : std::exchange(pending_, {})) {
    const Standing hindered = hindrance(link);
    if (hindered != Standing::kPending) {
      links_.set_standing(link, hindered);
      continue;
    }
    const Ordered one = ordered(link);
    if (!last_ || earlier(*last_, one)) {
      last.push_back(one);
    } else {
      seeds.insert(seeds.end(), {links_.a(link), links_.b(link)});
    }
  }
  return last;
}

void Graph::fold(std::vector<Ordered>& links) {
  sort(links);
  for (const Ordered& one : links) {
    const Verdict verdict = partition_.unite(links_.a(one.link), links_.b(one.link));
    links_.set_standing(one.link, verdict.standing, verdict.culprit);
  }
  if (!links.empty() && (!last_ || earlier(*last_, links.back()))) last_ = links.back();
}

void Graph::fold_anew(std::span<const std::int32_t> region) {
  std::vector<Ordered> links;
  for (const std::int32_t id : region) {
    partition_.reset(id);
    for (std::int32_t link = links_.first_of(id); link >= 0; link = links_.next_of(id, link)) {
      if (!links_.seen(link)) continue;
      const Standing hindered = hindrance(link);
      if (hindered != Standing::kPending) {
        links_.set_standing(link, hindered);
      } else if (links_.a(link) == id) {
        links.push_back(ordered(link));
      }
    }
  }
  fold(links);
}

std::vector<Change> Graph::settle() {
  partition_.grow(table_.size());
  marks_.resize(table_.size());
  std::vector<std::int32_t> seeds = take_seeds();
  std::vector<Ordered> last = take_pending(seeds);
  Before before;
  const std::vector<std::int32_t> region = connected(seeds);
  remember(region, before);
  for (const std::int32_t id : region) marks_[index(id)] = 1;
  std::erase_if(last, [&](const Ordered& one) { return marks_[index(links_.a(one.link))] != 0; });
  for (const std::int32_t id : region) marks_[index(id)] = 0;
  for (const Ordered& one : last) {
    const std::int32_t ends[] = {links_.a(one.link), links_.b(one.link)};
    remember(ends, before);
  }
  if (!region.empty()) fold_anew(region);
  fold(last);
  settled_ = table_.size();
  for (const std::int32_t id : std::exchange(reblocked_, {})) {
    was_blocked_[index(id)] = blocked_[index(id)];
  }
  return compare(before);
}

void Graph::remember(std::span<const std::int32_t> ids, Before& before) const {
  for (const std::int32_t id : ids) {
    const bool nobody = was_blocked_[index(id)] != 0 && blocked(id);
    if (index(id) < settled_ && !nobody) before.emplace_back(partition_.leader(id), id);
  }
}

std::vector<Change> Graph::compare(Before& before) const {
  std::vector<Change> out;
  for (auto& [from, id] : before) id = subject(id);
  std::sort(before.begin(), before.end());
  before.erase(std::unique(before.begin(), before.end()), before.end());
  for (std::size_t i = 0; i < before.size();) {
    std::size_t end = i + 1;
    while (end < before.size() && before[end].first == before[i].first) ++end;
    const bool split = end - i > 1;
    for (std::size_t k = i; k < end; ++k) {
      if (split || before[k].first != before[k].second) {
        out.push_back({before[k].first, before[k].second, split});
      }
    }
    i = end;
  }
  const auto by_table = [this](std::int32_t a, std::int32_t b) {
    return a < 0 || b < 0 ? a >= 0 : table_.before(a, b);  // nobody last
  };
  std::sort(out.begin(), out.end(), [&](const Change& a, const Change& b) {
    return a.from != b.from ? by_table(a.from, b.from) : a.to != b.to && by_table(a.to, b.to);
  });
  return out;
}

Graph::Parting Graph::part(std::int32_t a, std::int32_t b) {
  settle();
  Parting out;
  const std::int32_t seeds[] = {a, b};
  Before before;
  remember(connected(seeds), before);
  for (std::vector<std::int32_t> way = chain(a, b); !way.empty(); way = chain(a, b)) {
    // In a chain of the fold's forest the last link is the one that made one of the two.
    const auto last = std::max_element(
        way.begin(), way.end(), [&](auto x, auto y) { return earlier(ordered(x), ordered(y)); });
    cut(links_.a(*last), links_.b(*last), true);
    out.links.push_back(*last);
    settle();
  }
  out.changes = compare(before);
  return out;
}

}  // namespace penchant::identity
