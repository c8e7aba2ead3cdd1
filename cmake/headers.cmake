# The headers of berth::berth. scripts/check_headers.py proves that this list equals the tree
# (--update rewrites it).
set(berth_headers
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/allocate/concepts.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/config.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/executor.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/index.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/matrix_view.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/names.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/observer.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/random.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/result.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/run_control.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/core/thread_pool.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/fleet.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/ledger.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/lower.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/resources.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/slot.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/task_mix.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/traits.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/why_not.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/model/workload.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/version.hpp")
