// SPDX-License-Identifier: Apache-2.0
#pragma once

// The light entry for a scheduler that places tasks: reads your types, places them greedily in batch or one at a time,
// and says why a task does not fit. It compiles fastest of the entries. `berth.hpp` is the whole library.

// clang-format off
#include "berth/version.hpp"

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/lower.hpp"
#include "berth/model/refusal.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/traits.hpp"
#include "berth/model/why_not.hpp"
#include "berth/model/why_not_text.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include "berth/allocate/plan.hpp"
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/placer.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/allocate/greedy/task_order.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
// clang-format on
