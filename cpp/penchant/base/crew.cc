#include "penchant/base/crew.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "penchant/base/parallel.h"
#include "penchant/base/shares.h"

namespace penchant {
namespace {

// An idle thread looks so often for a loop before it lets the system run something else.
constexpr int kLooks = 64;

// Which of its crew's threads this is.
thread_local std::size_t this_thread = 0;

}  // namespace

class Crew::Loop {
 public:
  Loop(std::size_t blocks, std::size_t threads, const std::function<void(std::size_t)>& body)
      : blocks_(blocks, threads), body_(body) {}

  void work() {
    for (auto b = blocks_.take(this_thread); b; b = blocks_.take(this_thread)) {
      try {
        body_(*b);
      } catch (...) {
        blocks_.stop();
        const std::lock_guard lock(mutex_);
        if (!first_) first_ = std::current_exception();
      }
    }
  }
  [[nodiscard]] bool has_more() const { return blocks_.has_more(); }
  void enter() { helpers_.fetch_add(1, std::memory_order_relaxed); }
  // The last the helper has to do with the loop.
  void leave() { helpers_.fetch_sub(1, std::memory_order_release); }
  void wait() const {
    while (helpers_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
    if (first_) std::rethrow_exception(first_);
  }

 private:
  Shares blocks_;
  const std::function<void(std::size_t)>& body_;
  std::atomic<int> helpers_{0};
  std::mutex mutex_;
  std::exception_ptr first_;
};

Crew::Crew(int threads) : threads_(resolve_threads(threads)) {}

void Crew::run(const std::function<void()>& work) {
  parallel_blocks(static_cast<std::size_t>(threads_), 1, threads_, [&](const Block& block) {
    this_thread = block.number;
    work();
  });
}

void Crew::share(std::size_t blocks, const std::function<void(std::size_t)>& body) {
  if (blocks <= 1 || threads_ == 1) {
    for (std::size_t b = 0; b < blocks; ++b) body(b);
    return;
  }
  Loop loop(blocks, static_cast<std::size_t>(threads_), body);
  {
    const std::lock_guard lock(mutex_);
    loops_.push_back(&loop);
    open_.store(static_cast<int>(loops_.size()), std::memory_order_relaxed);
  }
  loop.work();
  {
    const std::lock_guard lock(mutex_);
    std::erase(loops_, &loop);
    open_.store(static_cast<int>(loops_.size()), std::memory_order_relaxed);
  }
  loop.wait();
}

Crew::Loop* Crew::join() {
  if (open_.load(std::memory_order_relaxed) == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto at =
      std::find_if(loops_.begin(), loops_.end(), [](const Loop* loop) { return loop->has_more(); });
  if (at == loops_.end()) return nullptr;
  (*at)->enter();
  return *at;
}

void Crew::idle() {
  Loop* loop = nullptr;
  for (int look = 0; look < kLooks && loop == nullptr; ++look) loop = join();
  if (loop == nullptr) return std::this_thread::yield();
  loop->work();
  loop->leave();
}

}  // namespace penchant
