// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/detail/gang_books.hpp"
#include "berth/allocate/greedy/detail/gang_budget.hpp"
#include "berth/allocate/greedy/detail/gang_packing.hpp"
#include "berth/allocate/greedy/gang.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Takes back whatever a gang has on the books, unless it is kept: after an attempt that failed and after an exception.
template <class Ledger>
class gang_hold {
public:
    gang_hold(gang_books<Ledger>& books, std::span<slot> slots) noexcept : books_{&books}, slots_{slots} {}
    gang_hold(const gang_hold&) = delete;
    gang_hold& operator=(const gang_hold&) = delete;
    ~gang_hold() {
        if (!kept_) release();
    }

    /// One by one, so that every score sees the node as it is after each removal.
    [[gnu::cold]] void release() {
        for (std::size_t i = slots_.size(); i-- > 0;) {
            if (!slots_[i].placed()) continue;
            books_->remove(i, slots_[i]);
            slots_[i] = unplaced;
        }
    }
    void keep() noexcept { kept_ = true; }

private:
    gang_books<Ledger>* books_;
    std::span<slot> slots_;
    bool kept_ = false;
};

/// Places a gang on the books, or nothing. In turn, each member in its best place: as listed, then the largest first;
/// then the search for another combination (`gang_packing`).
template <class Ledger>
class gang_search {
public:
    /// @param slots  one per member; all become unplaced first
    gang_search(gang_books<Ledger>& books, std::span<slot> slots, const gang_options& options)
        : books_{&books}, slots_{slots}, options_{options} {
        least_ = options.min_tasks == 0 || options.min_tasks > slots.size() ? slots.size() : options.min_tasks;
    }

    /// @param interrupted  asked now and then: true to give up the search
    template <class Interrupted>
    [[nodiscard]] gang_outcome run(const Interrupted& interrupted) {
        gang_budget budget{options_.max_steps, interrupted};
        return call_cold(search_within, *this, budget);
    }
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

private:
    [[gnu::cold]] static gang_outcome search_within(gang_search& search, gang_budget& budget) {
        return search.attempt(budget);
    }
    [[nodiscard, gnu::cold]] gang_outcome attempt(gang_budget& budget) {
        for (slot& where : slots_) where = unplaced;
        gang_hold<Ledger> hold{*books_, slots_};
        model_sets sets;
        sets.single = options_.same_model && wants_gpus();
        if (sets.single) sets.all = common_models() & options_.models;
        if (sets.single && (sets.all & (sets.all - 1)) != 0) sets.first = preferred_model(sets.all);
        const gang_outcome outcome = attempt_on(sets, hold, budget);
        if (outcome == gang_outcome::placed) hold.keep();
        steps_ = budget.used();
        return outcome;
    }

    /// Models of the GPUs that are used, one attempt after the other: each of `all` alone, `first` before the others,
    /// if the gang wants a `single` one.
    struct model_sets {
        std::uint64_t all = ~std::uint64_t{0};
        std::uint64_t first = 0;
        bool single = false;

        template <class Try>
        [[nodiscard]] bool any(const Try& attempt) const {
            if (!single || all == 0) return attempt(all);
            if (first != 0 && attempt(first)) return true;
            for (std::uint64_t rest = all & ~first; rest != 0; rest &= rest - 1) {
                if (attempt(rest & (~rest + 1))) return true;
            }
            return false;
        }
    };

    [[nodiscard, gnu::cold]] bool wants_gpus() const {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (books_->demand(i).gpus > 0) return true;
        }
        return false;
    }
    /// The models of the fleet that every member with GPUs accepts; that any accepts, if some may be left out.
    [[nodiscard, gnu::cold]] std::uint64_t common_models() const {
        const std::size_t models = books_->ledger().fleet().model_count();
        const std::uint64_t known = models < 64 ? (std::uint64_t{1} << models) - 1 : ~std::uint64_t{0};
        std::uint64_t by_all = known;
        std::uint64_t by_any = 0;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const demand_view demand = books_->demand(i);
            if (demand.gpus == 0) continue;
            by_all &= demand.accepted_models;
            by_any |= demand.accepted_models;
        }
        return least_ < slots_.size() ? by_any & known : by_all;
    }

    [[nodiscard, gnu::cold]] gang_outcome attempt_on(const model_sets& sets, gang_hold<Ledger>& hold,
                                                     gang_budget& budget) {
        flat<std::size_t> largest_first;
        bool differ = false;
        const auto whole = [&](std::uint64_t models) {
            if (in_turn(nullptr, models, slots_.size()) == slots_.size()) return true;
            hold.release();
            if (largest_first.empty()) {
                largest_first = gang_order(*books_);
                for (std::size_t i = 0; i < largest_first.size(); ++i) differ = differ || largest_first[i] != i;
            }
            if (!differ) return false;
            if (in_turn(largest_first.data(), models, slots_.size()) == slots_.size()) return true;
            hold.release();
            return false;
        };
        if (sets.any(whole)) return gang_outcome::placed;
        const auto part = [&](std::uint64_t models) {
            const std::size_t listed = in_turn(nullptr, models, least_);
            if (!differ && listed >= least_) return true;
            hold.release();
            const std::size_t sorted = differ ? in_turn(largest_first.data(), models, least_) : 0;
            if (sorted >= least_ && sorted > listed) return true;
            hold.release();
            return listed >= least_ && in_turn(nullptr, models, least_) >= least_;
        };
        if (least_ < slots_.size() && sets.any(part)) return gang_outcome::placed;
        if (options_.max_steps == 0) return gang_outcome::undecided;
        bool proven = true;
        const auto combined = [&](std::uint64_t models) {
            const gang_outcome outcome =
                gang_packing<Ledger>{*books_, slots_, models, slots_.size() - least_, budget}.run();
            proven = proven && outcome == gang_outcome::absent;
            if (outcome != gang_outcome::placed) return false;
            for (std::size_t i = 0; i < slots_.size(); ++i) {
                if (!slots_[i].placed()) slots_[i] = books_->place(i, models);
            }
            return true;
        };
        if (sets.any(combined)) return gang_outcome::placed;
        return proven ? gang_outcome::absent : gang_outcome::undecided;
    }

    /// Places each member in its best place in turn; stops once fewer than `wanted` can be placed.
    ///
    /// @param order  of the members; null: as listed
    /// @return the number of members that are placed
    [[nodiscard, gnu::cold]] std::size_t in_turn(const std::size_t* order, std::uint64_t models, std::size_t wanted) {
        std::size_t placed = 0;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const std::size_t member = order == nullptr ? i : order[i];
            slots_[member] = books_->place(member, models);
            placed += slots_[member].placed() ? 1U : 0U;
            if (placed + (slots_.size() - i - 1) < wanted) break;
        }
        return placed;
    }
    /// The model of the GPU that the first member with GPUs would get by itself.
    [[nodiscard, gnu::cold]] std::uint64_t preferred_model(std::uint64_t models) {
        const auto& fleet = books_->ledger().fleet();
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (books_->demand(i).gpus == 0) continue;
            slots_[i] = books_->place(i, models);
            if (!slots_[i].placed()) continue;
            const model_index model = fleet.model(fleet.gpu(slots_[i].node, lowest_gpu(slots_[i].gpus)));
            books_->remove(i, slots_[i]);
            slots_[i] = unplaced;
            return std::uint64_t{1} << model.value();
        }
        return 0;
    }

    gang_books<Ledger>* books_;
    std::span<slot> slots_;
    gang_options options_;
    std::size_t least_ = 0;
    std::uint64_t steps_ = 0;
};

}  // namespace berth::inline v0::detail
