// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace berth::inline v0::detail {

/// The shapes of a workload and those that were added later, and which of them share a board. Shapes that differ only
/// in host counters that the policy does not read have the same value on every node: they share one board, for the
/// demand without those counters.
class shape_table {
public:
    /// @param node_counters_read  number of host counters that the policy reads, from the first; unless 0 it reads CPU
    shape_table(const problem& p, std::size_t node_counters_read)
        : work_{&p.workload()},
          read_{node_counters_read > 0 ? up_to_cpu(node_counters_read, p.fleet().roles().cpu) : 0},
          gpu_counters_{p.fleet().schema().gpu.size()},
          node_counters_{p.fleet().schema().node.size()} {
        const workload& work = p.workload();
        for (std::size_t s = 0; s < work.shape_count(); ++s) join_board(shape_index{s}, work.frequency(shape_index{s}));
    }

    [[nodiscard]] std::size_t size() const noexcept { return work_->shape_count() + later_.size(); }
    [[nodiscard]] demand_view demand(shape_index s) const noexcept {
        const std::size_t known = work_->shape_count();
        return s.value() < known ? work_->demand(s) : view_of(later_[s.value() - known]);
    }
    /// The shape of a demand that is valid for the fleet, new or known.
    [[nodiscard]] shape_index find_or_add(const demand_view& demand) {
        if (shape_of_image_.empty()) {
            for (std::size_t s = 0; s < work_->shape_count(); ++s) {
                if (intern(images_, work_->demand(shape_index{s}), all) == shape_of_image_.size()) {
                    shape_of_image_.push_back(shape_index{s});
                }
            }
        }
        const std::size_t image = intern(images_, demand, all);
        if (image == shape_of_image_.size()) {
            const shape_index added{size()};
            owned_demand& copy = later_.grow();
            copy.amounts.append(demand.gpu);
            copy.amounts.append(demand.node);
            copy.amounts.append(demand.domain);
            copy.gpus = demand.gpus;
            copy.accepted_models = demand.accepted_models;
            copy.same_model = demand.same_model;
            shape_of_image_.push_back(added);
            join_board(added, several);
        }
        return shape_of_image_[image];
    }

    [[nodiscard]] std::size_t board_count() const noexcept { return boards_.size(); }
    [[nodiscard]] std::size_t board(shape_index s) const noexcept { return board_of_shape_[s.value()]; }
    /// The demand of a board: that of its shapes without the counters that are not read.
    [[nodiscard]] demand_view board_demand(shape_index s) const noexcept {
        demand_view kept = demand(s);
        kept.node = boards_[board(s)].node.view();
        return kept;
    }
    /// True if only one task of the workload has a shape of this board.
    [[nodiscard]] bool occurs_once(std::size_t board) const noexcept { return boards_[board].tasks == 1; }
    /// Gives a shape a board of its own, for its whole demand. Once.
    void separate(shape_index s) {
        const demand_view whole = demand(s);
        const flat<amount>& known = boards_[board(s)].node;
        bool equal = true;
        for (std::size_t r = 0; r < whole.node.size(); ++r) equal = equal && whole.node[r] == known[r];
        if (equal) return;
        board_of_shape_[s.value()] = static_cast<std::uint32_t>(boards_.size());
        add_board(whole, whole.node.size()).tasks = several;
    }

private:
    static constexpr std::size_t all = ~std::size_t{0};
    [[nodiscard]] static std::size_t up_to_cpu(std::size_t counters, std::size_t cpu) noexcept {
        return cpu == counter_roles::none || cpu < counters ? counters : cpu + 1;
    }
    static constexpr std::size_t several = 2;

    struct owned_demand {
        flat<amount> amounts;  // GPU, node, domain
        std::size_t gpus = 0;
        std::uint64_t accepted_models = 0;
        bool same_model = false;
    };
    struct board_record {
        flat<amount> node;
        std::size_t tasks = 0;
    };

    [[nodiscard]] demand_view view_of(const owned_demand& owned) const noexcept {
        const std::span<const amount> amounts = owned.amounts.view();
        return {.gpu = amounts.first(gpu_counters_),
                .node = amounts.subspan(gpu_counters_, node_counters_),
                .domain = amounts.subspan(gpu_counters_ + node_counters_),
                .gpus = owned.gpus,
                .accepted_models = owned.accepted_models,
                .same_model = owned.same_model};
    }
    /// A board for the demand with only the first `read` host counters.
    board_record& add_board(const demand_view& demand, std::size_t read) {
        board_record& added = boards_.grow();
        added.node.append(demand.node);
        for (std::size_t r = read; r < added.node.size(); ++r) added.node[r] = 0;
        return added;
    }

    void join_board(shape_index s, std::size_t tasks) {
        const demand_view whole = demand(s);
        std::size_t at = boards_.size();
        if (read_ < whole.node.size()) {
            const std::size_t image = intern(board_images_, whole, read_);
            if (image == board_of_image_.size()) board_of_image_.push_back(at);
            at = board_of_image_[image];
        }
        if (at == boards_.size()) { add_board(whole, read_); }
        boards_[at].tasks += tasks;
        board_of_shape_.push_back(static_cast<std::uint32_t>(at));
    }

    /// The position of the demand's byte image, with only the first `read` host counters.
    std::size_t intern(name_table& images, const demand_view& demand, std::size_t read) {
        image_.clear();
        for (const amount value : demand.gpu) append_bytes(image_, value);
        for (std::size_t r = 0; r < read && r < demand.node.size(); ++r) append_bytes(image_, demand.node[r]);
        for (const amount value : demand.domain) append_bytes(image_, value);
        append_bytes(image_, demand.gpus);
        append_bytes(image_, demand.accepted_models);
        append_bytes(image_, demand.same_model);
        return images.intern(image_);
    }

    const workload* work_;
    std::size_t read_;
    std::size_t gpu_counters_;
    std::size_t node_counters_;
    growing<owned_demand> later_;
    name_table images_;
    flat<shape_index> shape_of_image_;
    name_table board_images_;
    flat<std::size_t> board_of_image_;
    growing<board_record> boards_;
    flat<std::uint32_t> board_of_shape_;
    std::string image_;
};

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

}  // namespace berth::inline v0::detail
