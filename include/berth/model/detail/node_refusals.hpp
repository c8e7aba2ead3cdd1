// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/refusal.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <array>
#include <cstddef>
#include <span>

// Length: one question, why a node refuses a demand, asked of two kinds of room.

namespace berth::inline v0::detail {

/// By how much a counter is short, relative to what is wanted.
[[nodiscard]] constexpr double relative_shortfall(amount wanted, amount available) noexcept {
    return static_cast<double>(wanted - available) / static_cast<double>(wanted > 1 ? wanted : 1);
}

/// The room of a fleet without any task, in the terms of a ledger.
template <class Fleet>
struct empty_room {
    const Fleet* machines;

    template <class Place>
    [[nodiscard]] std::span<const amount> free(Place place) const noexcept {
        return machines->capacity(place);
    }
};

/// The reasons against one node.
struct node_refusals {
    near_miss worst{};
    std::array<bool, refusal_count> holds{};
    double shortfall = 0.0;  // of the worst, relative to the demand

    [[gnu::noinline]] void note(const near_miss& miss) noexcept {
        holds[static_cast<std::size_t>(miss.reason)] = true;
        const double relative = relative_shortfall(miss.wanted, miss.available);
        if (relative < shortfall) return;
        shortfall = relative;
        worst = miss;
    }
    [[nodiscard]] std::size_t count() const noexcept {
        std::size_t reasons = 0;
        for (const bool one : holds) reasons += one ? 1 : 0;
        return reasons;
    }
};

/// The node with the fewest reasons, then the smallest shortfall, then the first one.
struct nearest_node {
    near_miss miss{};
    std::size_t fewest = ~std::size_t{0};
    double smallest = 0.0;

    void offer(const node_refusals& here, std::size_t reasons) noexcept {
        if (reasons > fewest || (reasons == fewest && here.shortfall >= smallest)) return;
        fewest = reasons;
        smallest = here.shortfall;
        miss = here.worst;
    }
};

/// Judges one node after the other. `room` is a ledger, or the `empty_room`.
template <class Fleet, class Room>
class node_judge {
public:
    /// @param why  counts the counters that are short; null: nothing is counted
    node_judge(const Fleet& machines, const Room& room, const demand_view& demand, bool health_counts, why_not* why)
        : fleet_{&machines}, room_{&room}, demand_{demand}, health_counts_{health_counts}, why_{why} {}

    [[nodiscard]] node_refusals judge(node_index n) const {
        node_refusals here{.worst = {.node = n}};
        judge_gpus(n, here);
        const auto left = room_->free(n);
        for (std::size_t r = 0; r < left.size(); ++r) {
            if (left[r] >= demand_.node[r]) continue;
            if (why_ != nullptr) ++why_->node_counters[r];
            here.note({n, refusal::node_counter, r, demand_.node[r], left[r]});
        }
        judge_domains(n, here);
        return here;
    }

    /// The GPUs of an accepted model; for a task that wants one model only those of the model with the most room.
    [[nodiscard]] gpu_mask accepted_gpus(node_index n) const {
        gpu_mask accepted = 0;
        for (std::size_t g = 0; g < fleet_->gpu_count(n); ++g) {
            if ((demand_.accepted_models >> fleet_->model(fleet_->gpu(n, g)).value() & 1U) != 0) {
                accepted |= gpu_mask{1} << g;
            }
        }
        if (!demand_.same_model) return accepted;
        gpu_mask best = 0;
        for (gpu_mask rest = accepted; rest != 0;) {
            const gpu_mask alike = alike_in(n, rest);
            rest &= ~alike;
            if (best == 0 || more(n, alike, best)) best = alike;
        }
        return best;
    }

private:
    [[nodiscard]] gpu_mask healthy(node_index n) const {
        return health_counts_ ? fleet_->healthy_gpus(n) : first_gpus(fleet_->gpu_count(n));
    }
    /// Those of these GPUs that are of the model of the first one.
    [[nodiscard]] gpu_mask alike_in(node_index n, gpu_mask gpus) const {
        const model_index model = fleet_->model(fleet_->gpu(n, lowest_gpu(gpus)));
        gpu_mask alike = 0;
        for (gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
            if (fleet_->model(fleet_->gpu(n, lowest_gpu(rest))) == model) alike |= rest & (~rest + 1);
        }
        return alike;
    }
    [[nodiscard]] bool more(node_index n, gpu_mask a, gpu_mask b) const {
        const std::size_t room_a = gpu_count(with_room(n, a & healthy(n)));
        const std::size_t room_b = gpu_count(with_room(n, b & healthy(n)));
        if (room_a != room_b) return room_a > room_b;
        const std::size_t well_a = gpu_count(a & healthy(n));
        const std::size_t well_b = gpu_count(b & healthy(n));
        return well_a != well_b ? well_a > well_b : gpu_count(a) > gpu_count(b);
    }
    [[nodiscard]] gpu_mask with_room(node_index n, gpu_mask gpus) const {
        for (gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
            const auto left = room_->free(fleet_->gpu(n, lowest_gpu(rest)));
            for (std::size_t r = 0; r < left.size(); ++r) {
                if (left[r] < demand_.gpu[r]) gpus &= ~(rest & (~rest + 1));
            }
        }
        return gpus;
    }

    void judge_gpus(node_index n, node_refusals& here) const {
        const gpu_mask all = first_gpus(fleet_->gpu_count(n));
        const gpu_mask accepted = accepted_gpus(n);
        const std::size_t wanted = demand_.gpus;
        const auto number = [](gpu_mask gpus) { return static_cast<amount>(gpu_count(gpus)); };
        const auto gpus_wanted = static_cast<amount>(wanted);
        bool sick = false;
        if (health_counts_ && !fleet_->healthy(n)) {
            sick = true;
            here.note({n, refusal::health, 0, 1, 0});
        } else if (gpu_count(accepted & healthy(n)) < wanted && gpu_count(accepted) >= wanted) {
            sick = true;
            here.note({n, refusal::health, 0, gpus_wanted, number(accepted & healthy(n))});
        }
        if (gpu_count(accepted) < wanted && accepted != all) {
            here.note({n, refusal::gpu_model, 0, gpus_wanted, number(accepted)});
        }
        if (gpu_count(all) < wanted) {
            if (why_ != nullptr) ++why_->too_few_gpus;
            if (demand_.is_share()) {
                here.note({n, refusal::gpu_share, 0, demand_.gpu[0], 0});
            } else {
                here.note({n, refusal::whole_gpus, 0, gpus_wanted, number(all)});
            }
        } else if (wanted > 0 && gpu_count(accepted) >= wanted) {
            judge_room(n, sick ? accepted : accepted & healthy(n), here);
        }
    }
    void judge_room(node_index n, gpu_mask candidates, node_refusals& here) const {
        const gpu_mask enough = with_room(n, candidates);
        if (has_gpus(enough, demand_.gpus)) return;
        count_gpu_counters(n, candidates, enough);
        // The GPU that is closest to taking the task, and the counter that it lacks most.
        std::size_t counter = 0;
        amount available = 0;
        double smallest = 0.0;
        bool first = true;
        for (gpu_mask rest = candidates & ~enough; rest != 0; rest &= rest - 1) {
            const auto left = room_->free(fleet_->gpu(n, lowest_gpu(rest)));
            std::size_t worst = 0;
            double most = -1.0;
            for (std::size_t r = 0; r < left.size(); ++r) {
                if (left[r] >= demand_.gpu[r]) continue;
                const double relative = relative_shortfall(demand_.gpu[r], left[r]);
                if (relative <= most) continue;
                most = relative;
                worst = r;
            }
            if (!first && most >= smallest) continue;
            first = false;
            smallest = most;
            counter = worst;
            available = left[worst];
        }
        if (demand_.is_share()) {
            here.note({n, refusal::gpu_share, counter, demand_.gpu[counter], available});
        } else {
            here.note({.node = n,
                       .reason = refusal::whole_gpus,
                       .counter = counter,
                       .wanted = static_cast<amount>(demand_.gpus),
                       .available = static_cast<amount>(gpu_count(enough)),
                       .each = demand_.gpu[counter]});
        }
    }
    /// A counter is short if too few GPUs have room in it. If no counter is short by itself, those count that GPUs
    /// without room lack.
    void count_gpu_counters(node_index n, gpu_mask candidates, gpu_mask enough) const {
        if (why_ == nullptr) return;
        const auto lacking = [&](std::size_t r) {
            std::size_t gpus = 0;
            for (gpu_mask rest = candidates & ~enough; rest != 0; rest &= rest - 1) {
                gpus += room_->free(fleet_->gpu(n, lowest_gpu(rest)))[r] < demand_.gpu[r] ? 1U : 0U;
            }
            return gpus;
        };
        bool found = false;
        for (std::size_t r = 0; r < demand_.gpu.size(); ++r) {
            if (gpu_count(candidates) - lacking(r) >= demand_.gpus) continue;
            ++why_->gpu_counters[r];
            found = true;
        }
        for (std::size_t r = 0; !found && r < demand_.gpu.size(); ++r) {
            if (lacking(r) > 0) ++why_->gpu_counters[r];
        }
    }
    void judge_domains(node_index n, node_refusals& here) const {
        for (std::size_t r = 0; r < demand_.domain.size(); ++r) {
            bool is_short = false;
            for (const domain_index d : fleet_->domains(n)) {
                const amount left = room_->free(d)[r];
                if (left >= demand_.domain[r]) continue;
                is_short = true;
                here.note({.node = n,
                           .reason = refusal::domain_counter,
                           .counter = r,
                           .wanted = demand_.domain[r],
                           .available = left,
                           .domain = d});
            }
            if (is_short && why_ != nullptr) ++why_->domain_counters[r];
        }
    }

    const Fleet* fleet_;
    const Room* room_;
    demand_view demand_;
    bool health_counts_;
    why_not* why_;
};

}  // namespace berth::inline v0::detail
