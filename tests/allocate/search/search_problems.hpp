// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/local_search.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include "allocate/problems.hpp"
#include "objective/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

namespace berth_test {

/// True if the task may move to the slot, checked from fleet and workload alone.
[[nodiscard]] inline bool may_go(const berth::problem& p, berth::task_index t, const berth::slot& where) {
    const auto& machines = p.fleet();
    const auto demand = p.workload().demand(t);
    if (!where.placed() || !machines.healthy(where.node)) return false;
    std::size_t count = 0;
    for (std::size_t i = 0; i < 64; ++i) {
        if ((where.gpus >> i & 1U) == 0) continue;
        ++count;
        if (i >= machines.gpu_count(where.node) || (machines.healthy_gpus(where.node) >> i & 1U) == 0) return false;
        const auto model = machines.model(machines.gpu(where.node, i)).value();
        if ((demand.accepted_models >> model & 1U) == 0) return false;
    }
    return count == demand.gpus;
}

/// Checks that no gang has been split and that every new slot is admissible for its task.
inline void check_slots(const berth::problem& p, std::span<const berth::slot> before,
                        std::span<const berth::slot> after) {
    REQUIRE(before.size() == after.size());
    for (std::size_t t = 0; t < after.size(); ++t) {
        if (after[t] == before[t] || !after[t].placed()) continue;
        CAPTURE(t);
        CHECK(may_go(p, berth::task_index{t}, after[t]));
    }
    for (std::size_t g = 0; g < p.workload().group_count(); ++g) {
        if (!p.workload().is_gang(berth::group_index{g})) continue;
        const auto members = p.workload().members(berth::group_index{g});
        const auto placed = [&](std::span<const berth::slot> all) {
            std::size_t count = 0;
            for (const auto member : members) count += all[member.value()].placed() ? 1 : 0;
            return count;
        };
        const auto now = placed(after);
        CHECK((now == 0 || now == members.size() || now == placed(before)));
    }
}

/// Checks the fields of a plan against a recomputation.
template <class Objective>
void check_plan(const berth::problem& p, const Objective& wish, std::span<const berth::slot> start,
                const berth::plan& plan) {
    check_slots(p, start, plan.assignment);
    const auto before = wish.prepare(p, start);
    const auto after = wish.prepare(p, plan.assignment);
    CHECK_FALSE(improves(before.value() - after.value()));
    REQUIRE(plan.by_term.size() == after.by_term().size());
    for (std::size_t i = 0; i < plan.by_term.size(); ++i) CHECK(plan.by_term[i].value == after.by_term()[i].value);
    std::vector<berth::slot> moved(start.begin(), start.end());
    for (const auto& r : plan.moves) {
        CHECK(r.from == moved[r.task.value()]);
        CHECK_FALSE(r.from == r.to);
        moved[r.task.value()] = r.to;
    }
    CHECK(moved == plan.assignment);
    CHECK(plan.counters.placed + plan.counters.rejected == plan.assignment.size());
    CHECK(plan.left_out.size() == plan.counters.rejected);
    for (const auto t : plan.left_out) CHECK_FALSE(plan.assignment[t.value()].placed());
    CHECK(plan.disagreement.empty());
}

/// Descent that records the shares of the run that it sees.
struct records_elapsed {
    std::vector<double>* shares;

    template <std::size_t N>
    struct state {
        std::vector<double>* shares;
        [[nodiscard]] bool accepts(const berth::proposed_step<N>& step, berth::xoshiro256&) const {
            return berth::improves(step.delta);
        }
        void elapsed(double share) { shares->push_back(share); }
    };
    template <std::size_t N>
    [[nodiscard]] state<N> start(const berth::tier_values<N>&) const {
        return {shares};
    }
};

/// A clock that goes on by a step whenever it is read for the deadline.
struct ticking_clock {
    double* now;
    double tick;
    [[nodiscard]] static bool stop_requested() { return false; }
    [[nodiscard]] bool deadline_reached() const { return (*now += tick) >= 1.0; }
    [[nodiscard]] double elapsed() const { return *now; }
};

/// Damages a start as outside data may be: a slot on a node that does not exist, one with GPUs that its node lacks, a task too few.
inline berth::assignment damaged(berth::assignment start, const berth::fleet& machines) {
    start.at(0) = {berth::node_index{machines.node_count() + 5}, 1};
    start.at(1) = {berth::node_index{0}, berth::gpu_mask{1} << 63U};
    start.pop_back();
    return start;
}

/// FNV-1a over nodes and GPUs.
[[nodiscard]] inline std::uint64_t hash_of(std::span<const berth::slot> all) {
    std::uint64_t h = 0xcbf29ce484222325ULL;
    for (const auto& where : all) {
        h = (h ^ (where.placed() ? where.node.value() : ~std::uint64_t{0})) * 0x100000001b3ULL;
        h = (h ^ where.gpus) * 0x100000001b3ULL;
    }
    return h;
}

/// Proposes a few hundred times from a random assignment and checks every proposal: real, distinct tasks, slots that are
/// admitted, gangs whole, the space unchanged. Carries the proposals out. Returns their number.
template <class Neighbourhood>
std::size_t check_proposals(const Neighbourhood& tried, std::uint64_t seed, std::size_t max_moves,
                            bool may_take_out = false) {
    const auto made = random_problem(seed, {.nodes = 4 + seed % 9, .tasks = 60, .gpu_counters = 1 + seed % 2});
    const berth::problem p{made.machines, made.tasks};
    berth::xoshiro256 g{seed};
    // Gangs start whole or unplaced.
    berth::assignment start = random_assignment(g, p);
    for (std::size_t k = 0; k < made.tasks.group_count(); ++k) {
        for (const auto member : made.tasks.members(berth::group_index{k})) {
            if (k % 2 == 0) start[member.value()] = berth::unplaced;
        }
        if (k % 2 == 0) continue;
        bool whole = true;
        for (const auto member : made.tasks.members(berth::group_index{k}))
            whole = whole && start[member.value()].placed();
        if (whole) continue;
        for (const auto member : made.tasks.members(berth::group_index{k})) start[member.value()] = berth::unplaced;
    }
    const berth::objective wish{berth::tier(berth::capacity_excess{}), berth::tier(berth::left_out{})};
    berth::search_space space{p, wish.prepare(p, start), berth::any_node::prepare(p)};
    berth::move_list out;
    std::size_t proposals = 0;
    for (int step = 0; step < 400; ++step) {
        out.clear();
        const berth::assignment before(space.state().assignment().begin(), space.state().assignment().end());
        const bool proposed = tried.propose(space, g, out);
        REQUIRE(std::equal(before.begin(), before.end(), space.state().assignment().begin()));
        if (!proposed) continue;
        ++proposals;
        REQUIRE_FALSE(out.empty());
        CHECK(out.size() <= std::max(max_moves, space.gang_of(out[0].task).size()));
        berth::assignment after = before;
        for (std::size_t i = 0; i < out.size(); ++i) {
            CHECK(out[i].from == before[out[i].task.value()]);
            CHECK_FALSE(out[i].from == out[i].to);
            CHECK((may_take_out || out[i].to.placed()));
            CHECK(after[out[i].task.value()] == before[out[i].task.value()]);
            after[out[i].task.value()] = out[i].to;
        }
        check_slots(p, before, after);
        space.carry_out(out.view());
    }
    CHECK(space.state().self_check());
    for (std::size_t n = 0; n < made.machines.node_count(); ++n) {
        for (const auto t : space.tasks_on(berth::node_index{n})) CHECK(space.where(t).node == berth::node_index{n});
    }
    return proposals;
}

}  // namespace berth_test
