// SPDX-License-Identifier: Apache-2.0
#pragma once

// The library with what changes a fleet that runs: berth.hpp, and when to move tasks, which ones, where to, in which order, and how a
// plan is carried out. It is an umbrella of its own, like search.hpp, for the sake of compile time. Each header can also be included
// alone.

// clang-format off
#include "berth/berth.hpp"

#include "berth/migrate/balance_round.hpp"
#include "berth/migrate/balancer.hpp"
#include "berth/migrate/check_migration.hpp"
#include "berth/migrate/concepts.hpp"
#include "berth/migrate/costs/links.hpp"
#include "berth/migrate/costs/pre_copy.hpp"
#include "berth/migrate/costs/restart.hpp"
#include "berth/migrate/costs/stop_and_copy.hpp"
#include "berth/migrate/defragment.hpp"
#include "berth/migrate/evaluate_reassignment.hpp"
#include "berth/migrate/fleet_observation.hpp"
#include "berth/migrate/fleet_outlook.hpp"
#include "berth/migrate/load_pieces.hpp"
#include "berth/migrate/migration_books.hpp"
#include "berth/migrate/migration_budget.hpp"
#include "berth/migrate/migration_cost.hpp"
#include "berth/migrate/migration_executor.hpp"
#include "berth/migrate/migration_journal.hpp"
#include "berth/migrate/migration_limits.hpp"
#include "berth/migrate/migration_order.hpp"
#include "berth/migrate/migration_plan.hpp"
#include "berth/migrate/migration_protocol.hpp"
#include "berth/migrate/migration_record.hpp"
#include "berth/migrate/migration_report.hpp"
#include "berth/migrate/migration_run.hpp"
#include "berth/migrate/movability.hpp"
#include "berth/migrate/node_pair_costs.hpp"
#include "berth/migrate/node_waste.hpp"
#include "berth/migrate/order_options.hpp"
#include "berth/migrate/payback.hpp"
#include "berth/migrate/reassignment_bound.hpp"
#include "berth/migrate/reassignment_plan.hpp"
#include "berth/migrate/reassignment_problem.hpp"
#include "berth/migrate/reassignment_search.hpp"
#include "berth/migrate/reassignment_state.hpp"
#include "berth/migrate/relocation_choice.hpp"
#include "berth/migrate/rescue.hpp"
#include "berth/migrate/simulated_executor.hpp"
#include "berth/migrate/triggers/fragmented.hpp"
#include "berth/migrate/triggers/load_above.hpp"
#include "berth/migrate/triggers/power_above.hpp"
#include "berth/migrate/triggers/temperature_above.hpp"
#include "berth/migrate/triggers/unhealthy.hpp"
// clang-format on
