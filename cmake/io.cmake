# SPDX-License-Identifier: Apache-2.0
# The wing berth::io: an INTERFACE target of its own, which adds nlohmann-json.
find_package(nlohmann_json 3.9 REQUIRED)
include("${CMAKE_CURRENT_LIST_DIR}/io_headers.cmake")

add_library(berth_io INTERFACE)
add_library(berth::io ALIAS berth_io)
target_link_libraries(berth_io INTERFACE berth::berth nlohmann_json::nlohmann_json)
target_sources(
    berth_io
    INTERFACE FILE_SET HEADERS
              BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
              FILES ${berth_io_headers})
set_target_properties(berth_io PROPERTIES EXPORT_NAME io VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
