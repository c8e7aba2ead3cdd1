// SPDX-License-Identifier: Apache-2.0
#include "bridge.hpp"

#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_writer.hpp"
#include "berth/model/why_not_text.hpp"
#include "berth/scheduler/decision_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace berth_slurm {

namespace io = berth::io;

namespace {

[[nodiscard]] std::string joined(const std::vector<allocation>& places) {
    std::string text;
    for (const allocation& a : places) text += (text.empty() ? "" : ",") + a.node;
    return text;
}
[[nodiscard]] std::vector<allocation> sorted(std::vector<allocation> places) {
    std::sort(places.begin(), places.end(), [](const allocation& a, const allocation& b) { return a.node < b.node; });
    return places;
}
[[nodiscard]] std::string spelled(const std::vector<allocation>& places) {
    std::string text;
    for (const allocation& a : places) {
        text += (text.empty() ? "" : ", ") + a.node;
        const char* before = a.gpus == 0 ? "" : berth::gpu_count(a.gpus) == 1 ? " GPU " : " GPUs ";
        for (berth::gpu_mask rest = a.gpus; rest != 0; rest &= rest - 1, before = " ")
            text += before + std::to_string(berth::lowest_gpu(rest));
        if (a.gpus != 0 && a.share < berth::whole_gpu) text += " (" + std::to_string(a.share / 10) + " %)";
    }
    return text;
}

}  // namespace

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
            tell(io::place_event{.time = now_,
                                 .change = n.open ? io::place_change::open : io::place_change::close,
                                 .node = n.name});
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
        if (found == jobs_.end()) return;
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
    if (r.activity == job_activity::pending && !r.completing) {
        if (!r.is_wish()) return;  // Slurm's own
        if (const auto move = adopted_.find(r.id); move != adopted_.end() && known.ours) {
            enter(r.id, r, known, {move->second.from}, job_phase::moving);
        } else if (!r.held && known.ours && !r.nodes_wanted.empty() && names_gpus(r.gres)) {
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
        const bool moves = adopted_.count(r.id) > 0 && known.ours;
        enter(r.id, r, known, moves ? std::vector{adopted_.at(r.id).from} : r.places,
              moves ? job_phase::moving : job_phase::running);
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
    const bool as_wished =
        known.ours && places.size() == known.nodes && std::all_of(places.begin(), places.end(), [&](const allocation& a) {
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

// ---- decisions ------------------------------------------------------------------------------------------------------

io::log_place bridge::place_of(const berth::slot& where) const {
    io::log_place place{.node = door_.node_name(where)};
    for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1)
        place.gpus.push_back(door_.engine().cluster().uuid(where.node, berth::lowest_gpu(rest)));
    return place;
}
allocation bridge::allocation_of(const berth::slot& where, berth::amount share) const {
    return {door_.node_name(where), door_.indices(where), share};
}

void bridge::note_decision(const berth::decision& d) {
    const slurm_engine& engine = door_.engine();
    const std::string job{engine.name(d.job)};
    sentences_.push_back(berth::describe(d, engine));
    switch (d.kind) {
        case berth::decision_kind::start: return;  // noted when its places are certain
        case berth::decision_kind::evict: {
            io::evict_decision e{.time = d.time, .job = job, .task = d.task, .place = place_of(d.where), .reason = d.reason};
            if (d.beneficiary.valid()) e.for_job = std::string{engine.name(d.beneficiary)};
            return io::append_decision(decision_lines_, e);
        }
        case berth::decision_kind::move:
            return io::append_decision(decision_lines_, io::move_decision{.time = d.time,
                                                                          .job = job,
                                                                          .task = d.task,
                                                                          .from = place_of(d.from),
                                                                          .to = place_of(d.where),
                                                                          .wave = d.wave,
                                                                          .reason = d.reason});
        case berth::decision_kind::wait: {
            io::wait_decision e{.time = d.time, .job = job};
            for (const berth::wait_count& w : d.reasons) e.reasons.emplace_back(std::string{engine.name(w)}, w.places);
            return io::append_decision(decision_lines_, e);
        }
        case berth::decision_kind::lost:
            return io::append_decision(decision_lines_,
                                       io::lost_decision{.time = d.time, .job = job, .task = d.task, .reason = d.reason});
    }
}

std::vector<order> bridge::decide(double now) {
    now_ = std::max(now_, now);
    sentences_.clear();
    const auto decided = door_.engine().decide(now_);
    if (!decided) {
        troubles_.push_back(decided.error().message);
        return std::exchange(orders_, {});
    }
    // The next event ends the decisions: what they mean is copied first.
    const std::vector<berth::decision> all{decided->begin(), decided->end()};
    for (const berth::decision& d : all) note_decision(d);
    std::vector<std::pair<std::uint32_t, berth::decision>> moves;
    std::vector<std::uint32_t> starts;
    std::vector<std::uint32_t> evictions;
    for (const berth::decision& d : all) {
        const std::uint32_t id = id_of(door_.engine().name(d.job));
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) continue;
        known_job& known = found->second;
        if (d.kind == berth::decision_kind::start) {
            if (std::find(starts.begin(), starts.end(), id) == starts.end()) {
                starts.push_back(id);
                known.places.clear();
            }
            known.places.push_back(allocation_of(d.where, known.wish.share));
        } else if (d.kind == berth::decision_kind::evict) {
            if (evictions.empty() || evictions.back() != id) evictions.push_back(id);
        } else if (d.kind == berth::decision_kind::move) {
            moves.emplace_back(id, d);
            moves.back().second.reasons = {};
        } else if (d.kind == berth::decision_kind::lost && known.phase != job_phase::moving) {
            known.places.clear();
            set(known, job_phase::waiting);
        }
    }
    for (auto& [id, d] : moves) begin_move(id, jobs_.at(id), d);
    for (const std::uint32_t id : evictions) evict(id, jobs_.at(id));
    for (const std::uint32_t id : starts) start(id, jobs_.at(id));
    return std::exchange(orders_, {});
}

void bridge::start(std::uint32_t id, known_job& known) {
    // Slurm has one request for all nodes of a job, so its GPUs have the same indices on each, and keeps them.
    const berth::gpu_mask bound = names_gpus(known.asked) ? read_allocation({}, known.asked, shards_).gpus : 0;
    std::set<std::string> nodes;
    bool suits = true;
    for (const allocation& a : known.places)
        suits = suits && a.gpus == (bound != 0 ? bound : known.places.front().gpus) && nodes.insert(a.node).second;
    if (!suits && !find_places(known, bound)) {
        known.note = bound != 0 ? "Slurm keeps a job on the GPU indices that it had, and they are not free on any node"
                                : "Slurm gives a job the same GPU indices on each of its nodes, and no set of " +
                                      std::to_string(known.wish.gpus) + " is free on " + std::to_string(known.nodes) +
                                      " nodes at once";
        known.places.clear();
        tell_task(io::task_report::failed, known.name);
        return set(known, job_phase::waiting);
    }
    known.note.clear();
    set(known, job_phase::pinned);
    for (std::uint32_t t = 0; t < known.places.size(); ++t) {
        io::start_decision d{.time = now_, .job = known.name, .task = t, .place = {.node = known.places[t].node}};
        for (berth::gpu_mask rest = known.places[t].gpus; rest != 0; rest &= rest - 1)
            d.place.gpus.push_back(engine_door::gpu_name(d.place.node, berth::lowest_gpu(rest)));
        io::append_decision(decision_lines_, d);
    }
    if (!suits) sentences_.push_back("job \"" + known.name + "\" starts on " + spelled(known.places) + " instead");
    want({.kind = order_kind::pin,
          .job = id,
          .nodes = joined(known.places),
          .gres = gres_text(known.places.front().gpus, known.places.front().share, shards_),
          .reason = "starts on " + spelled(known.places)});
}

/// The slot of these indices on a node; `unplaced` if one of them is not there.
berth::slot bridge::slot_of(const berth::cluster& c, const std::string& node, berth::gpu_mask indices) const {
    const auto found = c.find_node(node);
    if (!found) return berth::unplaced;
    berth::slot where{*c.find(*found), 0};
    for (berth::gpu_mask rest = indices; rest != 0; rest &= rest - 1) {
        const auto gpu = c.find_gpu(engine_door::gpu_name(node, berth::lowest_gpu(rest)));
        if (!gpu) return berth::unplaced;
        where.gpus |= c.find(*gpu).gpus;
    }
    return where;
}

/// Looks for places with the same indices on each node, the decided nodes first, and enters them. False if there are
/// none.
///
/// @param bound  the indices that it has to have; 0: any
bool bridge::find_places(known_job& known, berth::gpu_mask bound) {
    const auto job = door_.engine().find_job(known.name);
    if (!job) return false;
    berth::cluster trial{door_.engine().cluster()};
    for (std::uint32_t t = 0; t < known.places.size(); ++t) trial.release(door_.engine().task(*job, t));
    const auto task = trial.find(door_.engine().task(*job, 0));
    if (!task) return false;
    const berth::demand_view demand = trial.workload().demand(*task);
    std::vector<std::string> names;
    for (const allocation& a : known.places) {
        if (std::find(names.begin(), names.end(), a.node) == names.end()) names.push_back(a.node);
    }
    berth::gpu_mask all = bound;
    for (const auto& [name, node] : nodes_) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        if (bound == 0) all |= node.gpus;
    }
    std::vector<unsigned> indices;
    for (berth::gpu_mask rest = all; rest != 0; rest &= rest - 1)
        indices.push_back(static_cast<unsigned>(berth::lowest_gpu(rest)));
    const std::size_t wanted = known.wish.gpus;
    if (wanted == 0 || wanted > indices.size()) return false;
    // All sets of so many indices, in a fixed order, up to a limit that no node of 16 GPUs reaches.
    std::vector<std::size_t> chosen(wanted);
    for (std::size_t i = 0; i < wanted; ++i) chosen[i] = i;
    for (std::size_t tried = 0; tried < 20'000; ++tried) {
        berth::gpu_mask mask = 0;
        for (const std::size_t c : chosen) mask |= berth::gpu_mask{1} << indices[c];
        std::vector<allocation> places;
        for (const std::string& name : names) {
            const berth::slot where = slot_of(trial, name, mask);
            if (!where.placed() || !trial.admissible(demand, where)) continue;
            places.push_back({name, mask, known.wish.share});
            if (places.size() == known.nodes) break;
        }
        if (places.size() == known.nodes) {
            known.places = std::move(places);
            return tell_running(known.name, known.places);
        }
        std::size_t i = wanted;
        while (i > 0 && chosen[i - 1] == indices.size() - wanted + i - 1) --i;
        if (i == 0) return false;
        ++chosen[i - 1];
        for (std::size_t k = i; k < wanted; ++k) chosen[k] = chosen[k - 1] + 1;
    }
    return false;
}

void bridge::evict(std::uint32_t id, known_job& known) {
    const bool started = known.phase == job_phase::running;
    if (!started && known.phase != job_phase::pinned) return tell_task(io::task_report::failed, known.name);
    set(known, job_phase::stopping);
    want({.kind = started ? order_kind::requeue : order_kind::hold,
          .job = id,
          .reason = "leaves " + spelled(known.places) + " for another job"});
}

void bridge::begin_move(std::uint32_t id, known_job& known, const berth::decision& d) {
    const auto source = nodes_.find(door_.node_name(d.from));
    const bool lost_there = source == nodes_.end() || !source->second.up;  // Slurm puts it back into the queue itself
    if (known.phase != job_phase::running || known.places.size() != 1 || !known.ours || lost_there)
        return tell_task(io::task_report::failed, known.name, d.task);
    const allocation from = allocation_of(d.from, known.wish.share);
    const allocation to = allocation_of(d.where, known.wish.share);
    if (to.gpus == from.gpus) {
        set(known, job_phase::moving);
        moves_.push_back({.job = id,
                          .from = from,
                          .to = to,
                          .cpus = known.cpus,
                          .memory = known.memory,
                          .shards = shards_,
                          .reason = d.reason});
        return;
    }
    // It keeps its indices: another node that has them free will do.
    const std::string reason = d.reason;
    tell_task(io::task_report::failed, known.name, d.task);
    for (const auto& [name, node] : nodes_) {
        if (has_room(known, name)) return begin_move_to(id, known, name, reason);
    }
    known.note = "it should leave (" + reason + "), and no other node has the GPU indices free that Slurm keeps it on";
}

/// True if another node has room for a job of one node, at its indices.
bool bridge::has_room(const known_job& known, const std::string& node) const {
    const auto job = door_.engine().find_job(known.name);
    const berth::cluster& c = door_.engine().cluster();
    const auto task = job ? c.find(door_.engine().task(*job, 0)) : std::nullopt;
    if (!task || node == known.places.front().node) return false;
    const berth::slot where = slot_of(c, node, known.places.front().gpus);
    return where.placed() && c.admissible(c.workload().demand(*task), where);
}
void bridge::begin_move_to(std::uint32_t id, known_job& known, const std::string& node, const std::string& reason) {
    wanted_move move{.job = id,
                     .from = known.places.front(),
                     .to = known.places.front(),
                     .cpus = known.cpus,
                     .memory = known.memory,
                     .shards = shards_,
                     .reason = reason};
    move.to.node = node;
    if (!hold_room(known, move.to)) return;
    sentences_.push_back("job \"" + known.name + "\" moves to " + spelled({move.to}) +
                         ", because it keeps its GPU indices: " + reason);
    set(known, job_phase::moving);
    moves_.push_back(std::move(move));
}
bool bridge::ask_move(std::uint32_t job, const std::string& node) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || found->second.phase != job_phase::running || !found->second.ours ||
        found->second.places.size() != 1 || !has_room(found->second, node))
        return false;
    begin_move_to(job, found->second, node, "asked for");
    return found->second.phase == job_phase::moving;
}

std::vector<wanted_move> bridge::take_moves() { return std::exchange(moves_, {}); }
void bridge::adopt(const wanted_move& move) { adopted_[move.job] = move; }

void bridge::carried_out(const order& done, const berth::result<void>& outcome, double now) {
    now_ = std::max(now_, now);
    if (outcome) return;
    troubles_.push_back(std::string{to_string(done.kind)} + ": " + outcome.error().message);
    if (done.kind == order_kind::drain) draining_.erase(done.nodes);
    const auto found = jobs_.find(done.job);
    if (found == jobs_.end()) return;
    known_job& known = found->second;
    if (done.kind == order_kind::pin && known.phase == job_phase::pinned) {
        known.note = "Slurm refused: " + outcome.error().message;
        known.places.clear();
        tell_task(io::task_report::failed, known.name);
        set(known, job_phase::waiting);
    } else if (done.kind == order_kind::requeue && known.phase == job_phase::stopping) {
        tell_task(io::task_report::failed, known.name);
        set(known, job_phase::running);
    }
}

void bridge::move_ended(std::uint32_t job, bool arrived, double now) {
    now_ = std::max(now_, now);
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || found->second.phase != job_phase::moving) return;
    known_job& known = found->second;
    if (!known.room.empty()) {
        const auto room = door_.engine().find_job(known.room);
        const berth::slot target =
            room ? door_.engine().cluster().where(door_.engine().task(*room, 0)) : berth::unplaced;
        const allocation to = target.placed() ? allocation_of(target, known.wish.share) : known.places.front();
        tell_task(io::task_report::finish, known.room);
        known.room.clear();
        if (arrived) {
            known.places = {to};
            tell_running(known.name, known.places);
        }
    } else {
        tell_task(arrived ? io::task_report::moved : io::task_report::failed, known.name, 0);
        const auto handle = door_.engine().find_job(known.name);
        const berth::slot where =
            handle ? door_.engine().cluster().where(door_.engine().task(*handle, 0)) : berth::unplaced;
        if (where.placed()) known.places = {allocation_of(where, known.wish.share)};
    }
    set(known, job_phase::running);
}

// ---- questions ------------------------------------------------------------------------------------------------------

std::string bridge::explain(std::uint32_t job) {
    const auto found = jobs_.find(job);
    const std::string subject = "job " + std::to_string(job);
    if (found == jobs_.end())
        return subject + ": berth has nothing to do with it: it has ended, asks for no GPU, is held by an operator, or "
                         "waits for its dependency or begin time.";
    const known_job& known = found->second;
    switch (known.phase) {
        case job_phase::refused: return subject + " stays held. " + known.note + ".";
        case job_phase::running: return subject + " runs on " + spelled(known.places) + ".";
        case job_phase::pinned: return subject + " is released to " + spelled(known.places) + "; Slurm starts it there.";
        case job_phase::stopping: return subject + " is being stopped on " + spelled(known.places) + " and waits again then.";
        case job_phase::moving: return subject + " moves away from " + spelled(known.places) + ".";
        case job_phase::waiting: break;
    }
    const auto handle = door_.engine().find_job(known.name);
    if (!handle) return subject + ": berth does not know it.";
    std::string text = berth::describe(door_.engine().explain(*handle), door_.engine().cluster().fleet());
    if (door_.engine().claims(*handle)) text += " Room is being made for it.";
    if (!known.note.empty()) text += " " + known.note + ".";
    return subject + ": " + text;
}

std::vector<std::string> bridge::differences(const snapshot& seen) const {
    std::vector<std::string> found;
    std::map<std::pair<std::string, unsigned>, berth::amount> used;
    for (const job_record& r : seen.jobs) {
        if (r.activity != job_activity::running || r.is_holder()) continue;
        for (const allocation& a : r.places) {
            for (berth::gpu_mask rest = a.gpus; rest != 0; rest &= rest - 1) {
                const auto index = static_cast<unsigned>(berth::lowest_gpu(rest));
                if ((used[{a.node, index}] += a.share) > berth::whole_gpu)
                    found.push_back("GPU " + std::to_string(index) + " of " + a.node + " is given twice, to job " +
                                    std::to_string(r.id) + " as well");
            }
        }
        const auto known = jobs_.find(r.id);
        if (known == jobs_.end()) {
            found.push_back("job " + std::to_string(r.id) + " runs on " + spelled(r.places) + ", and berth has no such job");
            continue;
        }
        const auto handle = door_.engine().find_job(known->second.name);
        std::vector<allocation> places;
        for (std::uint32_t t = 0; handle && t < door_.engine().task_count(*handle); ++t) {
            const berth::task_handle task = door_.engine().task(*handle, t);
            const berth::slot where = door_.engine().cluster().where(task);
            if (!where.placed()) continue;
            const auto at = door_.engine().cluster().find(task);
            const berth::amount share =
                where.gpus == 0 ? berth::whole_gpu : door_.engine().cluster().workload().demand(*at).gpu[0];
            places.push_back(allocation_of(where, share));
        }
        if (sorted(places) != sorted(r.places))
            found.push_back("job " + std::to_string(r.id) + " runs on " + spelled(r.places) + ", berth has it on " +
                            (places.empty() ? std::string{"no node"} : spelled(places)));
    }
    for (const auto& [id, known] : jobs_) {
        const job_record* r = seen.find(id);
        if (known.phase == job_phase::running && (r == nullptr || r->activity != job_activity::running))
            found.push_back("job " + std::to_string(id) + " runs for berth, and not for Slurm");
    }
    return found;
}

}  // namespace berth_slurm
