// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/refusal.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0 {

namespace detail {

/// Writes the sentences of `describe`.
template <class Fleet>
class why_not_writer {
public:
    /// @param accepted  the accepted models joined by `|`; empty: not known
    why_not_writer(const why_not& why, const Fleet& machines, std::string_view subject, std::string_view accepted)
        : why_{&why}, fleet_{&machines}, accepted_{accepted} {
        text_.append(subject.data(), subject.size());
    }

    [[nodiscard]] std::string write() {
        if (why_->nodes == 0) {
            add({": it is not known"});
        } else if (why_->fitting > 0) {
            add({" fits on ", why_->fitting, " of ", why_->nodes, why_->nodes == 1 ? " node" : " nodes"});
        } else if (why_->accepting == 0) {
            add({" can never run here: no node has a GPU of a model that it accepts"});
            add_accepted();
        } else if (why_->never()) {
            add({" can never run here: no node could take it, even empty. The nearest would be node "});
            add_miss(why_->nearest_empty, " in all");
        } else {
            add({" waits: no node can take it now"});
            if (why_->possible < why_->nodes) add({", ", why_->possible, " could if empty and healthy"});
            add({". Of ", why_->nodes, why_->nodes == 1 ? " node" : " nodes"});
            add_counts();
            add({". The nearest is node "});
            add_miss(why_->nearest, " free");
        }
        add({"."});
        return std::move(text_);
    }

private:
    void add(phrases pieces) {
        for (const phrase& piece : pieces) piece.append_to(text_);
    }
    /// `, 1 is ...` or `, 3 are ...`
    void add_count(std::size_t nodes, const char* one, const char* several, phrases what) {
        if (nodes == 0) return;
        add({first_count_ ? ": " : ", ", nodes, nodes == 1 ? one : several});
        first_count_ = false;
        add(what);
    }
    void add_short(const std::vector<std::size_t>& nodes, const std::vector<std::string>& names, const char* place) {
        for (std::size_t r = 0; r < nodes.size() && r < names.size(); ++r) {
            add_count(nodes[r], " is", " are", {" short of ", place, names[r]});
        }
    }
    void add_counts() {
        const resource_schema& schema = fleet_->schema();
        const why_not& why = *why_;
        add_count(why[refusal::health], " is", " are", {" unhealthy or short of healthy GPUs"});
        add_count(why[refusal::gpu_model], " has", " have", {" too few GPUs of an accepted model"});
        if (why[refusal::gpu_model] > 0) add_accepted();
        add_count(why.too_few_gpus, " has", " have", {" too few GPUs at all"});
        add_short(why.gpu_counters, schema.gpu, "GPU ");
        add_short(why.node_counters, schema.node, "node ");
        add_short(why.domain_counters, schema.domain, "domain ");
        add_count(why[refusal::admission], " has", " have", {" room, but the policy does not admit it"});
        add_count(why[refusal::group], " has", " have", {" room for it, but not for the rest of its gang"});
    }
    void add_accepted() {
        if (!accepted_.empty()) add({" (", accepted_, ")"});
    }
    void add_amount(const near_miss& miss, phrase name, const char* place, const char* what) {
        if (miss.available < 0) {
            add({miss.wanted, " of ", place, name, " wanted, but ", -miss.available, " more is in use than there is"});
        } else {
            add({miss.wanted, " of ", place, name, " wanted, ", miss.available, what});
        }
    }
    void add_miss(const near_miss& miss, const char* what) {
        const resource_schema& schema = fleet_->schema();
        add({phrase::quoted(fleet_->name(miss.node)), ": "});
        const phrases gpus = {miss.wanted, miss.wanted == 1 ? " GPU wanted, " : " GPUs wanted, ", miss.available};
        switch (miss.reason) {
            case refusal::health:
                if (!fleet_->healthy(miss.node)) return add({"it is unhealthy"});
                add(gpus);
                return add({" of an accepted model healthy"});
            case refusal::gpu_model: add(gpus); return add({" of an accepted model there"});
            case refusal::whole_gpus:
                add(gpus);
                if (miss.each == 0) return add({" there"});
                return add({" with ", miss.each, " of GPU ", schema.gpu[miss.counter], what});
            case refusal::gpu_share:
                if (fleet_->gpu_count(miss.node) == 0) return add({"it has no GPU"});
                return add_amount(miss, schema.gpu[miss.counter], "GPU ", what);
            case refusal::node_counter: return add_amount(miss, schema.node[miss.counter], "node ", what);
            case refusal::domain_counter:
                add({"in its domain ", phrase::quoted(fleet_->name(miss.domain)), " "});
                return add_amount(miss, schema.domain[miss.counter], "", what);
            case refusal::admission: return add({"it has room, but the policy does not admit the task"});
            case refusal::group:
                return add({"it has room for the task, but not for all ", miss.wanted, " tasks of its gang"});
        }
    }

    const why_not* why_;
    const Fleet* fleet_;
    std::string_view accepted_;
    std::string text_;
    bool first_count_ = true;
};

}  // namespace detail

/// Says in one or a few sentences of plain English why a demand has no slot: whether it is *never* (no node could take
/// it, even empty) or *not now*, the number of nodes by reason and counter, and the nearest node. Amounts are those of
/// the counters, in their units. O(counters + length).
///
/// @param why       as `explain` made it for this fleet
/// @param machines  gives the names of nodes and counters
[[nodiscard]] inline std::string describe(const why_not& why, const fleet& machines) {
    return detail::why_not_writer<fleet>{why, machines, "the task", {}}.write();
}
/// The same with the name of the task and of the models that it accepts.
///
/// @param why  of a task of this problem
[[nodiscard]] inline std::string describe(const why_not& why, const problem& p) {
    const workload& work = p.workload();
    if (!why.task.valid() || why.task.value() >= work.task_count()) return describe(why, p.fleet());
    const std::string subject = detail::sentence({"task ", detail::phrase::quoted(work.name(why.task))});
    return detail::why_not_writer<fleet>{why, p.fleet(), subject, work.accepted_text(work.shape(why.task))}.write();
}

}  // namespace berth::inline v0
