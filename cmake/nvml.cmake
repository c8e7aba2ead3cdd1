# SPDX-License-Identifier: Apache-2.0
# The wing berth::nvml: an INTERFACE target of its own, which adds dlopen. NVML is found when a program runs.
include("${CMAKE_CURRENT_LIST_DIR}/nvml_headers.cmake")

add_library(berth_nvml INTERFACE)
add_library(berth::nvml ALIAS berth_nvml)
target_link_libraries(berth_nvml INTERFACE berth::berth ${CMAKE_DL_LIBS})
target_sources(
    berth_nvml
    INTERFACE FILE_SET HEADERS
              BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
              FILES ${berth_nvml_headers})
set_target_properties(berth_nvml PROPERTIES EXPORT_NAME nvml VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
