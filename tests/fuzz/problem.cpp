// SPDX-License-Identifier: Apache-2.0
// Random problems: the bytes describe a fleet, tasks and a sequence of placements, removals, gangs and tasks that run already.
// After every step no counter is below zero or above its capacity and what a policy placed fits; in the end, removing
// everything gives an empty ledger.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

/// Numbers from the input, zeros after its end.
class byte_stream {
public:
    byte_stream(const std::uint8_t* data, std::size_t size) : rest_{data, size} {}
    [[nodiscard]] bool done() const { return rest_.empty(); }
    std::size_t below(std::size_t n) {
        if (rest_.empty()) return 0;
        const std::size_t byte = rest_.front();
        rest_ = rest_.subspan(1);
        return byte % n;
    }

private:
    std::span<const std::uint8_t> rest_;
};

constexpr std::string_view models[] = {"T4", "P100", "A100"};

berth::result<berth::fleet> make_fleet(byte_stream& in) {
    berth::fleet_builder builder{
        berth::resource_schema{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}, .domain = {"power"}}};
    const berth::amount watts[] = {static_cast<berth::amount>(in.below(40))};
    for (const char* rack : {"r0", "r1"}) {
        if (!builder.add_domain(rack, 0, watts)) break;
    }
    const std::size_t nodes = 1 + in.below(6);
    for (std::size_t n = 0; n < nodes; ++n) {
        std::vector<berth::gpu_description> gpus(in.below(9));
        const berth::amount gpu_capacity[] = {1000, static_cast<berth::amount>(8 * in.below(5))};
        for (auto& gpu : gpus)
            gpu = {.model = models[in.below(3)], .capacity = gpu_capacity, .healthy = in.below(8) != 7};
        const berth::amount capacity[] = {static_cast<berth::amount>(in.below(64)),
                                          static_cast<berth::amount>(in.below(64))};
        const std::string_view racks[] = {n % 2 == 0 ? "r0" : "r1"};
        (void)builder.add_node({.name = {},
                                .capacity = capacity,
                                .gpus = gpus,
                                .domains = std::span{racks}.first(in.below(2)),
                                .healthy = in.below(16) != 15});
    }
    return std::move(builder).build();
}

berth::result<berth::workload> make_workload(const berth::fleet& fleet, byte_stream& in) {
    berth::workload_builder builder{fleet};
    const std::size_t tasks = 1 + in.below(12);
    for (std::size_t t = 0; t < tasks; ++t) {
        const std::size_t gpus = in.below(4);
        const auto share = static_cast<berth::amount>(gpus == 0 ? 0 : gpus > 1 ? 1000 : 50 + 50 * in.below(20));
        const berth::amount gpu_demand[] = {share, static_cast<berth::amount>(gpus == 0 ? 0 : in.below(16))};
        const berth::amount node_demand[] = {static_cast<berth::amount>(in.below(16)),
                                             static_cast<berth::amount>(in.below(16))};
        const berth::amount domain_demand[] = {static_cast<berth::amount>(in.below(8))};
        const std::string_view accepted[] = {models[in.below(3)]};
        (void)builder.add_task({.name = {},
                                .gpus = gpus,
                                .gpu_demand = gpu_demand,
                                .node_demand = node_demand,
                                .domain_demand = domain_demand,
                                .accepted_models = std::span{accepted}.first(in.below(2))});
    }
    return std::move(builder).build();
}

void check_counters(const berth::ledger& ledger) {
    const berth::fleet& fleet = ledger.fleet();
    const auto within = [](std::span<const berth::amount> left, std::span<const berth::amount> capacity) {
        for (std::size_t r = 0; r < left.size(); ++r) {
            require(left[r] >= 0, "a counter is below zero");
            require(left[r] <= capacity[r], "a counter is above its capacity");
        }
    };
    for (std::size_t g = 0; g < fleet.gpu_count(); ++g) {
        within(ledger.free(berth::gpu_index{g}), fleet.capacity(berth::gpu_index{g}));
    }
    for (std::size_t n = 0; n < fleet.node_count(); ++n) {
        within(ledger.free(berth::node_index{n}), fleet.capacity(berth::node_index{n}));
    }
    for (std::size_t d = 0; d < fleet.domain_count(); ++d) {
        within(ledger.free(berth::domain_index{d}), fleet.capacity(berth::domain_index{d}));
    }
}

/// @param forgets  the policy decides by what it sees, however it came about: not so for `scarcity`, whose prices have a history.
template <class Policy>
void run(const Policy& policy, const berth::problem& problem, byte_stream in, bool forgets = true) {
    const berth::fleet& fleet = problem.fleet();
    const berth::workload& work = problem.workload();
    auto placer = policy.start(problem);
    auto reference = policy.exhaustive().start(problem);
    std::vector<std::pair<berth::task_index, berth::slot>> live;
    while (!in.done()) {
        const berth::task_index task{in.below(work.task_count())};
        const std::size_t verb = in.below(6);
        if (verb < 2 && !live.empty()) {
            const std::size_t at = in.below(live.size());
            const auto [removed, where] = live[at];
            placer.remove(removed, where);
            reference.remove(removed, where);
            live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (verb == 2) {  // a task that runs already
            const berth::node_index n{in.below(fleet.node_count())};
            const std::size_t first = in.below(8);
            const std::size_t wanted = work.demand(task).gpus;
            if (first + wanted > fleet.gpu_count(n)) continue;
            const berth::slot where{.node = n, .gpus = berth::first_gpus(wanted) << first};
            const berth::ledger before = placer.ledger();
            const bool taken = placer.occupy(task, where);
            require(taken == reference.occupy(task, where), "the index and the scan differ on what runs already");
            require(taken || placer.ledger() == before, "a refused task left something");
            if (taken) live.emplace_back(task, where);
        } else if (verb == 3) {  // a gang, all or none
            const berth::task_index gang[] = {task, task, berth::task_index{in.below(work.task_count())}};
            const berth::ledger before = placer.ledger();
            const auto slots = placer.place_all(gang);
            require(slots == reference.place_all(gang), "the index and the scan differ on a gang");
            require(slots || placer.ledger() == before, "a gang that failed left something");
            for (std::size_t i = 0; slots && i < slots->size(); ++i) live.emplace_back(gang[i], (*slots)[i]);
        } else {
            // Placing and removing at once changes nothing.
            const berth::ledger before = placer.ledger();
            const berth::slot trial = placer.place(task);
            require(trial == reference.place(task), "the index and the scan differ");
            if (trial.placed()) {
                require(before.fits(work.demand(task), trial), "a policy placed what does not fit");
                placer.remove(task, trial);
                reference.remove(task, trial);
            }
            require(placer.ledger() == before, "placing and removing is not the identity");

            const berth::slot where = placer.place(task);
            require(!forgets || where == trial, "the same question had two answers");
            require(where == reference.place(task), "the index and the scan differ after a trial");
            if (where.placed()) {
                live.emplace_back(task, where);
            } else {
                for (std::size_t n = 0; n < fleet.node_count(); ++n) {
                    require(!placer.ledger().fits(work.demand(task), berth::node_index{n}),
                            "a task that fits was turned away");
                }
            }
        }
        check_counters(placer.ledger());
    }
    for (const auto& [task, where] : live) placer.remove(task, where);
    require(placer.ledger() == berth::ledger{fleet}, "an empty fleet is not empty");
}

/// Nested what-if questions leave no trace.
void check_rollback(const berth::problem& problem, byte_stream in) {
    const berth::workload& work = problem.workload();
    berth::ledger ledger{problem.fleet()};
    std::vector<berth::ledger> before;
    while (!in.done()) {
        const std::size_t verb = in.below(4);
        if (verb == 0) {
            before.push_back(ledger);
            ledger.checkpoint();
        } else if (verb == 1 && ledger.depth() > 0) {
            ledger.rollback();
            require(ledger == before.back(), "rollback left something");
            before.pop_back();
        } else if (verb == 2 && ledger.depth() > 0) {
            ledger.commit();
            before.pop_back();
        } else {
            const auto demand = work.demand(berth::task_index{in.below(work.task_count())});
            const berth::node_index n{in.below(problem.fleet().node_count())};
            const berth::slot where{.node = n, .gpus = in.below(256)};
            if (ledger.fits(demand, where)) ledger.place(demand, where);
        }
        check_counters(ledger);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_stream in{data, size < 400 ? size : 400};
    const auto fleet = make_fleet(in);
    if (!fleet) return 0;
    const auto work = make_workload(*fleet, in);
    require(work.has_value(), "a workload was refused");
    if (work->task_count() == 0) return 0;
    const berth::problem problem{*fleet, *work};
    static constexpr berth::greedy packing{berth::best_fit{}};
    static constexpr berth::greedy gradient{berth::fgd{}, berth::best_scored_gpu{}};
    static const berth::power_score watts{{.gpus = {{"T4", 10.0, 70.0}, {"A100", 50.0, 400.0}}}};
    static const berth::greedy compromise{
        berth::weighted_sum{berth::weighted{0.3, berth::rescaled{watts}}, berth::weighted{0.7, berth::fgd{}}},
        berth::gpu_scored_by{berth::fgd{}}};
    static constexpr berth::greedy priced{berth::scarcity{}, berth::best_scored_gpu{}};
    if (in.below(2) == 0) {  // two policies for an input, to try more inputs
        run(packing, problem, in);
        run(priced, problem, in, false);
    } else {
        run(gradient, problem, in);
        run(compromise, problem, in);
    }
    check_rollback(problem, in);
    return 0;
}
