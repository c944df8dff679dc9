# Flags.cmake - warnings, sanitizers and hardening.
#
# Targets link weir_warnings as PRIVATE $<BUILD_INTERFACE:weir_warnings>: it is never exported.

add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-align -Wundef
  # Designated initializers are how options are written; what is left out has its default.
  -Wno-missing-field-initializers
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra-semi>
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
  $<$<BOOL:${WEIR_WERROR}>:-Werror>)
if(WEIR_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The instrumentation hides initialisations from g++, which then warns of what is not so.
  target_compile_options(weir_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

# Sanitizers apply to everything below this directory, tests and examples included: one program,
# one build. WEIR_POOLS tells the library whether to keep frames and buffers in pools. A pool
# hides a use after free from AddressSanitizer, so sanitizer builds go without. Only src/ may
# ask for it; include/ is the same in both builds.
set(WEIR_SANITIZE_FLAGS "")
if(WEIR_SANITIZE STREQUAL "address")
  # vptr makes a pipe to see whether memory may be read: where a test has used up all descriptors
  # it takes every object for none.
  set(WEIR_SANITIZE_FLAGS
      -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
elseif(WEIR_SANITIZE STREQUAL "thread")
  set(WEIR_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
elseif(WEIR_SANITIZE)
  message(FATAL_ERROR "WEIR_SANITIZE is '${WEIR_SANITIZE}', but must be empty, address or thread")
endif()
if(WEIR_SANITIZE)
  add_compile_options(${WEIR_SANITIZE_FLAGS})
  add_link_options(${WEIR_SANITIZE_FLAGS})
  add_compile_definitions(WEIR_POOLS=0)
else()
  add_compile_definitions(WEIR_POOLS=1)
endif()

# The standard library checks its preconditions wherever speed is not the question.
if(WEIR_SANITIZE)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
else()
  add_compile_definitions($<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
endif()

# Off by default: a stack protector adds instructions to every function that holds a buffer, and
# a request is a few hundred instructions in all. A distribution that wants it turns it on or
# brings its own flags.
if(WEIR_HARDEN)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE
                      -D_FORTIFY_SOURCE=2)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
