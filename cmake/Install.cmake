# Install.cmake - what `cmake --install` puts where, and how others find it: find_package(weir)
# with the target weir::weir, and pkg-config with the module weir.

include(CMakePackageConfigHelpers)

if(NOT TARGET weir)
  return()
endif()

# The library's users need C++20 and the public headers.
target_compile_features(weir PUBLIC cxx_std_20)

install(TARGETS weir EXPORT weirTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/weir
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Examples to copy, not units to run: a package decides what is enabled.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/deploy/systemd DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET weir_tool)
  if(BUILD_SHARED_LIBS)
    set_target_properties(weir_tool PROPERTIES
                          INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  endif()
  install(TARGETS weir_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Each library that weir links, and how a user of a static weir finds it again. A link without a
# line here ends the configuration: otherwise it would end the build of somebody else.
set(find_dependencies "")
set(pkgconfig_modules "")
set(pkgconfig_libs "")
get_target_property(weir_links weir LINK_LIBRARIES)
foreach(link IN LISTS weir_links)
  if(link MATCHES "BUILD_INTERFACE|^::@" OR link STREQUAL "weir_links-NOTFOUND")
    continue()
  elseif(link MATCHES "^PkgConfig::(.+)$")
    set(prefix ${CMAKE_MATCH_1})
    set(module ${${prefix}_MODULE_NAME})
    string(APPEND find_dependencies "find_dependency(PkgConfig)\n"
           "pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${module})\n")
    list(APPEND pkgconfig_modules ${module})
  elseif(link STREQUAL "Threads::Threads")
    string(APPEND find_dependencies
           "set(THREADS_PREFER_PTHREAD_FLAG ON)\nfind_dependency(Threads)\n")
    list(APPEND pkgconfig_libs -pthread)
  elseif(link STREQUAL "fmt::fmt")
    string(APPEND find_dependencies "find_dependency(fmt)\n")
    list(APPEND pkgconfig_modules fmt)
  elseif(link MATCHES "^OpenSSL::(SSL|Crypto)$")
    string(APPEND find_dependencies "find_dependency(OpenSSL)\n")
    list(APPEND pkgconfig_modules openssl)
  elseif(link STREQUAL "ZLIB::ZLIB")
    string(APPEND find_dependencies "find_dependency(ZLIB)\n")
    list(APPEND pkgconfig_modules zlib)
  else()
    message(FATAL_ERROR "weir links ${link}; say in cmake/Install.cmake how its users find it")
  endif()
endforeach()
list(REMOVE_DUPLICATES pkgconfig_modules)
list(JOIN pkgconfig_modules ", " pkgconfig_modules)
list(JOIN pkgconfig_libs " " pkgconfig_libs)

# A static library has to name what it needs to everyone; a shared one has it inside already.
get_target_property(weir_type weir TYPE)
if(weir_type STREQUAL "STATIC_LIBRARY")
  set(WEIR_FIND_DEPENDENCIES "${find_dependencies}")
  set(WEIR_PC_REQUIRES "${pkgconfig_modules}")
  set(WEIR_PC_LIBS " ${pkgconfig_libs}")
else()
  set(WEIR_PC_REQUIRES_PRIVATE "${pkgconfig_modules}")
  set(WEIR_PC_LIBS_PRIVATE "${pkgconfig_libs}")
endif()

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/weirConfig.cmake.in weirConfig.cmake
                              INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(weirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weirConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/weirConfigVersion.cmake
        DESTINATION ${package_directory})
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${package_directory})

# The prefix is told relative to the file, so that an installed tree can be moved.
file(RELATIVE_PATH WEIR_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${PROJECT_SOURCE_DIR}/cmake/weir.pc.in weir.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
