#include "penchant/engine/feature_columns.h"

#include <algorithm>
#include <limits>

namespace penchant::engine {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

std::size_t item_of(const Candidate& candidate) {
  return static_cast<std::size_t>(candidate.item.value);
}

// A column that asks each candidate by itself: value(input, candidate, place in the history).
template <class Value>
FeatureColumn each(std::string name, std::string words, Value value) {
  return {std::move(name), std::move(words), [value](const FeatureInput& in, ColumnOut out) {
            for (std::size_t i = 0; i < in.candidates.size(); ++i) {
              out[i] = value(in, in.candidates[i], in.in_history[i]);
            }
          }};
}

// A column that is the same for all candidates of a request.
template <class Value>
FeatureColumn same(std::string name, std::string words, Value value) {
  return {std::move(name), std::move(words), [value](const FeatureInput& in, ColumnOut out) {
            const float all = value(in);
            for (std::size_t i = 0; i < in.candidates.size(); ++i) out[i] = all;
          }};
}

// 1 for the highest score, equal scores share the better rank, NaN for what is not positive.
void fill_ranks(const FeatureInput& in, std::span<const float> scores, ColumnOut out) {
  auto& order = in.scratch.order;
  order.clear();
  for (std::size_t i = 0; i < in.candidates.size(); ++i) {
    const float score = scores.empty() ? 0.0F : scores[item_of(in.candidates[i])];
    out[i] = kNone;
    if (score > 0) order.emplace_back(-score, static_cast<std::uint32_t>(i));
  }
  std::sort(order.begin(), order.end());
  std::size_t rank = 0;
  for (std::size_t place = 0; place < order.size(); ++place) {
    if (place == 0 || order[place].first != order[place - 1].first) rank = place + 1;
    out[order[place].second] = static_cast<float>(rank);
  }
}

// A double may be too large for a float; the largest stands for it. NaN stays.
float to_float(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(value > kMost ? kMost : value < -kMost ? -kMost : value);
}

// The share of the person's items that have a text of the candidate's; of several the most common.
void fill_affinity(const FeatureInput& in, const data::AttributeTable::Column& column,
                   ColumnOut out) {
  const auto codes = [&](ItemIndex item) {
    const auto i = static_cast<std::size_t>(item.value);
    const auto first = static_cast<std::size_t>(column.offsets[i]);
    return column.codes.span().subspan(first,
                                       static_cast<std::size_t>(column.offsets[i + 1]) - first);
  };
  auto& tally = in.scratch.tally;
  auto& counted = in.scratch.counted;
  if (tally.size() < column.texts.size()) {
    tally.resize(column.texts.size(), 0.0F);
    counted.resize(column.texts.size(), 0);
  }
  const auto had = in.work.query.history.items;
  for (std::size_t h = 0; h < had.size(); ++h) {
    for (const std::int32_t code : codes(had[h])) {
      const auto c = static_cast<std::size_t>(code);
      // A text that stands twice with an item counts once.
      if (counted[c] != h + 1) tally[c] += 1;
      counted[c] = h + 1;
    }
  }
  for (std::size_t i = 0; i < in.candidates.size(); ++i) {
    const auto own = codes(in.candidates[i].item);
    float most = 0;
    for (const std::int32_t code : own)
      most = std::max(most, tally[static_cast<std::size_t>(code)]);
    out[i] = own.empty() || had.empty() ? kNone : most / static_cast<float>(had.size());
  }
  for (const ItemIndex item : had) {
    for (const std::int32_t code : codes(item)) {
      tally[static_cast<std::size_t>(code)] = 0;
      counted[static_cast<std::size_t>(code)] = 0;
    }
  }
}

// The candidate's number over the mean of those that the person's items have.
void fill_relative(const FeatureInput& in, std::span<const double> numbers, ColumnOut out) {
  double sum = 0;
  std::size_t known = 0;
  for (const ItemIndex item : in.work.query.history.items) {
    const double number = numbers[static_cast<std::size_t>(item.value)];
    if (number != number) continue;
    sum += number;
    ++known;
  }
  const double mean = known > 0 ? sum / static_cast<double>(known) : 0;
  for (std::size_t i = 0; i < in.candidates.size(); ++i) {
    const double number = numbers[item_of(in.candidates[i])];
    out[i] = mean != 0 ? to_float(number / mean) : kNone;
  }
}

// What is the same for all candidates: the person's history as a whole.
void add_subject_columns(const std::shared_ptr<const ItemFacts>& facts,
                         std::vector<FeatureColumn>& out) {
  using In = FeatureInput;
  out.push_back(same("subject_items", "different items had before",
                     [](const In& in) { return in.subject.items; }));
  out.push_back(same("subject_times", "times anything was had",
                     [](const In& in) { return in.subject.events; }));
  out.push_back(same("subject_repeat_rate", "share of items had more than once",
                     [](const In& in) { return in.subject.repeat_rate; }));
  out.push_back(same("subject_idle_days", "days since anything was had", [](const In& in) {
    return days_between(in.subject.last, in.work.query.as_of);
  }));
  out.push_back(same("subject_tenure_days", "days since the first time", [](const In& in) {
    return days_between(in.subject.first, in.work.query.as_of);
  }));
  out.push_back(
      same("subject_popularity", "popularity of what was had before, mean", [facts](const In& in) {
        double sum = 0;
        for (const ItemIndex item : in.work.query.history.items) {
          sum += static_cast<double>(facts->popularity[static_cast<std::size_t>(item.value)]);
        }
        const auto items = static_cast<double>(in.work.query.history.size());
        return items > 0 ? static_cast<float>(sum / items) : kNone;
      }));
}

}  // namespace

SubjectFacts SubjectFacts::of(const data::History& history) {
  SubjectFacts out;
  double events = 0;
  std::size_t repeated = 0;
  for (std::size_t k = 0; k < history.size(); ++k) {
    events += history.counts[k];
    repeated += history.counts[k] > 1 ? 1 : 0;
    if (!history.last[k].known()) continue;
    out.last = std::max(out.last, history.last[k]);
    if (!out.first.known() || history.first[k] < out.first) out.first = history.first[k];
  }
  const auto items = static_cast<double>(history.size());
  out.items = static_cast<float>(items);
  out.events = static_cast<float>(events);
  out.repeat_rate =
      history.empty() ? kNone : static_cast<float>(static_cast<double>(repeated) / items);
  return out;
}

void add_source_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  for (std::size_t s = 0; s < basis.sources.size(); ++s) {
    const std::string& name = basis.sources[s];
    FeatureColumn score =
        each(concat("source_", name, "_score"), concat("score by ", name),
             [s](const FeatureInput& in, const Candidate& candidate, std::ptrdiff_t) {
               const auto scores = in.work.features[s];
               return scores.empty() ? kNone : scores[item_of(candidate)];
             });
    score.source = s;
    out.push_back(std::move(score));
    out.push_back({concat("source_", name, "_rank"), concat("place by ", name, " alone"),
                   [s](const FeatureInput& in, ColumnOut ranks) {
                     fill_ranks(in, in.work.features[s], ranks);
                   },
                   s});
    out.push_back(same(concat("source_", name, "_evidence"), concat("what ", name, " goes on"),
                       [s](const FeatureInput& in) {
                         return static_cast<float>(static_cast<int>(in.work.evidence[s]));
                       }));
  }
}

void add_blend_columns(std::vector<FeatureColumn>& out) {
  out.push_back(each("blend_score", "score by the blend of the sources",
                     [](const FeatureInput&, const Candidate& candidate, std::ptrdiff_t) {
                       return candidate.score;
                     }));
  out.push_back(each("blend_share", "score by the blend, of the best one's",
                     [](const FeatureInput& in, const Candidate& candidate, std::ptrdiff_t) {
                       return candidate.score / in.candidates.front().score;
                     }));
  out.push_back({"blend_rank", "place by the blend", [](const FeatureInput& in, ColumnOut ranks) {
                   for (std::size_t i = 0; i < in.candidates.size(); ++i)
                     ranks[i] = static_cast<float>(i + 1);
                 }});
  out.push_back(same("request_repeats", "whether what was seen may be shown again",
                     [](const FeatureInput& in) { return in.work.exclude_seen ? 0.0F : 1.0F; }));
}

void add_item_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  const auto& facts = basis.facts;
  const auto add = [&](std::string name, std::string words, auto member) {
    out.push_back(
        each(std::move(name), std::move(words),
             [facts, member](const FeatureInput&, const Candidate& candidate, std::ptrdiff_t) {
               return member(*facts)[item_of(candidate)];
             }));
  };
  add(
      "item_popularity", "share of all people who had it",
      [](const ItemFacts& f) -> const auto& { return f.popularity; });
  for (std::size_t w = 0; w < ItemFacts::kWindowDays.size(); ++w) {
    const int days = ItemFacts::kWindowDays[w];
    add(
        concat("item_popularity_", days, "d"),
        concat("popularity in the last ", days, " days"), [w](const ItemFacts& f) -> const auto& {
          return f.lately[w];
        });
  }
  add(
      "item_trend", "popularity of four weeks against a quarter",
      [](const ItemFacts& f) -> const auto& { return f.trend; });
  add(
      "item_repeat_rate", "share of its people who had it again",
      [](const ItemFacts& f) -> const auto& { return f.repeat_rate; });
  add(
      "item_repeat_days", "days until people have it again",
      [](const ItemFacts& f) -> const auto& { return f.repeat_days; });
  add(
      "item_times", "times that people who had it had it",
      [](const ItemFacts& f) -> const auto& { return f.depth; });
  out.push_back(each("item_age_days", "days since anyone first had it",
                     [facts](const FeatureInput& in, const Candidate& candidate, std::ptrdiff_t) {
                       return days_between(facts->first[item_of(candidate)], in.work.query.as_of);
                     }));
  out.push_back(each("item_idle_days", "days since anyone had it",
                     [facts](const FeatureInput& in, const Candidate& candidate, std::ptrdiff_t) {
                       return days_between(facts->last[item_of(candidate)], in.work.query.as_of);
                     }));
}

void add_history_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  const auto& facts = basis.facts;
  const auto pair = [&](std::string name, std::string words, float absent, auto value) {
    out.push_back(each(
        std::move(name), std::move(words),
        [absent, value](const FeatureInput& in, const Candidate& candidate, std::ptrdiff_t at) {
          if (at < 0) return absent;
          return value(in, in.work.query.history, static_cast<std::size_t>(at), candidate);
        }));
  };
  using In = FeatureInput;
  using Past = data::History;
  pair("pair_times", "times had before", 0, [](const In&, const Past& h, std::size_t k, auto&) {
    return static_cast<float>(h.counts[k]);
  });
  pair("pair_value", "weight of what was had before", 0,
       [](const In&, const Past& h, std::size_t k, auto&) { return h.values[k]; });
  pair("pair_share", "share of all that was had before", 0,
       [](const In& in, const Past& h, std::size_t k, auto&) {
         return static_cast<float>(h.counts[k]) / in.subject.events;
       });
  pair("pair_days", "days since it was last had", kNone,
       [](const In& in, const Past& h, std::size_t k, auto&) {
         return days_between(h.last[k], in.work.query.as_of);
       });
  pair("pair_first_days", "days since it was first had", kNone,
       [](const In& in, const Past& h, std::size_t k, auto&) {
         return days_between(h.first[k], in.work.query.as_of);
       });
  pair("pair_gap_days", "days between times it was had", kNone,
       [](const In&, const Past& h, std::size_t k, auto&) {
         return gap_days(h.first[k], h.last[k], h.counts[k]);
       });
  pair("pair_due", "days since it was last had, of those usual between times", kNone,
       [facts](const In& in, const Past& h, std::size_t k, const Candidate& candidate) {
         const float own = gap_days(h.first[k], h.last[k], h.counts[k]);
         const float usual = own > 0 ? own : facts->repeat_days[item_of(candidate)];
         return usual > 0 ? days_between(h.last[k], in.work.query.as_of) / usual : kNone;
       });
  add_subject_columns(facts, out);
}

void add_attribute_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  if (!basis.attributes) return;
  const auto table = basis.attributes;
  for (std::size_t c = 0; c < table->columns().size(); ++c) {
    const data::AttributeTable::Column& column = table->columns()[c];
    const std::string& name = column.name;
    if (!column.numeric) {
      out.push_back({concat("affinity_", name), concat("share of what was had with its ", name),
                     [table, c](const FeatureInput& in, ColumnOut shares) {
                       fill_affinity(in, table->columns()[c], shares);
                     }});
      continue;
    }
    out.push_back(each(concat("attribute_", name), name,
                       [table, c](const FeatureInput&, const Candidate& candidate, std::ptrdiff_t) {
                         return to_float(table->columns()[c].numbers[item_of(candidate)]);
                       }));
    out.push_back({concat("relative_", name), concat(name, " against the mean of what was had"),
                   [table, c](const FeatureInput& in, ColumnOut ratios) {
                     fill_relative(in, table->columns()[c].numbers.span(), ratios);
                   }});
  }
}

}  // namespace penchant::engine
