// SPDX-License-Identifier: Apache-2.0
// Drains a node: its tasks move to other nodes, wave by wave, while new tasks arrive and the scheduler restarts in
// between. The executor is simulated and fails now and then.
#include "berth/operate.hpp"
#include "berth/testing/simulated_executor.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

struct gpu {
    std::array<int, 2> capacity{1000, 80};  // thousandths, GB
};
struct host {
    std::vector<gpu> gpus = std::vector<gpu>(4);
};
struct service {
    std::array<int, 2> gpu_demand;
    long long state_bytes = static_cast<long long>(gpu_demand[1]) << 30;
};

/// One line for each step that has ended.
struct printer {
    void on_progress(const berth::progress& p) const {
        std::printf("  %2zu of %zu steps, %3llu actions, %4.0f s of downtime\n", p.done, p.total,
                    static_cast<unsigned long long>(p.evaluations), p.objective);
    }
};

int main() {
    const std::vector<host> hosts(6);
    std::vector<service> services;
    berth::xoshiro256 random{11};
    for (int i = 0; i < 60; ++i) {
        const int gigabytes = 8 + static_cast<int>(berth::bounded(random, 32));
        services.push_back({{10 * gigabytes, gigabytes}});
    }
    const auto fleet = berth::make_fleet(hosts, {.gpu = {"share", "memory"}, .node = {}, .domain = {}});
    const auto work = berth::make_workload(services, *fleet);
    const berth::problem problem{*fleet, *work};
    auto placer = berth::greedy{berth::worst_fit{}}.start(problem);
    berth::assignment placement(services.size(), berth::unplaced);
    for (std::size_t t = 0; t < 50; ++t) placement[t] = placer.place(berth::task_index{t});

    const berth::node_index drained{2};
    const auto leaves = [&](std::size_t t) { return placement[t].node == drained; };
    placer.close(drained);  // it takes no new tasks

    berth::simulated_executor executor{problem, placement, berth::simulated_faults::everywhere(0.05, 0.0, 3),
                                       berth::stop_and_copy<>{}};
    berth::text_journal journal;  // in production a file
    double now = 0.0;
    for (std::uint64_t round = 1; round <= 9; ++round) {
        // A copy of the placer finds targets for the tasks.
        auto trial = placer;
        berth::assignment wanted = placement;
        for (std::size_t t = 0; t < services.size(); ++t) {
            if (!leaves(t)) continue;
            const berth::slot place = trial.place(berth::task_index{t});
            if (place.placed()) wanted[t] = place;
        }
        if (wanted == placement) break;
        const berth::migration_order order{berth::order_options{.per_node = 2}};
        auto plan = order.run(problem, placement, wanted);
        if (!plan) return std::puts(plan.error().message.c_str()), 1;
        berth::migration_run run = berth::start_migration(problem, *std::move(plan), round);
        std::printf("%5.0f s: %zu steps in %zu waves\n", now, run.progress().plan.steps.size(),
                    run.progress().plan.wave_count());

        berth::run_control<berth::never_stop, printer> control;
        std::size_t wave = run.progress().plan.wave_count();
        const auto run_until = [&](double end) {
            while (now < end && run.advance(executor, placer, now, journal, control)) {
                if (std::exchange(wave, run.wave()) != run.wave()) std::printf("%5.0f s: wave %zu\n", now, wave + 1);
                now = std::min(end, std::max(now + 0.001, std::min(executor.next_event(), run.wake_at())));
            }
        };
        if (round == 1) {
            run_until(now + 500.0);
            const std::size_t newcomer = 50;  // takes a slot that is the target of a move
            placement[newcomer] = placer.place(berth::task_index{newcomer});
            executor.arrive(berth::task_index{newcomer}, placement[newcomer]);
            wanted[newcomer] = placement[newcomer];

            // The scheduler dies. Its successor reads the journal, enters the running tasks, queries the executor, and
            // continues.
            std::printf("%5.0f s: restart\n", now);
            auto saved = berth::load_migration(journal.text, berth::torn_line::drop);
            if (!saved) return std::puts(saved.error().message.c_str()), 1;
            auto resumed = berth::resume_migration(problem, *std::move(saved));
            if (!resumed) return std::puts(resumed.error().message.c_str()), 1;
            run = *std::move(resumed);
            placer = berth::greedy{berth::worst_fit{}}.start(problem);
            placer.close(drained);
            for (std::size_t t = 0; t < services.size(); ++t) {
                if (wanted[t] != placement[t] || !placement[t].placed()) continue;
                if (!placer.occupy(berth::task_index{t}, placement[t])) return 1;
            }
            if (!run.hold(placer)) return 1;
        }
        run_until(1e9);

        run.apply_to(placement);  // the remaining moves are planned again from here
        for (const berth::undone_step& u : run.report().undone)
            std::printf("%5.0f s: task %zu stayed (%s, %s at %s)\n", now, u.move.task.value(), to_string(u.outcome),
                        to_string(u.failure), to_string(u.action));
    }
    std::size_t left = 0;
    std::size_t lost = 0;
    for (std::size_t t = 0; t < services.size(); ++t) {
        left += leaves(t) ? 1 : 0;
        lost += executor.lost(berth::task_index{t}) ? 1 : 0;
    }
    std::printf("%5.0f s: %zu tasks are left on node %zu, %zu were lost\n", now, left, drained.value(), lost);
    return left == 0 && lost == 0 && executor.violations() == 0 && placer.ledger() == executor.ledger() ? 0 : 1;
}
