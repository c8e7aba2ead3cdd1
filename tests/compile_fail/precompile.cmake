# SPDX-License-Identifier: Apache-2.0
# Precompiles HEADER into HEADER.gch, with the options of run_case.cmake.
string(REPLACE "|" ";" directories "${INCLUDES}")
list(REMOVE_ITEM directories "/usr/include")
list(TRANSFORM directories PREPEND "-isystem")
execute_process(COMMAND "${COMPILER}" -std=c++20 ${directories} -x c++-header "${HEADER}" -o "${HEADER}.gch"
                COMMAND_ERROR_IS_FATAL ANY)
