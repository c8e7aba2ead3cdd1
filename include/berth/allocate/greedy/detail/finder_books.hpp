// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/detail/gang_books.hpp"
#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The books of a gang search (`gang_books`) over a `slot_finder`.
///
/// @tparam Tasks  gives the tasks by position: `size()`, and `operator()(i)`, a `candidate` with demand, shape and task
template <class Finder, class Tasks>
class finder_books final : public gang_books<berth::ledger> {
public:
    /// @param among  as of `gang_options`
    finder_books(Finder& finder, const Tasks& tasks, std::span<const node_index> among) noexcept
        : finder_{&finder}, tasks_{&tasks}, among_{among} {}

    [[nodiscard]] std::size_t size() const noexcept override { return tasks_->size(); }
    [[nodiscard, gnu::cold]] shape_index shape(std::size_t member) const override { return (*tasks_)(member).shape; }
    [[nodiscard, gnu::cold]] demand_view demand(std::size_t member) const override { return (*tasks_)(member).demand; }
    [[nodiscard]] const berth::ledger& ledger() const noexcept override { return finder_->nodes().ledger(); }
    [[nodiscard]] std::span<const node_index> nodes() const noexcept override {
        return among_.empty() ? finder_->nodes().order() : among_;
    }
    [[nodiscard]] bool open(node_index n) const noexcept override { return !finder_->nodes().closed(n); }

    [[nodiscard, gnu::cold]] slot place(std::size_t member, std::uint64_t models) override {
        const candidate task = (*tasks_)(member);
        candidate c = task;
        const std::uint64_t accepted = task.demand.accepted_models & models;
        if (task.demand.gpus > 0 && accepted != task.demand.accepted_models) {
            // A shape of its own, with its own values; the task enters the books with its real one.
            c.demand.accepted_models = accepted;
            c.shape = finder_->add_shape(c.demand);
            c.demand = finder_->shapes().demand(c.shape);
        }
        const slot found = among_.empty() ? finder_->find(c) : finder_->nodes().scan(c, among_);
        if (found.placed()) finder_->place((*tasks_)(member), found);
        return found;
    }
    [[nodiscard, gnu::cold]] bool place_at(std::size_t member, const slot& where) override {
        candidate c = (*tasks_)(member);
        if (!finder_->nodes().admits(where, c)) return false;
        finder_->place((*tasks_)(member), where);
        return true;
    }
    [[gnu::cold]] void remove(std::size_t member, const slot& where) override {
        finder_->remove((*tasks_)(member), where);
    }
    [[nodiscard]] bool by_shape() const noexcept override { return Finder::by_shape; }
    [[nodiscard]] bool anonymous() const noexcept override { return Finder::anonymous; }

private:
    Finder* finder_;
    const Tasks* tasks_;
    std::span<const node_index> among_;
};

}  // namespace berth::inline v0::detail
