// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/places.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// `Extent` values, or a number known at run time, so that loops over both are the same code.
template <class T, std::size_t Extent>
class row_of {
public:
    explicit row_of(std::size_t size) {
        if constexpr (Extent == std::dynamic_extent) values_.resize(size);
        BERTH_ASSERT(this->size() == size,
                     "berth: the fleet has another number of counters than the term's template argument");
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        if constexpr (Extent == std::dynamic_extent) return values_.size();
        return Extent;
    }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return values_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return values_[i]; }

private:
    std::conditional_t<Extent == std::dynamic_extent, flat<T>, std::array<T, Extent>> values_{};
};

/// Leaves moves unchanged.
struct as_they_are {
    [[nodiscard]] const task_move& operator()(const task_move& r) const noexcept {
        return r;  // NOLINT(bugprone-return-const-ref-from-parameter)
    }
};

/// The sum over places and columns of weight * max(0, x), for excess, load over safety and imbalance. Every x starts at
/// a value of its own and changes linearly with the demands of the place's tasks: by `column.change(demand, k)` for the
/// k-th column.
///
/// The state of a term. `View` rewrites moves before they count. All integers, exact while the sum of weights times
/// amounts stays below 2^63.
template <berth::counter_places Places, class Column, std::size_t Extent, class View = as_they_are>
class excess_rows {
public:
    /// `start(place, k)` is x of an empty fleet.
    template <class Start>
    excess_rows(const problem& p, const row_of<Column, Extent>& columns, const Start& start, View view = {})
        : problem_{p}, columns_{columns}, scratch_{columns.size()}, view_{std::move(view)} {
        const std::size_t places = Places::count(p.fleet());
        values_.reserve(places * columns_.size());
        for (std::size_t place = 0; place < places; ++place) {
            for (std::size_t k = 0; k < columns_.size(); ++k) {
                values_.push_back(start(place, k));
                total_ += cost(k, values_.back());
            }
        }
    }

    [[nodiscard]] double value() const noexcept { return static_cast<double>(total_); }
    [[nodiscard]] double delta(task_moves all) const {
        amount sum = 0;
        if (columns_.size() == 0) return 0.0;
        if (all.size() == 1) {
            const task_move& r = view_(all[0]);
            const amount* wanted = demand(r.task);
            Places::each(problem_.fleet(), r,
                         [&](std::size_t place, amount sign) { sum += change_at(place, wanted, sign); });
            return static_cast<double>(sum);
        }
        if (all.size() == 2) return static_cast<double>(change_of_two(all[0], all[1]));
        each_place(all, [&](std::size_t place) {
            const amount* x = values_.data() + place * columns_.size();
            for (std::size_t k = 0; k < columns_.size(); ++k) sum += cost(k, x[k] + scratch_[k]) - cost(k, x[k]);
        });
        return static_cast<double>(sum);
    }
    [[nodiscard]] double delta(const gpu_move& r) const
        requires(std::same_as<Places, on_gpus> && std::same_as<View, as_they_are>)
    {
        const amount* wanted = demand(r.task);
        return static_cast<double>(change_at(r.from.value(), wanted, -1) + change_at(r.to.value(), wanted, +1));
    }
    void apply(task_moves all) {
        for (const task_move& r : all) carry_out(view_(r));
    }
    /// Counts a move without the view.
    void carry_out(const task_move& r) {
        if (columns_.size() == 0) return;
        const amount* wanted = demand(r.task);
        Places::each(problem_.fleet(), r, [&](std::size_t place, amount sign) {
            total_ += change_at(place, wanted, sign);
            amount* x = values_.data() + place * columns_.size();
            for (std::size_t k = 0; k < columns_.size(); ++k) x[k] += sign * columns_[k].change(wanted, k);
        });
    }

private:
    [[nodiscard]] const amount* demand(task_index t) const noexcept {
        return Places::demand(problem_.workload().demand(t)).data();
    }
    [[nodiscard]] amount cost(std::size_t k, amount x) const noexcept {
        return columns_[k].weight() * (x > 0 ? x : amount{0});
    }
    [[nodiscard]] amount change_at(std::size_t place, const amount* wanted, amount sign) const noexcept {
        const amount* x = values_.data() + place * columns_.size();
        amount sum = 0;
        for (std::size_t k = 0; k < columns_.size(); ++k) {
            sum += cost(k, x[k] + sign * columns_[k].change(wanted, k)) - cost(k, x[k]);
        }
        return sum;
    }
    [[nodiscard]] amount change_of_two(const task_move& a, const task_move& b) const {
        const fleet& machines = problem_.fleet();
        const task_move& first = view_(a);
        const task_move& second = view_(b);
        const amount* wanted = demand(a.task);
        const amount* also = demand(b.task);
        const auto sign_in = [&](const task_move& r, std::size_t place) {
            amount sign = 0;
            Places::each(machines, r, [&](std::size_t other, amount one) { sign = other == place ? one : sign; });
            return sign;
        };
        amount sum = 0;
        Places::each(machines, first, [&](std::size_t place, amount sign) {
            const amount other = sign_in(second, place);
            const amount* x = values_.data() + place * columns_.size();
            for (std::size_t k = 0; k < columns_.size(); ++k) {
                const amount more = sign * columns_[k].change(wanted, k) + other * columns_[k].change(also, k);
                sum += cost(k, x[k] + more) - cost(k, x[k]);
            }
        });
        Places::each(machines, second, [&](std::size_t place, amount sign) {
            if (sign_in(first, place) == 0) sum += change_at(place, also, sign);
        });
        return sum;
    }
    /// `f(place)` for each place of several moves, once, with the sum of their changes there in the scratch row.
    template <class F>
    void each_place(task_moves all, const F& f) const {
        const fleet& machines = problem_.fleet();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const task_move& r = view_(all[i]);
            Places::each(machines, r, [&](std::size_t place, amount sign) {
                bool seen = false;
                for (std::size_t j = 0; j < i; ++j) {
                    Places::each(machines, view_(all[j]),
                                 [&](std::size_t other, amount) { seen = seen || other == place; });
                }
                if (seen) return;
                const amount* wanted = demand(r.task);
                for (std::size_t k = 0; k < columns_.size(); ++k) {
                    scratch_[k] = sign * columns_[k].change(wanted, k);
                }
                for (std::size_t j = i + 1; j < all.size(); ++j) {
                    Places::each(machines, view_(all[j]), [&](std::size_t other, amount more) {
                        if (other != place) return;
                        const amount* also = demand(all[j].task);
                        for (std::size_t k = 0; k < columns_.size(); ++k) {
                            scratch_[k] += more * columns_[k].change(also, k);
                        }
                    });
                }
                f(place);
            });
        }
    }

    problem problem_;
    row_of<Column, Extent> columns_;
    mutable row_of<amount, Extent> scratch_;
    View view_;
    flat<amount> values_;  // x, place by place
    amount total_ = 0;
};

}  // namespace berth::inline v0::detail
