// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace berth::inline v0::detail {

/// The shapes of a workload and those that were added later, and which of them share a board. Shapes that differ only
/// in host counters that the policy does not read have the same value on every node: they share one board, for the
/// demand without those counters.
///
/// The workload may be that of a cluster, where shapes come and go: call `follow` before a shape is asked about.
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
    /// The shape of a demand that is valid for the fleet, new or known. Not with the workload of a cluster.
    [[nodiscard]] shape_index find_or_add(const demand_view& demand) {
        if (shape_of_image_.empty()) {
            for (std::size_t s = 0; s < work_->shape_count(); ++s) {
                write_image(work_->demand(shape_index{s}), all);
                if (images_.intern(image_) == shape_of_image_.size()) shape_of_image_.push_back(shape_index{s});
            }
        }
        write_image(demand, all);
        const std::size_t image = images_.intern(image_);
        // An image without a shape is left over from a call that ran out of memory.
        while (shape_of_image_.size() <= image) shape_of_image_.push_back(shape_index{});
        if (!shape_of_image_[image].valid()) {
            const shape_index added{size()};
            owned_demand copy;
            copy.amounts.append(demand.gpu);
            copy.amounts.append(demand.node);
            copy.amounts.append(demand.domain);
            copy.gpus = demand.gpus;
            copy.accepted_models = demand.accepted_models;
            copy.same_model = demand.same_model;
            later_.grow() = std::move(copy);
            join_board(added, several);
            shape_of_image_[image] = added;
        }
        return shape_of_image_[image];
    }

    /// Brings a shape of a cluster's workload up to date: the position may have another demand by now, or its board may
    /// have been given up.
    void follow(shape_index s) {
        if (s.value() < of_shape_.size()) {
            const shape_record& known = of_shape_[s.value()];
            if (known.generation == generation(s) && known.version == boards_[known.board].version) return;
        }
        join_board(s, 1);
    }

    /// The number of positions of boards.
    [[nodiscard]] std::size_t board_count() const noexcept { return boards_.size(); }
    [[nodiscard]] std::size_t board(shape_index s) const noexcept { return of_shape_[s.value()].board; }
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
        const std::size_t added = add_board(whole, whole.node.size());
        boards_[added].tasks = several;
        of_shape_[s.value()].board = static_cast<std::uint32_t>(added);
        of_shape_[s.value()].version = boards_[added].version;
    }
    /// Gives a board up: its position is taken again by another demand.
    void forget(std::size_t board) {
        vacant_.make_room(vacant_.size() + 1);
        board_record& record = boards_[board];
        if (board < board_images_.size() && !board_images_[board].empty()) board_images_.erase(board);
        ++record.version;
        vacant_.push_back(static_cast<std::uint32_t>(board));
    }

private:
    static constexpr std::size_t all = ~std::size_t{0};
    static constexpr std::size_t several = 2;

    [[nodiscard]] static std::size_t up_to_cpu(std::size_t counters, std::size_t cpu) noexcept {
        return cpu == counter_roles::none || cpu < counters ? counters : cpu + 1;
    }

    struct owned_demand {
        flat<amount> amounts;  // GPU, node, domain
        std::size_t gpus = 0;
        std::uint64_t accepted_models = 0;
        bool same_model = false;
    };
    struct board_record {
        flat<amount> node;
        std::size_t tasks = 0;
        std::uint32_t version = 1;  // changes when the board is given up
    };
    struct shape_record {
        std::uint32_t board = 0;
        std::uint32_t version = 0;  // of the board
        std::uint32_t generation = 0;
    };

    [[nodiscard]] std::uint32_t generation(shape_index s) const noexcept {
        return s.value() < work_->shape_count() ? work_->generation(s) : 0;
    }
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
    std::size_t add_board(const demand_view& demand, std::size_t read) {
        std::size_t at = boards_.size();
        if (vacant_.empty()) {
            (void)boards_.grow();
        } else {
            at = vacant_.back();
            vacant_.pop_back();
        }
        board_record& added = boards_[at];
        added.node.clear();
        added.node.append(demand.node);
        added.tasks = 0;
        for (std::size_t r = read; r < added.node.size(); ++r) added.node[r] = 0;
        return at;
    }

    void join_board(shape_index s, std::size_t tasks) {
        if (s.value() >= of_shape_.size()) of_shape_.resize(s.value() + 1);
        const demand_view whole = demand(s);
        std::size_t at = boards_.size();
        bool known = false;
        if (read_ < whole.node.size()) {
            write_image(whole, read_);
            const auto found = board_images_.find(image_);
            known = found.has_value();
            if (known) at = *found;
        }
        if (!known) {
            at = add_board(whole, read_);
            if (read_ < whole.node.size()) board_images_.assign(at, image_);
        }
        boards_[at].tasks += tasks;
        of_shape_[s.value()] = {static_cast<std::uint32_t>(at), boards_[at].version, generation(s)};
    }

    /// Writes the demand's byte image, with only the first `read` host counters.
    void write_image(const demand_view& demand, std::size_t read) {
        image_.clear();
        for (const amount value : demand.gpu) append_bytes(image_, value);
        for (std::size_t r = 0; r < read && r < demand.node.size(); ++r) append_bytes(image_, demand.node[r]);
        for (const amount value : demand.domain) append_bytes(image_, value);
        append_bytes(image_, demand.gpus);
        append_bytes(image_, demand.accepted_models);
        append_bytes(image_, demand.same_model);
    }

    const workload* work_;
    std::size_t read_;
    std::size_t gpu_counters_;
    std::size_t node_counters_;
    growing<owned_demand> later_;
    name_table images_;
    flat<shape_index> shape_of_image_;
    name_table board_images_;  // by board
    growing<board_record> boards_;
    flat<std::uint32_t> vacant_;
    flat<shape_record> of_shape_;
    std::string image_;
};

}  // namespace berth::inline v0::detail
