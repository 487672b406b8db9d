// What a feature plan costs where it serves: the state's memory, a request's reading of all
// features for its candidates (time goes on from each to the next), and one event. One thread, no
// JSON and no HTTP; simulated events of a year, ten a subject, items by a heavy-tailed popularity.
//
//   feature_times PLAN.json [events = 1e7] [candidates = 200] [requests = 2000]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "penchant/features/state.h"

namespace {

using namespace penchant::features;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kBegin = 1'700'000'000'000'000;
constexpr std::int64_t kYear = 365LL * 86'400'000'000;
constexpr std::int32_t kItems = 100'000;

double micros_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

void print(const char* what, std::vector<double>& micros) {
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double share) {
    return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
  };
  double sum = 0;
  for (const double one : micros) sum += one;
  std::printf("%-34s median %8.2f us, mean %8.2f, p99 %8.2f\n", what, at(.5),
              sum / static_cast<double>(micros.size()), at(.99));
  micros.clear();
}

// The state of the process in MiB, as the system counts it.
std::size_t memory_of(const char* name) {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    std::size_t kilobytes = 0;
    if (word == name && file >> kilobytes) return kilobytes >> 10;
  }
  return 0;
}

class World {
 public:
  World(const Plan& plan, std::size_t events) : random_(1), plan_(plan) {
    subjects_ = static_cast<std::int32_t>(std::max<std::size_t>(1, events / 10));
    table.items = kItems;
    for (std::size_t c = 0; c < plan.item_codes().size(); ++c) {
      table.codes.push_back({{}, 200});
      for (std::int32_t i = 0; i < kItems; ++i) table.codes[c].of_item.push_back(i % 200);
    }
    table.numbers.assign(plan.item_numbers().size(), std::vector<double>(kItems, 9.5));
    for (std::size_t i = 0; i < events; ++i) times_.push_back(kBegin + below(kYear));
    std::sort(times_.begin(), times_.end());
    numbers_.resize(plan.numbers().size());
    codes_.resize(plan.codes().size());
    for (std::size_t i = 0; i < events; ++i) {
      types_.push_back(type());
      who_.push_back(subject());
      what_.push_back(item());
      for (auto& column : numbers_) column.push_back((1 + below(10'000)) * 10'000);
      for (auto& column : codes_) {
        column.push_back(
            static_cast<std::int32_t>(below(static_cast<std::int64_t>(events) / 3 + 1)));
      }
    }
  }

  [[nodiscard]] EventBatch events() const {
    EventBatch out{times_, types_, who_, what_, {}, {}};
    for (const auto& column : numbers_) out.numbers.emplace_back(column);
    for (const auto& column : codes_) out.codes.emplace_back(column);
    return out;
  }

  [[nodiscard]] std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  [[nodiscard]] std::int32_t subject() { return static_cast<std::int32_t>(below(subjects_)); }
  [[nodiscard]] std::int32_t item() {
    const double share = static_cast<double>(1 + below(1'000'000)) / 1e6;
    return static_cast<std::int32_t>(std::min(50 * (1 / share - 1), kItems - 1.0));
  }
  // Six of ten events are of the plan's second type (views), one of its first (purchases).
  [[nodiscard]] std::uint16_t type() {
    const std::int64_t one = below(10);
    const std::size_t place = one < 6 ? 1 : one == 6 ? 0 : plan_.types().size() - 1;
    return static_cast<std::uint16_t>(std::min(place, plan_.types().size() - 1));
  }
  [[nodiscard]] std::int32_t subjects() const { return subjects_; }

  ItemTable table;

 private:
  std::mt19937_64 random_;
  const Plan& plan_;
  std::int32_t subjects_ = 0;
  std::vector<std::int64_t> times_;
  std::vector<std::uint16_t> types_;
  std::vector<std::int32_t> who_;
  std::vector<std::int32_t> what_;
  std::vector<std::vector<std::int64_t>> numbers_;
  std::vector<std::vector<std::int32_t>> codes_;
};

struct Requests {
  std::size_t candidates = 200;
  std::size_t count = 2'000;
  std::int64_t step = 0;  // microseconds from one to the next
  bool remembers = true;
};

double time_requests(World& world, const State& state, const Requests& asked,
                     std::vector<double>& micros) {
  const std::size_t candidates = asked.candidates;
  const std::size_t features = state.plan().features().size();
  std::vector<std::vector<double>> columns(features, std::vector<double>(candidates));
  std::vector<double*> out;
  for (std::size_t f = 0; f < features; ++f) {
    out.push_back(state.plan().features()[f].hidden ? nullptr : columns[f].data());
  }
  std::vector<std::int64_t> now(candidates, kBegin + kYear + 60'000'000);
  std::vector<std::int32_t> items(candidates);
  ReadScratch scratch(asked.remembers);
  double sum = 0;
  for (std::size_t r = 0; r < asked.count; ++r) {
    for (std::int64_t& one : now) one += asked.step;
    const std::vector<std::int32_t> who(candidates, world.subject());
    for (std::int32_t& item : items) item = world.item();
    const auto start = Clock::now();
    state.read({now, who, items}, out, scratch);
    micros.push_back(micros_since(start));
    for (std::size_t f = 0; f < features; ++f) {
      const double one = columns[f][r % candidates];
      sum += std::isnan(one) ? 0 : one;
    }
  }
  return sum;
}

// From `begin` on, a millisecond after another.
void time_events(World& world, State& state, std::int64_t begin, std::size_t count,
                 std::vector<double>& micros) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t time = begin + static_cast<std::int64_t>(i) * 1'000;
    const std::uint16_t type = world.type();
    const std::int32_t who = world.subject();
    const std::int32_t what = world.item();
    const std::int64_t number = 2'000'000;
    const auto code = static_cast<std::int32_t>(i);
    EventBatch batch{{&time, 1}, {&type, 1}, {&who, 1}, {&what, 1}, {}, {}};
    batch.numbers.assign(state.plan().numbers().size(), {&number, 1});
    batch.codes.assign(state.plan().codes().size(), {&code, 1});
    const auto start = Clock::now();
    state.replay(batch, 1);
    micros.push_back(micros_since(start));
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: feature_times PLAN.json [events] [candidates] [requests]\n");
    return 2;
  }
  std::ifstream file(arguments[1]);
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  const auto plan = std::make_shared<const Plan>(Plan::from_json(json));
  const auto events = static_cast<std::size_t>(count > 2 ? std::atof(arguments[2]) : 1e7);
  const auto candidates = static_cast<std::size_t>(count > 3 ? std::atoi(arguments[3]) : 200);
  const auto requests = static_cast<std::size_t>(count > 4 ? std::atoi(arguments[4]) : 2'000);
  World world(*plan, events);
  std::printf("%zu events of %d subjects, %zu features\n", events, world.subjects(),
              plan->features().size());
  const std::size_t before = memory_of("VmRSS:");
  const auto start = Clock::now();
  State state(plan, world.table);
  state.replay(world.events(), 0);
  const double seconds = micros_since(start) / 1e6;
  std::printf("replay: %.2f s, %.2f M events/s\n", seconds,
              static_cast<double>(events) / seconds / 1e6);
  std::printf("state: %.1f MiB (process %zu), %.0f bytes a subject, %.1f an event\n",
              static_cast<double>(state.bytes()) / 1048576, memory_of("VmRSS:") - before,
              static_cast<double>(state.bytes()) / world.subjects(),
              static_cast<double>(state.bytes()) / static_cast<double>(events));
  std::vector<double> micros;
  const Requests soon{.candidates = candidates, .count = requests, .step = 10'000};
  const Requests late{.candidates = candidates, .count = requests, .step = 60'000'000};
  const Requests alone{.candidates = candidates, .count = requests, .remembers = false};
  double sum = time_requests(world, state, soon, micros);
  print("a request, each 10 ms", micros);
  sum += time_requests(world, state, late, micros);
  print("a request, each minute", micros);
  sum += time_requests(world, state, alone, micros);
  print("a request, nothing remembered", micros);
  State live = State::over(state);
  constexpr std::size_t kEvents = 20'000;
  constexpr std::int64_t kSpan = 1'000 * static_cast<std::int64_t>(kEvents);
  time_events(world, live, kBegin + kYear, kEvents, micros);
  print("an event, lists still the state's", micros);
  time_events(world, live, kBegin + kYear + kSpan, kEvents, micros);
  print("an event, later", micros);
  time_events(world, live, kBegin + kYear + kSpan, kEvents, micros);
  print("an event up to 20 s late", micros);
  sum += time_requests(world, live, soon, micros);
  print("a request after these, each 10 ms", micros);
  sum += time_requests(world, live, alone, micros);
  print("the same, nothing remembered", micros);
  std::printf("beside the state: %.1f MiB; sum %.6g\n", static_cast<double>(live.bytes()) / 1048576,
              sum);
  return 0;
}
