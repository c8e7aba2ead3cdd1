// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/model/fleet.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/detail/maximum_tree.hpp"
#include "berth/objective/detail/merged_changes.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

// Length: the loads of GPUs and the terms over them are chosen together.

namespace berth::inline v0 {

/// Customisation point: how much a task loads a GPU, `l(task, gpu)`, an integer in any unit. Const, deterministic, does
/// not allocate. Write one when loads differ from GPU to GPU, such as execution times or the demands of the generalised
/// assignment problem:
///
/// ```
/// const makespan longest{[&](task_index t, gpu_index g) { return milliseconds[t.value()] / speed[g.value()]; }};
/// ```
template <class L>
concept load_source = std::copy_constructible<L> && requires(const L& l, task_index t, gpu_index g) {
    { l(t, g) } -> std::convertible_to<amount>;
};

/// The share of a GPU that the task wants, in thousandths, the same on every GPU.
struct share_load {
    const berth::workload* tasks;  ///< outlives the objective

    /// The share.
    [[nodiscard]] amount operator()(task_index t, gpu_index) const noexcept { return tasks->demand(t).gpu[0]; }
};

/// A matrix of loads, a row for each task and a column for each GPU.
struct matrix_load {
    matrix_view<const amount> loads;  ///< outlives the objective

    /// The entry.
    [[nodiscard]] amount operator()(task_index t, gpu_index g) const noexcept { return loads(t.value(), g.value()); }
};

static_assert(load_source<share_load> && load_source<matrix_load>);

/// The load of every GPU under an assignment, for states of terms of your own over loads.
template <load_source Load>
class gpu_loads {
public:
    /// The loads of an assignment. O(tasks + GPUs).
    gpu_loads(const Load& load, const problem& p, std::span<const slot> start) : load_{load}, machines_{&p.fleet()} {
        loads_.resize(machines_->gpu_count(), 0);
        for (std::size_t t = 0; t < start.size(); ++t) {
            const task_move arrival{task_index{t}, unplaced, start[t]};
            each(arrival, [this](std::size_t g, amount change) { loads_[g] += change; });
        }
    }
    /// Number of GPUs.
    [[nodiscard]] std::size_t size() const noexcept { return loads_.size(); }
    /// The load of one GPU.
    [[nodiscard]] amount operator[](std::size_t g) const noexcept { return loads_[g]; }
    /// The loads of all GPUs.
    [[nodiscard]] const detail::flat<amount>& loads() const noexcept { return loads_; }
    /// Changes the load of one GPU.
    void add(std::size_t g, amount change) noexcept { loads_[g] += change; }

    /// `f(gpu, change)` for every GPU whose load one move changes, each once.
    template <class F>
    void each(const task_move& r, const F& f) const {
        const detail::gpus_touched gpus{r};
        for (gpu_mask rest = gpus.left; rest != 0; rest &= rest - 1) {
            const gpu_index g = machines_->gpu(r.from.node, lowest_gpu(rest));
            f(g.value(), -static_cast<amount>(load_(r.task, g)));
        }
        for (gpu_mask rest = gpus.taken; rest != 0; rest &= rest - 1) {
            const gpu_index g = machines_->gpu(r.to.node, lowest_gpu(rest));
            f(g.value(), static_cast<amount>(load_(r.task, g)));
        }
    }
    /// The same for a move between two GPUs.
    template <class F>
    void each(const gpu_move& r, const F& f) const {
        f(r.from.value(), -static_cast<amount>(load_(r.task, r.from)));
        f(r.to.value(), static_cast<amount>(load_(r.task, r.to)));
    }
    /// `f(gpu, change)` for every GPU whose load the moves together change, each once. O(GPUs of the slots × moves).
    template <class F>
    void each(task_moves all, const F& f) const {
        detail::merged_changes(all, [this](const task_move& r, const auto& g) { this->each(r, g); }, f);
    }

private:
    Load load_;
    const fleet* machines_;
    detail::flat<amount> loads_;
};

/// The sum over all GPUs of `measure(gpu, load)`. The measures below make the usual terms; a lambda makes any other.
/// The sum of an integer measure is an integer, and exact. A delta is O(GPUs of the slots).
template <load_source Load, class Measure>
struct gpu_load_sum {
    Load load;        ///< a `load_source`
    Measure measure;  ///< a number of GPU and load

    /// The term in plans and in the self-check.
    [[nodiscard]] constexpr const char* name() const noexcept {
        if constexpr (requires { measure.name(); }) return measure.name();
        return "sum over GPU loads";
    }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const gpu_load_sum& term, const problem& p, std::span<const slot> start)
            : measure_{term.measure}, loads_{term.load, p, start} {
            for (std::size_t g = 0; g < loads_.size(); ++g) value_ += of(g, loads_[g]);
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(value_); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            sum change = 0;
            loads_.each(all, [&](std::size_t g, amount more) { change += of(g, loads_[g] + more) - of(g, loads_[g]); });
            return static_cast<double>(change);
        }
        /// The same for one move between two GPUs.
        [[nodiscard]] double delta(const gpu_move& r) const {
            sum change = 0;
            loads_.each(r, [&](std::size_t g, amount more) { change += of(g, loads_[g] + more) - of(g, loads_[g]); });
            return static_cast<double>(change);
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            loads_.each(all, [this](std::size_t g, amount more) {
                value_ += of(g, loads_[g] + more) - of(g, loads_[g]);
                loads_.add(g, more);
            });
        }

    private:
        using sum =
            std::conditional_t<std::integral<std::invoke_result_t<const Measure&, gpu_index, amount>>, amount, double>;

        [[nodiscard]] sum of(std::size_t g, amount carried) const {
            return static_cast<sum>(measure_(gpu_index{g}, carried));
        }

        Measure measure_;
        gpu_loads<Load> loads_;
        sum value_ = 0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {*this, p, start}; }
};
template <class Load, class Measure>
gpu_load_sum(Load, Measure) -> gpu_load_sum<Load, Measure>;

/// The load beyond a limit. With capacities as limits: the violation of the generalised assignment problem, 0 if and
/// only if the assignment is feasible. With lower limits: the load over a safety level.
struct over_limit {
    std::span<const amount> limits;  ///< per GPU; outlives the objective

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load over limit"; }
    /// The excess, never negative.
    [[nodiscard]] amount operator()(gpu_index g, amount load) const noexcept {
        const amount over = load - limits[g.value()];
        return over > 0 ? over : 0;
    }
};

/// (load / unit)^p, a smooth approximation of the makespan: the higher p, the closer.
struct load_to_power {
    unsigned power = 2;    ///< p
    double unit = 1000.0;  ///< the load that counts as 1; above 0

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load to a power"; }
    /// The power.
    [[nodiscard]] double operator()(gpu_index, amount load) const noexcept {
        const double x = static_cast<double>(load) / unit;
        double product = 1.0;
        for (unsigned i = 0; i < power; ++i) product *= x;
        return product;
    }
};

/// The variance of the GPUs' loads. A delta is O(GPUs of the slots).
template <load_source Load>
struct load_variance {
    Load load;  ///< a `load_source`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load variance"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const Load& load, const problem& p, std::span<const slot> start) : loads_{load, p, start} {
            for (std::size_t g = 0; g < loads_.size(); ++g) {
                sum_ += static_cast<double>(loads_[g]);
                squares_ += square(loads_[g]);
            }
        }
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return of(sum_, squares_); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            double sum = sum_;
            double squares = squares_;
            loads_.each(all, [&](std::size_t g, amount more) {
                sum += static_cast<double>(more);
                squares += square(loads_[g] + more) - square(loads_[g]);
            });
            return of(sum, squares) - value();
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            loads_.each(all, [this](std::size_t g, amount more) {
                sum_ += static_cast<double>(more);
                squares_ += square(loads_[g] + more) - square(loads_[g]);
                loads_.add(g, more);
            });
        }

    private:
        [[nodiscard]] static double square(amount x) noexcept {
            return static_cast<double>(x) * static_cast<double>(x);
        }
        [[nodiscard]] double of(double sum, double squares) const noexcept {
            const auto n = static_cast<double>(loads_.size() == 0 ? 1 : loads_.size());
            return squares / n - (sum / n) * (sum / n);
        }

        gpu_loads<Load> loads_;
        double sum_ = 0.0;
        double squares_ = 0.0;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {load, p, start}; }
};
template <class Load>
load_variance(Load) -> load_variance<Load>;

/// The highest load of any GPU (R||Cmax when the load is the execution time). A delta that raises the makespan, or
/// touches no GPU that attains it, is O(GPUs of the slots); one that lowers it searches a tree, O(log GPUs) in the
/// usual case.
template <load_source Load>
struct makespan {
    Load load;  ///< a `load_source`

    /// The term in plans and in the self-check.
    [[nodiscard]] static constexpr const char* name() noexcept { return "makespan"; }

    /// The state of a run, see `term_state`.
    class state {
    public:
        /// Made by `prepare`.
        state(const Load& load, const problem& p, std::span<const slot> start)
            : loads_{load, p, start}, highest_{loads_.loads()} {}
        /// Over the assignment as it stands. O(1).
        [[nodiscard]] double value() const noexcept { return static_cast<double>(highest_.top()); }
        /// The change of the value if these moves happened at once.
        [[nodiscard]] double delta(task_moves all) const {
            amount after = 0;
            bool lowers = false;
            loads_.each(all, [&](std::size_t g, amount more) {
                after = highest_.higher(after, loads_[g] + more);
                lowers = lowers || loads_[g] == highest_.top();
            });
            if (after < highest_.top()) {
                const auto touched = [&](std::size_t g) {
                    bool found = false;
                    for (const task_move& r : all) {
                        loads_.each(r, [&](std::size_t other, amount) { found = found || other == g; });
                    }
                    return found;
                };
                after = lowers ? highest_.top_without(after, touched) : highest_.top();
            }
            return static_cast<double>(after - highest_.top());
        }
        /// Carries the moves out.
        void apply(task_moves all) {
            loads_.each(all, [this](std::size_t g, amount more) {
                loads_.add(g, more);
                highest_.set(g, loads_[g]);
            });
        }

    private:
        gpu_loads<Load> loads_;
        detail::maximum_tree<amount> highest_;
    };
    /// The state of a run that starts with this assignment; allocates all its memory here. O(tasks + fleet).
    [[nodiscard]] state prepare(const problem& p, std::span<const slot> start) const { return {load, p, start}; }
};
template <class Load>
makespan(Load) -> makespan<Load>;

}  // namespace berth::inline v0
