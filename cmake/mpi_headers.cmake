# SPDX-License-Identifier: Apache-2.0
# The headers of berth::mpi. scripts/check_headers.py proves that this list equals the tree
# (--update rewrites it).
set(berth_mpi_headers
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/mpi/checkpoints.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/mpi/ranks.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/mpi/session.hpp")
