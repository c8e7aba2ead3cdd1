# SPDX-License-Identifier: Apache-2.0
# berth_dev: what berth's own tests, examples and benchmarks are compiled with. Private, never installed.
include("${CMAKE_CURRENT_LIST_DIR}/warnings.cmake")

add_library(berth_dev INTERFACE)
# Golden results must not depend on whether the compiler fuses a multiplication and an addition.
target_link_libraries(berth_dev INTERFACE berth::reproducible)
target_compile_options(berth_dev INTERFACE ${berth_warnings} $<$<BOOL:${BERTH_WERROR}>:-Werror>)

# Data outside the repository (further public instances). Tests that need it skip when it is not there.
if(DEFINED ENV{BERTH_DATA})
    set(berth_data_dir "$ENV{BERTH_DATA}")
else()
    cmake_path(ABSOLUTE_PATH PROJECT_SOURCE_DIR NORMALIZE OUTPUT_VARIABLE berth_data_dir)
    cmake_path(APPEND berth_data_dir ".." "shared" "data")
    cmake_path(NORMAL_PATH berth_data_dir)
endif()
set(berth_test_environment "")
if(IS_DIRECTORY "${berth_data_dir}")
    set(berth_test_environment "BERTH_DATA=${berth_data_dir}")
endif()

# Precompiled headers: most of what a test, an example or a program costs to compile is the library's headers. Off by
# default, because they hide a missing #include; the gate that compiles every header alone has none.
option(BERTH_PRECOMPILE "Precompile the library's headers for berth's own tests, examples and programs" OFF)
function(berth_precompile target)
    if(BERTH_PRECOMPILE)
        target_precompile_headers(${target} PRIVATE ${ARGN} <berth/berth.hpp>)
    endif()
endfunction()
function(berth_reuse_precompiled target from)
    if(BERTH_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM ${from})
    endif()
endfunction()
