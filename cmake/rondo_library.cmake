# rondo_library, rondo_executable, rondo_test, rondo_benchmark, rondo_fuzzer: the only ways to add
# C++ targets.
#
#   rondo_library(core SOURCES id.cc money.cc DEPS rondo::storage EXTERNAL absl::status)
#   rondo_test(core_test SOURCES id_test.cc DEPS rondo::core [LABELS unit] [TIMEOUT 120])
#
# DEPS are our own targets; an edge that cmake/layers.txt does not allow stops the configuration.
# EXTERNAL are libraries. Headers are included by their path from the repository's root.

# What `./x` builds by name: tests that also run under ASan in every CI run, all fuzzers, all
# benchmarks, and all generated headers (clang-tidy reads them).
add_custom_target(sanitized_tests)
add_custom_target(fuzzers)
add_custom_target(benchmarks)
add_custom_target(rondo_generated)
set(RONDO_SANITIZED_ROOMS "^(rules|stats|policy|channels|platform/storage|platform/eventlog|services/[a-z]+/domain)(/|$)")
set(RONDO_SANITIZED_NAMES "_domain_test$")

file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/layers.txt RONDO_LAYER_LINES REGEX "^[a-z]")
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
             ${CMAKE_SOURCE_DIR}/cmake/layers.txt)

# Sets `out` to the room that owns `dir` (relative to the root), the longest matching prefix.
function(rondo_room_of dir out)
  set(best "")
  foreach(line IN LISTS RONDO_LAYER_LINES)
    string(REGEX REPLACE ":.*$" "" room "${line}")
    string(FIND "${dir}/" "${room}/" at)
    string(LENGTH "${room}" room_length)
    string(LENGTH "${best}" best_length)
    if(at EQUAL 0 AND room_length GREATER best_length)
      set(best "${room}")
    endif()
  endforeach()
  if(best STREQUAL "")
    message(FATAL_ERROR "${dir} belongs to no room of cmake/layers.txt")
  endif()
  set(${out} "${best}" PARENT_SCOPE)
endfunction()

# Stops unless `room` may use `used_room`.
function(rondo_check_edge target room used_target used_room)
  if(room STREQUAL used_room)
    return()
  endif()
  foreach(line IN LISTS RONDO_LAYER_LINES)
    if(line MATCHES "^${room}: *(.*)$")
      string(REPLACE " " ";" allowed "${CMAKE_MATCH_1}")
      if("*" IN_LIST allowed OR used_room IN_LIST allowed)
        return()
      endif()
    endif()
  endforeach()
  message(FATAL_ERROR "${target} (${room}) may not use ${used_target} (${used_room}): "
                      "cmake/layers.txt does not allow the edge")
endfunction()

function(rondo_apply_edges target)
  file(RELATIVE_PATH dir ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  rondo_room_of("${dir}" room)
  set_property(TARGET ${target} PROPERTY RONDO_ROOM "${room}")
  foreach(dep IN LISTS ARGN)
    string(REPLACE "rondo::" "rondo_" dep_target "${dep}")
    if(NOT TARGET ${dep_target})
      message(FATAL_ERROR "${target}: no target ${dep}; is its folder added before this one?")
    endif()
    get_property(dep_room TARGET ${dep_target} PROPERTY RONDO_ROOM)
    # What only tests use (kits) is theirs to use.
    get_property(is_test TARGET ${target} PROPERTY RONDO_IS_TEST)
    if(NOT is_test)
      rondo_check_edge("${target}" "${room}" "${dep}" "${dep_room}")
    endif()
  endforeach()
endfunction()

# One precompiled header for all: standard library and Abseil only.
add_library(rondo_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_precompile_headers(rondo_pch PRIVATE
  <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <string> <string_view> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/status/status.h> <absl/status/statusor.h>
  <absl/strings/str_cat.h> <absl/strings/str_format.h> <absl/time/time.h>)
if(RONDO_SANITIZE STREQUAL "tsan")
  target_precompile_headers(rondo_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/tsan_protobuf.h)
endif()
target_link_libraries(rondo_pch PRIVATE rondo_warnings rondo_sanitize Threads::Threads
  absl::status absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map)
target_compile_options(rondo_pch PRIVATE -pthread)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(rondo_pch PRIVATE -fpch-preprocess)
endif()

function(rondo_common target)
  target_link_libraries(${target} PRIVATE rondo_warnings rondo_sanitize Threads::Threads)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -pthread)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  target_precompile_headers(${target} REUSE_FROM rondo_pch)
endfunction()

function(rondo_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  set(target rondo_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(rondo::${name} ALIAS ${target})
  rondo_common(${target})
  rondo_apply_edges(${target} ${ARG_DEPS})
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} ${ARG_EXTERNAL}
    absl::status absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map)
endfunction()

# A program, built at the top of the build folder: build/release/rondo.
function(rondo_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  rondo_common(${name})
  rondo_apply_edges(${name} ${ARG_DEPS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL}
    absl::status absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map)
endfunction()

function(rondo_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;EXTERNAL;LABELS" ${ARGN})
  set(target rondo_${name})
  add_executable(${target} ${ARG_SOURCES})
  set_property(TARGET ${target} PROPERTY RONDO_IS_TEST ON)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  rondo_common(${target})
  rondo_apply_edges(${target} ${ARG_DEPS})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL} GTest::gmock GTest::gtest_main
    rapidcheck)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  file(RELATIVE_PATH dir ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if("unit" IN_LIST ARG_LABELS AND
     (dir MATCHES "${RONDO_SANITIZED_ROOMS}" OR name MATCHES "${RONDO_SANITIZED_NAMES}"))
    list(APPEND ARG_LABELS sanitized)
    add_dependencies(sanitized_tests ${target})
  endif()
  add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if(RONDO_SANITIZE STREQUAL "tsan")
    set_tests_properties(${name} PROPERTIES
      ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp")
  endif()
endfunction()

function(rondo_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  set(target rondo_${name})
  add_executable(${target} ${ARG_SOURCES})
  set_property(TARGET ${target} PROPERTY RONDO_IS_TEST ON)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  rondo_common(${target})
  rondo_apply_edges(${target} ${ARG_DEPS})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL} benchmark::benchmark_main)
  # Not a part of `all`: CI compiles what it runs.
  set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  add_dependencies(benchmarks ${target})
endfunction()

# A libFuzzer target; built by the preset `fuzz` only. `./x test` runs each for some seconds.
function(rondo_fuzzer name)
  if(NOT RONDO_SANITIZE STREQUAL "fuzz")
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  set(target rondo_${name})
  add_executable(${target} ${ARG_SOURCES})
  set_property(TARGET ${target} PROPERTY RONDO_IS_TEST ON)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
  rondo_common(${target})
  rondo_apply_edges(${target} ${ARG_DEPS})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} ${ARG_EXTERNAL})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${target})
endfunction()
