// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole library except its wings (`cuda/`) and the test kit (`testing/`). Three lighter entries compile faster:
// `place.hpp` places tasks, `search.hpp` also has the searches, `operate.hpp` also moves running tasks. Every header
// can also be included alone.

// clang-format off
#include "berth/version.hpp"
#include "berth/fwd.hpp"
#include "berth/place.hpp"
#include "berth/search.hpp"
#include "berth/operate.hpp"

#include "berth/core/change_list.hpp"
#include "berth/core/deadline.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/fp_contract.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/core/thread_pool.hpp"

#include "berth/model/cluster_text.hpp"
#include "berth/model/node_tasks.hpp"

#include "berth/feature/eigen.hpp"

#include "berth/learn/class_speed.hpp"
#include "berth/learn/drift_detector.hpp"
#include "berth/learn/exploration.hpp"
#include "berth/learn/interval_scale.hpp"
#include "berth/learn/learned_cost.hpp"
#include "berth/learn/learned_duration.hpp"
#include "berth/learn/learned_migration.hpp"
#include "berth/learn/log_estimate.hpp"
#include "berth/learn/log_regression.hpp"
#include "berth/learn/recursive_ridge.hpp"

#include "berth/metrics/fairness.hpp"
#include "berth/metrics/report.hpp"
#include "berth/metrics/utilisation.hpp"

#include "berth/queue/concepts.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/queue/orders.hpp"
#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"

#include "berth/watch/clocks.hpp"
#include "berth/watch/cluster_watch.hpp"
#include "berth/watch/concepts.hpp"
#include "berth/watch/contact_rule.hpp"
#include "berth/watch/counters.hpp"
#include "berth/watch/energy.hpp"
#include "berth/watch/estimate.hpp"
#include "berth/watch/fleet_watch.hpp"
#include "berth/watch/health.hpp"
#include "berth/watch/health_checks.hpp"
#include "berth/watch/samples.hpp"
#include "berth/watch/smoothing.hpp"
#include "berth/watch/thermal_limit.hpp"
#include "berth/watch/watch_report.hpp"

#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/preemption.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_events.hpp"
#include "berth/scheduler/scheduler_interface.hpp"
#include "berth/scheduler/scheduler_journal.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"
#include "berth/scheduler/scheduler_text.hpp"
// clang-format on
