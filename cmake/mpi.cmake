# SPDX-License-Identifier: Apache-2.0
# The wing berth::mpi: an INTERFACE target of its own, which adds MPI.
set(MPI_CXX_SKIP_MPICXX ON)  # the C++ bindings that MPI dropped long ago
find_package(MPI 3.0 REQUIRED COMPONENTS CXX)
include("${CMAKE_CURRENT_LIST_DIR}/mpi_headers.cmake")

add_library(berth_mpi INTERFACE)
add_library(berth::mpi ALIAS berth_mpi)
target_link_libraries(berth_mpi INTERFACE berth::berth MPI::MPI_CXX)
target_compile_definitions(berth_mpi INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
target_sources(
    berth_mpi
    INTERFACE FILE_SET HEADERS
              BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
              FILES ${berth_mpi_headers})
set_target_properties(berth_mpi PROPERTIES EXPORT_NAME mpi VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
