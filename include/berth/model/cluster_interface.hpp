// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/change_list.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/recency_list.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/fleet_editor.hpp"
#include "berth/model/detail/own_type_readers.hpp"
#include "berth/model/detail/vacant_rooms.hpp"
#include "berth/model/detail/workload_editor.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: the interface of the one mutable truth, with what it promises. Include model/cluster.hpp, which also has the
// definitions (model/detail/cluster_*.hpp).

namespace berth::inline v0 {

namespace detail {

class cluster_writer;
class cluster_loader;

}  // namespace detail

/// What a task of a cluster does at the moment.
enum class task_state : std::uint8_t {
    waiting,  ///< it has no slot
    running,  ///< it holds its slot
    moving,   ///< it runs at its slot and holds its target as well
};

/// One of the demands that would do for a task of a cluster.
struct task_alternative {
    shape_index shape;   ///< the demand, of `cluster::workload()`
    double speed = 1.0;  ///< relative, above 0
};

/// The living fleet: nodes and GPUs that come, change and go, their health, and the tasks that wait, run and move. One
/// mutable truth that placing, balancing, moving and searching share; whatever borrows it repairs itself from its list
/// of changes.
///
/// ```
/// berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}}};
/// for (const my_machine& machine : machines) (void)cluster.join(machine);     // your own types, through the traits
/// auto placer = berth::greedy{}.start(cluster);
/// const auto task = cluster.admit(my_job);                                    // arrives, waits
/// const berth::slot where = placer.place(*task);                              // runs
/// cluster.retire(*task);                                                      // ended
/// ```
///
/// **Events.** Each is one call. What comes from outside is data, in every build: a doubled, late or unknown event is
/// answered with false or an error that names the item, and changes nothing. The bool may be dropped by whoever need
/// not know; results and handles may not. An event costs O(what it touches), amortised. If an allocation throws,
/// nothing has changed; vacant positions, and models and demands that nobody has, may stay behind.
///
/// **Handles** (`node_handle`, `gpu_handle`, `task_handle`, `shape_handle`, `reservation_handle`) stay with a thing for
/// as long as it is there and are never those of another thing. **Indices** are positions of the moment: those of
/// `fleet()` and `workload()`, for arrays; a vacated position is taken again.
///
/// **Reality wins.** What is observed (`occupy`, a node that shrinks) is entered even if it exceeds a capacity: free
/// amounts are then below zero, and nothing new goes there. What is planned (`place`, `begin_move`, `reserve`) never
/// exceeds one.
///
/// Moves hold both ends. A closed node takes nothing new; what runs there stays. An unhealthy one is to be drained as
/// well.
///
/// Deterministic. Not thread-safe. Copies are independent, for what-if questions; what borrows a cluster does not
/// follow its copies. Memory O(nodes + GPUs + tasks + distinct demands), of the largest number that there was at a
/// time, of tasks at each node; names of GPU models and of domains are kept for good.
class cluster {
public:
    /// A cluster without nodes.
    ///
    /// @param schema  the counters of all capacities and demands; usable, see `check`
    explicit cluster(resource_schema schema = {})
        : fleet_{detail::fleet_editor::make_empty(std::move(schema))},
          work_{detail::workload_editor::make_empty(fleet_)},
          ledger_{fleet_} {
        detail::fleet_editor{fleet_}.reserve_models();
        BERTH_ASSERT(check(fleet_.schema()), "berth: the resource schema is unusable; cluster::check says why");
    }
    /// An independent copy, with the same handles.
    cluster(const cluster& other);
    /// Takes everything over, with the same handles. What borrows the other one does not follow, and the other one is
    /// good for nothing but its destructor.
    cluster(cluster&& other) noexcept;
    cluster& operator=(const cluster&) = delete;  ///< what borrows a cluster would not notice

    /// Whether a schema is usable: an error names the counter that is not.
    [[nodiscard]] static result<void> check(const resource_schema& schema) {
        return detail::fleet_editor::check_schema(schema);
    }

    // ---- nodes, GPUs and domains ------------------------------------------------------------------------------------
    /// Adds a domain (rack, zone) with a capacity. Domains that only nodes of your own type name are unlimited.
    ///
    /// @param name      unique, not empty
    /// @param level     0 for the innermost (rack), then outwards
    /// @param capacity  per `resource_schema::domain`; empty: unlimited
    [[nodiscard]] result<domain_index> add_domain(std::string_view name, std::size_t level,
                                                  std::span<const amount> capacity = {});
    /// A node joins. O(its GPUs × counters).
    ///
    /// @return its handle, or an error that names node and field: no name or one that is there, an amount that is
    ///         refused, more than 64 GPUs, a UUID that is there, an unknown domain
    [[nodiscard]] result<node_handle> join(const node_description& given);
    /// The same for your own type, read through `node_traits` and `gpu_traits`. Domains that it names are added where
    /// they are new, and stay even if the node is refused.
    template <class Node>
    [[nodiscard]] result<node_handle> join(const Node& node) {
        const node_description& described = node_reader_.read(node);
        if (auto ok = add_domains_of(described.name); !ok) return ok.error();
        return join(described);
    }
    /// A node is reported again, with whatever changed: capacities, health, domains, its list of GPUs. GPUs are known
    /// by UUID, so tasks stay on their GPUs whatever the order of the list; those without one in the order of the list.
    /// GPUs that are missing have no capacity and take nothing; tasks on them stay entered, as trouble, until they are
    /// moved or retired. A GPU that is missing here may appear on another node: it is another GPU then, with the UUID.
    ///
    /// O(its GPUs × counters); for other domains, for a counter that had no limit before, and for other GPUs also
    /// O(what the node holds). A report that repeats what is
    /// known changes nothing.
    ///
    /// @param given  its name is that of the node, or empty
    /// @return       an error that names node and field, as of `join`; or that the node has left
    [[nodiscard]] result<void> change(node_handle changed, const node_description& given);
    /// The same for your own type.
    template <class Node>
    [[nodiscard]] result<void> change(node_handle node, const Node& now) {
        const node_description& described = node_reader_.read(now);
        if (auto ok = add_domains_of(described.name); !ok) return ok.error();
        return change(node, described);
    }
    /// Joins a node, or changes the one of that name.
    [[nodiscard]] result<node_handle> report(const node_description& node);
    /// The same for your own type.
    template <class Node>
    [[nodiscard]] result<node_handle> report(const Node& node) {
        const node_description& described = node_reader_.read(node);
        if (auto ok = add_domains_of(described.name); !ok) return ok.error();
        return report(described);
    }
    /// A node is gone with all that ran there. Its tasks wait; moves to it are cancelled, moves from it end without a
    /// place; reservations there end. O(GPUs × counters + what it holds + nodes of its domains).
    ///
    /// @param displaced  gets the tasks that lost their place, if given
    /// @return           false if there is no such node
    bool leave(node_handle left, std::vector<task_handle>* displaced = nullptr);
    /// The health of a node, and of its GPUs with it. False if there is no such node.
    bool set_healthy(node_handle node, bool healthy);
    /// The health of one GPU. False if there is no such GPU.
    bool set_healthy(gpu_handle gpu, bool healthy);
    /// Closes a node for new tasks, or opens it again. False if there is no such node.
    bool set_open(node_handle node, bool open);

    /// The position of a node, if it is there.
    [[nodiscard]] std::optional<node_index> find(node_handle node) const noexcept {
        return nodes_.has(node.position(), node.generation()) ? std::optional{node_index{node.position()}}
                                                              : std::nullopt;
    }
    /// The node of this name, if it is there. O(length of the name).
    [[nodiscard]] std::optional<node_handle> find_node(std::string_view name) const noexcept {
        const auto n = name.empty() ? std::nullopt : fleet_.find_node(name);
        return n ? std::optional{handle(*n)} : std::nullopt;
    }
    /// The GPU of this UUID, if it is known. O(length of the UUID).
    [[nodiscard]] std::optional<gpu_handle> find_gpu(std::string_view uuid) const noexcept;
    /// The node and GPU of a handle as a slot of one GPU; `unplaced` if it is gone.
    [[nodiscard]] slot find(gpu_handle gpu) const noexcept;
    /// The handle of a node that is there.
    [[nodiscard]] node_handle handle(node_index n) const noexcept {
        return {static_cast<std::uint32_t>(n.value()), nodes_.generation(n.value())};
    }
    /// The handle of the i-th GPU of a node that is there.
    [[nodiscard]] gpu_handle handle(node_index n, std::size_t i) const noexcept {
        const std::uint32_t id = gpu_id_[fleet_.gpu(n, i).value()];
        return {id, gpus_.generation(id)};
    }
    /// The UUID of a GPU; empty if it has none.
    [[nodiscard]] const std::string& uuid(node_index n, std::size_t i) const noexcept {
        return uuids_[gpu_id_[fleet_.gpu(n, i).value()]];
    }
    /// The GPUs of a node that are there; the others of its positions are missing.
    [[nodiscard]] gpu_mask gpus_there(node_index n) const noexcept { return node_states_[n.value()].there; }
    /// The GPUs of a node that are there and healthy, the node too; whether it is closed does not matter.
    [[nodiscard]] gpu_mask healthy_gpus(node_index n) const noexcept {
        const node_record& node = node_states_[n.value()];
        return node.healthy ? node.there & node.healthy_gpus : 0;
    }
    /// False for a node that is to be drained: it is unhealthy. O(1).
    [[nodiscard]] bool healthy(node_index n) const noexcept { return node_states_[n.value()].healthy; }
    /// False for a node that was closed.
    [[nodiscard]] bool open(node_index n) const noexcept { return node_states_[n.value()].open; }
    /// The number of nodes that are there.
    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_.taken(); }

    // ---- tasks ------------------------------------------------------------------------------------------------------
    /// A task arrives and waits. Models that it accepts need not exist. O(counters + length of its names), for each of
    /// its alternatives too.
    ///
    /// @return its handle, or an error that names task and field, as `workload_builder::add_task`; a task without a
    ///         name has none
    [[nodiscard]] result<task_handle> admit(const task_description& task);
    /// The same for your own type, read through `task_traits`.
    template <class Task>
    [[nodiscard]] result<task_handle> admit(const Task& task) {
        const auto described = task_reader_.read(task, tasks_.lowest_vacant());
        if (!described) return described.error();
        return admit(**described);
    }
    /// A waiting task is placed. O(GPUs of the slot + tasks of the node), and so are the next ones; where a demand
    /// takes from a domain with a limit, also O(nodes of the domain), which are all listed as changed.
    ///
    /// @param alternative  which of its demands it runs with, as of `alternatives`; 0: its own
    /// @return false if there is no such task or alternative, it has a slot, or it does not fit there (see
    ///         `ledger::fits`)
    bool place(task_handle task, const slot& where, std::size_t alternative = 0) {
        return known(task) && place(index(task), where, alternative);
    }
    /// A waiting task is observed to run: entered whatever room, health and models say.
    ///
    /// @return false if there is no such task, alternative or slot, it has a slot, or it wants another number of GPUs
    bool occupy(task_handle task, const slot& where, std::size_t alternative = 0) {
        return known(task) && occupy(index(task), where, alternative);
    }
    /// Enters many running tasks at once, each with its own demand: enter one that runs with an alternative by itself.
    ///
    /// @param where    the slot of each
    /// @param refused  gets the positions in `tasks` of those that were not entered, if given: they are unknown, have a
    ///                 slot, or their slot does not exist
    /// @return         how many were entered
    std::size_t occupy(std::span<const task_handle> tasks, std::span<const slot> where,
                       std::vector<std::size_t>* refused = nullptr);
    /// A running task waits again; a moving one gives both ends back. False if there is no such task or it has no slot.
    bool release(task_handle task) { return known(task) && release(index(task)); }
    /// A task is gone, with all that it held. False if there is no such task: it left before.
    bool retire(task_handle task);
    /// A running task begins to move: it holds both ends until the move is finished or cancelled.
    ///
    /// @return false if there is no such task, it does not run or moves already, it is there already, or it does not
    ///         fit there
    bool begin_move(task_handle task, const slot& to) { return known(task) && begin_move(index(task), to); }
    /// A move has arrived: the source is given back. False if there is no such task or it does not move.
    bool finish_move(task_handle task) { return known(task) && finish_move(index(task)); }
    /// A move has failed: the target is given back. False if there is no such task or it does not move.
    bool cancel_move(task_handle task) { return known(task) && cancel_move(index(task)); }

    /// As above, for a position of `workload()`; false as well if it is vacant.
    bool place(task_index task, const slot& where, std::size_t alternative = 0);
    bool occupy(task_index task, const slot& where, std::size_t alternative = 0);  ///< see above
    bool release(task_index task);                                                 ///< see above
    bool begin_move(task_index task, const slot& to);                              ///< see above
    bool finish_move(task_index task);                                             ///< see above
    bool cancel_move(task_index task);                                             ///< see above

    /// The position of a task, if it is there.
    [[nodiscard]] std::optional<task_index> find(task_handle task) const noexcept {
        return known(task) ? std::optional{index(task)} : std::nullopt;
    }
    /// The task of this name, if it is there. O(length of the name).
    [[nodiscard]] std::optional<task_handle> find_task(std::string_view name) const noexcept {
        const auto t = name.empty() ? std::nullopt : work_.find_task(name);
        return t ? std::optional{handle(*t)} : std::nullopt;
    }
    /// The handle of a task that is there.
    [[nodiscard]] task_handle handle(task_index t) const noexcept {
        return {static_cast<std::uint32_t>(t.value()), tasks_.generation(t.value())};
    }
    /// What a task does; `waiting` for one that is gone.
    [[nodiscard]] task_state state(task_handle task) const noexcept {
        return known(task) ? state(index(task)) : task_state::waiting;
    }
    /// What the task at a position does.
    [[nodiscard]] task_state state(task_index t) const noexcept {
        return !where_[t.value()].placed()   ? task_state::waiting
               : target_[t.value()].placed() ? task_state::moving
                                             : task_state::running;
    }
    /// The slot of a task, of a moving one the source; `unplaced` if it waits or is gone.
    [[nodiscard]] slot where(task_handle task) const noexcept {
        return known(task) ? where_[index(task).value()] : unplaced;
    }
    /// The demands that would do for the task at a position, its own first; empty if it lists no alternatives. Valid
    /// until the next event.
    [[nodiscard]] std::span<const task_alternative> alternatives(task_index t) const noexcept {
        return alternatives_[t.value()];
    }
    /// Which of them the task at a position runs with; 0 while it waits. `workload().demand(t)` is that demand, and
    /// moves keep it.
    [[nodiscard]] std::size_t alternative(task_index t) const noexcept { return runs_with_[t.value()]; }
    /// The same for a task; 0 if it is gone.
    [[nodiscard]] std::size_t alternative(task_handle task) const noexcept {
        return known(task) ? alternative(index(task)) : 0;
    }
    /// The slots of all positions of tasks, of moving ones the sources. Valid until the next event.
    [[nodiscard]] std::span<const slot> slots() const noexcept { return where_.view(); }
    /// The targets of moving tasks, per position of a task; `unplaced` for the others. Valid until the next event.
    [[nodiscard]] std::span<const slot> targets() const noexcept { return target_.view(); }
    /// The tasks that move, in no particular order. Valid until the next event.
    [[nodiscard]] std::span<const task_index> moving() const noexcept { return moving_.view(); }
    /// The tasks whose slot is on a node, in ascending order. Valid until the next event.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept { return tasks_on_[n.value()]; }
    /// The number of tasks that are there.
    [[nodiscard]] std::size_t task_count() const noexcept { return tasks_.taken(); }

    // ---- demands and reservations -----------------------------------------------------------------------------------
    /// The shape of a demand, a new one if it is not known. A shape of which there is no task and no reservation stays
    /// until a thousand others came after it.
    ///
    /// @return its handle, or an error that names the field, as of `admit`
    [[nodiscard]] result<shape_handle> shape_of(const task_description& demand);
    /// The same for your own type of task.
    template <class Task>
    [[nodiscard]] result<shape_handle> shape_of(const Task& task) {
        const auto described = task_reader_.read(task, tasks_.lowest_vacant());
        if (!described) return described.error();
        return shape_of(**described);
    }
    /// The same for a demand of this cluster's counters; accepted models are a mask of `fleet()`'s, or all bits.
    ///
    /// @return as above; an error as well if it accepts no model that there is
    [[nodiscard]] result<shape_handle> shape_of(const demand_view& demand);
    /// The position of a shape, if it is there.
    [[nodiscard]] std::optional<shape_index> find(shape_handle shape) const noexcept {
        return shapes_.has(shape.position(), shape.generation()) ? std::optional{shape_index{shape.position()}}
                                                                 : std::nullopt;
    }
    /// The handle of a shape that is there: of a task, an alternative or a reservation.
    [[nodiscard]] shape_handle handle(shape_index shape) const noexcept {
        return {static_cast<std::uint32_t>(shape.value()), shapes_.generation(shape.value())};
    }
    /// Holds room for a demand.
    ///
    /// @return its handle, or nothing if there is no such shape (any more) or it does not fit there
    [[nodiscard]] std::optional<reservation_handle> reserve(shape_handle shape, const slot& where);
    /// Gives reserved room back. False if there is no such reservation.
    bool release(reservation_handle reservation);
    /// The slot of a reservation; `unplaced` if it is gone.
    [[nodiscard]] slot where(reservation_handle reservation) const noexcept {
        return reservations_.has(reservation.position(), reservation.generation())
                   ? reserved_[reservation.position()].where
                   : unplaced;
    }
    /// Calls `visit(reservation_handle, shape_index, slot)` for every reservation, in ascending order of positions.
    template <class Visit>
    void for_each_reservation(Visit visit) const {
        for (std::size_t r = 0; r < reserved_.size(); ++r) {
            if (reservations_.is_taken(r)) visit(reservation_at(r), reserved_[r].shape, reserved_[r].where);
        }
    }
    /// The number of reservations.
    [[nodiscard]] std::size_t reservation_count() const noexcept { return reservations_.taken(); }

    // ---- views ------------------------------------------------------------------------------------------------------
    /// True if a new task with this demand may go to the node, on whichever of its GPUs: it is there, open and healthy,
    /// has GPUs of an accepted model, and room in every counter. The one question that all policies ask. `explain`
    /// counts the reasons against it.
    [[nodiscard]] bool admissible(const demand_view& demand, node_index n) const noexcept {
        return ledger_.fits(demand, n);
    }
    /// The same for exactly this slot.
    [[nodiscard]] bool admissible(const demand_view& demand, const slot& where) const noexcept {
        return ledger_.fits(demand, where);
    }
    /// The nodes and GPUs, vacant positions included. The same object for the life of the cluster.
    [[nodiscard]] const berth::fleet& fleet() const noexcept { return fleet_; }
    /// The tasks, vacant positions included. The same object for the life of the cluster.
    [[nodiscard]] const berth::workload& workload() const noexcept { return work_; }
    /// Both, for batch search and for policies; with `slots()` all there is to know.
    [[nodiscard]] berth::problem problem() const noexcept { return {fleet_, work_}; }
    /// The free amount of every counter: running and moving tasks and reservations hold theirs, at both ends.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }

    /// The nodes by the time of their last change of room, capacity, health or occupants, or of which of these move.
    [[nodiscard]] const detail::change_list& changes() const noexcept { return changes_; }
    /// Changes with every node that joins, leaves or changes its capacities, GPUs or domains.
    [[nodiscard]] std::uint64_t structure_version() const noexcept { return structure_; }

private:
    friend class detail::cluster_writer;
    friend class detail::cluster_loader;
    struct node_record {
        gpu_mask there = 0;
        gpu_mask healthy_gpus = 0;
        bool healthy = false;
        bool open = true;

        friend bool operator==(const node_record&, const node_record&) = default;
    };
    struct gpu_place {
        node_index node;
        std::uint32_t position = 0;
    };
    struct reserved_room {
        shape_index shape;
        slot where;
    };
    struct gpu_match;
    class node_guard;
    class new_uuids;
    class node_models;

    static constexpr amount not_known = -1;  // what is in use of a counter without a limit
    static constexpr std::size_t max_idle_shapes = 1024;
    static constexpr std::size_t max_alternatives = 64;  // far fewer, so that a task's own do not become idle

    [[nodiscard]] bool known(task_handle task) const noexcept { return tasks_.has(task.position(), task.generation()); }
    [[nodiscard]] static task_index index(task_handle task) noexcept { return task_index{task.position()}; }
    [[nodiscard]] reservation_handle reservation_at(std::size_t r) const noexcept {
        return {static_cast<std::uint32_t>(r), reservations_.generation(r)};
    }
    [[nodiscard]] bool there(task_index t) const noexcept { return t.valid() && tasks_.is_taken(t.value()); }

    // Nodes: model/detail/cluster_nodes.hpp.
    [[nodiscard]] result<void> add_domains_of(std::string_view node);
    [[nodiscard]] result<void> match_gpus(const node_description& node, detail::phrase item, node_index n,
                                          gpu_match& match) const;
    [[nodiscard]] node_index vacant_node(std::size_t gpus);
    node_index append_vacant(std::size_t gpus);
    void write_state(node_index n, std::size_t gpus) noexcept;
    void put_gpus(node_index n, const node_description& node, std::span<const std::uint32_t> positions,
                  std::span<const model_index> models) noexcept;
    void move_to_larger_room(node_index n, std::size_t gpus, std::span<const amount> used);
    void name_gpus(node_index n, std::span<const std::uint32_t> ids) noexcept;
    void set_free_from(node_index n, std::span<const amount> used) noexcept;
    void count_held(node_index n, std::span<const amount> used) noexcept;
    [[nodiscard]] gpu_mask held_gpus(node_index n) const;
    void collect_used(node_index n, detail::flat<amount>& used) const;
    void move_domain_room(node_index n, std::span<const domain_index> domains, amount sign) noexcept;
    template <class Visit>
    void for_each_held(node_index n, Visit visit) const;
    template <class Change>
    void change_state(node_index n, Change change);
    void note(node_index n) noexcept { changes_.note(n.value()); }

    // Tasks: model/detail/cluster_tasks.hpp.
    [[nodiscard]] result<shape_index> intern_shape(const task_description& task, detail::phrase item);
    [[nodiscard]] shape_index intern_demand(const demand_view& demand, std::string_view accepted);
    void drop_idle_shapes() noexcept;
    void unpin(shape_index s) noexcept;
    void hold(const demand_view& demand, const slot& where, bool observed);
    void give_back(const demand_view& demand, const slot& where);
    void note_room(const demand_view& demand, node_index n) noexcept;
    void settle_at(task_index t, const slot& where);
    [[nodiscard]] static task_description demand_of(const alternative_description& other) noexcept;
    [[nodiscard]] result<void> check_alternatives(const task_description& task, detail::phrase item) const;
    [[nodiscard]] result<void> intern_alternatives(const task_description& task, shape_index own, detail::phrase item);
    [[nodiscard]] shape_index shape_with(task_index t, std::size_t alternative) const noexcept;
    void run_with(task_index t, std::size_t alternative) noexcept;
    void start_moving(task_index t, const slot& to);
    void stop_moving(task_index t) noexcept;

    berth::fleet fleet_;
    berth::workload work_;
    berth::ledger ledger_;
    detail::change_list changes_;
    std::uint64_t structure_ = 0;

    detail::position_pool nodes_;
    detail::vacant_rooms vacant_nodes_;
    detail::flat<node_record> node_states_;
    detail::position_pool gpus_;          // identities of GPUs
    detail::flat<gpu_place> places_;      // of each identity
    name_table uuids_;                    // of each identity
    detail::flat<std::uint32_t> gpu_id_;  // per position of a GPU

    detail::position_pool tasks_;
    detail::flat<slot> where_;
    detail::flat<slot> target_;
    detail::flat<task_index> moving_;
    detail::flat<std::uint32_t> moving_at_;  // the position of a task that moves in `moving_`
    detail::list_pool<task_index> tasks_on_;
    detail::list_pool<task_index> arriving_;            // on each node the tasks that move there, in ascending order
    detail::list_pool<task_alternative> alternatives_;  // its own first; empty: no others
    detail::flat<std::uint32_t> runs_with_;

    detail::position_pool shapes_;
    detail::flat<std::uint32_t> pins_;  // reservations and alternatives of each shape
    detail::recency_list idle_shapes_;
    detail::position_pool groups_;
    detail::position_pool reservations_;
    detail::flat<reserved_room> reserved_;
    detail::list_pool<std::uint32_t> reserved_on_;  // positions of the reservations of each node, in ascending order

    detail::node_reader node_reader_;
    detail::task_reader task_reader_;
    std::string image_;
    detail::flat<task_alternative> interned_;  // scratch
};

}  // namespace berth::inline v0
