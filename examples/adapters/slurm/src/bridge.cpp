// SPDX-License-Identifier: Apache-2.0
// The half of `bridge` that observes: from what Slurm says to events of the engine.
#include "bridge.hpp"

#include "allocations.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace berth_slurm {

namespace io = berth::io;

const char* to_string(order_kind kind) noexcept {
    constexpr const char* names[] = {"pin", "hold", "requeue", "cancel", "drain", "resume"};
    return names[static_cast<std::size_t>(kind)];
}
const char* to_string(job_phase phase) noexcept {
    constexpr const char* names[] = {"refused", "waiting", "pinned", "running", "stopping", "moving"};
    return names[static_cast<std::size_t>(phase)];
}

bridge::bridge(bridge_options options) : options_{options}, door_{options.shortest, options.preempt} {}

bool bridge::tell(const io::event& e) {
    const auto done = door_.tell(e);
    if (!done) troubles_.push_back(done.error().message);
    return done.has_value();
}
void bridge::tell_task(io::task_report report, const std::string& name, std::optional<std::uint32_t> task) {
    tell(io::task_event{.time = now_, .report = report, .job = name, .task = task});
}
std::uint32_t bridge::id_of(std::string_view name) noexcept {
    std::uint32_t id = 0;
    std::from_chars(name.data(), name.data() + name.size(), id);
    return id;
}

// ---- what Slurm says of nodes ---------------------------------------------------------------------------------------

void bridge::observe_nodes(const snapshot& seen) {
    for (const node_record& n : seen.nodes) {
        give_back(n);
        shards_ = std::max(shards_, n.shards);
        threads_ = std::max(threads_, n.threads);
        const auto before = nodes_.find(n.name);
        const bool is_new = before == nodes_.end();
        if (!is_new && before->second == n) continue;
        if (is_new || before->second.cpus != n.cpus || before->second.memory != n.memory ||
            before->second.gpus != n.gpus || before->second.features != n.features) {
            io::node_event e{.time = now_, .node = n.name};
            e.capacity = {{"cpu", berth::amount{1000} * n.cpus}, {"memory", n.memory}};
            for (berth::gpu_mask rest = n.gpus; rest != 0; rest &= rest - 1) {
                io::gpu_entry gpu{.gpu = engine_door::gpu_name(n.name, berth::lowest_gpu(rest))};
                if (!n.features.empty()) gpu.model = n.features.front();
                e.gpus.push_back(std::move(gpu));
            }
            if (!tell(e)) continue;
        }
        if (n.up != (is_new ? true : before->second.up))
            tell(io::health_event{.time = now_, .node = n.name, .healthy = n.up, .reason = n.reason});
        if (n.open != (is_new ? true : before->second.open)) {
            tell(io::place_event{
                .time = now_, .change = n.open ? io::place_change::open : io::place_change::close, .node = n.name});
        }
        nodes_[n.name] = n;
    }
    for (auto it = nodes_.begin(); it != nodes_.end();) {
        if (seen.find_node(it->first) != nullptr) {
            ++it;
            continue;
        }
        tell(io::node_gone_event{.time = now_, .node = it->first});
        it = nodes_.erase(it);
    }
}

/// A slurmctld that was killed starts what it had not saved the start of a second time. The node refuses, and Slurm
/// drains it until an operator looks; but Slurm also ends what it does not know there, so after a while all is well.
void bridge::give_back(const node_record& n) {
    if (!n.up || n.open || n.reason != "Duplicate jobid") {
        doubled_.erase(n.name);
        return;
    }
    const auto at = doubled_.try_emplace(n.name, now_).first;
    if (now_ - at->second < options_.settle) return;
    at->second = now_;
    want({.kind = order_kind::resume, .nodes = n.name, .reason = "what Slurm had forgotten there has ended"});
}

// ---- what Slurm says of jobs ----------------------------------------------------------------------------------------

void bridge::observe(const snapshot& seen) {
    now_ = std::max(now_, seen.time);
    if (!limit_told_ && std::isfinite(options_.temperature))
        tell(io::threshold_event{.time = now_, .temperature = options_.temperature});
    limit_told_ = true;
    observe_nodes(seen);
    std::set<std::uint32_t> moving_ids;
    for (const auto& [id, known] : jobs_) {
        if (known.phase == job_phase::moving) moving_ids.insert(id);
    }
    for (const auto& [id, move] : adopted_) moving_ids.insert(id);
    for (const job_record& r : seen.jobs) {
        if (r.is_holder()) {
            // Of a move that nobody carries out any more.
            const std::uint32_t id = id_of(std::string_view{r.comment}.substr(holder_mark.size()));
            if (r.activity != job_activity::ended && !r.completing && moving_ids.count(id) == 0)
                want({.kind = order_kind::cancel, .job = r.id, .reason = "a holder of no move"});
            continue;
        }
        observe_job(r);
    }
    // What Slurm has forgotten has ended, or was lost with a slurmctld that had not saved it.
    for (auto it = jobs_.begin(); it != jobs_.end();) {
        if (seen.find(it->first) != nullptr) {
            ++it;
            continue;
        }
        leave(it->second, io::task_report::finish);
        it = jobs_.erase(it);
    }
    adopted_.clear();
}

void bridge::observe_job(const job_record& r) {
    const auto found = jobs_.find(r.id);
    if (r.activity == job_activity::ended && !r.completing) {
        if (found == jobs_.end()) {
            if (r.killed && adopted_.count(r.id) > 0) meet(r);
            return;
        }
        if (r.killed && found->second.phase == job_phase::moving) return;  // its run puts it back again
        if (r.killed && found->second.phase == job_phase::stopping &&
            now_ - found->second.since < options_.stop_timeout) {
            return want({.kind = order_kind::requeue, .job = r.id, .reason = "slurmctld forgot that it waits again"});
        }
        leave(found->second, r.cancelled ? io::task_report::cancel : io::task_report::finish);
        jobs_.erase(found);
        return;
    }
    if (found == jobs_.end()) return meet(r);
    if (found->second.asked != r.gres) found->second.asked = r.gres;
    follow(r, found->second);
}

/// Takes a job out of the engine.
void bridge::leave(known_job& known, io::task_report report) {
    if (!known.room.empty()) tell_task(io::task_report::finish, known.room);
    known.room.clear();
    if (known.phase != job_phase::refused) tell_task(report, known.name);
}

void bridge::read_request(const job_record& r, known_job& known) {
    known.nodes = r.nodes;
    const std::uint32_t each = (r.cpus + r.nodes - 1) / r.nodes;
    known.cpus = (each + threads_ - 1) / threads_ * threads_;
    known.memory = r.memory;
    known.asked = r.gres;
    known.ours = false;
    known.note.clear();
    if (!r.is_wish()) return;
    const auto wish = read_wish(r.comment, r.constraint, shards_);
    if (!wish) {
        known.note = wish.error().message;
        return;
    }
    known.wish = *wish;
    known.ours = true;
}

/// A job of which berth did not know.
void bridge::meet(const job_record& r) {
    known_job known;
    read_request(r, known);
    if (const auto move = adopted_.find(r.id); move != adopted_.end() && known.ours) {
        enter(r.id, r, known, {move->second.from}, job_phase::moving);
    } else if (r.activity == job_activity::pending && !r.completing) {
        if (!r.is_wish()) return;  // Slurm's own
        if (!r.held && known.ours && !r.nodes_wanted.empty() && names_gpus(r.gres)) {
            // A berth before this one has released it.
            std::vector<allocation> places;
            std::string_view rest = r.nodes_wanted;
            while (!rest.empty()) {
                const std::size_t end = rest.find(',');
                places.push_back(read_allocation(std::string{rest.substr(0, end)}, r.gres, shards_));
                rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            }
            enter(r.id, r, known, std::move(places), job_phase::pinned);
        } else {
            if (!r.held) want({.kind = order_kind::hold, .job = r.id, .reason = "released by nobody known"});
            if (r.held_by_admin || !r.eligible) return;
            admit(r, known);
        }
    } else if (!r.places.empty()) {
        enter(r.id, r, known, r.places, job_phase::running);
    } else {
        return;
    }
    if (const auto move = adopted_.find(r.id); move != adopted_.end() && known.phase == job_phase::moving) {
        if (!hold_room(known, move->second.to)) troubles_.push_back("job " + known.name + ": the target of its move");
    }
    jobs_.emplace(r.id, std::move(known));
}

/// Lets the engine know of a job that waits.
void bridge::admit(const job_record& r, known_job& known) {
    known.name = std::to_string(r.id) + (known.generation == 0 ? "" : "." + std::to_string(known.generation));
    known.places.clear();
    if (!known.ours) return set(known, job_phase::refused);
    io::job_event e{.time = now_, .job = known.name, .priority = r.priority};
    e.preemptible = r.batch && r.requeue;
    e.tasks = r.nodes;
    e.demand.gpus = known.wish.gpus;
    e.demand.gpu_demand = {{"share", known.wish.share}};
    e.demand.node_demand = {{"cpu", berth::amount{1000} * known.cpus}, {"memory", known.memory}};
    e.demand.accepted_models = known.wish.models;
    if (std::isfinite(r.time_limit)) e.duration = r.time_limit;
    set(known, tell(e) ? job_phase::waiting : job_phase::refused);
    if (known.phase == job_phase::refused) known.note = troubles_.back();
}

/// The engine cannot be told that something moves already: a second job has the target.
bool bridge::hold_room(known_job& known, const allocation& at) {
    known.room = known.name + ".target";
    known.room += std::to_string(++rooms_);
    io::job_event e{.time = now_, .job = known.room, .preemptible = false};
    e.demand.gpus = known.wish.gpus;
    e.demand.gpu_demand = {{"share", known.wish.share}};
    e.demand.node_demand = {{"cpu", berth::amount{1000} * known.cpus}, {"memory", known.memory}};
    if (tell(e) && tell_running(known.room, {at})) return true;
    known.room.clear();
    return false;
}

bool bridge::tell_running(const std::string& name, const std::vector<allocation>& places) {
    bool all = true;
    for (std::uint32_t t = 0; t < places.size(); ++t) {
        io::running_event e{.time = now_, .job = name, .task = t, .node = places[t].node};
        for (berth::gpu_mask rest = places[t].gpus; rest != 0; rest &= rest - 1)
            e.gpus.push_back(engine_door::gpu_name(places[t].node, berth::lowest_gpu(rest)));
        all = tell(e) && all;
    }
    return all;
}

/// Lets the engine know of a job that has its place already, as it is: reality wins.
void bridge::enter(std::uint32_t id, const job_record& r, known_job& known, std::vector<allocation> places,
                   job_phase phase) {
    known.name = std::to_string(id) + (known.generation == 0 ? "" : "." + std::to_string(known.generation));
    const bool as_wished = known.ours && places.size() == known.nodes &&
                           std::all_of(places.begin(), places.end(), [&](const allocation& a) {
                               return berth::gpu_count(a.gpus) == known.wish.gpus && a.share == known.wish.share;
                           });
    io::job_event e{.time = now_, .job = known.name, .priority = r.priority};
    e.tasks = static_cast<std::uint32_t>(places.size());
    e.preemptible = as_wished && r.batch && r.requeue;
    if (std::isfinite(r.time_limit)) e.duration = r.time_limit;
    const io::counter_amounts on_node{{"cpu", berth::amount{1000} * known.cpus}, {"memory", known.memory}};
    for (const allocation& a : places) {
        io::task_demand d{.gpus = static_cast<std::uint32_t>(berth::gpu_count(a.gpus)), .node_demand = on_node};
        if (a.gpus != 0) d.gpu_demand = {{"share", a.share}};
        if (as_wished) d.accepted_models = known.wish.models;
        e.demand = d;
        e.task_list.push_back(std::move(d));
    }
    const auto differs = [&](const io::task_demand& d) { return !(d == e.demand); };
    if (std::none_of(e.task_list.begin(), e.task_list.end(), differs)) e.task_list.clear();
    if (!tell(e)) return set(known, job_phase::refused);
    tell_running(known.name, places);
    known.places = std::move(places);
    set(known, phase);
}

/// The engine forgets what it thought of a job, and is told what it is.
void bridge::enter_again(const job_record& r, known_job& known) {
    leave(known, io::task_report::cancel);
    ++known.generation;
    const unsigned generation = known.generation;
    read_request(r, known);
    known.generation = generation;
    if (r.activity == job_activity::running) {
        enter(r.id, r, known, r.places, job_phase::running);
    } else {
        admit(r, known);
    }
}

void bridge::follow(const job_record& r, known_job& known) {
    if (known.phase == job_phase::moving) return;  // its run follows it
    if (r.activity == job_activity::running) return follow_running(r, known);
    if (r.completing) return;  // it still has its place
    follow_pending(r, known);
}

void bridge::follow_running(const job_record& r, known_job& known) {
    switch (known.phase) {
        case job_phase::refused:
        case job_phase::waiting: return enter_again(r, known);  // started by Slurm or an operator
        case job_phase::pinned:
        case job_phase::running:
            if (sorted(r.places) == sorted(known.places)) {
                if (known.phase == job_phase::pinned) set(known, job_phase::running);
                return;
            }
            return enter_again(r, known);
        case job_phase::stopping:
            // It had started before it could be held.
            if (now_ - known.since > 5.0 && !r.completing)
                want({.kind = order_kind::requeue, .job = r.id, .reason = "it still runs"});
            if (now_ - known.since < options_.stop_timeout) return;
            troubles_.push_back("job " + known.name + " has not stopped");
            tell_task(io::task_report::failed, known.name);
            return set(known, job_phase::running);
        case job_phase::moving: return;
    }
}

void bridge::follow_pending(const job_record& r, known_job& known) {
    const auto held = [&](const char* reason) {
        if (!r.held) want({.kind = order_kind::hold, .job = r.id, .reason = reason});
    };
    switch (known.phase) {
        case job_phase::refused: return held("its wish cannot be read");
        case job_phase::waiting:
            if (r.held_by_admin || !r.eligible) {
                leave(known, io::task_report::cancel);
                jobs_.erase(r.id);
                return;
            }
            return held("released by somebody else");
        case job_phase::pinned:
            if (r.held_by_admin) {
                leave(known, io::task_report::cancel);
                jobs_.erase(r.id);
                return;
            }
            if (std::any_of(known.places.begin(), known.places.end(), [&](const allocation& a) {
                    const auto node = nodes_.find(a.node);
                    return node == nodes_.end() || !node->second.open;
                })) {
                held("its node takes nothing new any more");
                return enter_again(r, known);
            }
            if (r.held && now_ - known.since > 1.0) {
                // A slurmctld that was killed had not saved the release.
                known.since = now_;
                return want({.kind = order_kind::pin,
                             .job = r.id,
                             .nodes = joined(known.places),
                             .gres = gres_text(known.places.front().gpus, known.places.front().share, shards_),
                             .reason = "the release was lost"});
            }
            if (!r.held && now_ - known.since > options_.start_timeout) {
                held("Slurm does not start it there");
                known.note = "Slurm did not start it on " + spelled(known.places) + " in time";
                tell_task(io::task_report::failed, known.name);
                known.places.clear();
                return set(known, job_phase::waiting);
            }
            return;
        case job_phase::running:
            // A node failed, or somebody has put it back into the queue.
            held("it was put back into the queue");
            return enter_again(r, known);
        case job_phase::stopping:
            held("it has stopped");
            if (!r.held) return;
            tell_task(io::task_report::stopped, known.name);
            known.places.clear();
            return set(known, job_phase::waiting);
        case job_phase::moving: return;
    }
}

}  // namespace berth_slurm
