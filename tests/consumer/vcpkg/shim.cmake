# SPDX-License-Identifier: Apache-2.0
# Runs packaging/vcpkg/portfile.cmake without vcpkg. Each function does what vcpkg's of that name does, as far as berth's port
# uses it, except that the CMake files stay where they are: vcpkg moves them and edits the paths inside.
cmake_minimum_required(VERSION 3.25)

file(READ "${PORT}/vcpkg.json" manifest)
string(JSON version GET "${manifest}" version)
if(NOT version STREQUAL VERSION)
    message(FATAL_ERROR "packaging/vcpkg/vcpkg.json has version ${version}, include/berth/version.hpp ${VERSION}")
endif()

function(run)
    execute_process(COMMAND ${ARGV} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_configure)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
    run("${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${WORK}/port" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
        "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" -DCMAKE_BUILD_TYPE=Release ${arg_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
    run("${CMAKE_COMMAND}" --build "${WORK}/port" --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "PACKAGE_NAME;CONFIG_PATH" "")
    if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/${arg_PACKAGE_NAME}-config.cmake")
        message(FATAL_ERROR "no ${arg_PACKAGE_NAME}-config.cmake in ${arg_CONFIG_PATH}")
    endif()
endfunction()

function(vcpkg_fixup_pkgconfig)
endfunction()

function(vcpkg_install_copyright)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
    file(INSTALL ${arg_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
endfunction()

set(file "${PORT}/portfile.cmake")
set(PORT berth)
include("${file}")
foreach(name IN ITEMS usage LICENSE)
    if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/share/berth/${name}")
        message(FATAL_ERROR "the port did not install ${name}")
    endif()
endforeach()
