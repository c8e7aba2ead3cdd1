// SPDX-License-Identifier: Apache-2.0
// An executor of your own: berth decides the next action, your agents carry it out, and berth queries their state. The
// agents' API below is invented; the struct after it is the whole executor.
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/lower.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// An API of agents: every call returns an operation that ends later and can be polled.
class agents {
public:
    struct session {
        std::set<std::size_t> memory_on;     ///< hosts that hold memory for it
        std::optional<std::size_t> process;  ///< the host of its process
        bool paused = false;
        std::set<std::size_t> images;  ///< hosts that have its saved state
    };
    struct operation {
        std::size_t about;  ///< a session
        double ends;
        std::function<bool(session&)> effect;
        std::optional<bool> result{};
    };

    std::size_t submit(std::size_t about, double now, std::function<bool(session&)> effect) {
        operations.push_back({about, now + 1.5, std::move(effect)});
        return operations.size() - 1;
    }
    void tick(double now) {
        for (operation& o : operations) {
            if (!o.result && o.ends <= now) o.result = o.effect(sessions[o.about]);
        }
    }

    std::vector<session> sessions;
    std::vector<operation> operations;
    int broken_links = 0;  ///< number of copies that will fail
};

/// Models `migration_executor` by these agents.
struct agent_executor {
    agents* api;
    struct last_word {
        berth::fencing_token token{};
        std::optional<std::size_t> operation{};
    };
    std::vector<last_word> last = std::vector<last_word>(api->sessions.size());
    std::vector<berth::fencing_token> newest = std::vector<berth::fencing_token>(api->sessions.size());

    void start(berth::migration_action action, const berth::migration_job& job, double now) {
        using enum berth::migration_action;
        using session = agents::session;
        const std::size_t task = job.move.task.value();
        if (job.token <= newest[task]) return;  // a duplicate or stale command is ignored
        newest[task] = job.token;
        const std::size_t from = job.move.from.node.value();
        const std::size_t to = job.move.to.node.value();
        const auto submit = [&](auto effect) { last[task] = {job.token, api->submit(task, now, effect)}; };
        switch (action) {
            case reserve: return submit([=](session& s) { return s.memory_on.insert(to).second; });
            case lock: return submit([=](session& s) { return s.paused = true; });
            case checkpoint:
                return submit([=](session& s) {
                    s.process.reset();
                    return s.images.insert(from).second;
                });
            case transfer:
                return submit(
                    [=, a = api](session& s) { return a->broken_links-- <= 0 && s.images.insert(to).second; });
            case restore: return submit([=](session& s) { return s.process = to, true; });
            case unlock:
            case unlock_back: return submit([=](session& s) { return !(s.paused = false); });
            case release:
                return submit([=](session& s) {
                    s.images.clear();
                    return s.memory_on.erase(from) == 1;
                });
            case restore_back:
                return submit([=](session& s) {
                    s.images.clear();
                    return s.process = from, true;
                });
            case cancel:
                return submit([=](session& s) {
                    s.images.erase(to);
                    return s.memory_on.erase(to) == 1;
                });
        }
    }
    berth::action_status poll(berth::migration_action, const berth::migration_job& job, double now) {
        api->tick(now);
        const last_word& word = last[job.move.task.value()];
        if (!word.operation || word.token != job.token) return berth::action_status::failed;
        const auto& result = api->operations[*word.operation].result;
        if (!result) return berth::action_status::pending;
        return *result ? berth::action_status::done : berth::action_status::failed;
    }
    void abort(berth::migration_action, const berth::migration_job&, double) {}  // these agents cannot abort
    berth::migration_state query(const berth::migration_job& job, double now) {
        using enum berth::task_location;
        api->tick(now);
        const last_word& word = last[job.move.task.value()];
        newest[job.move.task.value()] = std::max(newest[job.move.task.value()], job.token);
        const agents::session& s = api->sessions[job.move.task.value()];
        const std::size_t from = job.move.from.node.value();
        const std::size_t to = job.move.to.node.value();
        berth::migration_state seen;
        seen.source_held = s.memory_on.count(from) > 0;
        seen.target_held = s.memory_on.count(to) > 0;
        seen.image_at_source = s.images.count(from) > 0;
        seen.busy = word.operation && !api->operations[*word.operation].result;
        if (s.process == from) {
            seen.task = s.paused ? locked_at_source : runs_at_source;
        } else if (s.process == to) {
            seen.task = s.paused ? locked_at_target : runs_at_target;
        } else {
            seen.task = s.process                ? elsewhere
                        : s.images.count(to) > 0 ? arrived
                        : seen.image_at_source   ? suspended
                                                 : lost;
        }
        return seen;
    }
};
static_assert(berth::migration_executor<agent_executor>);

struct gpu {
    std::string model = "A10";
};
struct model {
    std::string name;
    int gpu_demand;
};

int main() {
    const std::vector<gpu> hosts(3);  // one GPU each
    const std::vector<model> models{{"chat", 700}, {"search", 600}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(models, *fleet);
    const berth::problem problem{*fleet, *work};
    const auto on = [](std::size_t n) { return berth::slot{berth::node_index{n}, 1}; };
    auto ledger = berth::make_ledger(problem, std::vector{on(0), on(1)});

    // `search` moves away to make room for `chat`.
    berth::migration_plan plan;
    plan.steps = {{.task = berth::task_index{1}, .from = on(1), .to = on(2)},
                  {.task = berth::task_index{0}, .from = on(0), .to = on(1)}};
    plan.wave_ends = {1, 2};

    agents api;
    api.sessions.resize(2);
    for (std::size_t t = 0; t < 2; ++t) {
        api.sessions[t].memory_on = {t};
        api.sessions[t].process = t;
    }
    api.broken_links = 1;
    agent_executor executor{&api};
    berth::ledger_adapter keeper{problem, *ledger};
    berth::migration_run run = berth::start_migration(problem, plan, 1);
    double now = 0.0;
    for (; run.advance(executor, keeper, now); now += 1.0) {
        for (std::size_t i = 0; i < plan.steps.size(); ++i) {
            const berth::migration_record& r = run.progress().records[i];
            if (r.phase == berth::migration_phase::acting && r.since == now)
                std::printf("%4.0f s  %-6s %s\n", now, models[plan.steps[i].task.value()].name.c_str(),
                            to_string(r.action));
        }
    }
    const berth::migration_report report = run.report();
    std::printf("%4.0f s  %zu of 2 done, %llu retries, %.0f s of downtime\n", now,
                report[berth::migration_outcome::done], static_cast<unsigned long long>(report.retries),
                report.downtime);
    return report[berth::migration_outcome::done] == 2 && api.sessions[0].process == 1 ? 0 : 1;
}
