// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/cluster_interface.hpp"
#include "berth/model/detail/cluster_held.hpp"
#include "berth/model/detail/description_copy.hpp"

#include <optional>

// What happens to the nodes and GPUs of a `cluster`. In every function, what may throw comes first; what is written
// before something that may throw is undone by a guard.
// Length: joining, changing and leaving write the same arrays and share their guards.

namespace berth::inline v0 {

/// Restores a node's capacities and state if a change of it is not carried through.
class cluster::node_guard {
public:
    node_guard(cluster& c, node_index n) : cluster_{c}, node_{n}, state_{c.node_states_[n.value()]} {
        const berth::fleet& fleet = c.fleet_;
        gpus_ = fleet.gpu_count(n);
        present_ = fleet.present(n);
        capacity_.append(fleet.capacity(n));
        for (std::size_t i = 0; i < gpus_; ++i) {
            capacity_.append(fleet.capacity(fleet.gpu(n, i)));
            models_.push_back(fleet.model(fleet.gpu(n, i)));
        }
    }
    node_guard(const node_guard&) = delete;
    node_guard& operator=(const node_guard&) = delete;
    ~node_guard() {
        if (!armed_) return;
        detail::fleet_editor editor{cluster_.fleet_};
        const std::size_t hosts = cluster_.fleet_.schema().node.size();
        const std::size_t counters = cluster_.fleet_.schema().gpu.size();
        editor.set_capacity(node_, capacity_.view().first(hosts));
        for (std::size_t i = 0; i < gpus_; ++i) {
            editor.set_gpu(node_, i, models_[i], capacity_.view().subspan(hosts + i * counters, counters));
        }
        for (std::size_t i = gpus_; i < editor.room(node_); ++i) editor.vacate_gpu(node_, i);
        cluster_.node_states_[node_.value()] = state_;
        cluster_.write_state(node_, gpus_);
        if (!present_) editor.set_state(node_, 0, 0, 0, false, false);
    }
    void carried_through() noexcept { armed_ = false; }

private:
    cluster& cluster_;
    node_index node_;
    node_record state_;
    std::size_t gpus_ = 0;
    bool present_ = false;
    bool armed_ = true;
    detail::flat<amount> capacity_;
    detail::flat<model_index> models_;
};

/// Takes the names of new GPUs and of a new node away again if the event is not carried through.
class cluster::new_uuids {
public:
    explicit new_uuids(cluster& c) : cluster_{c} {}
    new_uuids(const new_uuids&) = delete;
    new_uuids& operator=(const new_uuids&) = delete;
    ~new_uuids() {
        if (!armed_) return;
        for (std::size_t i = named_.size(); i-- > 0;) {
            const auto [id, before] = named_[i];
            if (before != id) {
                cluster_.uuids_.pass(id, before);
            } else {
                cluster_.uuids_.erase(id);
            }
        }
        for (std::size_t i = ids_.size(); i-- > 0;) cluster_.gpus_.undo_take(ids_[i]);
        if (node_.valid()) detail::fleet_editor{cluster_.fleet_}.erase_name(node_);
    }
    /// A new identity; without a UUID if that is empty.
    std::uint32_t add(std::string_view uuid) {
        ids_.make_room(ids_.size() + 1);
        cluster_.gpus_.reserve_one();
        const auto id = static_cast<std::uint32_t>(cluster_.gpus_.lowest_vacant());
        cluster_.uuids_.extend(id + 1);
        cluster_.places_.make_room(id + 1);
        name(id, uuid);
        cluster_.gpus_.take(id);
        if (id >= cluster_.places_.size()) cluster_.places_.resize(id + 1);
        ids_.push_back(id);
        return id;
    }
    /// The UUID of an identity that has none; a GPU that is missing elsewhere loses it.
    void name(std::uint32_t id, std::string_view uuid) {
        if (uuid.empty()) return;
        named_.make_room(named_.size() + 1);
        std::uint32_t before = id;
        if (const auto elsewhere = cluster_.uuids_.find(uuid)) {
            before = static_cast<std::uint32_t>(*elsewhere);
            cluster_.uuids_.pass(before, id);
        } else {
            cluster_.uuids_.assign(id, uuid);
        }
        named_.push_back({id, before});
    }
    void name(node_index n, std::string_view name) {
        detail::fleet_editor{cluster_.fleet_}.set_name(n, name);
        node_ = n;
    }
    void carried_through() noexcept { armed_ = false; }

private:
    struct naming {
        std::uint32_t id;
        std::uint32_t before;  // who had the UUID; the same: nobody
    };
    cluster& cluster_;
    detail::flat<std::uint32_t> ids_;
    detail::flat<naming> named_;
    node_index node_;
    bool armed_ = true;
};

/// Which GPU of a node each described one is.
struct cluster::gpu_match {
    detail::flat<std::uint32_t> positions;  // on the node
    gpu_mask known = 0;                     // positions whose GPU is the one that was there, or that is missing
    std::size_t count = 0;                  // positions of the node, then
};

// ---- domains --------------------------------------------------------------------------------------------------------

inline result<domain_index> cluster::add_domain(std::string_view name, std::size_t level,
                                                std::span<const amount> capacity) {
    ledger_.free_of_domains_.make_room((fleet_.domain_count() + 1) * fleet_.schema().domain.size());
    auto added = detail::fleet_editor{fleet_}.add_domain(name, level, capacity);
    if (added) ledger_.grow();
    return added;
}
/// The domains that the last node of the user's own type names.
inline result<void> cluster::add_domains_of(std::string_view node) {
    const auto level_of = [&](std::string_view name) {
        const auto d = fleet_.find_domain(name);
        return d ? std::optional{fleet_.level(*d)} : std::nullopt;
    };
    return node_reader_.add_domains({detail::phrase::item("node", fleet_.node_count(), node)}, level_of,
                                    [&](std::string_view name, std::size_t level) { return add_domain(name, level); });
}

// ---- what nodes and GPUs have ---------------------------------------------------------------------------------------

inline void cluster::write_state(node_index n, std::size_t gpus) noexcept {
    const node_record& node = node_states_[n.value()];
    detail::fleet_editor{fleet_}.set_state(n, gpus, node.there, node.there & node.healthy_gpus,
                                           node.healthy && node.open, true);
}
/// The models of a node's GPUs. Those that are new come into being when the event is carried through (`commit`), and
/// shapes that accept them are told then.
class cluster::node_models {
public:
    explicit node_models(cluster& c) : cluster_{c} {}

    /// False if there would be too many models. Nothing has changed yet.
    [[nodiscard]] bool read(const node_description& node) {
        const std::size_t known = cluster_.fleet_.model_count();
        for (const gpu_description& gpu : node.gpus) {
            auto found = cluster_.fleet_.find_model(gpu.model);
            for (std::size_t k = 0; !found && k < new_.size(); ++k) {
                if (new_[k] == gpu.model) found = model_index{known + k};
            }
            if (!found) {
                if (known + new_.size() == max_models) return false;
                found = model_index{known + new_.size()};
                new_.emplace_back(gpu.model);
            }
            of_gpus_.push_back(*found);
        }
        if (new_.empty()) return true;
        adopted_ = detail::workload_editor{cluster_.work_}.adopt(known, new_);
        return true;
    }
    [[nodiscard]] std::span<const model_index> of_gpus() const noexcept { return of_gpus_.view(); }
    void commit() noexcept {
        for (std::string& name : new_) detail::fleet_editor{cluster_.fleet_}.add_reserved_model(std::move(name));
        detail::workload_editor editor{cluster_.work_};
        editor.set_model_count(cluster_.fleet_.model_count());
        editor.commit(adopted_);
        new_.clear();
        adopted_.clear();
    }

private:
    cluster& cluster_;
    detail::flat<model_index> of_gpus_;
    std::vector<std::string> new_;
    std::vector<detail::workload_editor::adopted_shape> adopted_;
};
inline void cluster::put_gpus(node_index n, const node_description& node, std::span<const std::uint32_t> positions,
                              std::span<const model_index> models) noexcept {
    node_record& state = node_states_[n.value()];
    state.there = 0;
    state.healthy_gpus = 0;
    state.healthy = node.healthy;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        detail::fleet_editor{fleet_}.set_gpu(n, positions[i], models[i], node.gpus[i].capacity);
        const gpu_mask bit = gpu_mask{1} << positions[i];
        state.there |= bit;
        if (node.gpus[i].healthy) state.healthy_gpus |= bit;
    }
}

// ---- join -----------------------------------------------------------------------------------------------------------

/// The lowest vacant position with the least room that suffices, or a new one.
inline node_index cluster::vacant_node(std::size_t gpus) {
    const node_index n = vacant_nodes_.find(gpus);
    return n.valid() ? n : append_vacant(gpus);
}
/// A new vacant position. If an allocation fails, nothing has changed.
inline node_index cluster::append_vacant(std::size_t gpus) {
    detail::fleet_editor editor{fleet_};
    const std::size_t nodes = fleet_.node_count() + 1;
    ledger_.free_.make_room(fleet_.counter_count() + fleet_.schema().node.size() + gpus * fleet_.schema().gpu.size());
    node_states_.make_room(nodes);
    gpu_id_.make_room(fleet_.gpu_count() + gpus);
    nodes_.make_room();
    vacant_nodes_.reserve(gpus);
    changes_.resize(nodes);
    tasks_on_.resize(nodes);
    arriving_.resize(nodes);
    reserved_on_.resize(nodes);
    const node_index added = editor.append_vacant(gpus);
    ledger_.grow();
    node_states_.resize(nodes);
    gpu_id_.resize(fleet_.gpu_count());
    nodes_.extend(nodes);
    vacant_nodes_.add(gpus, added);
    return added;
}

/// Finds the GPUs of a description among those of the node; `n` not valid: a new node.
inline result<void> cluster::match_gpus(const node_description& node, detail::phrase item, node_index n,
                                        gpu_match& match) const {
    constexpr std::uint32_t open_position = ~std::uint32_t{0};
    const std::size_t before = n.valid() ? fleet_.gpu_count(n) : 0;
    detail::flat<std::uint32_t>& positions = match.positions;
    positions.resize(node.gpus.size(), open_position);
    const auto settle = [&](std::size_t i, std::size_t p) {
        positions[i] = static_cast<std::uint32_t>(p);
        match.known |= gpu_mask{1} << p;
    };
    const auto is_open = [&](std::size_t p) { return p < before && (match.known >> p & 1U) == 0; };
    // By UUID.
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        const std::string_view uuid = node.gpus[i].uuid;
        if (uuid.empty()) continue;
        for (std::size_t j = 0; j < i; ++j) {
            if (node.gpus[j].uuid != uuid) continue;
            return detail::refuse(error_code::duplicate,
                                  {item, " gpu ", i, ": uuid ", detail::phrase::quoted(uuid), " is listed twice"});
        }
        const auto known = uuids_.find(uuid);
        if (!known) continue;
        const gpu_place& at = places_[*known];
        if (at.node == n) {
            settle(i, at.position);
        } else if ((gpus_there(at.node) >> at.position & 1U) != 0) {
            return detail::refuse(error_code::duplicate,
                                  {item, " gpu ", i, ": uuid ", detail::phrase::quoted(uuid), " is on node ",
                                   detail::phrase::quoted(fleet_.name(at.node))});
        }
    }
    // Without a UUID: in the order of the list. One that had a UUID before, or has it only now, is at its position.
    std::size_t next = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        if (!node.gpus[i].uuid.empty()) continue;
        while (next < before && !(is_open(next) && uuid(n, next).empty())) ++next;
        if (next < before) settle(i, next++);
    }
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        if (positions[i] != open_position || !is_open(i)) continue;
        if (node.gpus[i].uuid.empty() || (uuid(n, i).empty() && !uuids_.find(node.gpus[i].uuid))) settle(i, i);
    }
    // New GPUs take positions of GPUs that are not listed and that nothing holds, then new ones.
    std::optional<gpu_mask> held;
    const auto is_unused = [&](std::size_t p) {
        if (!is_open(p)) return false;
        if (!held) held = held_gpus(n);
        return (*held >> p & 1U) == 0;
    };
    next = 0;
    match.count = before;
    for (std::uint32_t& position : positions) {
        if (position != open_position) continue;
        while (next < before && !is_unused(next)) ++next;
        position = static_cast<std::uint32_t>(next < before ? next++ : match.count++);
    }
    if (match.count <= max_gpus_per_node) return {};
    return detail::refuse(error_code::limit_exceeded, {item, ": gpus is ", node.gpus.size(),
                                                       ", but tasks still hold GPUs of it that are missing, and "
                                                       "at most 64 are known of one node"});
}

inline result<node_handle> cluster::join(const node_description& given) {
    const detail::description_copy copied{given};
    const node_description& node = *copied;
    const auto item = detail::phrase::item("node", fleet_.node_count(), node.name);
    if (node.name.empty()) {
        return detail::refuse(error_code::invalid_value, {item, ": name is empty; a node of a cluster has a name"});
    }
    if (fleet_.find_node(node.name)) {
        return detail::refuse(error_code::duplicate, {item, ": a node of this name exists already"});
    }
    detail::fleet_editor editor{fleet_};
    detail::flat<domain_index> domains;
    if (auto ok = editor.check_node(node, item, domains); !ok) return ok.error();
    gpu_match match;
    if (auto ok = match_gpus(node, item, node_index{}, match); !ok) return ok.error();
    node_models models{*this};
    if (!models.read(node)) {
        return detail::refuse(error_code::limit_exceeded, {item, ": gpus have one model too many, 64 are known"});
    }
    const node_index n = vacant_node(node.gpus.size());
    node_guard guard{*this, n};
    new_uuids names{*this};
    names.name(n, node.name);
    detail::flat<std::uint32_t> ids;
    for (const gpu_description& gpu : node.gpus) ids.push_back(names.add(gpu.uuid));
    node_states_[n.value()] = {};
    editor.set_capacity(n, node.capacity);
    put_gpus(n, node, match.positions.view(), models.of_gpus());
    write_state(n, match.count);
    editor.reserve_domains(n, domains.view());
    editor.number(n, editor.link_image(node, match.positions.view(), match.count));

    editor.set_domains(n, domains.view());
    names.carried_through();
    guard.carried_through();
    models.commit();
    vacant_nodes_.remove(editor.room(n), n);
    nodes_.take(n.value());
    name_gpus(n, ids.view());
    set_free_from(n, {});
    ++structure_;
    note(n);
    return handle(n);
}

// ---- change ---------------------------------------------------------------------------------------------------------

inline result<void> cluster::change(node_handle changed, const node_description& given) {
    const detail::description_copy copied{given};
    const node_description& now = *copied;
    const auto at = find(changed);
    if (!at)
        return detail::refuse(error_code::unknown_name, {"node ", detail::phrase::quoted(now.name), ": it has left"});
    const node_index n = *at;
    const auto item = detail::phrase::item("node", n.value(), fleet_.name(n));
    if (!now.name.empty() && now.name != fleet_.name(n)) {
        return detail::refuse(error_code::inconsistent, {item, ": name is ", detail::phrase::quoted(now.name)});
    }
    detail::fleet_editor editor{fleet_};
    detail::flat<domain_index> domains;
    if (auto ok = editor.check_node(now, item, domains); !ok) return ok.error();
    gpu_match match;
    if (auto ok = match_gpus(now, item, n, match); !ok) return ok.error();
    const std::size_t count = match.count;
    node_models models{*this};
    if (!models.read(now)) {
        return detail::refuse(error_code::limit_exceeded, {item, ": gpus have one model too many, 64 are known"});
    }
    const std::size_t known = fleet_.gpu_count(n);
    detail::flat<amount> used;
    collect_used(n, used);
    detail::flat<std::uint32_t> ids;
    for (std::size_t i = 0; i < known; ++i) ids.push_back(gpu_id_[fleet_.gpu(n, i).value()]);
    ids.resize(count, 0);
    new_uuids names{*this};
    detail::flat<std::uint32_t> replaced;
    for (std::size_t i = 0; i < now.gpus.size(); ++i) {
        const std::size_t p = match.positions[i];
        const std::string_view uuid = now.gpus[i].uuid;
        if ((match.known >> p & 1U) != 0) {
            if (uuids_[ids[p]].empty()) names.name(ids[p], uuid);
            continue;
        }
        if (p < known) replaced.push_back(ids[p]);
        ids[p] = names.add(uuid);
    }
    const bool moved = count > editor.room(n);
    if (moved) move_to_larger_room(n, count, used.view());
    const std::size_t kind_before = fleet_.kind(n);
    const node_record state_before = node_states_[n.value()];
    detail::flat<domain_index> before;
    before.append(fleet_.domains(n));
    editor.reserve_domains(n, domains.view());
    {
        node_guard guard{*this, n};
        editor.set_capacity(n, now.capacity);
        for (std::size_t i = known; i < count; ++i) editor.set_gpu(n, i, model_index{0}, {});
        for (std::size_t i = 0; i < count; ++i) editor.vacate_gpu(n, i);
        put_gpus(n, now, match.positions.view(), models.of_gpus());
        write_state(n, count);
        editor.number(n, editor.link_image(now, match.positions.view(), count));
        guard.carried_through();
    }
    names.carried_through();
    models.commit();
    for (const std::uint32_t id : replaced) {
        if (!uuids_[id].empty()) uuids_.erase(id);
        gpus_.vacate(id);
    }
    name_gpus(n, ids.view());
    set_free_from(n, used.view());
    const bool other_domains = !(domains == before);
    if (other_domains) {
        editor.set_domains(n, domains.view());
        move_domain_room(n, before.view(), +1);
        move_domain_room(n, domains.view(), -1);
        for (const auto& list : {before.view(), domains.view()}) {
            for (const domain_index d : list) {
                for (const node_index other : fleet_.nodes_in(d)) note(other);
            }
        }
    }
    // Most reports repeat what is known: nothing has to be repaired then.
    if (moved || other_domains || !replaced.empty() || kind_before != fleet_.kind(n)) {
        ++structure_;
        note(n);
    } else if (!(state_before == node_states_[n.value()])) {
        note(n);  // the health of a closed node, which takes nothing in either case
    }
    return {};
}

/// A node that outgrows its room for GPUs gets another one at the end; the old room waits at a vacant position.
inline void cluster::move_to_larger_room(node_index n, std::size_t gpus, std::span<const amount> used) {
    detail::fleet_editor editor{fleet_};
    vacant_nodes_.reserve(editor.room(n));
    const node_index spare = append_vacant(gpus);
    detail::flat<std::uint32_t> ids;
    for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) ids.push_back(gpu_id_[fleet_.gpu(n, i).value()]);
    {
        // Its end writes the node as it was, now in its new room.
        node_guard as_it_was{*this, n};
        editor.swap_rooms(n, spare);
    }
    vacant_nodes_.remove(gpus, spare);
    vacant_nodes_.add(editor.room(spare), spare);
    name_gpus(n, ids.view());
    set_free_from(n, used);
    for (std::size_t i = 0; i < editor.room(spare); ++i) editor.vacate_gpu(spare, i);
    const std::size_t counters = fleet_.schema().node.size() + editor.room(spare) * fleet_.schema().gpu.size();
    for (std::size_t r = 0; r < counters; ++r) ledger_.free_[fleet_.first_counter(spare) + r] = 0;
    ++structure_;
    note(n);
}
inline void cluster::name_gpus(node_index n, std::span<const std::uint32_t> ids) noexcept {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        gpu_id_[fleet_.gpu(n, i).value()] = ids[i];
        places_[ids[i]] = {n, static_cast<std::uint32_t>(i)};
    }
}

inline result<node_handle> cluster::report(const node_description& node) {
    const auto known = find_node(node.name);
    if (!known) return join(node);
    if (auto ok = change(*known, node); !ok) return ok.error();
    return *known;
}

// ---- health and leaving ---------------------------------------------------------------------------------------------

/// @param change  writes to the node's state
template <class Change>
void cluster::change_state(node_index n, Change change) {
    node_guard guard{*this, n};
    change(node_states_[n.value()]);
    write_state(n, fleet_.gpu_count(n));
    detail::fleet_editor{fleet_}.number(n);
    guard.carried_through();
    note(n);
}
inline bool cluster::set_healthy(node_handle node, bool healthy) {
    const auto n = find(node);
    if (!n) return false;
    if (node_states_[n->value()].healthy != healthy) {
        change_state(*n, [&](node_record& state) { state.healthy = healthy; });
    }
    return true;
}
inline bool cluster::set_open(node_handle node, bool open) {
    const auto n = find(node);
    if (!n) return false;
    if (node_states_[n->value()].open != open) change_state(*n, [&](node_record& state) { state.open = open; });
    return true;
}
inline bool cluster::set_healthy(gpu_handle gpu, bool healthy) {
    const slot at = find(gpu);
    if (!at.placed()) return false;
    const bool before = (node_states_[at.node.value()].healthy_gpus & at.gpus) != 0;
    if (before != healthy) {
        change_state(at.node, [&](node_record& state) { state.healthy_gpus ^= at.gpus; });
    }
    return true;
}
inline std::optional<gpu_handle> cluster::find_gpu(std::string_view uuid) const noexcept {
    const auto id = uuid.empty() ? std::nullopt : uuids_.find(uuid);
    if (!id) return std::nullopt;
    return gpu_handle{static_cast<std::uint32_t>(*id), gpus_.generation(*id)};
}
inline slot cluster::find(gpu_handle gpu) const noexcept {
    if (!gpus_.has(gpu.position(), gpu.generation())) return unplaced;
    const gpu_place& at = places_[gpu.position()];
    return {at.node, gpu_mask{1} << at.position};
}

inline bool cluster::leave(node_handle left, std::vector<task_handle>* displaced) {
    const auto at = find(left);
    if (!at) return false;
    const node_index n = *at;
    detail::fleet_editor editor{fleet_};
    if (displaced) displaced->reserve(displaced->size() + tasks_on(n).size());
    vacant_nodes_.reserve(editor.room(n));
    const std::size_t gpus = fleet_.gpu_count(n);
    {
        // First the fleet, which may fail; the ledger still has what is in use.
        detail::flat<amount> used;
        collect_used(n, used);
        node_guard guard{*this, n};
        const amount nothing[1] = {};
        for (std::size_t i = 0; i < gpus; ++i) editor.vacate_gpu(n, i);
        detail::flat<amount> none(fleet_.schema().node.size(), 0);
        editor.set_capacity(n, none.empty() ? std::span<const amount>{nothing, 0} : none.view());
        node_states_[n.value()] = {};
        editor.set_state(n, 0, 0, 0, false, false);
        editor.number(n, {});
        guard.carried_through();
        editor.set_state(n, gpus, 0, 0, false, true);
        set_free_from(n, used.view());
    }
    while (!arriving_[n.value()].empty()) (void)cancel_move(arriving_[n.value()].back());
    while (!tasks_on(n).empty()) {
        const task_index t = tasks_on(n)[0];
        if (displaced) displaced->push_back(handle(t));
        (void)release(t);
    }
    while (!reserved_on_[n.value()].empty()) (void)release(reservation_at(reserved_on_[n.value()].back()));
    for (std::size_t i = 0; i < gpus; ++i) {
        const std::uint32_t id = gpu_id_[fleet_.gpu(n, i).value()];
        if (!uuids_[id].empty()) uuids_.erase(id);
        gpus_.vacate(id);
    }
    editor.set_state(n, 0, 0, 0, false, false);
    editor.set_domains(n, {});
    editor.erase_name(n);
    nodes_.vacate(n.value());
    vacant_nodes_.add(editor.room(n), n);
    ++structure_;
    note(n);
    return true;
}

}  // namespace berth::inline v0
