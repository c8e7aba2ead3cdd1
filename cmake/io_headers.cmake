# SPDX-License-Identifier: Apache-2.0
# The headers of berth::io. scripts/check_headers.py proves that this list equals the tree
# (--update rewrites it).
set(berth_io_headers
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/exporter_metrics.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/json_text.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/json_tree.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/object_fields.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/read_event.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/read_expectation.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/read_job.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/detail/write_event.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_calls.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_decisions.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_events.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_expectation.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_names.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_policies.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_reader.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/event_log_writer.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/gpu_metrics.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/kubernetes_quantity.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/nvidia_smi_csv.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/prometheus_answer.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/prometheus_text.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/io/slurm_gres.hpp")
