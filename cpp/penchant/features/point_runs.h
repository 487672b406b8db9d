#pragma once

// Points in a row that share subject and time: what is found out of the subject's rows is found
// once for all of them.

#include <cstdint>
#include <span>

#include "penchant/features/event_batch.h"

namespace penchant::features {

// Points first to end - 1, of one subject and time.
struct PointRun {
  std::size_t first = 0;
  std::size_t end = 0;
  std::int32_t subject = kNoCode;
  std::int64_t time = 0;
};

// Calls use(run) for each of points first to first + times.size() - 1, as of these times rather
// than their own.
template <class Use>
void each_run(std::span<const std::int32_t> subjects, std::span<const std::int64_t> times,
              std::size_t first, const Use& use) {
  const std::size_t end = first + times.size();
  PointRun run{.first = first, .end = first};
  while (run.first < end) {
    run.subject = subjects[run.first];
    run.time = times[run.first - first];
    while (run.end < end && subjects[run.end] == run.subject &&
           times[run.end - first] == run.time) {
      ++run.end;
    }
    use(run);
    run.first = run.end;
  }
}

}  // namespace penchant::features
