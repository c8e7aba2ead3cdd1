# SPDX-License-Identifier: Apache-2.0
# Target docs: the API reference and the pages in ${PROJECT_BINARY_DIR}/docs/html. Not part of `all`. It exists without
# doxygen, too, and then says what to install.
find_package(Python3 QUIET COMPONENTS Interpreter)
find_program(BERTH_DOXYGEN doxygen)
find_program(BERTH_DOT dot)
mark_as_advanced(BERTH_DOXYGEN BERTH_DOT)

if(Python3_FOUND AND BERTH_DOXYGEN AND BERTH_DOT)
    add_custom_target(
        docs
        COMMAND Python3::Interpreter -B "${PROJECT_SOURCE_DIR}/scripts/make_docs.py" --out "${PROJECT_BINARY_DIR}/docs"
        COMMENT "The API reference and the pages, by doxygen"
        VERBATIM USES_TERMINAL)
else()
    add_custom_target(
        docs
        COMMAND "${CMAKE_COMMAND}" -E echo
                "docs: needs python3, doxygen and graphviz: `scripts/setup --all` or `apt-get install doxygen graphviz`, then configure again"
        COMMAND "${CMAKE_COMMAND}" -E false
        VERBATIM)
endif()
