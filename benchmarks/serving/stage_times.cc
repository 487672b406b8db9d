// Where a request's time goes: the median microseconds of each stage, one thread, without JSON and
// HTTP, for subjects spread over those that a bundle knows.
//
//   stage_times shop.penchant [requests = 1000] [rounds = 5]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "penchant/engine/engine.h"
#include "penchant/engine/stages.h"

namespace {

using penchant::engine::Request;
using Clock = std::chrono::steady_clock;

Request request_of(const penchant::data::IdMap& subjects, std::size_t i, bool exclude_seen) {
  Request request;
  if (subjects.kind() == penchant::data::IdKind::kInteger) {
    request.subject = subjects.integer(i);
  } else {
    request.subject = std::string(subjects.string(i));
  }
  request.exclude_seen = exclude_seen;
  return request;
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: stage_times BUNDLE [requests] [rounds]\n");
    return 2;
  }
  const auto engine = penchant::engine::Engine::open(arguments[1]);
  const auto requests = static_cast<std::size_t>(count > 2 ? std::atoi(arguments[2]) : 1000);
  const int rounds = count > 3 ? std::atoi(arguments[3]) : 5;
  const auto& subjects = engine->assets().context->subjects;
  const std::size_t step = std::max<std::size_t>(1, subjects.size() / requests);
  const auto stages = penchant::engine::make_stages(engine->assets());
  std::vector<std::vector<double>> times(stages.size() + 1);
  penchant::engine::Workspace work;
  work.assets = &engine->assets();
  std::size_t shown = 0;
  for (int round = 0; round <= rounds; ++round) {
    for (std::size_t i = 0; i < subjects.size(); i += step) {
      const Request request = request_of(subjects, i, i / step % 2 == 1);
      work.request = &request;
      double whole = 0;
      for (std::size_t s = 0; s < stages.size(); ++s) {
        const auto start = Clock::now();
        stages[s]->run(work);
        const std::chrono::duration<double, std::micro> spent = Clock::now() - start;
        whole += spent.count();
        if (round > 0) times[s].push_back(spent.count());  // the first warms up
      }
      if (round > 0) times[stages.size()].push_back(whole);
      shown += work.decision.items.size();
    }
  }
  for (std::size_t s = 0; s < stages.size(); ++s) {
    std::printf("%-10s %8.1f us\n", std::string(stages[s]->name()).c_str(), median(times[s]));
  }
  std::printf("%-10s %8.1f us\n", "whole", median(times[stages.size()]));
  std::printf("%zu items shown\n", shown);
  return 0;
}
