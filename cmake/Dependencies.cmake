# Dependencies.cmake - finds what the targets link. Everything is found here, at the top, so
# that the imported targets are known in every directory. Nothing is downloaded.
#
#   PkgConfig::LIBURING  required: the io-uring model          liburing-dev
#   Threads::Threads     required: worker threads              (libc)
#   fmt::fmt             the tool                              libfmt-dev
#   CLI11::CLI11         the tool                              libcli11-dev
#   nlohmann_json::nlohmann_json, spdlog::spdlog   the tool    nlohmann-json3-dev, libspdlog-dev
#   weir_llhttp          the tool: HTTP/1.1 replies             node-llhttp (its C sources)
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
  # Debian brings llhttp as C sources.
  find_path(LLHTTP_INCLUDE_DIR llhttp/llhttp.h HINTS /usr/share/include REQUIRED)
  find_path(LLHTTP_SOURCE_DIR llhttp.c HINTS /usr/share/llhttp REQUIRED)
  add_library(weir_llhttp STATIC EXCLUDE_FROM_ALL
    ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
  target_include_directories(weir_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR}
                             PRIVATE ${LLHTTP_INCLUDE_DIR}/llhttp)
endif()

if(WEIR_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  include(GoogleTest)
endif()
