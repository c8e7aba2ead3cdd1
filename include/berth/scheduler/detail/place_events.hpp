// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <algorithm>

// What events do to nodes and GPUs.

// Length: one function for each event.

namespace berth::inline v0 {

inline scheduler_events::scheduler_events(resource_schema schema, scheduler_options options)
    : options_{options}, cluster_{std::move(schema)}, places_{cluster_}, classes_{cluster_, places_, slices_} {
    BERTH_ASSERT(options.grace >= 0.0 && options.back_off > 0.0 && options.relief_every > 0.0 &&
                     options.reading_age >= 0.0 && options.cooling >= 0.0,
                 "berth: scheduler_options: times are 0 or more, back_off and relief_every above 0");
}

inline scheduler_events::scheduler_events(berth::cluster&& loaded, scheduler_options options)
    : options_{options}, cluster_{std::move(loaded)}, places_{cluster_}, classes_{cluster_, places_, slices_} {}

inline result<void> scheduler_events::check_time(const char* event, double time) const {
    if (!(time > -detail::never && time < detail::never))
        return detail::refuse(error_code::invalid_value, {"event ", event, ": time is not a finite number"});
    if (began_ && time < now_)
        return detail::refuse(error_code::inconsistent, {"event ", event, ": time is before that of the event before"});
    return {};
}

inline result<scheduler_events::found_place> scheduler_events::find_place(const char* event,
                                                                          const place_ref& place) const {
    using detail::phrase;
    if (!place.named()) {
        const bool names = place.is_gpu() ? place.gpu().valid() : place.node().valid();
        if (!names)
            return detail::refuse(error_code::unknown_name,
                                  {"event ", event, place.is_gpu() ? ": the GPU" : ": the node", " is none"});
        if (!place.is_gpu()) return found_place{place.node(), {}, !cluster_.find(place.node())};
        const slot at = cluster_.find(place.gpu());
        if (!at.placed()) return found_place{{}, place.gpu(), true};
        return found_place{cluster_.handle(at.node), place.gpu(), false};
    }
    const auto node = cluster_.find_node(place.node_name());
    if (!node)
        return detail::refuse(error_code::unknown_name,
                              {"event ", event, ": node ", phrase::quoted(place.node_name()), " is not there"});
    if (!place.is_gpu()) return found_place{*node, {}, false};
    const auto gpu = cluster_.find_gpu(place.gpu_name());
    if (!gpu || cluster_.find(*gpu).node != *cluster_.find(*node))
        return detail::refuse(error_code::unknown_name, {"event ", event, ": node ", phrase::quoted(place.node_name()),
                                                         " has no GPU ", phrase::quoted(place.gpu_name())});
    return found_place{*node, *gpu, false};
}

inline void scheduler_events::apply(node_handle node) {
    if (const auto n = cluster_.find(node)) places_.apply(*n);
}

template <class Change>
result<bool> scheduler_events::change_place(event_kind kind, double time, const place_ref& place, Change change) {
    if (auto ok = check_time(to_string(kind), time); !ok) return ok.error();
    const auto found = find_place(to_string(kind), place);
    if (!found) return found.error();
    take(kind, time);
    if (found->gone) return duplicate();
    detail::place_state& state = found->gpu.valid() ? places_.of(found->gpu) : places_.of(found->node);
    if (!change(state)) return duplicate();
    apply(found->node);
    relief_due_ = room_freed_ = true;
    return true;
}
inline result<bool> scheduler_events::close(double time, const place_ref& place) {
    return change_place(event_kind::close, time, place, [](detail::place_state& s) {
        const bool changes = !s.closed || s.draining;
        s.closed = true;
        s.draining = false;
        return changes;
    });
}
inline result<bool> scheduler_events::open(double time, const place_ref& place) {
    return change_place(event_kind::open, time, place, [](detail::place_state& s) {
        const bool changes = s.closed || s.draining;
        s.closed = s.draining = false;
        return changes;
    });
}
inline result<bool> scheduler_events::drain(double time, const place_ref& place) {
    return change_place(event_kind::drain, time, place, [](detail::place_state& s) {
        const bool changes = !s.draining;
        s.draining = true;
        return changes;
    });
}
inline result<bool> scheduler_events::health(double time, const place_ref& place, bool healthy) {
    return change_place(event_kind::health, time, place, [healthy](detail::place_state& s) {
        const bool changes = s.healthy != healthy;
        s.healthy = healthy;
        return changes;
    });
}

inline result<node_handle> scheduler_events::node(double time, const node_description& described) {
    if (auto ok = check_time("node", time); !ok) return ok.error();
    if (auto ok = check_boards(described); !ok) return ok.error();
    const std::uint64_t before = cluster_.structure_version();
    const auto reported = report_with_slices(described);
    return reported ? node_reported(time, *reported, before, described.gpus) : reported;
}
inline result<void> scheduler_events::mig_board(berth::mig_board board) {
    const std::string name = board.name();
    if (slices_.add(std::move(board))) return {};
    return detail::refuse(error_code::duplicate, {"MIG board ", detail::phrase::quoted(name), " is there already"});
}
inline result<void> scheduler_events::check_boards(const node_description& described) const {
    using detail::phrase;
    for (std::size_t i = 0; i < described.gpus.size(); ++i) {
        const gpu_description& gpu = described.gpus[i];
        if (gpu.mig_board.empty()) continue;
        if (gpu.uuid.empty())
            return detail::refuse(error_code::invalid_value, {"node ", phrase::quoted(described.name), ": gpus[", i,
                                                              "].uuid is empty, and the GPU is in MIG mode"});
        if (!slices_.find_board(gpu.mig_board))
            return detail::refuse(error_code::unknown_name,
                                  {"node ", phrase::quoted(described.name), ": gpus[", i,
                                   "].mig_board: there is no board ", phrase::quoted(gpu.mig_board)});
    }
    return {};
}
/// To the cluster, GPUs in MIG mode have room for nothing.
inline result<node_handle> scheduler_events::report_with_slices(const node_description& described) {
    const auto is_cut = [](const gpu_description& gpu) { return !gpu.mig_board.empty(); };
    if (std::none_of(described.gpus.begin(), described.gpus.end(), is_cut)) return cluster_.report(described);
    const std::vector<amount> nothing(cluster_.fleet().schema().gpu.size(), 0);
    std::vector<gpu_description> gpus{described.gpus.begin(), described.gpus.end()};
    for (gpu_description& gpu : gpus) {
        if (is_cut(gpu)) gpu.capacity = nothing;
    }
    node_description lowered = described;
    lowered.gpus = gpus;
    return cluster_.report(lowered);
}
/// False if all GPUs of the node are in the mode in which they were.
inline bool scheduler_events::set_boards(node_index n, std::span<const gpu_description> gpus) {
    if (slices_.board_count() == 0) return false;
    bool changed = false;
    for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1) {
        const std::size_t i = lowest_gpu(rest);
        std::uint32_t board = detail::no_position;
        for (const gpu_description& gpu : gpus) {
            if (!gpu.mig_board.empty() && gpu.uuid == cluster_.uuid(n, i)) board = *slices_.find_board(gpu.mig_board);
        }
        std::uint32_t& known = places_.of(cluster_.handle(n, i)).mig_board;
        changed = changed || known != board;
        known = board;
    }
    return changed;
}
inline result<node_handle> scheduler_events::node_reported(double time, node_handle node,
                                                           std::uint64_t structure_before,
                                                           std::span<const gpu_description> gpus) {
    take(event_kind::node, time);
    const node_index n = *cluster_.find(node);
    places_.adopt(n);
    const bool cut_anew = set_boards(n, gpus);
    if (cluster_.structure_version() == structure_before && !cut_anew) {
        (void)duplicate();
        return node;
    }
    room_freed_ = true;
    note_overcommitment(n);
    if (!cluster_.tasks_on(n).empty()) relief_due_ = true;  // GPUs may be missing
    return node;
}
inline result<bool> scheduler_events::node_gone(double time, const place_ref& place) {
    if (auto ok = check_time("node_gone", time); !ok) return ok.error();
    const auto found = find_place("node_gone", place);
    if (!found) return found.error();
    if (place.is_gpu()) return detail::refuse(error_code::inconsistent, {"event node_gone: a GPU is no node"});
    take(event_kind::node_gone, time);
    if (found->gone) return duplicate();
    const node_index n = *cluster_.find(found->node);
    while (true) {  // moves to it end where they began
        task_index arriving{};
        for (const task_index t : cluster_.moving()) {
            if (cluster_.targets()[t.value()].node == n && cluster_.slots()[t.value()].node != n) arriving = t;
        }
        if (!arriving.valid()) break;
        cancel_move(cluster_.handle(arriving));
        const detail::task_owner owner = owners_[arriving.value()];
        move_ended(owner.job, owner.task, false);
    }
    displaced_.clear();
    (void)cluster_.leave(found->node, &displaced_);
    for (const task_handle task : displaced_) {
        const detail::task_owner owner = owners_[task.position()];
        tell(decision_kind::lost, owner.job, owner.task, unplaced, "node gone");
        if (records_[owner.job].restart) {
            task_stopped(owner.job, owner.task);
            continue;
        }
        const bool last = records_[owner.job].waiting + records_[owner.job].running == 1;
        end_task(owner.job, owner.task);
        if (last) remove_job(owner.job);
    }
    return true;
}

// ---- readings -------------------------------------------------------------------------------------------------------

inline result<bool> scheduler_events::reading(double time, const place_ref& place, const place_reading& read) {
    if (auto ok = check_time("reading", time); !ok) return ok.error();
    const auto refuse = [](const char* field) {
        return detail::refuse(error_code::invalid_value,
                              {"event reading: ", field, " is neither a number of its range nor absent"});
    };
    const auto usable = [](double x) { return !(x < 0.0) && x != detail::never; };
    if (!usable(read.load)) return refuse("load");
    if (read.temperature == detail::never || read.temperature == -detail::never) return refuse("temperature");
    if (!usable(read.power)) return refuse("power");
    if (!usable(read.memory)) return refuse("memory");
    if (!(read.age >= 0.0)) return refuse("age");
    const auto found = find_place("reading", place);
    if (!found) return found.error();
    take(event_kind::reading, time);
    if (found->gone) return duplicate();
    if (read.age > options_.reading_age) return true;
    detail::place_state& state = found->gpu.valid() ? places_.of(found->gpu) : places_.of(found->node);
    const auto measured = [](double& known, double now) { known = now == now ? now : known; };
    measured(state.last.load, read.load);
    measured(state.last.temperature, read.temperature);
    measured(state.last.power, read.power);
    measured(state.last.memory, read.memory);
    state.last.age = read.age;
    readings_.push_back({now_ - read.age, found->node, found->gpu, read});
    const bool gave_away = state.pressed && !state.relieves;
    judge_limits(found->node, state);
    // Nothing new is known of its pressure.
    if (gave_away && read.load != read.load && read.power != read.power) state.relieves = false;
    return true;
}
inline void scheduler_events::judge_limits(node_handle node, detail::place_state& place) {
    const auto limit = [](double own, double otherwise) { return own == own ? own : otherwise; };
    const double temperature = limit(place.limits.temperature, places_.limits.temperature);
    const bool hot =
        place.last.temperature >= temperature ||
        (place.hot && !(place.last.temperature < temperature - options_.cooling) && temperature == temperature);
    const bool loaded = place.last.load >= limit(place.limits.load, places_.limits.load);
    const bool drawing = place.last.power >= limit(place.limits.power, places_.limits.power);
    const bool pressed = loaded || drawing;
    const bool changes = hot != place.hot || pressed != place.pressed;
    place.hot = hot;
    place.pressed = place.relieves = pressed;
    place.pressure = drawing ? "power" : "load";
    if (changes) apply(node);
    relief_due_ = relief_due_ || changes || pressed;
    room_freed_ = room_freed_ || changes;
}
inline void scheduler_events::judge_all_limits() {
    for (std::size_t i = 0; i < cluster_.fleet().node_count(); ++i) {
        const node_index n{i};
        if (!cluster_.fleet().present(n)) continue;
        const node_handle node = cluster_.handle(n);
        judge_limits(node, places_.of(node));
        for (gpu_mask rest = cluster_.gpus_there(n); rest != 0; rest &= rest - 1)
            judge_limits(node, places_.of(cluster_.handle(n, lowest_gpu(rest))));
    }
}
inline result<void> scheduler_events::check_limits(const place_limits& limits) {
    const auto refuse = [](const char* field) {
        return detail::refuse(error_code::invalid_value,
                              {"event threshold: ", field, " is neither a number of its range nor absent"});
    };
    const auto usable = [](double x) { return !(x < 0.0) && x != detail::never; };
    const double temperature = limits.temperature;
    if (temperature == detail::never || temperature == -detail::never) return refuse("temperature");
    if (!usable(limits.power)) return refuse("power");
    if (!usable(limits.load)) return refuse("load");
    return {};
}
inline result<bool> scheduler_events::threshold(double time, const place_ref& place, const place_limits& limits) {
    if (auto ok = check_time("threshold", time); !ok) return ok.error();
    if (auto ok = check_limits(limits); !ok) return ok.error();
    const auto found = find_place("threshold", place);
    if (!found) return found.error();
    take(event_kind::threshold, time);
    if (found->gone) return duplicate();
    detail::place_state& state = found->gpu.valid() ? places_.of(found->gpu) : places_.of(found->node);
    state.limits = limits;
    judge_limits(found->node, state);
    return true;
}
inline result<bool> scheduler_events::threshold(double time, const place_limits& limits) {
    if (auto ok = check_time("threshold", time); !ok) return ok.error();
    if (auto ok = check_limits(limits); !ok) return ok.error();
    take(event_kind::threshold, time);
    places_.limits = limits;
    judge_all_limits();
    return true;
}
inline place_reading scheduler_events::last_reading(const place_ref& place) const {
    const auto found = find_place("reading", place);
    if (!found || found->gone) return {};
    const detail::place_state* s = found->gpu.valid() ? places_.known(found->gpu) : places_.known(found->node);
    return s == nullptr ? place_reading{} : s->last;
}

/// Reality may exceed capacities: then something has to leave.
inline void scheduler_events::note_overcommitment(node_index n) noexcept {
    const node_view at = cluster_.ledger().node(n);
    for (const amount free : at.free_node) relief_due_ = relief_due_ || free < 0;
    for (const amount free : at.free_gpus) relief_due_ = relief_due_ || free < 0;
    for (const domain_index d : cluster_.fleet().domains(n)) {
        for (const amount free : cluster_.ledger().free(d)) relief_due_ = relief_due_ || free < 0;
    }
}

}  // namespace berth::inline v0
