#include "penchant/models/popular.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "penchant/models/model_meta.h"
#include "penchant/models/pair_weight.h"

namespace penchant::models {
namespace {

struct Visit {
  ItemIndex item;
  UserIndex subject;
  Timestamp at;
};

// Events that count, sorted so that a (item, subject) pair's last event closes its run.
std::vector<Visit> visits_in_window(const data::Dataset& data, const PopularParameters& p) {
  const data::EventColumns& events = data.events();
  const Timestamp last = data.last_time();
  std::vector<Visit> out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool counts = data.types()[events.types[i]].weight > 0;
    // A log without times has no window.
    const bool recent = !p.window || !last.known() || events.times[i] > last - *p.window;
    if (counts && recent) out.push_back({events.items[i], events.subjects[i], events.times[i]});
  }
  std::stable_sort(out.begin(), out.end(), [](const Visit& a, const Visit& b) {
    return std::tie(a.item, a.subject, a.at) < std::tie(b.item, b.subject, b.at);
  });
  return out;
}

}  // namespace

std::vector<CountedPair> counted_pairs(const data::Dataset& data,
                                       const PopularParameters& parameters) {
  check_argument(!parameters.window || parameters.window->micros > 0,
                 "Popular: window must be longer than nothing");
  check_argument(!parameters.half_life || parameters.half_life->micros > 0,
                 "Popular: half_life must be longer than nothing");
  std::vector<CountedPair> out;
  const std::vector<Visit> visits = visits_in_window(data, parameters);
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const Visit& visit = visits[i];
    const bool closes = i + 1 == visits.size() || visits[i + 1].item != visit.item ||
                        visits[i + 1].subject != visit.subject || !visit.subject.known();
    if (!closes) continue;
    out.push_back(
        {visit.item, visit.subject,
         parameters.half_life ? recency(visit.at, data.last_time(), *parameters.half_life) : 1.0});
  }
  return out;
}

std::shared_ptr<const Model> fit_popular(const data::Dataset& data,
                                         const PopularParameters& parameters) {
  std::vector<double> scores(data.items().size(), 0.0);
  for (const CountedPair& pair : counted_pairs(data, parameters)) {
    scores[static_cast<std::size_t>(pair.item.value)] += pair.weight;
  }
  std::vector<float> narrow(scores.begin(), scores.end());
  return std::make_shared<const PopularModel>(parameters,
                                              SharedArray<float>::own(std::move(narrow)));
}

void PopularModel::score_all(const Query& /*query*/, std::span<float> scores) const {
  std::copy(scores_.begin(), scores_.end(), scores.begin());
}

void PopularModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"window_us", parameters_.window},
             {"half_life_us", parameters_.half_life}});
  writer.add(prefix + "/scores", scores_.span());
}

std::shared_ptr<const Model> PopularModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                                const std::string& prefix,
                                                std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  return std::make_shared<const PopularModel>(
      PopularParameters{meta.duration("window_us"), meta.duration("half_life_us")},
      meta.array<float>("scores", num_items));
}

}  // namespace penchant::models
