// SPDX-License-Identifier: Apache-2.0
// Drains a node of a living cluster: its tasks move to other nodes, wave by wave, while new tasks arrive, one ends, a
// node leaves, and the scheduler restarts in between. The executor is simulated and fails now and then.
#include "berth/operate.hpp"
#include "berth/testing/simulated_executor.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

struct gpu {
    std::string uuid;
    std::array<int, 2> capacity{1000, 80};  // thousandths, GB
};
struct host {
    std::string name;
    std::vector<gpu> gpus;
};
struct service {
    std::string name;
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
    berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    for (int n = 0; n < 7; ++n) {
        host machine{"host-" + std::to_string(n), {}};
        for (int i = 0; i < 4; ++i) machine.gpus.push_back({machine.name + "-gpu-" + std::to_string(i)});
        if (!cluster.join(machine)) return 1;
    }
    auto placer = berth::greedy{berth::worst_fit{}}.start(cluster);
    berth::xoshiro256 random{11};
    int services = 0;
    const auto arrive = [&] {
        const int gigabytes = 8 + static_cast<int>(berth::bounded(random, 32));
        return *placer.place(service{"service-" + std::to_string(services++), {10 * gigabytes, gigabytes}});
    };
    for (int i = 0; i < 50; ++i) (void)arrive();

    const berth::node_handle drained = *cluster.find_node("host-2");
    cluster.set_open(drained, false);  // it takes no new tasks

    berth::simulated_executor executor{cluster, berth::simulated_faults::everywhere(0.05, 0.0, 3),
                                       berth::stop_and_copy<>{}};
    berth::text_journal journal;  // in production a file
    double now = 0.0;
    for (std::uint64_t round = 1; round <= 9; ++round) {
        // On a copy of the cluster the tasks find other places.
        berth::cluster trial{cluster};
        auto elsewhere = berth::greedy{berth::worst_fit{}}.start(trial);
        berth::assignment wanted(cluster.slots().begin(), cluster.slots().end());
        for (const berth::task_index t : cluster.tasks_on(*cluster.find(drained))) {
            trial.release(t);
            const berth::slot place = elsewhere.place(t);
            if (place.placed()) wanted[t.value()] = place;
        }
        const berth::migration_order order{berth::order_options{.per_node = 2}};
        auto plan = order.run(cluster, wanted);
        if (!plan) return std::puts(plan.error().message.c_str()), 1;
        if (plan->steps.empty()) break;
        berth::migration_run run = berth::start_migration(cluster, *std::move(plan), round);
        std::printf("%5.0f s: %zu steps in %zu waves\n", now, run.progress().plan.steps.size(),
                    run.progress().plan.wave_count());

        berth::run_control<berth::never_stop, printer> control;
        std::size_t wave = run.progress().plan.wave_count();
        const auto run_until = [&](double end) {
            while (now < end && run.advance(executor, now, journal, control)) {
                if (std::exchange(wave, run.wave()) != run.wave()) std::printf("%5.0f s: wave %zu\n", now, wave + 1);
                now = std::min(end, std::max(now + 0.001, std::min(executor.next_event(), run.wake_at())));
            }
        };
        if (round == 1) {
            run_until(now + 500.0);
            const berth::task_handle newcomer = arrive();  // placed beside the moves, whose room is held
            executor.arrive(*cluster.find(newcomer), cluster.where(newcomer));
            const berth::task_handle ended = run.task(7);  // it is moving
            executor.depart(*cluster.find(ended));
            cluster.retire(ended);
            const berth::node_handle sick = *cluster.find_node("host-5");
            cluster.leave(sick);  // with all that runs there; its tasks wait
            std::printf("%5.0f s: a task ended, a node left\n", now);

            // The scheduler dies. Its successor has the cluster from reports or a saved text, in whatever order; it reads
            // the journal, enters what the run holds, queries the executor, and continues.
            std::printf("%5.0f s: restart\n", now);
            auto saved = berth::load_migration(journal.text, berth::torn_line::drop);
            if (!saved) return std::puts(saved.error().message.c_str()), 1;
            auto resumed = berth::resume_migration(cluster, *std::move(saved));
            if (!resumed) return std::puts(resumed.error().message.c_str()), 1;
            run = *std::move(resumed);
            if (!run.hold()) return 1;
        }
        run_until(1e9);

        for (const berth::undone_step& u : run.report().undone) {
            std::printf("%5.0f s: step %zu of task %zu: %s (%s at %s)\n", now, u.step, u.move.task.value(),
                        to_string(u.outcome), to_string(u.failure), to_string(u.action));
        }
        // The remaining moves are planned again from here; tasks that lost their node start elsewhere.
        for (std::size_t t = 0; t < cluster.workload().task_count(); ++t) {
            const berth::slot place = placer.place(berth::task_index{t});  // of those that wait
            if (place.placed()) executor.arrive(berth::task_index{t}, place);
        }
    }
    const std::size_t left = cluster.tasks_on(*cluster.find(drained)).size();
    std::printf("%5.0f s: %zu tasks run, %zu of them still on host-2\n", now, cluster.task_count(), left);
    return left == 0 && executor.violations() == 0 && cluster.ledger() == executor.ledger() ? 0 : 1;
}
