# SPDX-License-Identifier: Apache-2.0
# Install rules, the package files behind find_package(berth) and pkg-config's berth.pc. Components: `berth` is the library,
# `licence` the licence text; cmake/package.cmake adds what only Debian's package has.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(berth_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/berth")

install(
    TARGETS berth berth_reproducible
    EXPORT berth-targets
    FILE_SET HEADERS
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT berth)
install(EXPORT berth-targets NAMESPACE berth:: DESTINATION "${berth_package_dir}" COMPONENT berth)

# Each wing has an export of its own, so that a consumer who does not ask for it never needs what it needs.
foreach(wing IN ITEMS cuda io mpi nvml)
    if(TARGET berth_${wing})
        install(
            TARGETS berth_${wing}
            EXPORT berth-${wing}-targets
            FILE_SET HEADERS
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT berth)
        install(EXPORT berth-${wing}-targets NAMESPACE berth:: DESTINATION "${berth_package_dir}" COMPONENT berth)
    endif()
endforeach()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/berth-config.cmake.in"
                              "${PROJECT_BINARY_DIR}/berth-config.cmake" INSTALL_DESTINATION "${berth_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/berth-config-version.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/berth-config.cmake" "${PROJECT_BINARY_DIR}/berth-config-version.cmake"
        DESTINATION "${berth_package_dir}" COMPONENT berth)

# berth.pc: the prefix follows from where the file lies, so that an installed tree may be moved.
set(berth_pc_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
if(IS_ABSOLUTE "${berth_pc_dir}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(berth_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(berth_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
    file(RELATIVE_PATH up "/${berth_pc_dir}" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(berth_pc_prefix "\${pcfiledir}/${up}")
    set(berth_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/berth.pc.in" "${PROJECT_BINARY_DIR}/berth.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/berth.pc" DESTINATION "${berth_pc_dir}" COMPONENT berth)

# gdb loads no scripts for a library without an object file: `source` this one, in ~/.gdbinit for instance.
install(FILES "${PROJECT_SOURCE_DIR}/scripts/gdb/berth.py" DESTINATION "${CMAKE_INSTALL_DATADIR}/berth/gdb" COMPONENT berth)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT licence)
