// SPDX-License-Identifier: Apache-2.0
// A fleet that lives: own types, one cluster, a placer and a balancer on it, for a simulated day. Jobs arrive and end, a
// machine joins and one leaves, a GPU dies, an exporter falls silent, and hot GPUs are relieved.
#include "berth/operate.hpp"
#include "berth/testing/check_cluster.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <vector>

// ---- what this scheduler has anyway ---------------------------------------------------------------------------------
struct card {
    std::string uuid;
    std::string model;
    std::array<int, 2> capacity;  // thousandths, GiB of memory
    bool healthy = true;
};
struct machine {
    std::string name;
    std::vector<card> gpus;
    std::array<int, 2> capacity{64, 512};  // cores, GiB
};
struct job {
    std::string name;
    int gpus;
    std::array<int, 2> gpu_demand;
    std::array<int, 2> node_demand;
    std::string accepted_models{};
    double load = 0.0;          // what it does to each of its GPUs
    int ends = 0;               // minute
    berth::task_handle task{};  // its name in the cluster
};

machine host(const std::string& name, const std::string& model, int memory, int gpus) {
    machine made{name, {}};
    for (int g = 0; g < gpus; ++g) made.gpus.push_back({name + "/" + std::to_string(g), model, {1000, memory}});
    return made;
}

int main() {
    const auto bad = [](const berth::error& e) { return std::printf("%s\n", e.message.c_str()), 1; };
    berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {"cores", "memory"}}};
    std::vector<machine> machines;
    for (int i = 0; i < 6; ++i) machines.push_back(host("a" + std::to_string(i), "A100", 80, 4));
    for (int i = 0; i < 4; ++i) machines.push_back(host("t" + std::to_string(i), "T4", 16, 4));
    for (const machine& m : machines) {
        if (const auto joined = cluster.join(m); !joined) return bad(joined.error());
    }
    auto placer = berth::greedy{}.start(cluster);  // learns the mix of jobs as they come
    const berth::balancer policy{berth::triggers{berth::unhealthy{}, berth::overcommitted{}, berth::load_above{}}};
    auto balancer = policy.start(cluster);
    berth::cluster_readings readings{cluster};

    std::vector<job> jobs;  // running and waiting
    berth::xoshiro256 random{2026};
    int arrived = 0, ended = 0, moved = 0, drained = 0;
    bool never_asked = true;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        // ---- departures and arrivals --------------------------------------------------------------------------------
        for (std::size_t i = 0; i < jobs.size();) {
            if (cluster.state(jobs[i].task) == berth::task_state::waiting || jobs[i].ends > minute) {
                ++i;
                continue;
            }
            if (!cluster.retire(jobs[i].task) || cluster.retire(jobs[i].task)) return 1;  // a second notice is refused
            jobs[i] = jobs.back();
            jobs.pop_back();
            ++ended;
        }
        if (berth::uniform01(random) < 0.3) {
            const int kind = static_cast<int>(berth::bounded(random, 3));
            job made{"job-" + std::to_string(++arrived), 1, {300, 8}, {2, 16}};
            if (kind == 1) made = {made.name, 1, {1000, 40}, {8, 64}, "H100|A100"};  // there is no H100 yet
            if (kind == 2) made = {made.name, 2, {1000, 16}, {8, 64}};
            made.load = made.gpu_demand[0] / 1000.0 * (0.7 + 0.6 * berth::uniform01(random));
            made.ends = minute + 30 + static_cast<int>(berth::bounded(random, 150));
            const auto admitted = placer.place(made);  // arrives; runs if it fits
            if (!admitted) return bad(admitted.error());
            made.task = *admitted;
            jobs.push_back(made);
        }
        for (const job& j : jobs) {  // whoever waits is tried again
            if (cluster.state(j.task) != berth::task_state::waiting) continue;
            if (placer.place(j.task).placed() || !never_asked) continue;
            std::printf("%02d:%02d %s\n", minute / 60, minute % 60,
                        berth::describe(placer.explain(j.task), cluster.problem()).c_str());
            never_asked = false;
        }

        // ---- machines -----------------------------------------------------------------------------------------------
        if (minute == 300 && !cluster.join(host("h0", "H100", 80, 8))) return 1;
        if (minute == 420) {
            std::vector<berth::task_handle> displaced;
            if (!cluster.leave(*cluster.find_node("t3"), &displaced)) return 1;
            std::printf("07:00 t3 is gone; %zu jobs wait again\n", displaced.size());
        }
        if (minute == 500 && !cluster.set_healthy(*cluster.find_gpu("a0/1"), false)) return 1;
        if (minute == 600) {  // reported again: a GPU fewer, the others in another order; jobs stay on their GPUs
            machine again = host("a1", "A100", 80, 4);
            again.gpus = {again.gpus[3], again.gpus[0], again.gpus[1]};
            if (const auto reported = cluster.report(again); !reported) return bad(reported.error());
        }

        // ---- monitoring and rebalancing, every five minutes ---------------------------------------------------------
        if (minute % 5 != 0) continue;
        readings.clear();
        const berth::fleet& fleet = cluster.fleet();
        std::vector<double> load(fleet.gpu_count(), 0.0);
        for (const job& j : jobs) {
            const berth::slot where = cluster.where(j.task);
            (void)readings.task_load(j.task, j.load);
            for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
                load[fleet.gpu(where.node, berth::lowest_gpu(rest)).value()] += j.load;
            }
        }
        for (std::size_t n = 0; n < fleet.node_count(); ++n) {
            const berth::node_index node{n};
            if (minute > 700 && minute < 900 && n == 2) continue;  // its exporter is down: not measured, not 0
            for (berth::gpu_mask rest = cluster.gpus_there(node); rest != 0; rest &= rest - 1) {
                const std::size_t i = berth::lowest_gpu(rest);
                (void)readings.gpu_load(cluster.handle(node, i), load[fleet.gpu(node, i).value()]);
            }
        }
        const auto round = balancer.round(readings.at(60.0 * minute));
        if (!round) return bad(round.error());
        for (const berth::chosen_move& c : round->chosen) {  // carried out at once here; see examples/drain_node.cpp
            if (!cluster.begin_move(c.move.task, c.move.to) || !cluster.finish_move(c.move.task)) return 1;
            ++moved;
            drained += round->alarms[c.alarm].trigger < 2 ? 1 : 0;
        }
    }
    const auto right = berth::check_cluster(cluster);  // a recount, independent of the cluster
    std::printf("%d jobs arrived, %d ended, %zu are here; %d moves, %d of them from sick places\n", arrived, ended,
                jobs.size(), moved, drained);
    std::printf("books: %s\n", right ? "right" : right.error().message.c_str());
    return right && moved > 0 && drained > 0 && !never_asked ? 0 : 1;
}
