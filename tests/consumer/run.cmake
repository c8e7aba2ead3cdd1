# SPDX-License-Identifier: Apache-2.0
# Configures, builds and runs the consumer in ${WAY}; any step that fails is fatal.
function(step)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "consumer ${WAY}: failed (${result}): ${ARGV}")
    endif()
endfunction()

# Flags from the environment would look like flags that berth set.
unset(ENV{CXXFLAGS})
unset(ENV{CPPFLAGS})
unset(ENV{CMAKE_BUILD_TYPE})

file(REMOVE_RECURSE "${WORK}")
set(arguments "-DBERTH_SOURCE=${BERTH_SOURCE}")
if(WAY STREQUAL "find_package")
    step("${CMAKE_COMMAND}" --install "${BERTH_BUILD}" --prefix "${WORK}/prefix")
    set(arguments "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DBERTH_EXPECTED_VERSION=${VERSION}"
                  "-DBERTH_EXPECTED_PREFIX=${WORK}/prefix")
endif()
step("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/${WAY}" -B "${WORK}/build" -G "${GENERATOR}"
     "-DCMAKE_CXX_COMPILER=${COMPILER}" ${arguments})
step("${CMAKE_COMMAND}" --build "${WORK}/build")
step("${WORK}/build/consumer")
