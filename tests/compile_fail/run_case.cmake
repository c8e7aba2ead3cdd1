# SPDX-License-Identifier: Apache-2.0
# Compiles CASE and judges the answer; see CMakeLists.txt. With MUST_FAIL_WITH the verdict is turned round: the case has
# to be found faulty for that reason (the harness's own tests).
function(verdict reason detail)
    if(DEFINED MUST_FAIL_WITH)
        if(reason MATCHES "${MUST_FAIL_WITH}")
            message(STATUS "found faulty, as it should be: ${reason}")
        else()
            message(FATAL_ERROR "expected the fault '${MUST_FAIL_WITH}', got '${reason}'\n${detail}")
        endif()
    elseif(reason)
        message(FATAL_ERROR "${CASE}: ${reason}\n${detail}")
    endif()
endfunction()

file(STRINGS "${CASE}" lines LIMIT_COUNT 1)
if(NOT lines MATCHES "^// expect: (.+)$")
    verdict("the first line must be '// expect: REGEX'" "")
    return()
endif()
set(expected "${CMAKE_MATCH_1}")

string(REPLACE "|" ";" options "${OPTIONS}")
string(REPLACE "|" ";" directories "${INCLUDES}")
# Named as -isystem, the compiler's own folder would come before libstdc++'s wrappers that include_next it.
list(REMOVE_ITEM directories "/usr/include")
list(TRANSFORM directories PREPEND "-isystem")

execute_process(
    COMMAND "${COMPILER}" ${options} ${directories} "${CASE}"
    RESULT_VARIABLE result
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output)

if(result EQUAL 0)
    verdict("accepted, but must not compile" "${output}")
elseif(NOT result EQUAL 1 AND NOT result MATCHES "^[0-9]+$")
    verdict("the compiler did not run: ${result}" "${output}")
elseif(NOT output MATCHES "${expected}")
    verdict("rejected, but not with the expected message '${expected}'" "${output}")
else()
    file(READ "${CASE}" text)
    if(text MATCHES "BERTH_FIXED")
        execute_process(
            COMMAND "${COMPILER}" ${options} ${directories} -DBERTH_FIXED "${CASE}"
            RESULT_VARIABLE result
            OUTPUT_VARIABLE output
            ERROR_VARIABLE output)
        if(NOT result EQUAL 0)
            verdict("must compile with BERTH_FIXED" "${output}")
            return()
        endif()
    endif()
    verdict("" "${output}")
endif()
