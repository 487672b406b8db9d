#pragma once

// A crew of which one thread has something to do and the others help.

#include <atomic>

#include "penchant/base/crew.h"

namespace penchant::testing {

// Runs `lead`, which must not throw, on one of the threads.
template <class Lead>
void run_led(Crew& crew, const Lead& lead) {
  std::atomic<bool> over = false;
  std::atomic<bool> led = false;
  crew.run([&] {
    if (led.exchange(true)) {
      while (!over) crew.idle();
      return;
    }
    lead();
    over = true;
  });
}

}  // namespace penchant::testing
