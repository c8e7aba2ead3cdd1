// SPDX-License-Identifier: Apache-2.0
#pragma once

// The entry for a fleet that runs: `place.hpp`, and when to move tasks, which ones and where to (`balance/`), in which
// order (`migrate/order/`), and how a plan is carried out (`migrate/run/`).

// clang-format off
#include "berth/place.hpp"

#include "berth/model/arrival_mix.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/cluster_text.hpp"

#include "berth/allocate/greedy/alternative_choice.hpp"
#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/fleet_room.hpp"

#include "berth/balance/balance_round.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/balance/cluster_balancer.hpp"
#include "berth/balance/cluster_readings.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/balance/migration_budget.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/balance/payback.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/defragment/cluster_defragment.hpp"
#include "berth/balance/defragment/defragment.hpp"
#include "berth/balance/defragment/defragment_state.hpp"
#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/balance/defragment/fragmentation_cost.hpp"
#include "berth/balance/triggers/fragmented.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/balance/triggers/overcommitted.hpp"
#include "berth/balance/triggers/power_above.hpp"
#include "berth/balance/triggers/temperature_above.hpp"
#include "berth/balance/triggers/unhealthy.hpp"

#include "berth/migrate/order/costs/links.hpp"
#include "berth/migrate/order/costs/pre_copy.hpp"
#include "berth/migrate/order/costs/restart.hpp"
#include "berth/migrate/order/costs/stop_and_copy.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_journal.hpp"
#include "berth/migrate/run/migration_ledger.hpp"
#include "berth/migrate/run/migration_limits.hpp"
#include "berth/migrate/run/migration_protocol.hpp"
#include "berth/migrate/run/migration_record.hpp"
#include "berth/migrate/run/migration_report.hpp"
#include "berth/migrate/run/migration_run.hpp"
// clang-format on
