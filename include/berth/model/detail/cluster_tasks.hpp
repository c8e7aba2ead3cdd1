// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/cluster_interface.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What happens to the tasks, demands and reservations of a `cluster`. In every function, what may throw comes first.
// Length: one short function for each event.

namespace berth::inline v0 {

inline cluster::cluster(const cluster& other)
    : fleet_{other.fleet_},
      work_{other.work_},
      ledger_{other.ledger_, fleet_},
      changes_{other.changes_},
      structure_{other.structure_},
      nodes_{other.nodes_},
      vacant_nodes_{other.vacant_nodes_},
      node_states_{other.node_states_},
      gpus_{other.gpus_},
      places_{other.places_},
      uuids_{other.uuids_},
      gpu_id_{other.gpu_id_},
      tasks_{other.tasks_},
      where_{other.where_},
      target_{other.target_},
      moving_{other.moving_},
      moving_at_{other.moving_at_},
      tasks_on_{other.tasks_on_},
      arriving_{other.arriving_},
      alternatives_{other.alternatives_},
      runs_with_{other.runs_with_},
      shapes_{other.shapes_},
      pins_{other.pins_},
      idle_shapes_{other.idle_shapes_},
      groups_{other.groups_},
      reservations_{other.reservations_},
      reserved_{other.reserved_},
      reserved_on_{other.reserved_on_} {
    detail::fleet_editor{fleet_}.reserve_models();
}

inline cluster::cluster(cluster&& other) noexcept
    : fleet_{std::move(other.fleet_)},
      work_{std::move(other.work_)},
      ledger_{std::move(other.ledger_), fleet_},
      changes_{std::move(other.changes_)},
      structure_{other.structure_},
      nodes_{std::move(other.nodes_)},
      vacant_nodes_{std::move(other.vacant_nodes_)},
      node_states_{std::move(other.node_states_)},
      gpus_{std::move(other.gpus_)},
      places_{std::move(other.places_)},
      uuids_{std::move(other.uuids_)},
      gpu_id_{std::move(other.gpu_id_)},
      tasks_{std::move(other.tasks_)},
      where_{std::move(other.where_)},
      target_{std::move(other.target_)},
      moving_{std::move(other.moving_)},
      moving_at_{std::move(other.moving_at_)},
      tasks_on_{std::move(other.tasks_on_)},
      arriving_{std::move(other.arriving_)},
      alternatives_{std::move(other.alternatives_)},
      runs_with_{std::move(other.runs_with_)},
      shapes_{std::move(other.shapes_)},
      pins_{std::move(other.pins_)},
      idle_shapes_{std::move(other.idle_shapes_)},
      groups_{std::move(other.groups_)},
      reservations_{std::move(other.reservations_)},
      reserved_{std::move(other.reserved_)},
      reserved_on_{std::move(other.reserved_on_)} {}

// ---- demands --------------------------------------------------------------------------------------------------------

/// The shape of a description that was checked; a new one is idle.
inline result<shape_index> cluster::intern_shape(const task_description& task, detail::phrase item) {
    detail::workload_editor editor{work_};
    detail::accepted_set accepted;
    // A model that no GPU is may come later: `node_models` then finds it in the text.
    const auto position = [&](std::string_view name) {
        const auto m = fleet_.find_model(name);
        return m ? std::optional{m->value()} : std::nullopt;
    };
    if (auto ok = detail::read_accepted_models(task.accepted_models, item, position, accepted); !ok) {
        return ok.error();
    }
    return intern_demand(editor.complete(task, accepted.mask), accepted.text);
}

/// The shape of a demand that is no view of this workload's arrays.
///
/// @param accepted  the text of its accepted models
inline shape_index cluster::intern_demand(const demand_view& demand, std::string_view accepted) {
    detail::workload_editor editor{work_};
    editor.write_image(demand, accepted, image_);
    if (const shape_index known = editor.find_shape(image_); known.valid()) {
        if (idle_shapes_.contains(known.value())) idle_shapes_.touch(known.value());
        return known;
    }
    shapes_.reserve_one();
    const std::size_t s = shapes_.lowest_vacant();
    if (s == shapes_.size()) {
        pins_.make_room(s + 1);
        idle_shapes_.resize(s + 1);
    }
    editor.put_shape(shape_index{s}, demand, accepted, image_);
    shapes_.take(s);
    if (s == pins_.size()) pins_.push_back(0);
    idle_shapes_.touch(s);
    drop_idle_shapes();
    return shape_index{s};
}

inline void cluster::drop_idle_shapes() noexcept {
    while (idle_shapes_.size() > max_idle_shapes) {
        const std::size_t s = idle_shapes_.oldest();
        idle_shapes_.remove(s);
        detail::workload_editor{work_}.vacate_shape(shape_index{s});
        shapes_.vacate(s);
    }
}

/// A shape that nobody has any more becomes idle.
inline void cluster::unpin(shape_index s) noexcept {
    if (work_.frequency(s) != 0 || pins_[s.value()] != 0) return;
    idle_shapes_.touch(s.value());
    drop_idle_shapes();
}

inline result<shape_handle> cluster::shape_of(const task_description& demand) {
    const auto item = detail::phrase::item("task", tasks_.lowest_vacant(), demand.name);
    if (auto ok = detail::workload_editor{work_}.check_demands(demand, item); !ok) return ok.error();
    const auto shape = intern_shape(demand, item);
    if (!shape) return shape.error();
    return handle(*shape);
}

inline result<shape_handle> cluster::shape_of(const demand_view& demand) {
    if (auto ok = detail::check_demand(fleet_, demand); !ok) return ok.error();
    const std::uint64_t every = ~std::uint64_t{0};
    const std::uint64_t known =
        fleet_.model_count() == max_models ? every : (std::uint64_t{1} << fleet_.model_count()) - 1;
    const bool any_model = demand.gpus == 0 || demand.accepted_models == every;
    if (!any_model && (demand.accepted_models & known) == 0) {
        return detail::refuse(error_code::unknown_name, {"demand: accepted_models has no bit of a model of the fleet"});
    }
    detail::flat<amount> copy;
    for (const auto& part : {demand.gpu, demand.node, demand.domain}) copy.append(part);
    demand_view own = demand;
    own.gpu = copy.view().first(demand.gpu.size());
    own.node = copy.view().subspan(demand.gpu.size(), demand.node.size());
    own.domain = copy.view().subspan(demand.gpu.size() + demand.node.size());
    own.accepted_models = any_model ? every : demand.accepted_models & known;
    own.same_model = demand.same_model && demand.gpus > 1;
    std::string accepted;
    for (std::size_t m = 0; !any_model && m < fleet_.model_count(); ++m) {
        if ((own.accepted_models >> m & 1U) == 0) continue;
        if (!accepted.empty()) accepted.push_back('|');
        accepted.append(fleet_.name(model_index{m}));
    }
    return handle(intern_demand(own, accepted));
}

// ---- room -----------------------------------------------------------------------------------------------------------

/// All nodes of a domain share its counters, so what fits there may have changed on each of them.
inline void cluster::note_room(const demand_view& demand, node_index n) noexcept {
    bool takes_from_domain = false;
    for (const amount wanted : demand.domain) takes_from_domain = takes_from_domain || wanted != 0;
    for (const domain_index d : takes_from_domain ? fleet_.domains(n) : std::span<const domain_index>{}) {
        bool changed = false;
        for (std::size_t r = 0; r < demand.domain.size(); ++r) {
            changed = changed || (demand.domain[r] != 0 && !fleet_.unlimited(d, r));
        }
        if (!changed) continue;
        for (const node_index other : fleet_.nodes_in(d)) note(other);
    }
    note(n);
}
inline void cluster::hold(const demand_view& demand, const slot& where, bool observed) {
    if (observed) {
        (void)ledger_.occupy(demand, where);
    } else {
        ledger_.place(demand, where);
    }
    note_room(demand, where.node);
}
inline void cluster::give_back(const demand_view& demand, const slot& where) {
    ledger_.remove(demand, where);
    note_room(demand, where.node);
}

inline std::optional<reservation_handle> cluster::reserve(shape_handle shape, const slot& where) {
    const auto known = find(shape);
    if (!known) return std::nullopt;
    const shape_index s = *known;
    const demand_view demand = work_.demand(s);
    if (!ledger_.fits(demand, where)) return std::nullopt;
    reservations_.reserve_one();
    const std::size_t r = reservations_.lowest_vacant();
    reserved_.make_room(r + 1);
    reserved_on_.reserve(where.node.value());
    hold(demand, where, false);
    if (r == reserved_.size()) reserved_.push_back({});
    reserved_[r] = {s, where};
    reserved_on_.insert_sorted(where.node.value(), static_cast<std::uint32_t>(r));
    reservations_.take(r);
    ++pins_[s.value()];
    idle_shapes_.remove(s.value());
    return reservation_at(r);
}
inline bool cluster::release(reservation_handle reservation) {
    if (!reservations_.has(reservation.position(), reservation.generation())) return false;
    const auto held = reserved_[reservation.position()];
    give_back(work_.demand(held.shape), held.where);
    reserved_on_.erase(held.where.node.value(), reservation.position());
    reservations_.vacate(reservation.position());
    --pins_[held.shape.value()];
    unpin(held.shape);
    return true;
}

// ---- tasks ----------------------------------------------------------------------------------------------------------

inline task_description cluster::demand_of(const alternative_description& other) noexcept {
    return {.gpus = other.gpus,
            .gpu_demand = other.gpu_demand,
            .node_demand = other.node_demand,
            .domain_demand = other.domain_demand,
            .accepted_models = other.accepted_models,
            .same_model = other.same_model};
}
/// Everything that can be wrong with the alternatives of a task.
inline result<void> cluster::check_alternatives(const task_description& task, detail::phrase item) const {
    const auto good = [](double speed) { return speed > 0.0 && speed <= std::numeric_limits<double>::max(); };
    if (task.alternatives.size() > max_alternatives) {
        return detail::refuse(error_code::limit_exceeded, {item, ": it lists ", task.alternatives.size(),
                                                           " alternatives, expected at most ", max_alternatives});
    }
    if (!good(task.speed)) {
        return detail::refuse(error_code::invalid_value, {item, ": speed is not a finite number above 0"});
    }
    const auto position = [&](std::string_view name) {
        const auto m = fleet_.find_model(name);
        return m ? std::optional{m->value()} : std::nullopt;
    };
    for (std::size_t k = 0; k < task.alternatives.size(); ++k) {
        const alternative_description& other = task.alternatives[k];
        if (!good(other.speed)) {
            return detail::refuse(error_code::invalid_value,
                                  {item, ": alternatives[", k, "]: speed is not a finite number above 0"});
        }
        detail::accepted_set accepted;
        auto ok = detail::workload_editor::check_demands(work_, demand_of(other), item);
        if (ok) ok = detail::read_accepted_models(other.accepted_models, item, position, accepted);
        if (ok) continue;
        const std::string subject = detail::sentence({item});
        return detail::refuse(ok.error().code, {subject, ": alternatives[", k, "]",
                                                std::string_view{ok.error().message}.substr(subject.size())});
    }
    return {};
}
/// Leaves the demands of a task that lists alternatives in `interned_`, its own first. They may be idle.
inline result<void> cluster::intern_alternatives(const task_description& task, shape_index own, detail::phrase item) {
    interned_.clear();
    if (task.alternatives.empty()) return {};
    interned_.push_back({own, task.speed});
    for (const alternative_description& other : task.alternatives) {
        const auto shape = intern_shape(demand_of(other), item);
        if (!shape) return shape.error();
        interned_.push_back({*shape, other.speed});
    }
    return {};
}
inline shape_index cluster::shape_with(task_index t, std::size_t alternative) const noexcept {
    const auto listed = alternatives_[t.value()];
    if (alternative < listed.size()) return listed[alternative].shape;
    return alternative == 0 ? work_.shape(t) : shape_index{};
}
/// All its demands are pinned, so none becomes idle.
inline void cluster::run_with(task_index t, std::size_t alternative) noexcept {
    if (runs_with_[t.value()] == alternative) return;
    detail::workload_editor{work_}.set_shape(t, alternatives_[t.value()][alternative].shape);
    runs_with_[t.value()] = static_cast<std::uint32_t>(alternative);
}

inline result<task_handle> cluster::admit(const task_description& task) {
    detail::workload_editor editor{work_};
    tasks_.reserve_one();
    const std::size_t t = tasks_.lowest_vacant();
    const auto item = detail::phrase::item("task", t, task.name);
    if (!task.name.empty() && work_.find_task(task.name)) {
        return detail::refuse(error_code::duplicate, {item, ": a task of this name exists already"});
    }
    if (auto ok = editor.check_demands(task, item); !ok) return ok.error();
    if (auto ok = editor.check_group(task, item); !ok) return ok.error();
    if (auto ok = check_alternatives(task, item); !ok) return ok.error();
    const result<shape_index> shape = intern_shape(task, item);
    if (!shape) return shape.error();
    if (auto ok = intern_alternatives(task, *shape, item); !ok) return ok.error();

    where_.make_room(t + 1);
    target_.make_room(t + 1);
    runs_with_.make_room(t + 1);
    if (alternatives_.size() <= t) alternatives_.resize(t + 1);
    if (!interned_.empty()) alternatives_.reserve(t, interned_.size());
    moving_.make_room(t + 1);
    moving_at_.make_room(t + 1);
    group_index group{};
    bool new_group = false;
    if (!task.group.empty()) {
        group = editor.find_group(task.group);
        new_group = !group.valid();
        if (new_group) {
            groups_.reserve_one();
            group = group_index{groups_.lowest_vacant()};
            editor.put_group(group, task.group, task.gang, task.min_tasks);
        }
    }
    // A group without members would never be found empty.
    struct group_guard {
        detail::workload_editor& editor;
        group_index made;
        ~group_guard() {
            if (made.valid()) editor.vacate_group(made);
        }
    } guard{editor, new_group ? group : group_index{}};
    editor.put_task(task_index{t}, task, task.name, *shape, group);
    guard.made = {};

    if (new_group) groups_.take(group.value());
    idle_shapes_.remove(shape->value());
    tasks_.take(t);
    if (t == where_.size()) {
        where_.push_back(unplaced);
        target_.push_back(unplaced);
        moving_at_.push_back(0);
        runs_with_.push_back(0);
    }
    where_[t] = unplaced;
    target_[t] = unplaced;
    runs_with_[t] = 0;
    for (const task_alternative& one : interned_) {
        alternatives_.push_back(t, one);
        ++pins_[one.shape.value()];
        idle_shapes_.remove(one.shape.value());
    }
    return task_handle{static_cast<std::uint32_t>(t), tasks_.generation(t)};
}

inline bool cluster::retire(task_handle task) {
    if (!known(task)) return false;
    const task_index t = index(task);
    (void)release(t);
    const shape_index shape = work_.shape(t);
    const group_index group = work_.group(t);
    detail::workload_editor editor{work_};
    editor.vacate_task(t);
    tasks_.vacate(t.value());
    for (const task_alternative& one : alternatives_[t.value()]) --pins_[one.shape.value()];
    for (const task_alternative& one : alternatives_[t.value()]) unpin(one.shape);
    alternatives_.clear(t.value());
    unpin(shape);
    if (group.valid() && work_.members(group).empty()) {
        editor.vacate_group(group);
        groups_.vacate(group.value());
    }
    return true;
}

/// Memory for the list was reserved.
inline void cluster::settle_at(task_index t, const slot& where) {
    where_[t.value()] = where;
    tasks_on_.insert_sorted(where.node.value(), t);
}
inline bool cluster::place(task_index t, const slot& where, std::size_t alternative) {
    if (!there(t) || where_[t.value()].placed()) return false;
    const shape_index shape = shape_with(t, alternative);
    if (!shape.valid() || !ledger_.fits(work_.demand(shape), where)) return false;
    tasks_on_.reserve(where.node.value());
    hold(work_.demand(shape), where, false);
    settle_at(t, where);
    run_with(t, alternative);
    return true;
}
inline bool cluster::occupy(task_index t, const slot& where, std::size_t alternative) {
    if (!there(t) || where_[t.value()].placed()) return false;
    const shape_index shape = shape_with(t, alternative);
    if (!shape.valid() || !fleet_.has(where, work_.demand(shape).gpus) || !fleet_.present(where.node)) return false;
    tasks_on_.reserve(where.node.value());
    hold(work_.demand(shape), where, true);
    settle_at(t, where);
    run_with(t, alternative);
    return true;
}
inline std::size_t cluster::occupy(std::span<const task_handle> tasks, std::span<const slot> where,
                                   std::vector<std::size_t>* refused) {
    // If an allocation fails, those that were entered leave again.
    struct entry_guard {
        cluster& entered_into;
        detail::flat<task_index> entered{};
        bool armed = true;
        ~entry_guard() {
            for (std::size_t i = 0; armed && i < entered.size(); ++i) (void)entered_into.release(entered[i]);
        }
    } guard{*this};
    guard.entered.reserve(tasks.size());
    detail::flat<std::size_t> others;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (i < where.size() && occupy(tasks[i], where[i])) {
            guard.entered.push_back(index(tasks[i]));
        } else if (refused) {
            others.push_back(i);
        }
    }
    if (refused) refused->insert(refused->end(), others.begin(), others.end());
    guard.armed = false;
    return guard.entered.size();
}
inline bool cluster::release(task_index t) {
    if (!there(t) || !where_[t.value()].placed()) return false;
    (void)cancel_move(t);
    const slot from = where_[t.value()];
    give_back(work_.demand(t), from);
    tasks_on_.erase(from.node.value(), t);
    where_[t.value()] = unplaced;
    run_with(t, 0);
    return true;
}

inline bool cluster::begin_move(task_index t, const slot& to) {
    if (!there(t) || !where_[t.value()].placed() || target_[t.value()].placed()) return false;
    if (to == where_[t.value()]) return false;
    if (!ledger_.fits(work_.demand(t), to)) return false;
    moving_.make_room(moving_.size() + 1);
    arriving_.reserve(to.node.value());
    hold(work_.demand(t), to, false);
    note_room(work_.demand(t), where_[t.value()].node);  // a task that moves is no longer one that could leave
    start_moving(t, to);
    return true;
}
inline bool cluster::finish_move(task_index t) {
    if (!there(t) || !target_[t.value()].placed()) return false;
    const slot from = where_[t.value()];
    const slot to = target_[t.value()];
    tasks_on_.reserve(to.node.value());
    stop_moving(t);
    give_back(work_.demand(t), from);
    tasks_on_.erase(from.node.value(), t);
    settle_at(t, to);
    note(to.node);
    return true;
}
inline bool cluster::cancel_move(task_index t) {
    if (!there(t) || !target_[t.value()].placed()) return false;
    give_back(work_.demand(t), target_[t.value()]);
    note_room(work_.demand(t), where_[t.value()].node);
    stop_moving(t);
    return true;
}
/// Memory for the lists was reserved.
inline void cluster::start_moving(task_index t, const slot& to) {
    target_[t.value()] = to;
    arriving_.insert_sorted(to.node.value(), t);
    moving_at_[t.value()] = static_cast<std::uint32_t>(moving_.size());
    moving_.push_back(t);
}
inline void cluster::stop_moving(task_index t) noexcept {
    arriving_.erase(target_[t.value()].node.value(), t);
    target_[t.value()] = unplaced;
    const std::uint32_t at = moving_at_[t.value()];
    moving_[at] = moving_.back();
    moving_at_[moving_[at].value()] = at;
    moving_.pop_back();
}

}  // namespace berth::inline v0
