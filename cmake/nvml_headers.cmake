# SPDX-License-Identifier: Apache-2.0
# The headers of berth::nvml. scripts/check_headers.py proves that this list equals the tree
# (--update rewrites it).
set(berth_nvml_headers
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/nvml/nvml_functions.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/nvml/nvml_library.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/nvml/nvml_reader.hpp")
