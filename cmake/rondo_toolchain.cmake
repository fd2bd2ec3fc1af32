# Language, warnings, linker and sanitizers: what holds for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

set(RONDO_SANITIZE "" CACHE STRING "asan, tsan, fuzz or empty")

add_library(rondo_warnings INTERFACE)
# Designated initializers name what they set on purpose: the rest has its default.
target_compile_options(rondo_warnings INTERFACE -Wall -Wextra -Werror -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The libraries' headers were written for GCC 12; these two are theirs.
  target_compile_options(rondo_warnings INTERFACE -Wno-deprecated-declarations -Wno-unknown-warning-option)
else()
  # GCC 12 reports these falsely in optimised standard containers.
  target_compile_options(rondo_warnings INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                                                  -Wno-maybe-uninitialized)
endif()

# Sanitizers apply to our own code; generated code is only linked with them.
add_library(rondo_sanitize INTERFACE)
if(RONDO_SANITIZE STREQUAL "asan")
  target_compile_options(rondo_sanitize INTERFACE
    -fsanitize=address,signed-integer-overflow,shift,bounds,float-cast-overflow,integer-divide-by-zero
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(RONDO_SANITIZE STREQUAL "tsan")
  target_compile_options(rondo_sanitize INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(RONDO_SANITIZE STREQUAL "fuzz")
  target_compile_options(rondo_sanitize INTERFACE
    -fsanitize=fuzzer-no-link,address,signed-integer-overflow,shift,bounds,float-cast-overflow,integer-divide-by-zero
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(RONDO_MOLD mold)
if(RONDO_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
