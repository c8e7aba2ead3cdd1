// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/detail/gang_budget.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace berth::inline v0::detail {

/// Tasks of a gang with equal demand.
struct gang_kind {
    demand_view demand;
    std::size_t first = 0;  ///< position of the first of them in the order of the gang
    std::size_t count = 0;
};

/// The GPUs of one node, and whether some tasks fit on them together: found or proven absent, by trying all
/// combinations of GPUs that differ. Health, models and counters count; the node's own counters are the caller's.
class gang_node {
public:
    /// @param members  one kind per task, in the order in which they are tried
    struct tasks {
        const gang_kind* kinds;
        const flat<std::size_t>* members;
    };

    template <class Ledger>
    [[gnu::cold]] void load(const Ledger& ledger, node_index n) {
        const auto& fleet = ledger.fleet();
        gpus_ = fleet.gpu_count(n);
        healthy_ = fleet.healthy_gpus(n);
        counters_ = fleet.schema().gpu.size();
        left_.clear();
        model_.clear();
        for (std::size_t g = 0; g < gpus_; ++g) {
            left_.append(ledger.free(fleet.gpu(n, g)));
            model_.push_back(static_cast<std::uint8_t>(fleet.model(fleet.gpu(n, g)).value()));
        }
    }

    /// Calls `leaf()` for combinations until one returns true. `gpus(i)` are then those of the i-th task.
    ///
    /// @param count_only  every leaf returns true: combinations that leave the same GPUs as one that failed are skipped
    /// @param alike       combinations that differ only in which of equal GPUs they use are tried once
    /// @return false if none did, or if the budget ran out
    template <class Leaf>
    [[nodiscard, gnu::cold]] bool pack(const tasks& all, bool count_only, bool alike, gang_budget& budget,
                                       const Leaf& leaf) {
        chosen_.assign(all.members->size(), 0);
        remember_ = count_only && all.members->size() > 2;
        alike_ = alike;
        failed_ = name_table{};
        return place_from(all, 0, budget, leaf);
    }
    [[nodiscard]] gpu_mask gpus(std::size_t task) const noexcept { return chosen_[task]; }

    /// The most tasks of one kind that fit on the GPUs of the node at once, at most `most`; exact unless its GPUs have
    /// to be of one model.
    ///
    /// @param per_gpu  the most that is counted on one GPU
    /// @param slots    receives how often the demand fits on all GPUs together
    [[nodiscard, gnu::cold]] std::size_t copies(const demand_view& demand, std::size_t most, std::size_t per_gpu,
                                                std::size_t& slots) const noexcept {
        slots = 0;
        if (demand.gpus == 0) return most;
        std::size_t room[max_gpus_per_node];
        for (std::size_t g = 0; g < gpus_; ++g) {
            room[g] = accepts(demand, g) ? times(demand.gpu.data(), left(g), counters_, per_gpu) : 0;
            slots += room[g];
        }
        // Tasks on distinct GPUs each: m of them fit exactly if the GPUs take m or fewer of each offer enough.
        for (std::size_t m = slots / demand.gpus < most ? slots / demand.gpus : most; m > 0; --m) {
            std::size_t usable = 0;
            for (std::size_t g = 0; g < gpus_; ++g) usable += room[g] < m ? room[g] : m;
            if (usable >= m * demand.gpus) return m;
        }
        return 0;
    }
    /// How often the demand goes into what is left, at most `most`.
    [[nodiscard, gnu::cold]] static std::size_t times(const amount* wanted, const amount* left, std::size_t counters,
                                                      std::size_t most) noexcept {
        for (std::size_t r = 0; r < counters; ++r) {
            if (left[r] < wanted[r]) return 0;
            if (wanted[r] == 0 || left[r] == max_amount) continue;
            const auto fits = static_cast<std::size_t>(left[r] / wanted[r]);
            if (fits < most) most = fits;
        }
        return most;
    }
    /// True if the demand accepts the GPU and it is healthy.
    [[nodiscard]] bool accepts(const demand_view& demand, std::size_t gpu) const noexcept {
        return (healthy_ >> gpu & 1U) != 0 && (demand.accepted_models >> model_[gpu] & 1U) != 0;
    }
    [[nodiscard]] std::size_t gpu_count() const noexcept { return gpus_; }
    /// Free amounts of one GPU.
    [[nodiscard]] const amount* left(std::size_t gpu) const noexcept { return left_.data() + gpu * counters_; }
    /// Appends what distinguishes the GPUs of this node from those of others.
    [[gnu::cold]] void append_state(std::string& key) const {
        for (std::size_t g = 0; g < gpus_; ++g) append_gpu(key, g);
    }

private:
    [[gnu::cold]] void append_gpu(std::string& key, std::size_t gpu) const {
        append_bytes(key, static_cast<std::uint64_t>(model_[gpu]) << 1U | (healthy_ >> gpu & 1U));
        for (std::size_t r = 0; r < counters_; ++r) append_bytes(key, left(gpu)[r]);
    }
    [[nodiscard]] bool equal(std::size_t a, std::size_t b) const noexcept {
        if (model_[a] != model_[b]) return false;
        for (std::size_t r = 0; r < counters_; ++r) {
            if (left(a)[r] != left(b)[r]) return false;
        }
        return true;
    }
    [[nodiscard]] bool fits(const demand_view& demand, std::size_t gpu) const noexcept {
        return accepts(demand, gpu) && times(demand.gpu.data(), left(gpu), counters_, 1) == 1;
    }
    void take(const demand_view& demand, gpu_mask gpus, amount sign) noexcept {
        for (; gpus != 0; gpus &= gpus - 1) {
            amount* const of = left_.data() + lowest_gpu(gpus) * counters_;
            for (std::size_t r = 0; r < counters_; ++r) {
                if (of[r] != max_amount) of[r] -= sign * demand.gpu[r];
            }
        }
    }

    template <class Leaf>
    [[nodiscard, gnu::cold]] bool place_from(const tasks& all, std::size_t i, gang_budget& budget, const Leaf& leaf) {
        if (i == all.members->size()) return leaf();
        if (!budget.spend()) return false;
        const demand_view& demand = all.kinds[(*all.members)[i]].demand;
        if (demand.gpus == 0) return place_from(all, i + 1, budget, leaf);
        if (remember_) {
            write_key(i);
            if (failed_.find(key_)) return false;
        }
        if (choose(all, i, {}, budget, leaf)) return true;
        if (remember_ && !budget.out()) {
            write_key(i);
            failed_.intern(key_);
        }
        return false;
    }
    /// The state that the tasks from `i` on find: the GPUs as a multiset.
    [[gnu::cold]] void write_key(std::size_t i) {
        std::size_t order[max_gpus_per_node];
        const auto before = [&](std::size_t a, std::size_t b) {
            if (model_[a] != model_[b]) return model_[a] < model_[b];
            for (std::size_t r = 0; r < counters_; ++r) {
                if (left(a)[r] != left(b)[r]) return left(a)[r] < left(b)[r];
            }
            return false;
        };
        for (std::size_t g = 0; g < gpus_; ++g) {
            std::size_t at = g;
            for (; at > 0 && before(g, order[at - 1]); --at) order[at] = order[at - 1];
            order[at] = g;
        }
        key_.clear();
        append_bytes(key_, i);
        for (std::size_t g = 0; g < gpus_; ++g) append_gpu(key_, order[g]);
    }

    /// The GPUs chosen for one task so far; the next ones come later in the order of free room, the least first.
    struct choice {
        gpu_mask chosen = 0;
        std::size_t count = 0;
        std::size_t last = max_gpus_per_node;  ///< none
    };
    [[nodiscard]] bool comes_after(std::size_t a, std::size_t b) const noexcept {
        if (b == max_gpus_per_node) return true;
        return left(a)[0] != left(b)[0] ? left(a)[0] > left(b)[0] : a > b;
    }
    template <class Leaf>
    [[nodiscard, gnu::cold]] bool choose(const tasks& all, std::size_t i, choice so_far, gang_budget& budget,
                                         const Leaf& leaf) {
        const demand_view& demand = all.kinds[(*all.members)[i]].demand;
        if (so_far.count == demand.gpus) {
            chosen_[i] = so_far.chosen;
            take(demand, so_far.chosen, +1);
            const bool found = place_from(all, i + 1, budget, leaf);
            take(demand, so_far.chosen, -1);
            return found;
        }
        for (;;) {
            std::size_t next = max_gpus_per_node;
            for (std::size_t g = 0; g < gpus_; ++g) {
                if ((so_far.chosen >> g & 1U) != 0 || !comes_after(g, so_far.last) || !fits(demand, g)) continue;
                if (next == max_gpus_per_node || comes_after(next, g)) next = g;
            }
            if (next == max_gpus_per_node) return false;
            so_far.last = next;
            if (alike_ && passed_over(demand, so_far.chosen, next)) continue;
            if (demand.same_model && so_far.count > 0 && model_[lowest_gpu(so_far.chosen)] != model_[next]) continue;
            if (choose(all, i, {so_far.chosen | gpu_mask{1} << next, so_far.count + 1, next}, budget, leaf))
                return true;
            if (budget.out()) return false;
        }
    }
    /// True if an equal GPU comes before this one and was not chosen: then the choice is a repetition.
    [[nodiscard]] bool passed_over(const demand_view& demand, gpu_mask chosen, std::size_t gpu) const noexcept {
        for (std::size_t g = 0; g < gpu; ++g) {
            if ((chosen >> g & 1U) == 0 && equal(g, gpu) && fits(demand, g)) return true;
        }
        return false;
    }

    std::size_t gpus_ = 0;
    std::size_t counters_ = 0;
    gpu_mask healthy_ = 0;
    flat<amount> left_;
    flat<std::uint8_t> model_;
    flat<gpu_mask> chosen_;
    bool remember_ = false;
    bool alike_ = true;
    name_table failed_;
    std::string key_;
};

}  // namespace berth::inline v0::detail
