# google.api (HTTP annotations) and google.rpc (status and error details): protos for protoc, and
# their generated C++ as rondo::googleapis.
#
# Debian packages none of them, so they come from PyPI's googleapis-common-protos, one version by its
# hash, into build/venv (shared by all presets). Only the .proto files are used.
#
#   RONDO_GOOGLEAPIS_DIR   include path for protoc: holds google/api/annotations.proto
#   RONDO_GOOGLEAPIS_GEN   include path of the generated headers

set(RONDO_GOOGLEAPIS_VERSION 1.70.0)
set(RONDO_GOOGLEAPIS_SHA256 b8bfcca8c25a2bb253e0e0b0adaf8c00773e5e6af6fd92397576680b807e0fd8)
set(RONDO_VENV ${CMAKE_SOURCE_DIR}/build/venv)
set(rondo_googleapis_stamp ${RONDO_VENV}/googleapis-${RONDO_GOOGLEAPIS_VERSION})

if(NOT EXISTS ${rondo_googleapis_stamp})
  find_program(RONDO_PYTHON3 python3 REQUIRED)
  message(STATUS "Installing googleapis-common-protos ${RONDO_GOOGLEAPIS_VERSION} into ${RONDO_VENV}")
  if(NOT EXISTS ${RONDO_VENV}/bin/pip)
    execute_process(COMMAND ${RONDO_PYTHON3} -m venv ${RONDO_VENV} COMMAND_ERROR_IS_FATAL ANY)
  endif()
  set(rondo_requirements ${CMAKE_BINARY_DIR}/googleapis-requirements.txt)
  file(WRITE ${rondo_requirements}
    "googleapis-common-protos==${RONDO_GOOGLEAPIS_VERSION} --hash=sha256:${RONDO_GOOGLEAPIS_SHA256}\n")
  execute_process(COMMAND ${RONDO_VENV}/bin/pip install --quiet --disable-pip-version-check --no-deps
                          --require-hashes -r ${rondo_requirements} COMMAND_ERROR_IS_FATAL ANY)
  file(TOUCH ${rondo_googleapis_stamp})
endif()

file(GLOB rondo_site_packages ${RONDO_VENV}/lib/python3*/site-packages)
list(GET rondo_site_packages 0 rondo_site_package)
set(RONDO_GOOGLEAPIS_DIR ${rondo_site_package} CACHE INTERNAL "Include path for protoc")
set(RONDO_GOOGLEAPIS_GEN ${CMAKE_BINARY_DIR}/gen/googleapis)
file(MAKE_DIRECTORY ${RONDO_GOOGLEAPIS_GEN})

set(rondo_googleapis_sources)
foreach(name api/annotations api/http api/field_behavior api/resource api/client api/launch_stage
             rpc/status rpc/error_details rpc/code)
  add_custom_command(
    OUTPUT ${RONDO_GOOGLEAPIS_GEN}/google/${name}.pb.cc ${RONDO_GOOGLEAPIS_GEN}/google/${name}.pb.h
    COMMAND protobuf::protoc -I ${RONDO_GOOGLEAPIS_DIR} --cpp_out=${RONDO_GOOGLEAPIS_GEN}
            google/${name}.proto
    DEPENDS ${RONDO_GOOGLEAPIS_DIR}/google/${name}.proto
    VERBATIM)
  list(APPEND rondo_googleapis_sources ${RONDO_GOOGLEAPIS_GEN}/google/${name}.pb.cc)
endforeach()

add_library(rondo_googleapis STATIC ${rondo_googleapis_sources})
add_library(rondo::googleapis ALIAS rondo_googleapis)
target_include_directories(rondo_googleapis SYSTEM PUBLIC ${RONDO_GOOGLEAPIS_GEN})
target_link_libraries(rondo_googleapis PUBLIC protobuf::libprotobuf)
set_property(TARGET rondo_googleapis PROPERTY RONDO_ROOM proto)
