// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/check_amounts.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: the one place that writes to a workload, position by position.

namespace berth::inline v0::detail {

/// The models that a task accepts, as the workload keeps them.
struct accepted_set {
    std::uint64_t mask = ~std::uint64_t{0};  // bit m for model m of the fleet
    std::string text;                        // the names in the task's own order, each once, joined by `|`
};

/// Reads a list of accepted models. A name that the fleet does not have is kept in the text alone.
///
/// @param find_model  the position of a name, if there is such a model
template <class FindModel>
[[nodiscard]] result<void> read_accepted_models(std::span<const std::string_view> names, phrase item,
                                                FindModel find_model, accepted_set& into) {
    into.mask = names.empty() ? ~std::uint64_t{0} : 0;
    name_table seen;
    for (const std::string_view model : names) {
        if (model.empty() || model.find('|') != std::string_view::npos) {
            if (!find_model(model)) {
                return refuse(error_code::unknown_name, {item, ": accepted_models names ", phrase::quoted(model),
                                                         ", which no GPU of the fleet is"});
            }
        }
        const std::size_t known = seen.size();
        if (seen.intern(model) < known) continue;
        if (const auto at = find_model(model)) into.mask |= std::uint64_t{1} << *at;
        if (known != 0) into.text.push_back('|');
        into.text.append(model);
    }
    return {};
}

/// Checks a demand against a fleet's schema, as `workload_builder` does for tasks.
[[nodiscard]] inline result<void> check_demand(const fleet& fleet, const demand_view& demand) {
    const resource_schema& schema = fleet.schema();
    if (demand.gpus > max_gpus_per_node) {
        return refuse(error_code::limit_exceeded,
                      {"demand: gpus is ", demand.gpus, ", a task gets at most 64 GPUs of one node"});
    }
    if (demand.gpu.size() != schema.gpu.size() || demand.node.size() != schema.node.size() ||
        demand.domain.size() != schema.domain.size()) {
        return refuse(error_code::inconsistent,
                      {"demand: it has ", demand.gpu.size(), " GPU, ", demand.node.size(), " node and ",
                       demand.domain.size(), " domain counters, the resource schema names ", schema.gpu.size(), ", ",
                       schema.node.size(), " and ", schema.domain.size()});
    }
    if (auto ok = check_amounts({"demand"}, "gpu", demand.gpu, schema.gpu.size()); !ok) return ok;
    if (auto ok = check_amounts({"demand"}, "node", demand.node, schema.node.size()); !ok) return ok;
    if (auto ok = check_amounts({"demand"}, "domain", demand.domain, schema.domain.size()); !ok) return ok;
    std::size_t first = 0;  // that is wanted
    while (first < demand.gpu.size() && demand.gpu[first] == 0) ++first;
    if ((first < demand.gpu.size()) != (demand.gpus > 0)) {
        if (demand.gpus > 0) first = 0;
        return refuse(error_code::inconsistent, {"demand: gpu[", first, "] is ", demand.gpu[first],
                                                 ", but the task wants ", demand.gpus, " GPUs"});
    }
    return {};
}

/// Writes to a workload: for `workload_builder`, which fills one, and for `cluster`, which changes one. The checks are
/// separate from the writes, so that what is refused has changed nothing.
class workload_editor {
public:
    explicit workload_editor(workload& edited) noexcept : work_{edited} {}

    /// A workload without tasks for a fleet.
    [[nodiscard]] static workload make_empty(const fleet& fleet) {
        workload made;
        made.gpu_counters_ = fleet.schema().gpu.size();
        made.node_counters_ = fleet.schema().node.size();
        made.domain_counters_ = fleet.schema().domain.size();
        made.roles_ = fleet.roles();
        made.model_count_ = fleet.model_count();
        return made;
    }
    void set_model_count(std::size_t models) noexcept { work_.model_count_ = models; }

    // ---- checks -----------------------------------------------------------------------------------------------------
    [[nodiscard]] result<void> check_demands(const task_description& task, phrase item) const {
        return check_demands(work_, task, item);
    }
    [[nodiscard]] static result<void> check_demands(const workload& work, const task_description& task, phrase item) {
        if (task.gpus > max_gpus_per_node) {
            return refuse(error_code::limit_exceeded,
                          {item, ": gpus is ", task.gpus, ", a task gets at most 64 GPUs of one node"});
        }
        if (auto ok = check_amounts({item}, "gpu_demand", task.gpu_demand, work.gpu_counters_); !ok) return ok;
        if (auto ok = check_amounts({item}, "node_demand", task.node_demand, work.node_counters_); !ok) return ok;
        if (auto ok = check_amounts({item}, "domain_demand", task.domain_demand, work.domain_counters_); !ok) {
            return ok;
        }
        for (std::size_t r = 0; task.gpus == 0 && r < task.gpu_demand.size(); ++r) {
            if (task.gpu_demand[r] == 0) continue;
            return refuse(error_code::inconsistent,
                          {item, ": gpu_demand[", r, "] is ", task.gpu_demand[r], ", but the task wants no GPU"});
        }
        amount most = 0;
        for (const amount wanted : task.gpu_demand) most = wanted > most ? wanted : most;
        if (task.gpus > 0 && !task.gpu_demand.empty() && most == 0 && !task.takes_nothing) {
            return refuse(error_code::inconsistent, {item, ": gpu_demand is 0 in every counter, but the task wants ",
                                                     task.gpus, task.gpus == 1 ? " GPU" : " GPUs"});
        }
        if (task.state_bytes < 0 || task.state_bytes > max_amount) {
            return refuse(task.state_bytes < 0 ? error_code::invalid_value : error_code::overflow,
                          {item, ": state_bytes is ", task.state_bytes, ", expected 0..", max_amount});
        }
        return {};
    }

    [[nodiscard]] result<void> check_group(const task_description& task, phrase item) const {
        if (task.group.empty() && task.gang) {
            return refuse(error_code::inconsistent, {item, ": gang is set, but the task has no group"});
        }
        if (task.min_tasks != 0 && !task.gang) {
            return refuse(error_code::inconsistent,
                          {item, ": min_tasks is ", task.min_tasks, ", but the task is in no gang"});
        }
        const auto at = work_.groups_.find(task.group);
        if (task.group.empty() || !at) return {};
        const bool same_gang = (work_.gang_[*at] != 0) == task.gang;
        if (same_gang && (!task.gang || work_.min_tasks_[*at] == task.min_tasks)) return {};
        return refuse(error_code::inconsistent,
                      {item, same_gang ? ": min_tasks" : ": gang", " differs from the other members of group ",
                       phrase::quoted(task.group)});
    }

    // ---- shapes -----------------------------------------------------------------------------------------------------
    /// The byte image of a shape, its key: the demand, and its accepted models in the task's own order.
    static void write_image(const demand_view& demand, std::string_view accepted, std::string& key) {
        key.clear();
        for (const amount value : demand.gpu) append_bytes(key, value);
        for (const amount value : demand.node) append_bytes(key, value);
        for (const amount value : demand.domain) append_bytes(key, value);
        append_bytes(key, demand.gpus);
        append_bytes(key, demand.accepted_models);
        append_bytes(key, demand.same_model);
        key.append(accepted);
    }
    /// The accepted models in the image of such a demand.
    [[nodiscard]] static std::string_view accepted_in(std::string_view image, const demand_view& demand) noexcept {
        return image.substr((demand.gpu.size() + demand.node.size() + demand.domain.size()) * sizeof(amount) +
                            sizeof demand.gpus + sizeof demand.accepted_models + sizeof demand.same_model);
    }
    /// True if a list of accepted models has this name.
    [[nodiscard]] static bool names_model(std::string_view accepted, std::string_view model) noexcept {
        while (!accepted.empty()) {
            const std::size_t bar = accepted.find('|');
            if (accepted.substr(0, bar) == model) return true;
            if (bar == std::string_view::npos) return false;
            accepted.remove_prefix(bar + 1);
        }
        return false;
    }
    /// A shape that accepts GPU models which are new, as it will be.
    struct adopted_shape {
        std::size_t shape = 0;
        std::uint64_t accepted_models = 0;
        std::string image;
    };
    /// The shapes that accept new models. Nothing has changed yet.
    ///
    /// @param first   the position of the first new model
    /// @param models  the names of the new ones
    [[nodiscard]] std::vector<adopted_shape> adopt(std::size_t first, const std::vector<std::string>& models) const {
        std::vector<adopted_shape> changed;
        for (std::size_t s = 0; s < work_.shapes_.size() && s < work_.shape_images_.size(); ++s) {
            if (work_.shape_images_[s].empty()) continue;
            demand_view demand = work_.demand(shape_index{s});
            const std::uint64_t before = demand.accepted_models;
            for (std::size_t m = 0; m < models.size(); ++m) {
                if (!names_model(work_.accepted_texts_[s], models[m])) continue;
                demand.accepted_models |= std::uint64_t{1} << (first + m);
            }
            if (demand.accepted_models == before) continue;
            changed.push_back({s, demand.accepted_models, {}});
            write_image(demand, work_.accepted_texts_[s], changed.back().image);
        }
        return changed;
    }
    /// Now they accept them; each is of another generation.
    void commit(std::vector<adopted_shape>& changed) noexcept {
        for (adopted_shape& each : changed) {
            work_.shapes_[each.shape].accepted_models = each.accepted_models;
            ++work_.shapes_[each.shape].generation;
            work_.shape_images_.rename(each.shape, std::move(each.image));
        }
    }
    /// The shape of an image, if there is one.
    [[nodiscard]] shape_index find_shape(std::string_view image) const noexcept {
        const auto at = work_.shape_images_.find(image);
        return at ? shape_index{*at} : shape_index{};
    }
    /// Writes a new shape at a position: the end, or one that was vacated. If an allocation fails, nothing has changed.
    void put_shape(shape_index s, const demand_view& demand, std::string_view accepted, std::string_view image) {
        const std::size_t i = s.value();
        const std::size_t count = i < work_.shapes_.size() ? work_.shapes_.size() : i + 1;
        work_.shapes_.make_room(count);
        work_.gpu_demand_.make_room(count * work_.gpu_counters_);
        work_.node_demand_.make_room(count * work_.node_counters_);
        work_.domain_demand_.make_room(count * work_.domain_counters_);
        if (work_.accepted_texts_.capacity() < count) work_.accepted_texts_.reserve(2 * count);
        std::string text{accepted};
        work_.shape_images_.assign(i, image);
        if (i == work_.shapes_.size()) {
            work_.accepted_texts_.emplace_back();
            work_.shapes_.push_back({});
            work_.gpu_demand_.resize(count * work_.gpu_counters_);
            work_.node_demand_.resize(count * work_.node_counters_);
            work_.domain_demand_.resize(count * work_.domain_counters_);
        }
        work_.accepted_texts_[i].swap(text);
        auto& record = work_.shapes_[i];
        record = {.accepted_models = demand.accepted_models,
                  .frequency = 0,
                  .generation = record.generation + 1,
                  .gpus = static_cast<std::uint8_t>(demand.gpus),
                  .same_model = demand.same_model};
        copy(demand.gpu, work_.gpu_demand_.data() + i * work_.gpu_counters_);
        copy(demand.node, work_.node_demand_.data() + i * work_.node_counters_);
        copy(demand.domain, work_.domain_demand_.data() + i * work_.domain_counters_);
    }
    void vacate_shape(shape_index s) noexcept { work_.shape_images_.erase(s.value()); }

    /// Adds a demand that so many tasks are expected to have.
    void put_expected(const demand_view& demand, std::string_view accepted, std::string_view image,
                      std::size_t frequency) {
        shape_index s = find_shape(image);
        if (!s.valid()) {
            s = shape_index{work_.shape_count()};
            put_shape(s, demand, accepted, image);
        }
        work_.shapes_[s.value()].frequency += frequency;
        work_.expected_ += frequency;
    }

    /// A description's demand with the defaults filled in. Valid until the next call.
    [[nodiscard]] demand_view complete(const task_description& task, std::uint64_t accepted) {
        completed_.assign(work_.gpu_counters_ + work_.node_counters_ + work_.domain_counters_, 0);
        if (task.gpus > 0) completed_[0] = whole_gpu;
        // A copy of what is given, because it may be a view of a demand of this workload, which is about to grow.
        const auto or_default = [&](std::span<const amount> given, std::size_t first, std::size_t size) {
            copy(given, completed_.data() + first);
            return std::span<const amount>{completed_.data() + first, size};
        };
        return {.gpu = or_default(task.gpu_demand, 0, work_.gpu_counters_),
                .node = or_default(task.node_demand, work_.gpu_counters_, work_.node_counters_),
                .domain =
                    or_default(task.domain_demand, work_.gpu_counters_ + work_.node_counters_, work_.domain_counters_),
                .gpus = task.gpus,
                .accepted_models = accepted,
                .same_model = task.same_model && task.gpus > 1};
    }

    // ---- groups -----------------------------------------------------------------------------------------------------
    [[nodiscard]] group_index find_group(std::string_view name) const noexcept {
        const auto at = work_.groups_.find(name);
        return at ? group_index{*at} : group_index{};
    }
    /// Writes a new group at a position: the end, or one that was vacated. If an allocation fails, nothing has changed.
    void put_group(group_index g, std::string_view name, bool gang, std::size_t min_tasks) {
        const std::size_t i = g.value();
        work_.gang_.make_room(i + 1);
        work_.same_model_.make_room(i + 1);
        work_.min_tasks_.make_room(i + 1);
        if (work_.members_.size() <= i) work_.members_.resize(i + 1);
        work_.groups_.assign(i, name);
        if (i == work_.gang_.size()) {
            work_.gang_.push_back(0);
            work_.same_model_.push_back(0);
            work_.min_tasks_.push_back(0);
        }
        work_.gang_[i] = gang ? 1 : 0;
        work_.same_model_[i] = 0;
        work_.min_tasks_[i] = gang ? min_tasks : 1;
    }
    /// `min_tasks` as it was given: 0 for all.
    [[nodiscard]] static std::size_t given_min_tasks(const workload& of, group_index g) noexcept {
        return of.gang_[g.value()] == 0 ? 0 : of.min_tasks_[g.value()];
    }
    void vacate_group(group_index g) noexcept { work_.groups_.erase(g.value()); }

    // ---- tasks ------------------------------------------------------------------------------------------------------
    /// Writes a task at a position: the end, or one that was vacated. If an allocation fails, nothing has changed.
    ///
    /// @param name  empty: none
    void put_task(task_index t, const task_description& task, std::string_view name, shape_index shape,
                  group_index group) {
        const std::size_t i = t.value();
        work_.tasks_.make_room(i + 1);
        if (group.valid()) work_.members_.reserve(group.value());
        if (!name.empty()) work_.task_names_.assign(i, name);
        work_.task_names_.extend(i + 1);
        if (i == work_.tasks_.size()) work_.tasks_.push_back({});
        work_.tasks_[i] = {.shape = shape,
                           .group = group,
                           .priority = task.priority,
                           .same_model = task.same_model,
                           .state_bytes = task.state_bytes};
        ++work_.shapes_[shape.value()].frequency;
        ++work_.expected_;
        if (!group.valid()) return;
        work_.members_.insert_sorted(group.value(), t);
        if (task.gang && task.same_model) work_.same_model_[group.value()] = 1;
    }
    /// Gives a task the demand of another shape.
    void set_shape(task_index t, shape_index shape) noexcept {
        --work_.shapes_[work_.tasks_[t.value()].shape.value()].frequency;
        ++work_.shapes_[shape.value()].frequency;
        work_.tasks_[t.value()].shape = shape;
    }
    void vacate_task(task_index t) noexcept {
        auto& record = work_.tasks_[t.value()];
        --work_.shapes_[record.shape.value()].frequency;
        --work_.expected_;
        if (record.group.valid()) {
            const std::size_t g = record.group.value();
            work_.members_.erase(g, t);
            if (record.same_model && work_.gang_[g] != 0) {
                work_.same_model_[g] = 0;
                for (const task_index other : work_.members_[g]) {
                    if (work_.tasks_[other.value()].same_model) work_.same_model_[g] = 1;
                }
            }
        }
        if (!work_.task_names_[t.value()].empty()) work_.task_names_.erase(t.value());
        record = {};
    }

    /// More vacant positions of tasks, shapes and groups, for a workload that is loaded.
    void extend(std::size_t tasks, std::size_t shapes, std::size_t groups) {
        work_.tasks_.resize(tasks);
        work_.task_names_.extend(tasks);
        work_.shapes_.resize(shapes);
        work_.shape_images_.extend(shapes);
        work_.accepted_texts_.resize(shapes);
        work_.gpu_demand_.resize(shapes * work_.gpu_counters_);
        work_.node_demand_.resize(shapes * work_.node_counters_);
        work_.domain_demand_.resize(shapes * work_.domain_counters_);
        work_.gang_.resize(groups);
        work_.same_model_.resize(groups);
        work_.min_tasks_.resize(groups);
        work_.members_.resize(groups);
        work_.groups_.extend(groups);
    }
    /// Says how many demands had a position.
    void set_generation(shape_index s, std::uint32_t generation) noexcept {
        work_.shapes_[s.value()].generation = generation;
    }

private:
    static void copy(std::span<const amount> from, amount* to) noexcept {
        for (std::size_t r = 0; r < from.size(); ++r) to[r] = from[r];
    }

    workload& work_;
    flat<amount> completed_;
};

}  // namespace berth::inline v0::detail
