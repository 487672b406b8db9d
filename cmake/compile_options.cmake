# One place for the flags every target shares.
add_library(penchant_options INTERFACE)
target_compile_options(penchant_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wconversion
  -Wno-sign-conversion
  # GCC 12 warns falsely inside std::string (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # No fused multiply-add unless a kernel asks for one: what a notebook computes must be what any
  # server computes (see ARCHITECTURE.md, "the same bits").
  -ffp-contract=off)
if(PENCHANT_WERROR)
  target_compile_options(penchant_options INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # The floor every x86 server of the last decade meets; wider kernels are chosen at run time.
  target_compile_options(penchant_options INTERFACE -march=x86-64-v2)
endif()
if(PENCHANT_SANITIZE)
  target_compile_options(penchant_options INTERFACE
    -fsanitize=${PENCHANT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # Instrumented code hides from GCC that a branch is dead: false alarms in the wide kernels.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-free-nonheap-object>)
  target_link_options(penchant_options INTERFACE -fsanitize=${PENCHANT_SANITIZE})
  # GCC's own words: sanitizers make this warning fire falsely.
  target_compile_options(penchant_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
target_include_directories(penchant_options INTERFACE "${PROJECT_SOURCE_DIR}/cpp")
