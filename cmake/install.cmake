# SPDX-License-Identifier: Apache-2.0
# Install rules and the package files behind find_package(berth).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(berth_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/berth")

install(TARGETS berth EXPORT berth-targets FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT berth-targets NAMESPACE berth:: DESTINATION "${berth_package_dir}")

# The wing has an export of its own, so that a consumer who does not ask for it never needs the toolkit.
if(TARGET berth_cuda)
    install(TARGETS berth_cuda EXPORT berth-cuda-targets FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT berth-cuda-targets NAMESPACE berth:: DESTINATION "${berth_package_dir}")
endif()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/berth-config.cmake.in"
                              "${PROJECT_BINARY_DIR}/berth-config.cmake" INSTALL_DESTINATION "${berth_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/berth-config-version.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/berth-config.cmake" "${PROJECT_BINARY_DIR}/berth-config-version.cmake"
        DESTINATION "${berth_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
