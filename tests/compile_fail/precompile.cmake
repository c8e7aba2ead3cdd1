# SPDX-License-Identifier: Apache-2.0
# Precompiles HEADER into HEADER.gch, with the options of run_case.cmake.
string(REPLACE "|" ";" directories "${INCLUDES}")
list(REMOVE_ITEM directories "/usr/include")
list(TRANSFORM directories PREPEND "-isystem")
# clang would otherwise instantiate the headers' pending templates again in every case.
set(options -std=c++20)
if(COMPILER_ID MATCHES "Clang")
    list(APPEND options -fpch-instantiate-templates)
endif()
execute_process(COMMAND "${COMPILER}" ${options} ${directories} -x c++-header "${HEADER}" -o "${HEADER}.gch"
                COMMAND_ERROR_IS_FATAL ANY)
