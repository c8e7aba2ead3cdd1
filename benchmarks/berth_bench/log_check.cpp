// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/log_check.hpp"

#include "support/csv_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

namespace bench {

namespace {

using state = logged_task::state;
using names = std::vector<std::string>;

class comparison_of_ends {
public:
    explicit comparison_of_ends(const log_fleet& found) : found_{found} {}

    void compare(const berth::io::expectation& e) {
        for (const std::string& name : e.running) {
            const logged_job& job = at(name);
            if (!job.runs())
                say("job {} runs with {} of at least {} tasks", name, job.count(state::running), job.least());
        }
        for (const std::string& name : e.waiting) {
            if (at(name).runs()) say("job {} runs, expected to wait", name);
            if (at(name).ended()) say("job {} has ended, expected to wait", name);
        }
        each(e.evicted, &logged_job::evicted, "evicted");
        each(e.moved, &logged_job::moved, "moved");
        each(e.stopped, &logged_job::stopped, "stopped");
        each(e.lost, &logged_job::lost, "lost");
        for (const auto& [name, nodes] : e.on) {
            for (const std::string& node : nodes_of({name})) {
                if (std::find(nodes.begin(), nodes.end(), node) == nodes.end())
                    say("job {} is on node {}, expected on {}", name, node, fmt::join(nodes, ", "));
            }
        }
        for (const names& jobs : e.same_node) {
            const std::set<std::string> where = nodes_of(jobs);
            if (where.size() > 1) say("jobs {} are on {} nodes, expected on one", fmt::join(jobs, ", "), where.size());
        }
        for (const auto& [jobs, level] : e.apart) compare_apart(jobs, level);
        for (const auto& [name, count] : e.tasks) {
            const std::size_t running = at(name).count(state::running);
            if (running != count) say("job {} runs with {} tasks, expected {}", name, running, count);
        }
        for (const auto& [name, time] : e.started_at) {
            const auto started = at(name).started_at;
            if (!started) say("job {} has not started, expected at {}", name, time);
            if (started && *started != time) say("job {} started at {}, expected at {}", name, *started, time);
        }
        if (e.at_most_evicted && found_.evictions() > *e.at_most_evicted)
            say("{} evictions, at most {} expected", found_.evictions(), *e.at_most_evicted);
        if (e.at_most_moved && found_.moves() > *e.at_most_moved)
            say("{} moves, at most {} expected", found_.moves(), *e.at_most_moved);
        for (const auto& [name, models] : e.models) {
            compare_lists(name, "models", models,
                          of_gpus(name, [](const logged_gpu& gpu) { return gpu.what.model.value_or(""); }));
        }
        for (const auto& [name, gpus] : e.gpus) {
            compare_lists(name, "GPUs", gpus, of_gpus(name, [](const logged_gpu& gpu) { return gpu.what.gpu; }));
        }
        for (const auto& [name, reasons] : e.reasons) {
            const names& said = at(name).reasons;
            for (const std::string& one : reasons) {
                if (std::find(said.begin(), said.end(), one) == said.end())
                    say("job {} waits for the reasons {}, expected {}", name,
                        said.empty() ? "none" : fmt::format("{}", fmt::join(said, ", ")), one);
            }
        }
        if (e.any_of.empty()) return;
        names all;
        for (std::size_t i = 0; i < e.any_of.size(); ++i) {
            const names one = differences(e.any_of[i], found_);
            if (one.empty()) return;
            all.push_back(fmt::format("({}) {}", i + 1, fmt::join(one, "; ")));
        }
        say("none of {} alternatives holds: {}", e.any_of.size(), fmt::join(all, " "));
    }

    [[nodiscard]] names take() && { return std::move(said_); }

private:
    template <class... Arguments>
    void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
        said_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
    }
    // The log was refused if it expects anything of a job that it does not have.
    [[nodiscard]] const logged_job& at(const std::string& name) const { return *found_.job(name); }
    void each(const names& jobs, bool logged_job::* what, const char* word) {
        for (const std::string& name : jobs) {
            if (!(at(name).*what)) say("job {} was not {}", name, word);
        }
    }
    [[nodiscard]] std::set<std::string> nodes_of(const names& jobs) const {
        std::set<std::string> where;
        for (const std::string& name : jobs) {
            for (const logged_task& task : at(name).tasks) {
                if (task.is == state::running) where.insert(task.place.node);
            }
        }
        return where;
    }
    void compare_apart(const names& jobs, const std::string& level) {
        std::set<std::string> taken;
        for (const std::string& name : jobs) {
            for (const logged_task& task : at(name).tasks) {
                if (task.is != state::running) continue;
                const std::string domain = found_.domain(task.place.node, level);
                if (!taken.insert(domain).second) {
                    say("two tasks of {} are in {} {}, expected apart", fmt::join(jobs, ", "), level, shown(domain));
                    return;
                }
            }
        }
    }
    template <class Value>
    [[nodiscard]] names of_gpus(const std::string& name, Value value) const {
        names all;
        for (const logged_task& task : at(name).tasks) {
            if (task.is != state::running) continue;
            for (const std::string& gpu : task.place.gpus) all.push_back(value(found_.gpus().find(gpu)->second));
        }
        return all;
    }
    void compare_lists(const std::string& name, const char* what, names expected, names is) {
        std::sort(expected.begin(), expected.end());
        std::sort(is.begin(), is.end());
        if (expected != is)
            say("job {} has the {} [{}], expected [{}]", name, what, fmt::join(is, ", "), fmt::join(expected, ", "));
    }

    const log_fleet& found_;
    names said_;
};

}  // namespace

std::vector<std::string> differences(const berth::io::expectation& expected, const log_fleet& found) {
    comparison_of_ends ends{found};
    ends.compare(expected);
    return std::move(ends).take();
}

}  // namespace bench
