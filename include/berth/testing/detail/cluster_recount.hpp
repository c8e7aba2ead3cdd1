// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
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

// Length: one recount; every check reads what the ones before it have counted.

namespace berth::inline v0::detail {

/// What `check_cluster` does. It shares no code with the cluster but its views.
class cluster_recount {
public:
    explicit cluster_recount(const cluster& c) : c_{c}, fleet_{c.fleet()}, work_{c.workload()} {}

    [[nodiscard]] result<void> run() {
        check_nodes();
        check_kinds();
        check_domains();
        check_tasks();
        check_lists();
        check_groups();
        check_shapes();
        check_ledger();
        if (failure_) return *failure_;
        return {};
    }

private:
    void fail(phrases subject, phrases predicate) {
        if (!failure_) failure_ = refuse(error_code::inconsistent, subject, predicate);
    }
    [[nodiscard]] phrase node(node_index n) const { return phrase::item("node", n.value(), fleet_.name(n)); }
    [[nodiscard]] phrase task(task_index t) const { return phrase::item("task", t.value(), work_.name(t)); }
    template <class Visit>
    void for_each_node(Visit visit) const {
        for (std::size_t i = 0; i < fleet_.node_count() && !failure_; ++i) visit(node_index{i});
    }
    template <class Visit>
    void for_each_task(Visit visit) const {
        for (std::size_t i = 0; i < work_.task_count() && !failure_; ++i) visit(task_index{i});
    }
    [[nodiscard]] static bool all_zero(std::span<const amount> values) noexcept {
        for (const amount value : values) {
            if (value != 0) return false;
        }
        return true;
    }

    // ---- nodes and GPUs ---------------------------------------------------------------------------------------------
    void check_nodes() {
        std::size_t there = 0;
        owner_of_gpu_.assign(fleet_.gpu_count(), node_index{});
        flat<std::uint8_t> counter_taken(fleet_.counter_count(), 0);
        for_each_node([&](node_index n) {
            if (!fleet_.present(n)) return check_vacant(n);
            ++there;
            const std::size_t gpus = fleet_.gpu_count(n);
            if (gpus > max_gpus_per_node) fail({node(n)}, {": it has ", gpus, " GPUs"});
            if (c_.find(c_.handle(n)) != n) fail({node(n)}, {": its handle does not find it"});
            if (fleet_.name(n).empty() || c_.find_node(fleet_.name(n)) != c_.handle(n)) {
                fail({node(n)}, {": its name does not find it"});
            }
            if (!c_.changes().ever_changed(n.value())) fail({node(n)}, {": it is not in the list of changes"});
            const std::size_t counters = fleet_.schema().node.size() + gpus * fleet_.schema().gpu.size();
            for (std::size_t r = 0; r < counters; ++r) {
                const std::size_t at = fleet_.first_counter(n) + r;
                if (at >= counter_taken.size() || counter_taken[at] != 0) {
                    return fail({node(n)}, {": counter ", at, " is not its own"});
                }
                counter_taken[at] = 1;
            }
            check_health(n);
            for (std::size_t i = 0; i < gpus && !failure_; ++i) check_gpu(n, i);
        });
        if (there != c_.node_count()) fail({"cluster"}, {": it says ", c_.node_count(), " nodes, but has ", there});
    }
    void check_vacant(node_index n) {
        if (!fleet_.name(n).empty() || fleet_.gpu_count(n) != 0 || fleet_.healthy(n) || fleet_.models_on(n) != 0 ||
            !fleet_.domains(n).empty() || !c_.tasks_on(n).empty() || !all_zero(fleet_.capacity(n)) ||
            !all_zero(c_.ledger().free(n)) || c_.healthy_gpus(n) != 0 || c_.gpus_there(n) != 0 || c_.healthy(n)) {
            fail({"node ", n.value()}, {": the position is vacant, but something is there"});
        }
        if (c_.find(c_.handle(n))) fail({"node ", n.value()}, {": the position is vacant, but its handle finds it"});
    }
    void check_health(node_index n) {
        const gpu_mask all = first_gpus(fleet_.gpu_count(n));
        const gpu_mask healthy = c_.healthy_gpus(n);
        if ((c_.gpus_there(n) & ~all) != 0 || (healthy & ~c_.gpus_there(n)) != 0) {
            fail({node(n)}, {": GPUs that are not there are there or healthy"});
        }
        const bool takes = c_.healthy(n) && c_.open(n);
        if (!c_.healthy(n) && healthy != 0) fail({node(n)}, {": it is sick, but not its GPUs"});
        if (fleet_.healthy(n) != takes || fleet_.healthy_gpus(n) != (takes ? healthy : 0)) {
            fail({node(n)}, {": what takes new tasks is not what is open and healthy"});
        }
        std::uint64_t models = 0;
        for (gpu_mask rest = c_.gpus_there(n); rest != 0; rest &= rest - 1) {
            models |= std::uint64_t{1} << fleet_.model(fleet_.gpu(n, lowest_gpu(rest))).value();
        }
        if (models != fleet_.models_on(n)) fail({node(n)}, {": models_on is not that of the GPUs that are there"});
    }
    void check_gpu(node_index n, std::size_t i) {
        const gpu_index g = fleet_.gpu(n, i);
        const auto wrong = [&](const char* what) { fail({node(n), " gpu ", i}, {": ", what}); };
        if (g.value() >= owner_of_gpu_.size() || owner_of_gpu_[g.value()].valid() || fleet_.node_of(g) != n) {
            return wrong("its position belongs to another node");
        }
        owner_of_gpu_[g.value()] = n;
        if (fleet_.model(g).value() >= fleet_.model_count()) wrong("its model does not exist");
        if (c_.find(c_.handle(n, i)) != slot{n, gpu_mask{1} << i}) wrong("its handle does not find it");
        if (!c_.uuid(n, i).empty() && c_.find_gpu(c_.uuid(n, i)) != c_.handle(n, i)) wrong("its UUID does not find it");
        if ((c_.gpus_there(n) >> i & 1U) == 0 && !all_zero(fleet_.capacity(g)))
            wrong("it is missing, but has capacity");
        for (const amount value : fleet_.capacity(g)) {
            if (value < 0 || value > max_amount) wrong("its capacity is out of range");
        }
    }
    /// Equal numbers for equal nodes, and different ones for different nodes.
    void check_kinds() {
        name_table kinds;
        name_table hardware;
        flat<std::size_t> kind_of;
        flat<std::size_t> hardware_of;
        for_each_node([&](node_index n) {
            if (!fleet_.present(n)) return;
            std::string image;
            for (const amount value : fleet_.capacity(n)) append_bytes(image, value);
            for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) {
                append_bytes(image, fleet_.model(fleet_.gpu(n, i)).value());
                for (const amount value : fleet_.capacity(fleet_.gpu(n, i))) append_bytes(image, value);
            }
            compare_number(n, "hardware", hardware, hardware_of, image, fleet_.hardware(n), fleet_.hardware_count());
            append_bytes(image, fleet_.healthy_gpus(n));
            append_bytes(image, static_cast<int>(fleet_.healthy(n)));
            compare_number(n, "kind", kinds, kind_of, image, fleet_.kind(n), fleet_.kind_count());
        });
    }
    void compare_number(node_index n, const char* what, name_table& images, flat<std::size_t>& number_of,
                        const std::string& image, std::size_t number, std::size_t count) {
        if (number >= count) fail({node(n)}, {": its ", what, " is ", number, " of ", count});
        const std::size_t at = images.intern(image);
        if (at < number_of.size()) {
            if (number_of[at] != number) fail({node(n)}, {": its ", what, " is not that of equal nodes"});
            return;
        }
        for (const std::size_t other : number_of) {
            if (other == number) fail({node(n)}, {": its ", what, " is that of another one"});
        }
        number_of.push_back(number);
    }
    void check_domains() {
        std::size_t listed = 0;
        for_each_node([&](node_index n) {
            for (std::size_t i = 0; i < fleet_.domains(n).size(); ++i) {
                const domain_index d = fleet_.domains(n)[i];
                if (!d.below(fleet_.domain_count())) return fail({node(n)}, {": one of its domains does not exist"});
                if (i > 0 && fleet_.level(fleet_.domains(n)[i - 1]) >= fleet_.level(d)) {
                    fail({node(n)}, {": its domains are not in ascending order of levels"});
                }
                if (!holds(fleet_.nodes_in(d), n)) fail({node(n)}, {": its domain does not list it"});
                ++listed;
            }
        });
        for (std::size_t i = 0; i < fleet_.domain_count() && !failure_; ++i) {
            const domain_index d{i};
            const auto nodes = fleet_.nodes_in(d);
            if (!ascending(nodes)) fail({"domain ", phrase::quoted(fleet_.name(d))}, {": its nodes are not in order"});
            if (fleet_.find_domain(fleet_.name(d)) != d) fail({"domain ", i}, {": its name does not find it"});
            listed -= nodes.size();
        }
        if (listed != 0) fail({"fleet"}, {": domains list nodes that are elsewhere"});
    }
    template <class Index>
    [[nodiscard]] static bool ascending(std::span<const Index> items) noexcept {
        for (std::size_t i = 1; i < items.size(); ++i) {
            if (!(items[i - 1] < items[i])) return false;
        }
        return true;
    }
    template <class Index>
    [[nodiscard]] static bool holds(std::span<const Index> items, Index item) noexcept {
        for (const Index other : items) {
            if (other == item) return true;
        }
        return false;
    }

    // ---- tasks ------------------------------------------------------------------------------------------------------
    void check_tasks() {
        if (c_.slots().size() != work_.task_count() || c_.targets().size() != work_.task_count()) {
            return fail({"cluster"}, {": it has not one slot and one target for every position of a task"});
        }
        std::size_t there = 0;
        std::size_t moving = 0;
        frequency_.assign(work_.shape_count(), 0);
        for_each_task([&](task_index t) {
            const slot at = c_.slots()[t.value()];
            const slot to = c_.targets()[t.value()];
            if (!work_.present(t)) {
                if (at.placed() || to.placed() || work_.group(t).valid() || !work_.name(t).empty() ||
                    c_.find(c_.handle(t))) {
                    fail({task(t)}, {": the position is vacant, but something is there"});
                }
                return;
            }
            ++there;
            if (c_.find(c_.handle(t)) != t) fail({task(t)}, {": its handle does not find it"});
            if (!work_.name(t).empty() && c_.find_task(work_.name(t)) != c_.handle(t)) {
                fail({task(t)}, {": its name does not find it"});
            }
            if (!work_.shape(t).below(work_.shape_count())) return fail({task(t)}, {": its shape does not exist"});
            ++frequency_[work_.shape(t).value()];
            const auto listed = c_.alternatives(t);
            if (listed.empty() ? c_.alternative(t) != 0
                               : c_.alternative(t) >= listed.size() || (c_.alternative(t) != 0 && !at.placed()) ||
                                     listed[c_.alternative(t)].shape != work_.shape(t)) {
                fail({task(t)}, {": its demand is not that of its alternative ", c_.alternative(t)});
            }
            check_slot(t, "slot", at);
            check_slot(t, "target", to);
            if (to.placed() && !at.placed()) fail({task(t)}, {": it moves, but from nowhere"});
            const task_state expected = to.placed()   ? task_state::moving
                                        : at.placed() ? task_state::running
                                                      : task_state::waiting;
            if (c_.state(t) != expected || c_.state(c_.handle(t)) != expected || c_.where(c_.handle(t)) != at) {
                fail({task(t)}, {": state and slot do not agree"});
            }
            moving += to.placed() ? 1U : 0U;
        });
        if (there != c_.task_count()) fail({"cluster"}, {": it says ", c_.task_count(), " tasks, but has ", there});
        if (moving != c_.moving().size()) fail({"cluster"}, {": moving lists another number of tasks than move"});
        flat<std::uint8_t> seen(work_.task_count(), 0);
        for (const task_index t : c_.moving()) {
            if (!t.below(work_.task_count()) || !c_.targets()[t.value()].placed() || seen[t.value()]++ != 0) {
                fail({"cluster"}, {": moving lists a task that does not move, or one twice"});
            }
        }
    }
    void check_slot(task_index t, const char* what, const slot& at) {
        if (!at.placed()) {
            if (at.gpus != 0) fail({task(t)}, {": its ", what, " has GPUs, but no node"});
            return;
        }
        if (!fleet_.has(at, work_.demand(t).gpus) || !fleet_.present(at.node)) {
            fail({task(t)}, {": its ", what, " does not exist"});
        }
    }
    void check_lists() {
        std::size_t running = 0;
        for_each_task([&](task_index t) { running += c_.slots()[t.value()].placed() ? 1U : 0U; });
        for_each_node([&](node_index n) {
            if (!ascending(c_.tasks_on(n))) fail({node(n)}, {": its tasks are not in ascending order"});
            for (const task_index t : c_.tasks_on(n)) {
                if (!t.below(work_.task_count()) || c_.slots()[t.value()].node != n) {
                    fail({node(n)}, {": it lists a task that is not there"});
                }
                --running;
            }
        });
        if (running != 0) fail({"cluster"}, {": a task is not in the list of its node"});
    }
    void check_groups() {
        std::size_t in_groups = 0;
        for_each_task([&](task_index t) {
            const group_index g = work_.group(t);
            if (!g.valid()) return;
            if (!g.below(work_.group_count())) return fail({task(t)}, {": its group does not exist"});
            if (!holds(work_.members(g), t)) fail({task(t)}, {": its group does not list it"});
            ++in_groups;
        });
        for (std::size_t i = 0; i < work_.group_count() && !failure_; ++i) {
            const group_index g{i};
            const auto members = work_.members(g);
            const phrase item = phrase::item("group", i, work_.name(g));
            if (members.empty() != work_.name(g).empty()) fail({item}, {": it has a name or members, not both"});
            if (members.empty()) continue;
            if (work_.find_group(work_.name(g)) != g) fail({item}, {": its name does not find it"});
            if (!ascending(members)) fail({item}, {": its members are not in ascending order"});
            bool same_model = false;
            for (const task_index t : members) {
                same_model = same_model || work_.same_model(t);
                --in_groups;
            }
            if (work_.same_model(g) != (work_.is_gang(g) && same_model)) {
                fail({item}, {": same_model is not what its members say"});
            }
            if (work_.min_tasks(g) == 0) fail({item}, {": min_tasks is 0"});
        }
        if (in_groups != 0) fail({"workload"}, {": groups list tasks that are elsewhere"});
    }

    // ---- demands ----------------------------------------------------------------------------------------------------
    void check_shapes() {
        pins_.assign(work_.shape_count(), 0);
        std::size_t reservations = 0;
        c_.for_each_reservation([&](reservation_handle r, shape_index s, slot where) {
            ++reservations;
            if (c_.where(r) != where) fail({"reservation ", r.position()}, {": its handle does not find it"});
            if (!s.below(work_.shape_count())) return fail({"reservation ", r.position()}, {": it has no shape"});
            if (!fleet_.has(where, work_.demand(s).gpus) || !fleet_.present(where.node)) {
                fail({"reservation ", r.position()}, {": its slot does not exist"});
            }
            ++pins_[s.value()];
        });
        if (reservations != c_.reservation_count()) {
            fail({"cluster"}, {": it says ", c_.reservation_count(), " reservations, but has ", reservations});
        }
        name_table images;
        std::size_t distinct = 0;
        for (std::size_t i = 0; i < work_.shape_count() && !failure_; ++i) {
            const shape_index s{i};
            if (work_.frequency(s) != frequency_[i]) {
                fail({"shape ", i},
                     {": its frequency is ", work_.frequency(s), ", but ", frequency_[i], " tasks have it"});
            }
            if (frequency_[i] == 0 && pins_[i] == 0) continue;
            const demand_view demand = work_.demand(s);
            std::string image;
            for (const auto& amounts : {demand.gpu, demand.node, demand.domain}) {
                for (const amount value : amounts) append_bytes(image, value);
            }
            append_bytes(image, demand.gpus);
            append_bytes(image, static_cast<int>(demand.same_model));
            image.append(work_.accepted_text(s));
            if (images.intern(image) != distinct++) fail({"shape ", i}, {": another one is equal"});
            check_accepted(s);
        }
        if (!work_.matches(fleet_)) fail({"workload"}, {": it does not match the fleet"});
    }
    void check_accepted(shape_index s) {
        const std::string_view text = work_.accepted_text(s);
        const std::uint64_t mask = work_.demand(s).accepted_models;
        for (std::size_t m = 0; m < fleet_.model_count(); ++m) {
            const std::string_view name = fleet_.name(model_index{m});
            if (name.empty() || name.find('|') != std::string_view::npos) return;  // the text is ambiguous
            bool named = text.empty();
            for (std::size_t begin = 0; begin < text.size() && !named;) {
                const std::size_t end =
                    text.find('|', begin) == std::string_view::npos ? text.size() : text.find('|', begin);
                named = text.substr(begin, end - begin) == name;
                begin = end + 1;
            }
            if (named != ((mask >> m & 1U) != 0)) {
                fail({"shape ", s.value()}, {": it accepts ", phrase::quoted(text), ", but for model ",
                                             phrase::quoted(name), " it does not agree"});
            }
        }
    }

    // ---- ledger -----------------------------------------------------------------------------------------------------
    void take(const demand_view& demand, const slot& where) {
        if (failure_ || !where.placed()) return;
        const auto debit = [](flat<amount>& free, std::size_t at, std::span<const amount> wanted) {
            for (std::size_t r = 0; r < wanted.size(); ++r) free[at * wanted.size() + r] -= wanted[r];
        };
        debit(node_free_, where.node.value(), demand.node);
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            debit(gpu_free_, fleet_.gpu(where.node, lowest_gpu(rest)).value(), demand.gpu);
        }
        for (const domain_index d : fleet_.domains(where.node)) debit(domain_free_, d.value(), demand.domain);
    }
    template <class Index>
    void compare(phrase item, const char* place, const flat<amount>& free, Index at) {
        const std::span<const amount> said = c_.ledger().free(at);
        for (std::size_t r = 0; r < said.size(); ++r) {
            // Of a counter without a limit nothing is taken.
            const bool limited = fleet_.capacity(at)[r] < max_amount;
            const amount counted = limited ? free[at.value() * said.size() + r] : max_amount;
            if (said[r] == counted) continue;
            fail({item}, {": ", place, "[", r, "] has ", said[r], " free by the ledger, ", counted, " by its tasks"});
        }
    }
    void check_ledger() {
        if (failure_) return;
        gpu_free_.assign(fleet_.gpu_count() * fleet_.schema().gpu.size(), 0);
        for_each_node([&](node_index n) {
            node_free_.append(fleet_.capacity(n));
            for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) {
                const auto capacity = fleet_.capacity(fleet_.gpu(n, i));
                for (std::size_t r = 0; r < capacity.size(); ++r) {
                    gpu_free_[fleet_.gpu(n, i).value() * capacity.size() + r] = capacity[r];
                }
            }
        });
        for (std::size_t d = 0; d < fleet_.domain_count(); ++d) domain_free_.append(fleet_.capacity(domain_index{d}));
        for_each_task([&](task_index t) {
            if (!work_.present(t)) return;
            take(work_.demand(t), c_.slots()[t.value()]);
            take(work_.demand(t), c_.targets()[t.value()]);
        });
        c_.for_each_reservation([&](reservation_handle, shape_index s, slot where) { take(work_.demand(s), where); });
        for_each_node([&](node_index n) {
            compare(node(n), "node", node_free_, n);
            for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) compare(node(n), "gpu", gpu_free_, fleet_.gpu(n, i));
        });
        for (std::size_t d = 0; d < fleet_.domain_count() && !failure_; ++d) {
            compare(phrase::item("domain", d, fleet_.name(domain_index{d})), "domain", domain_free_, domain_index{d});
        }
        if (c_.ledger().depth() != 0) fail({"ledger"}, {": a checkpoint is open"});
    }

    const cluster& c_;
    const berth::fleet& fleet_;
    const berth::workload& work_;
    flat<node_index> owner_of_gpu_;
    flat<std::size_t> frequency_;  // of each shape, from the tasks
    flat<std::size_t> pins_;       // of each shape, from the reservations
    flat<amount> node_free_;
    flat<amount> gpu_free_;
    flat<amount> domain_free_;
    std::optional<error> failure_;
};

}  // namespace berth::inline v0::detail
