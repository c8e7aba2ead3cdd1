# SPDX-License-Identifier: Apache-2.0
# `cpack -G DEB` in the build folder makes libberth-dev, for Debian 12 and later. Headers only: one package for all architectures.
set(CPACK_PACKAGE_NAME libberth-dev)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_VENDOR "berth")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "placement of GPU tasks, a header-only C++20 library")
set(CPACK_PACKAGE_DESCRIPTION
    "berth decides where a GPU task goes, whether a fleet should be rebalanced,
which tasks move and in which order, so that no counter of a node or GPU is
ever exceeded. Other schedulers embed it over their own types; every policy
can be replaced.
.
This package holds the headers, the files behind find_package(berth) and
pkg-config, and pretty-printers for gdb.")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES OFF)
# The library without its licence text (Debian keeps that once for all packages) and with what Debian's policy asks for.
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};berth;berth;/;${PROJECT_BINARY_DIR};berth;debian;/")

# Whoever publishes the package sets this to an address that is read.
set(BERTH_MAINTAINER "berth developers <berth@localhost>" CACHE STRING "Maintainer field of the Debian package")
mark_as_advanced(BERTH_MAINTAINER)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${BERTH_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++ (>= 4:12) | clang, pkg-config, cmake (>= 3.25), nlohmann-json3-dev (>= 3.9)")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(deb "${PROJECT_BINARY_DIR}/debian")
configure_file("${PROJECT_SOURCE_DIR}/packaging/debian/copyright" "${deb}/copyright" COPYONLY)
configure_file("${PROJECT_SOURCE_DIR}/packaging/debian/changelog.in" "${deb}/changelog" @ONLY)
find_program(BERTH_GZIP gzip)
mark_as_advanced(BERTH_GZIP)
if(BERTH_GZIP)
    # -n: no time in the file, so that equal trees give equal packages.
    execute_process(COMMAND "${BERTH_GZIP}" -9nkf "${deb}/changelog" COMMAND_ERROR_IS_FATAL ANY)
    install(FILES "${deb}/changelog.gz" DESTINATION share/doc/libberth-dev COMPONENT debian EXCLUDE_FROM_ALL)
endif()
install(FILES "${deb}/copyright" DESTINATION share/doc/libberth-dev COMPONENT debian EXCLUDE_FROM_ALL)

include(CPack)
