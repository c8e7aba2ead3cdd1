// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/mig/mig_board.hpp"
#include "berth/allocate/mig/mig_choice.hpp"
#include "berth/allocate/mig/mig_positions.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/detail/job_records.hpp"
#include "berth/scheduler/detail/place_states.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

// Length: one table, what is read from it, and where a slice goes.

namespace berth::inline v0::detail {

inline constexpr std::uint32_t no_offset = ~std::uint32_t{0};

/// A place for a slice: the slot of one GPU, and the first memory slice there.
struct slice_place {
    slot where = unplaced;
    std::uint32_t offset = no_offset;
};

/// Slices of GPUs in MIG mode. To the cluster a slice is a task on one GPU that takes nothing of it, and a GPU in MIG
/// mode has no capacity, so nothing else fits there. Here is the rest: the board of each such GPU, and of each task the
/// profile and the offset. What a GPU holds is read from the tasks on it, so a slice is free the moment its task has
/// left the cluster's slot, however that came about.
class mig_states {
public:
    struct task_slice {
        std::uint32_t profile = no_position;  // no_position: not a slice
        std::uint32_t offset = no_offset;     // where it runs, or ran last
        std::uint32_t target = no_offset;     // of a move that is under way
    };
    /// What is on a GPU. Unsound: it holds what it cannot, as far as is known, and takes nothing new.
    struct gpu_content {
        mig_layout layout{};
        bool sound = true;
    };

    mig_states(const cluster& of, const place_states& places) : cluster_{&of}, places_{&places} {}

    // ---- boards and profiles ----
    /// Nothing if there is one of this name already.
    bool add(mig_board board) {
        if (find_board(board.name())) return false;
        for (const mig_profile& p : board.profiles()) {
            const std::size_t number = profiles_.intern(p.name);
            if (asked_.size() <= number) asked_.resize(number + 1, 0);
        }
        boards_.push_back(std::make_unique<known_board>(std::move(board)));
        return true;
    }
    [[nodiscard]] std::optional<std::uint32_t> find_board(std::string_view name) const noexcept {
        for (std::uint32_t b = 0; b < boards_.size(); ++b) {
            if (boards_[b]->board.name() == name) return b;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::size_t board_count() const noexcept { return boards_.size(); }
    [[nodiscard]] const mig_board& board(std::size_t b) const noexcept { return boards_[b]->board; }
    [[nodiscard]] std::optional<std::uint32_t> find_profile(std::string_view name) const noexcept {
        const auto found = profiles_.find(name);
        return found ? std::optional{static_cast<std::uint32_t>(*found)} : std::nullopt;
    }
    /// As the first board has it that has it.
    [[nodiscard]] const mig_profile& profile(std::uint32_t number) const noexcept {
        return first_with(number).first->profiles()[first_with(number).second];
    }
    /// Thousandths of a GPU, by compute slices, rounded up; 0 for what is no slice.
    [[nodiscard]] amount share(std::uint32_t number) const noexcept {
        if (number == no_position) return 0;
        const auto [board, p] = first_with(number);
        const amount all = board->compute_slices();
        return (whole_gpu * amount{board->profiles()[p].compute_slices} + all - 1) / all;
    }
    [[nodiscard]] amount memory(std::uint32_t number) const noexcept { return profile(number).memory_mib; }
    /// Of a whole GPU: that of its largest profile.
    [[nodiscard]] amount board_memory(std::uint32_t board) const noexcept {
        amount most = 0;
        for (const mig_profile& p : boards_[board]->board.profiles()) most = std::max<amount>(most, p.memory_mib);
        return most;
    }
    /// How often each profile was asked for, for texts.
    [[nodiscard]] flat<std::uint64_t>& asked() noexcept { return asked_; }

    // ---- tasks ----
    /// A task came to this position, a slice or not.
    void admit(task_index t, std::uint32_t profile) {
        if (profile == no_position && t.value() >= tasks_.size()) return;
        if (tasks_.size() <= t.value()) tasks_.resize(t.value() + 1, {});
        tasks_[t.value()] = {profile, no_offset, no_offset};
        if (profile != no_position) ++asked_[profile];
    }
    [[nodiscard]] task_slice of(task_index t) const noexcept {
        return t.value() < tasks_.size() ? tasks_[t.value()] : task_slice{};
    }
    [[nodiscard]] bool is_slice(task_index t) const noexcept { return of(t).profile != no_position; }
    [[nodiscard]] std::uint32_t offset(task_index t) const noexcept { return of(t).offset; }
    void set_offset(task_index t, std::uint32_t offset) noexcept {
        if (t.value() < tasks_.size()) tasks_[t.value()].offset = offset;
    }
    void set_target(task_index t, std::uint32_t offset) noexcept {
        if (t.value() < tasks_.size()) tasks_[t.value()].target = offset;
    }
    /// It moves to another position on its own GPU.
    [[nodiscard]] bool moves_in_place(task_index t) const noexcept {
        return of(t).target != no_offset && !cluster_->targets()[t.value()].placed();
    }

    // ---- GPUs ----
    /// The board of the i-th GPU of a node; `no_position` if it is not in MIG mode.
    [[nodiscard]] std::uint32_t board_of(node_index n, std::size_t i) const noexcept {
        if ((cluster_->gpus_there(n) >> i & 1U) == 0) return no_position;
        const place_state* s = places_->known(cluster_->handle(n, i));
        return s == nullptr ? no_position : s->mig_board;
    }
    /// The GPUs of a node that can be cut into slices of this profile.
    [[nodiscard]] gpu_mask gpus_with(std::uint32_t profile, node_index n) const noexcept {
        gpu_mask found = 0;
        for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
            const std::uint32_t b = board_of(n, lowest_gpu(rest));
            if (b != no_position && position(b, profile)) found |= gpu_mask{1} << lowest_gpu(rest);
        }
        return found;
    }
    /// What is on a GPU in MIG mode; one task is left out, if given.
    [[nodiscard]] gpu_content content(node_index n, std::size_t i, task_index without = {}) const {
        gpu_content found;
        const std::uint32_t b = board_of(n, i);
        if (b == no_position) return {{}, false};
        const auto enter = [&](task_index t, std::uint32_t offset) {
            if (without.valid() && t == without) return;
            const auto p = is_slice(t) ? position(b, of(t).profile) : std::nullopt;
            if (!p || !found.layout.add(boards_[b]->board, {*p, offset})) found.sound = false;
        };
        for (const task_index t : cluster_->tasks_on(n)) {
            if ((cluster_->slots()[t.value()].gpus >> i & 1U) == 0) continue;
            enter(t, offset(t));
            if (moves_in_place(t)) enter(t, of(t).target);
        }
        for (const task_index t : cluster_->moving()) {
            const slot to = cluster_->targets()[t.value()];
            if (to.node == n && (to.gpus >> i & 1U) != 0) enter(t, of(t).target);
        }
        return found;
    }
    /// True if a slice may begin here: there is room beside all that is here.
    [[nodiscard]] bool allows(std::uint32_t profile, const slot& where, std::uint32_t offset,
                              task_index without = {}) const {
        const std::size_t i = lowest_gpu(where.gpus);
        const std::uint32_t b = board_of(where.node, i);
        const auto p = b == no_position ? std::nullopt : position(b, profile);
        if (!p) return false;
        const gpu_content now = content(where.node, i, without);
        return now.sound && now.layout.allows(boards_[b]->board, {*p, offset});
    }
    /// True if the board of a GPU has this position for a profile, whatever is there.
    [[nodiscard]] bool is_legal(std::uint32_t profile, const slot& where, std::uint32_t offset) const {
        const std::uint32_t b = board_of(where.node, lowest_gpu(where.gpus));
        const auto p = b == no_position ? std::nullopt : position(b, profile);
        return p && mig_layout{}.allows(boards_[b]->board, {*p, offset});
    }
    /// Why a slice that runs cannot stay where it is; null if it can.
    [[nodiscard]] const char* trouble(task_index t) const {
        const slot where = cluster_->slots()[t.value()];
        if (!where.placed()) return nullptr;
        if (!is_legal(of(t).profile, where, offset(t))) return "mig";
        const std::size_t i = lowest_gpu(where.gpus);
        if (content(where.node, i).sound) return nullptr;
        const mig_layout others = content(where.node, i, t).layout;
        const std::uint32_t b = board_of(where.node, i);
        return others.allows(boards_[b]->board, {*position(b, of(t).profile), offset(t)}) ? nullptr : "overlap";
    }

    // ---- room ----
    /// True if some usable GPU of a node has a free position.
    [[nodiscard]] bool has_room(std::uint32_t profile, const demand_view& demand, node_index n) const {
        for (gpu_mask rest = usable(profile, demand, n); rest != 0; rest &= rest - 1) {
            if (room(profile, n, lowest_gpu(rest)).free) return true;
        }
        return false;
    }
    /// True if some usable GPU of a node has enough slices free, wherever they are.
    [[nodiscard]] bool has_slices(std::uint32_t profile, const demand_view& demand, node_index n) const {
        for (gpu_mask rest = usable(profile, demand, n); rest != 0; rest &= rest - 1) {
            if (room(profile, n, lowest_gpu(rest)).slices) return true;
        }
        return false;
    }
    /// Compute slices that are free on the usable GPUs of a node.
    [[nodiscard]] amount free_slices(std::uint32_t profile, const demand_view& demand, node_index n) const {
        amount free = 0;
        for (gpu_mask rest = usable(profile, demand, n); rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            const gpu_content now = content(n, i);
            if (now.sound) free += boards_[board_of(n, i)]->board.compute_slices() - now.layout.compute();
        }
        return free;
    }
    /// Where a slice goes, among some nodes and GPUs of some models: on which GPU says `choose_mig_place`, where on it
    /// `mig_positions::best`. Boards are taken in the order in which they became known.
    [[nodiscard]] slice_place choose(std::uint32_t profile, const demand_view& demand,
                                     std::span<const node_index> nodes, std::uint64_t models) const {
        for (std::uint32_t b = 0; b < boards_.size(); ++b) {
            const auto p = position(b, profile);
            if (!p) continue;
            std::vector<mig_layout> layouts;
            std::vector<slot> slots;
            for (const node_index n : nodes) {
                if (!cluster_->admissible(demand, n)) continue;
                for (gpu_mask rest = usable(profile, demand, n); rest != 0; rest &= rest - 1) {
                    const std::size_t i = lowest_gpu(rest);
                    const auto model = cluster_->fleet().model(cluster_->fleet().gpu(n, i)).value();
                    if (board_of(n, i) != b || (models >> model & 1U) == 0) continue;
                    gpu_content now = content(n, i);
                    if (!now.sound) continue;
                    layouts.push_back(std::move(now.layout));
                    slots.push_back({n, gpu_mask{1} << i});
                }
            }
            if (layouts.empty()) continue;
            const mig_positions& positions = boards_[b]->tables();
            const auto on = choose_mig_place(positions, layouts, *p, shares(b));
            if (!on) continue;
            // The tables of `best` know the plain profiles.
            const mig_layout& there = layouts[on->gpu];
            const bool known = boards_[b]->is_plain(*p) &&
                               std::all_of(there.slices().begin(), there.slices().end(),
                                           [&](const mig_slice& s) { return boards_[b]->is_plain(s.profile); });
            const auto at = known ? positions.best(there, *p) : std::nullopt;
            return {slots[on->gpu], at ? at->start : on->slice.start};
        }
        return {};
    }

private:
    struct known_board {
        explicit known_board(mig_board of) : board{std::move(of)}, plain{plain_mig_profiles(board)} {}
        /// Made when they are first needed: most tables of profiles have boards that a fleet has not.
        [[nodiscard]] const mig_positions& tables() {
            if (!positions) positions.emplace(board, plain);
            return *positions;
        }
        [[nodiscard]] bool is_plain(mig_profile_index p) const noexcept {
            return std::find(plain.begin(), plain.end(), p) != plain.end();
        }
        mig_board board;
        std::vector<mig_profile_index> plain;
        std::optional<mig_positions> positions{};
    };
    struct gpu_room {
        bool slices = false;
        bool free = false;
    };

    [[nodiscard]] std::optional<mig_profile_index> position(std::uint32_t b, std::uint32_t profile) const noexcept {
        return boards_[b]->board.find(profiles_[profile]);
    }
    [[nodiscard]] std::pair<const mig_board*, mig_profile_index> first_with(std::uint32_t number) const noexcept {
        for (std::uint32_t b = 0; b < boards_.size(); ++b) {
            if (const auto p = position(b, number)) return {&boards_[b]->board, *p};
        }
        return {&boards_.front()->board, 0};  // not reached: profiles are those of boards
    }
    [[nodiscard]] gpu_mask usable(std::uint32_t profile, const demand_view& demand, node_index n) const noexcept {
        return cluster_->healthy_gpus(n) & cluster_->ledger().fitting_gpus(demand, n) & gpus_with(profile, n);
    }
    [[nodiscard]] gpu_room room(std::uint32_t profile, node_index n, std::size_t i) const {
        const mig_board& board = boards_[board_of(n, i)]->board;
        const mig_profile_index p = *position(board_of(n, i), profile);
        const mig_profile& wanted = board.profiles()[p];
        const gpu_content now = content(n, i);
        if (!now.sound) return {};
        std::uint32_t memory = board.memory_slices();
        for (std::uint32_t used = now.layout.covered(); used != 0; used &= used - 1) --memory;
        gpu_room found;
        found.slices =
            now.layout.compute() + wanted.compute_slices <= board.compute_slices() && wanted.memory_slices <= memory;
        for (const std::uint32_t start : wanted.starts) found.free = found.free || now.layout.allows(board, {p, start});
        return found;
    }
    /// How often each profile of a board was asked for, and once more.
    [[nodiscard]] std::vector<double> shares(std::uint32_t b) const {
        std::vector<double> found;
        for (const mig_profile& p : boards_[b]->board.profiles())
            found.push_back(1.0 + static_cast<double>(asked_[*profiles_.find(p.name)]));
        return found;
    }

    const cluster* cluster_;
    const place_states* places_;
    std::vector<std::unique_ptr<known_board>> boards_;
    name_table profiles_;  // of all boards
    flat<std::uint64_t> asked_;
    flat<task_slice> tasks_;  // per position of a task
};

}  // namespace berth::inline v0::detail
