# Dependencies.cmake - finds what the targets link. Everything is found here, at the top, so
# that the imported targets are known in every directory. Nothing is downloaded.
#
#   PkgConfig::LIBURING  required: the io-uring model          liburing-dev
#   Threads::Threads     required: worker threads              (libc)
#   fmt::fmt             the tool                              libfmt-dev
#   CLI11::CLI11         the tool                              libcli11-dev
#   nlohmann_json::nlohmann_json, spdlog::spdlog   the tool    nlohmann-json3-dev, libspdlog-dev
#   GTest::gtest_main, GTest::gmock                the tests   libgtest-dev, libgmock-dev
#
# What the library itself links must also have a line in Install.cmake, which tells its users.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing>=2.3)
find_package(fmt QUIET)

if(WEIR_BUILD_TOOL)
  find_package(fmt REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(spdlog REQUIRED)
endif()

if(WEIR_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  include(GoogleTest)
endif()
