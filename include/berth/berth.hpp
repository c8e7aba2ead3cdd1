// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole library except its wings, and except what costs more compile time than all the rest: include core/thread_pool.hpp
// for threads, core/deadline.hpp for a clock, feature/eigen.hpp for Eigen. Include this, or only the headers you use. The
// floors, from the bottom up.

// clang-format off
#include "berth/version.hpp"

#include "berth/core/config.hpp"
#include "berth/core/executor.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/sort_positions.hpp"

#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/lower.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/traits.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include "berth/feature/columns.hpp"
#include "berth/feature/concepts.hpp"
#include "berth/feature/extract.hpp"
#include "berth/feature/feature_matrix.hpp"
#include "berth/feature/one_hot.hpp"
#include "berth/feature/scaling.hpp"

#include "berth/cost/concepts.hpp"
#include "berth/cost/evaluate.hpp"
#include "berth/cost/execution_time.hpp"
#include "berth/cost/linear_cost.hpp"
#include "berth/cost/load_cost.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cost/split.hpp"
#include "berth/cost/weighted_terms.hpp"

#include "berth/objective/expected_waste.hpp"
#include "berth/objective/fragmentation.hpp"
#include "berth/objective/power.hpp"
#include "berth/objective/share_profile.hpp"

#include "berth/allocate/combine.hpp"
#include "berth/allocate/concepts.hpp"
#include "berth/allocate/device_choice.hpp"
#include "berth/allocate/greedy.hpp"
#include "berth/allocate/placer.hpp"
#include "berth/allocate/plan.hpp"
#include "berth/allocate/scores/cost_score.hpp"
#include "berth/allocate/scores/fgd.hpp"
#include "berth/allocate/scores/fit.hpp"
#include "berth/allocate/scores/gpu_packing.hpp"
#include "berth/allocate/scores/power_score.hpp"
#include "berth/allocate/scores/scarcity.hpp"
#include "berth/allocate/task_order.hpp"
#include "berth/allocate/tie_break.hpp"

#include "berth/metrics/fairness.hpp"
#include "berth/metrics/report.hpp"
#include "berth/metrics/utilisation.hpp"
// clang-format on
