#pragma once

// Many readers or one writer, each in its turn: readers that come after a writer wait for it, so
// that a steady stream of them can't keep it out (as the system's shared locks allow).
//
//   const ReadLock lock(fair);     // or WriteLock

#include <mutex>
#include <shared_mutex>

namespace penchant::bandits {

class FairMutex {
 public:
  void lock() {
    const std::lock_guard<std::mutex> turn(turn_);
    shared_.lock();
  }
  void unlock() { shared_.unlock(); }
  void lock_shared() {
    const std::lock_guard<std::mutex> turn(turn_);
    shared_.lock_shared();
  }
  void unlock_shared() { shared_.unlock_shared(); }

 private:
  std::mutex turn_;
  std::shared_mutex shared_;
};

using ReadLock = std::shared_lock<FairMutex>;
using WriteLock = std::unique_lock<FairMutex>;

}  // namespace penchant::bandits
