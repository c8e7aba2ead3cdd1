// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

class unhealthy_state;

/// A GPU or node is to be drained: not well for `rounds` rounds in a row. Every task leaves it, and it takes none before it has
/// been well for `well_rounds` rounds in a row. That does not wait for a task's cooldown. A node that the fleet calls unhealthy is left by tasks without GPU, too. A question is
/// O(GPUs of the slot), whether an alarm is answered O(tasks of the node).
struct unhealthy {
    std::uint32_t rounds = 1;       ///< 1 or more
    std::uint32_t well_rounds = 3;  ///< 1 or more; a GPU never seen sick takes tasks at once
    double weight = 100.0;          ///< what it costs a second that a task runs on a sick GPU

    [[nodiscard]] static constexpr const char* name() noexcept { return "unhealthy"; }

    [[nodiscard]] unhealthy_state prepare(const problem& p) const;
};

/// What `unhealthy` remembers.
class unhealthy_state {
public:
    static constexpr bool urgent = true;

    unhealthy_state(const unhealthy& trigger, const problem& p)
        : trigger_{trigger}, gpus_(p.fleet().gpu_count()), node_rounds_(p.fleet().node_count(), 0) {}

    void update(const projected_state& now) {
        const fleet& machines = now.machines();
        for (std::size_t i = 0; i < node_rounds_.size(); ++i) {
            const node_index n{i};
            const gpu_mask well = now.healthy(n);
            for (std::size_t g = 0; g < machines.gpu_count(n); ++g)
                count(gpus_[machines.gpu(n, g).value()], (well >> g & 1U) != 0);
            const bool node_well = machines.healthy(n);
            node_rounds_[i] = node_well ? 0 : node_rounds_[i] + (node_rounds_[i] < trigger_.rounds ? 1 : 0);
        }
    }
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        for (std::size_t i = 0; i < node_rounds_.size(); ++i) {
            const node_index n{i};
            const bool whole = node_rounds_[i] >= trigger_.rounds;
            const gpu_mask sick = whole ? 0 : sick_gpus(now, n);
            if (!whole && sick == 0) continue;
            const alarm a{.reason = unhealthy::name(), .node = n, .gpus = sick, .pressure = 1.0};
            if (wants(now, a)) out.push_back(a);
        }
    }
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        bool used = false;
        now.each_task(a.node, [&](task_index t) { used = used || a.gpus == 0 || (now.where(t).gpus & a.gpus) != 0; });
        return used;
    }
    [[nodiscard]] double gain(const projected_state&, const alarm& a, const task_move& r) const noexcept {
        return a.gpus == 0 && r.to.node == a.node ? 0.0 : trigger_.weight;
    }
    [[nodiscard]] bool admits(const projected_state& now, const task_move& r) const noexcept {
        for (gpu_mask rest = r.to.gpus; rest != 0; rest &= rest - 1) {
            if (gpus_[now.machines().gpu(r.to.node, lowest_gpu(rest)).value()].trusted == 0) return false;
        }
        return now.machines().healthy(r.to.node);
    }

private:
    struct record {
        std::uint32_t sick_rounds = 0;
        std::uint32_t well_rounds = 0;
        std::uint8_t on = 0;
        std::uint8_t trusted = 1;
    };
    void count(record& at, bool well) const noexcept {
        if (well) {
            at.sick_rounds = 0;
            if (at.trusted != 0) return;
            if (++at.well_rounds < trigger_.well_rounds) return;
            at = {};
        } else {
            at.well_rounds = 0;
            at.trusted = 0;
            if (at.sick_rounds < trigger_.rounds) ++at.sick_rounds;
            if (at.sick_rounds >= trigger_.rounds) at.on = 1;
        }
    }
    [[nodiscard]] gpu_mask sick_gpus(const projected_state& now, node_index n) const noexcept {
        gpu_mask sick = 0;
        for (std::size_t g = 0; g < now.machines().gpu_count(n); ++g) {
            if (gpus_[now.machines().gpu(n, g).value()].on != 0) sick |= gpu_mask{1} << g;
        }
        return sick;
    }

    unhealthy trigger_;
    detail::flat<record> gpus_;
    detail::flat<std::uint32_t> node_rounds_;
};

inline unhealthy_state unhealthy::prepare(const problem& p) const { return {*this, p}; }

static_assert(migration_trigger<unhealthy>);

}  // namespace berth::inline v0
