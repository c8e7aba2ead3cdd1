// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gres_texts.hpp"
#include "port.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// What of Slurm matters to the adapter, in memory: a queue by priority, GPUs per index, requeues that take a while,
/// requests that are merged, and a slurmctld that may forget what it has not saved.
class fake_slurm final : public berth_slurm::slurm_port {
public:
    struct job {
        berth_slurm::job_record record{};
        bool holder = false;
        int completing = 0;  // ticks until its processes have ended
        std::uint64_t priority = 0;
        bool requeues = false;
    };

    void add_node(const std::string& name, unsigned gpus, const std::string& model = "a100") {
        berth_slurm::node_record n;
        n.name = name;
        n.cpus = 64;
        n.memory = 64000;
        n.features = {model};
        n.gpus = (berth::gpu_mask{1} << gpus) - 1;
        n.shards = 100;
        nodes.push_back(n);
    }
    std::uint32_t submit(const std::string& wish, std::uint32_t count = 1, int priority = 0) {
        job j;
        j.record.id = ++last_id;
        j.record.comment = "berth:" + wish;
        j.record.held = true;
        j.record.nodes = count;
        j.record.cpus = count;
        j.record.memory = 100;
        j.record.priority = priority;
        jobs[last_id] = j;
        return last_id;
    }
    /// Slurm's own step: what completes has completed, what is released starts in the order of priority.
    void tick() {
        now += 1.0;
        for (auto& [id, j] : jobs) {
            if (j.completing == 0 || --j.completing > 0) continue;
            j.record.completing = false;
            j.record.places.clear();
        }
        std::vector<std::uint32_t> line;
        for (auto& [id, j] : jobs) {
            if (j.record.activity == berth_slurm::job_activity::pending && !j.record.held && j.completing == 0)
                line.push_back(id);
        }
        std::stable_sort(line.begin(), line.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return jobs[a].priority > jobs[b].priority; });
        std::vector<std::string> reserved;
        for (const std::uint32_t id : line) try_start(jobs[id], reserved);
    }
    void end(std::uint32_t id, bool cancelled = false) {
        job& j = jobs.at(id);
        j.record.activity = berth_slurm::job_activity::ended;
        j.record.cancelled = cancelled;
        j.record.held = false;
        j.record.places.clear();
        j.record.completing = false;
        j.completing = 0;
    }
    void save() { saved = jobs; }
    /// slurmctld is killed: what was not saved is forgotten.
    void crash() {
        const auto before = std::exchange(jobs, saved);
        (void)before;
    }

    berth::result<berth_slurm::snapshot> read() override {
        berth_slurm::snapshot s;
        s.serial = ++serial;
        s.time = now;
        s.nodes = nodes;
        for (const auto& [id, j] : jobs) s.jobs.push_back(j.record);
        return s;
    }
    berth::result<void> pin(const berth_slurm::job_record& seen, const std::string& on, const std::string& gres,
                            bool first) override {
        if (lost_calls()) return refusal();
        job* j = pending(seen.id);
        if (j == nullptr) return refusal();
        if (berth_slurm::names_gpus(j->record.gres) && j->record.gres != gres) return refusal();
        j->record.gres = gres;
        j->record.nodes_wanted = on;
        j->record.held = false;
        j->priority = first ? 1'000'000 : 1000;
        return {};
    }
    berth::result<void> hold(std::uint32_t id) override {
        if (lost_calls()) return refusal();
        job* j = pending(id);
        if (j == nullptr) return refusal();
        j->record.held = true;
        return {};
    }
    berth::result<void> requeue(std::uint32_t id) override {
        if (lost_calls()) return refusal();
        const auto found = jobs.find(id);
        if (found == jobs.end() || found->second.record.activity != berth_slurm::job_activity::running)
            return refusal();
        put_back(found->second, true);
        return {};
    }
    berth::result<void> signal(std::uint32_t, int) override { return {}; }
    berth::result<void> cancel(std::uint32_t id) override {
        if (lost_calls()) return refusal();
        if (jobs.count(id) > 0) end(id, true);
        return {};
    }
    berth::result<std::uint32_t> submit_holder(const berth_slurm::holder_request& wanted) override {
        if (lost_calls()) return refusal();
        job j;
        j.holder = true;
        j.record.id = ++last_id;
        j.record.comment = wanted.comment;
        j.record.gres = wanted.gres;
        j.record.nodes_wanted = wanted.node;
        j.priority = 1'000'000;
        jobs[last_id] = j;
        return last_id;
    }
    berth::result<void> drain(const std::string& name, const std::string& reason) override {
        node(name).open = false;
        node(name).reason = reason;
        return {};
    }
    berth::result<void> resume(const std::string& name) override {
        node(name).open = true;
        node(name).reason.clear();
        return {};
    }

    void put_back(job& j, bool held) {
        j.record.activity = berth_slurm::job_activity::pending;
        j.record.held = held;
        j.record.completing = true;
        j.completing = 1 + static_cast<int>(last_id % 2);
        ++j.record.restarts;
    }
    berth_slurm::node_record& node(const std::string& name) {
        return *std::find_if(nodes.begin(), nodes.end(), [&](const auto& n) { return n.name == name; });
    }
    berth_slurm::job_record& record(std::uint32_t id) { return jobs.at(id).record; }
    /// Thousandths in use of a GPU.
    berth::amount used(const std::string& name, unsigned index) const {
        berth::amount sum = 0;
        for (const auto& [id, j] : jobs) {
            for (const auto& a : j.record.places) {
                if (a.node == name && (a.gpus >> index & 1U) != 0) sum += a.share;
            }
        }
        return sum;
    }

    std::map<std::uint32_t, job> jobs;
    std::map<std::uint32_t, job> saved;
    std::vector<berth_slurm::node_record> nodes;
    double now = 1000.0;
    std::uint32_t last_id = 0;
    std::uint64_t serial = 0;
    std::uint64_t calls = 0;
    std::uint64_t fail_every = 0;  // each so many calls one is refused

private:
    [[nodiscard]] bool lost_calls() { return fail_every != 0 && ++calls % fail_every == 0; }
    [[nodiscard]] static berth::error refusal() { return berth::error{berth::error_code::io, "refused"}; }
    job* pending(std::uint32_t id) {
        const auto found = jobs.find(id);
        const bool waits = found != jobs.end() && found->second.record.activity == berth_slurm::job_activity::pending;
        return waits ? &found->second : nullptr;
    }
    void try_start(job& j, std::vector<std::string>& reserved) {
        std::vector<berth_slurm::allocation> places;
        std::string rest = j.record.nodes_wanted;
        bool fits = !rest.empty();
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            const std::string name = rest.substr(0, comma);
            rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
            const auto wanted = berth_slurm::read_allocation(name, j.record.gres, 100);
            fits = fits && node(name).up && node(name).open &&
                   std::find(reserved.begin(), reserved.end(), name) == reserved.end();
            for (unsigned i = 0; i < 64; ++i) {
                if ((wanted.gpus >> i & 1U) != 0) fits = fits && used(name, i) + wanted.share <= 1000;
            }
            places.push_back(wanted);
        }
        if (fits) {
            j.record.activity = berth_slurm::job_activity::running;
            j.record.places = std::move(places);
        } else {
            for (const auto& a : places) reserved.push_back(a.node);  // nothing of lower priority starts there
        }
    }
};
