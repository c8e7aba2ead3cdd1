// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/naive_fgd.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace bench {

namespace {

int sigmoid_score(double before, double after) {
    return static_cast<int>(100.0 / (1.0 + std::exp(-(before - after) / 1000.0)));
}

}  // namespace

naive_fgd::naive_fgd(const experiment& input) : priorities_{input.priorities} {
    const berth::fleet& fleet = *input.fleet;
    const berth::workload& work = *input.workload;
    for (std::size_t n = 0; n < fleet.node_count(); ++n) {
        const berth::node_index index{n};
        const auto capacity = fleet.capacity(index);
        node_state node{.cpu = capacity[0], .memory = capacity[1], .gpus = {}, .model = fleet.models_on(index)};
        for (std::size_t g = 0; g < fleet.gpu_count(index); ++g) node.gpus.push_back(berth::whole_gpu);
        nodes_.push_back(std::move(node));
    }

    // Tasks grouped by all fields except memory; most frequent first, then descending keys.
    std::map<std::tuple<std::int64_t, std::int64_t, std::size_t, std::string>, typical_task> groups;
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const berth::task_index task{t};
        const auto d = work.demand(task);
        demands_.push_back(
            {.cpu = d.node[0], .memory = d.node[1], .milli = d.gpu[0], .gpus = d.gpus, .models = d.accepted_models});
        const std::string& spec = work.accepted_text(work.shape(task));
        auto& group = groups[{d.node[0], d.gpu[0], d.gpus, spec}];
        group.cpu = d.node[0];
        group.milli = d.gpu[0];
        group.gpus = d.gpus;
        group.models = d.accepted_models;
        group.spec = spec;
        ++group.count;
    }
    for (const auto& [key, group] : groups) typical_.push_back(group);
    std::sort(typical_.begin(), typical_.end(), [](const typical_task& a, const typical_task& b) {
        return std::tie(a.count, a.cpu, a.milli, a.gpus, a.spec) > std::tie(b.count, b.cpu, b.milli, b.gpus, b.spec);
    });

    const auto total = static_cast<double>(work.task_count());
    std::size_t covered = 0;
    std::size_t kept = 0;
    while (kept < typical_.size() && static_cast<double>(covered) < 0.95 * total) covered += typical_[kept++].count;
    typical_.resize(kept);
    for (auto& task : typical_) {
        task.popularity = (static_cast<double>(task.count) / total) / (static_cast<double>(covered) / total);
    }
}

double naive_fgd::fragmentation(std::size_t node) const { return fragmentation(nodes_[node]); }

double naive_fgd::fragmentation(const node_state& node) const {
    double lack_both = 0.0;
    double lack_gpu = 0.0;
    double lack_cpu = 0.0;
    double cpu_only_fits = 0.0;
    double cpu_only_lacks = 0.0;
    double no_access = 0.0;
    std::int64_t idle = 0;
    for (const std::int64_t left : node.gpus) idle += left;
    const auto all = static_cast<double>(idle);
    for (const typical_task& task : typical_) {
        const bool cpu_fits = node.cpu >= task.cpu;
        if (task.milli == 0) {
            (cpu_fits ? cpu_only_fits : cpu_only_lacks) += task.popularity * all;
            continue;
        }
        if ((task.models & node.model) == 0) {
            no_access += task.popularity * all;
            continue;
        }
        std::size_t enough = 0;
        std::int64_t too_small = 0;
        for (const std::int64_t left : node.gpus) {
            if (left >= task.milli) {
                ++enough;
            } else {
                too_small += left;
            }
        }
        if (enough >= task.gpus) {
            if (cpu_fits) {
                lack_gpu += task.popularity * static_cast<double>(too_small);
            } else {
                lack_cpu += task.popularity * all;
            }
        } else {
            (cpu_fits ? lack_gpu : lack_both) += task.popularity * all;
        }
    }
    return lack_both + lack_gpu + lack_cpu + cpu_only_fits + cpu_only_lacks + no_access;
}

bool naive_fgd::fits(const demand& task, const node_state& node) {
    if (node.cpu < task.cpu || node.memory < task.memory) return false;
    if (task.gpus == 0) return true;
    if ((task.models & node.model) == 0) return false;
    std::size_t enough = 0;
    for (const std::int64_t left : node.gpus) {
        if (left >= task.milli) ++enough;
    }
    return enough >= task.gpus;
}

void naive_fgd::take(const demand& task, berth::gpu_mask gpus, node_state& node) {
    node.cpu -= task.cpu;
    node.memory -= task.memory;
    for (std::size_t g = 0; g < node.gpus.size(); ++g) {
        if ((gpus >> g & 1U) != 0) node.gpus[g] -= task.milli;
    }
}

naive_fgd::choice naive_fgd::score(const demand& task, const node_state& node) const {
    const double before = fragmentation(node);
    choice best;
    if (task.gpus == 1 && task.milli < berth::whole_gpu) {
        for (std::size_t g = 0; g < node.gpus.size(); ++g) {
            if (node.gpus[g] < task.milli) continue;
            trial_ = node;
            take(task, berth::gpu_mask{1} << g, trial_);
            const int score = sigmoid_score(before, fragmentation(trial_));
            if (score > best.score) best = {score, berth::gpu_mask{1} << g};
        }
        return best;
    }
    berth::gpu_mask gpus = 0;
    for (std::size_t g = 0; g < node.gpus.size() && berth::gpu_count(gpus) < task.gpus; ++g) {
        if (node.gpus[g] >= task.milli) gpus |= berth::gpu_mask{1} << g;
    }
    trial_ = node;
    take(task, gpus, trial_);
    return {sigmoid_score(before, fragmentation(trial_)), gpus};
}

berth::slot naive_fgd::place(berth::task_index task) {
    const demand& wanted = demands_[task.value()];
    choice best;
    std::size_t best_node = nodes_.size();
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        if (!fits(wanted, nodes_[n])) continue;
        const choice here = score(wanted, nodes_[n]);
        if (here.score > best.score || (here.score == best.score && priorities_[n] < priorities_[best_node])) {
            best = here;
            best_node = n;
        }
    }
    if (best_node == nodes_.size()) return berth::unplaced;
    take(wanted, best.gpus, nodes_[best_node]);
    return {.node = berth::node_index{best_node}, .gpus = best.gpus};
}

}  // namespace bench
