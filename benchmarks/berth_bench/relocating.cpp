// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/relocating.hpp"

#include "berth/balance/defragment/defragment.hpp"
#include "berth/core/config.hpp"
#include "berth/model/workload_builder.hpp"

#include <span>
#include <string_view>
#include <utility>

namespace bench {

namespace {

/// A workload in which every arrival is a task: the same pod may run several times.
berth::workload arrival_workload(const experiment& input) {
    berth::workload_builder builder{*input.fleet};
    std::vector<std::string_view> models;
    for (const berth::task_index task : input.arrivals) {
        const berth::demand_view demand = input.workload->demand(task);
        models.clear();
        for (std::size_t m = 0; m < input.fleet->model_count(); ++m) {
            if ((demand.accepted_models >> m & 1U) != 0) models.emplace_back(input.fleet->name(berth::model_index{m}));
        }
        if (models.size() == input.fleet->model_count()) models.clear();
        const auto added =
            builder.add_task({.gpus = demand.gpus,
                              .gpu_demand = demand.gpus > 0 ? demand.gpu : std::span<const berth::amount>{},
                              .node_demand = demand.node,
                              .accepted_models = models});
        BERTH_ASSERT(added.has_value(), "berth: a demand that was checked before");
        (void)added;
    }
    return std::move(std::move(builder).build()).value();
}

using search =
    berth::defragment_state<berth::expected_fragmentation_cost::state, berth::all_movable, berth::uniform_migration>;

}  // namespace

struct relocation_desk::state {
    berth::workload work;
    search rooms;

    state(const experiment& input, const relocation_rules& rules)
        : work{arrival_workload(input)},
          rooms{berth::defragment{{.max_steps = rules.most,
                                   .park = rules.park,
                                   .step_cost = rules.step_price,
                                   .min_share_per_step = rules.least_share,
                                   .beam = {.width = rules.beam_width}}}
                    .start(berth::problem{*input.fleet, work})} {}
};

relocation_desk::relocation_desk(const experiment& input, const relocation_rules& rules)
    : state_{std::make_unique<state>(input, rules)} {}
relocation_desk::~relocation_desk() = default;

void relocation_desk::note(std::size_t arrival, const berth::slot& where) {
    const bool entered = state_->rooms.occupy(berth::task_index{arrival}, where);
    BERTH_ASSERT(entered, "berth: placer and defragment state have the same fleet");
    (void)entered;
}

berth::eviction_plan relocation_desk::eviction_plan(std::size_t arrival) {
    const berth::task_index task{arrival};
    berth::eviction_plan found = state_->rooms.make_room(task);
    if (found.placed()) state_->rooms.carry_out(task, found);
    return found;
}

}  // namespace bench
