# SPDX-License-Identifier: Apache-2.0
# The wing berth::cuda: an INTERFACE target of its own. What it adds for consumers is the toolkit's runtime and, in CUDA sources,
# the language standard, which CMake 3.25 cannot name for CUDA. Eigen is on berth::berth, but no header of the wing includes it.
find_package(CUDAToolkit 12.0 REQUIRED)
include("${CMAKE_CURRENT_LIST_DIR}/cuda_headers.cmake")

add_library(berth_cuda INTERFACE)
add_library(berth::cuda ALIAS berth_cuda)
target_link_libraries(berth_cuda INTERFACE berth::berth CUDA::cudart)
target_compile_options(berth_cuda INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>")
target_sources(
    berth_cuda
    INTERFACE FILE_SET HEADERS
              BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
              FILES ${berth_cuda_headers})
# Most of them need nvcc: scripts/check_cuda compiles each alone.
set_target_properties(berth_cuda PROPERTIES EXPORT_NAME cuda VERIFY_INTERFACE_HEADER_SETS OFF)
