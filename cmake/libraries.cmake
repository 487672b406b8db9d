# Names that cpp/modules.txt uses for third-party libraries, each as an interface target lib_<name>.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
pkg_check_modules(LIBCRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)

function(penchant_library name)
  add_library(lib_${name} INTERFACE)
  target_link_libraries(lib_${name} INTERFACE ${ARGN})
endfunction()

penchant_library(threads Threads::Threads)
penchant_library(tbb TBB::tbb)
penchant_library(json nlohmann_json::nlohmann_json)
penchant_library(hwy PkgConfig::HWY)
penchant_library(simdjson PkgConfig::SIMDJSON)
penchant_library(blas PkgConfig::OPENBLAS)
penchant_library(rocksdb PkgConfig::ROCKSDB)
penchant_library(crypto PkgConfig::LIBCRYPTO)

# xxHash is used header-only, so that a bundle reader needs no shared library for its checksums.
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(lib_xxhash INTERFACE)
target_include_directories(lib_xxhash SYSTEM INTERFACE "${XXHASH_INCLUDE_DIR}")
target_compile_definitions(lib_xxhash INTERFACE XXH_INLINE_ALL)

# Faiss, for a test that compares graphs: Debian's by default, another through -DFaiss_ROOT=...
if(PENCHANT_TESTS)
  find_path(FAISS_INCLUDE_DIR faiss/IndexHNSW.h HINTS "${Faiss_ROOT}/include")
  find_library(FAISS_LIBRARY faiss HINTS "${Faiss_ROOT}/lib")
  find_package(OpenMP COMPONENTS CXX)
  if(FAISS_INCLUDE_DIR AND FAISS_LIBRARY AND OpenMP_CXX_FOUND)
    add_library(lib_faiss INTERFACE)
    target_include_directories(lib_faiss SYSTEM INTERFACE "${FAISS_INCLUDE_DIR}")
    target_link_libraries(lib_faiss INTERFACE "${FAISS_LIBRARY}" lib_blas OpenMP::OpenMP_CXX)
  endif()
endif()

# Boost is used header-only (Beast, Asio).
find_path(BOOST_BEAST_INCLUDE_DIR boost/beast.hpp REQUIRED)
add_library(lib_boost INTERFACE)
target_include_directories(lib_boost SYSTEM INTERFACE "${BOOST_BEAST_INCLUDE_DIR}")
target_compile_definitions(lib_boost INTERFACE BOOST_ASIO_NO_DEPRECATED)
# GCC takes Asio's own pair of operators for coroutine frames for a mismatch once they are inlined.
target_compile_options(lib_boost INTERFACE -Wno-mismatched-new-delete)
if(PENCHANT_SANITIZE MATCHES "thread")
  # ThreadSanitizer does not know fences; Asio needs none of them beside its mutexes.
  target_compile_definitions(lib_boost INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

# The server's command line.
if(PENCHANT_SERVER)
  find_package(CLI11 REQUIRED)
  penchant_library(cli11 CLI11::CLI11)
endif()

if(PENCHANT_PYTHON)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
    OUTPUT_VARIABLE pybind11_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(PYBIND11_FINDPYTHON ON)
  find_package(pybind11 CONFIG REQUIRED)
endif()
