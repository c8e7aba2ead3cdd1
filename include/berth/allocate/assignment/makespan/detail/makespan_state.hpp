// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_load.hpp"
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: a state, the moves that change it, and the lists that they draw from.

namespace berth::inline v0::detail {

/// The search state of `makespan_search`: loads and GPUs of tasks on the way to a target. Its value tells only whether
/// some GPU carries more than that; the best is the assignment of least makespan.
template <load_source Load>
class makespan_state {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct place {
        std::uint32_t gpu = none;
        amount load = 0;
    };

    makespan_state(const makespan_problem<Load>& p, std::size_t candidates, std::span<const gpu_index> start)
        : problem_{&p}, width_{candidates < p.gpus ? candidates : p.gpus}, loads_(p.gpus, 0) {
        BERTH_ASSERT(p.gpus > 0 || p.tasks == 0, "berth: a makespan problem with tasks has a GPU");
        weigh_forbidden();
        make_lists();
        begin(start);
    }

    /// The next target, below the best makespan.
    void aim(amount target) {
        target_ = target;
        excess_ = 0;
        for (const amount one : loads_) excess_ += over(one);
    }
    /// True when no GPU carries more than the target.
    [[nodiscard]] bool attained() const noexcept { return excess_ == 0; }
    [[nodiscard]] amount makespan() const noexcept { return makespan_; }
    [[nodiscard]] gpu_assignment& best() noexcept { return best_; }
    /// By how much the load of a task rises from its best GPU to the next but one, on average: a scale of temperatures.
    [[nodiscard]] double unit() const noexcept { return unit_; }

    // See `search_state`.
    [[nodiscard]] bool value() const noexcept { return excess_ > 0; }
    [[nodiscard]] bool done() const noexcept { return attained(); }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    void keep() {
        makespan_ = highest(loads_);
        best_.resize(problem_->tasks);
        for (std::size_t t = 0; t < problem_->tasks; ++t) best_[t] = gpu_index{at_[t].gpu};
    }
    void restore() {
        loads_.assign(problem_->gpus, 0);
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            const std::size_t g = best_[t].value();
            at_[t] = {static_cast<std::uint32_t>(g), load(t, g)};
            loads_[g] += at_[t].load;
        }
        aim(target_);
    }

    [[nodiscard]] std::size_t tasks() const noexcept { return problem_->tasks; }
    [[nodiscard]] std::size_t gpus() const noexcept { return problem_->gpus; }
    [[nodiscard]] const place& at(std::size_t t) const noexcept { return at_[t]; }
    [[nodiscard]] place on(std::size_t t, std::uint32_t gpu) const { return {gpu, load(t, gpu)}; }
    /// A GPU of the task's candidate list.
    [[nodiscard]] const place& candidate(std::size_t t, xoshiro256& random) const noexcept {
        return lists_[t * width_ + bounded(random, static_cast<std::uint32_t>(width_))];
    }
    void count_evaluation() noexcept { ++evaluations_; }
    /// By how much the excess grows if a GPU carries that much more.
    [[nodiscard]] amount excess_of(std::uint32_t gpu, amount more) const noexcept {
        return over(loads_[gpu] + more) - over(loads_[gpu]);
    }
    /// Moves a task.
    void put(std::size_t t, const place& to) noexcept {
        const place from = at_[t];
        excess_ += excess_of(from.gpu, -from.load);
        loads_[from.gpu] -= from.load;
        excess_ += excess_of(to.gpu, to.load);
        loads_[to.gpu] += to.load;
        at_[t] = to;
    }

private:
    [[nodiscard]] amount over(amount carried) const noexcept { return carried > target_ ? carried - target_ : 0; }

    /// The better of greedy and the start.
    void begin(std::span<const gpu_index> start) {
        at_.resize(problem_->tasks);
        fill_gaps(at_, loads_);
        if (!start.empty()) {
            detail::flat<place> given;
            detail::flat<amount> carried(problem_->gpus, 0);
            for (std::size_t t = 0; t < problem_->tasks; ++t) {
                given.push_back({});
                if (t >= start.size() || !start[t].valid() || start[t].value() >= problem_->gpus) continue;
                given[t] = {static_cast<std::uint32_t>(start[t].value()), load(t, start[t].value())};
                carried[start[t].value()] += given[t].load;
            }
            fill_gaps(given, carried);
            if (highest(carried) <= highest(loads_)) {
                at_.swap(given);
                loads_.swap(carried);
            }
        }
        keep();
    }

    /// Puts each task without a GPU where the makespan so far rises least.
    void fill_gaps(detail::flat<place>& places, detail::flat<amount>& carried) const {
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            if (places[t].gpu != none) continue;
            std::size_t best = 0;
            amount least = std::numeric_limits<amount>::max();
            for (std::size_t g = 0; g < problem_->gpus; ++g) {
                const amount after = carried[g] + load(t, g);
                if (after >= least) continue;
                least = after;
                best = g;
            }
            carried[best] = least;
            places[t] = {static_cast<std::uint32_t>(best), load(t, best)};
        }
    }

    [[nodiscard]] amount load(std::size_t t, std::size_t g) const {
        const amount one = makespan_load(problem_->load(task_index{t}, gpu_index{g}));
        return one < problem_->forbidden ? one : heavy_;
    }
    /// What a forbidden pair counts: more than any assignment without one, and so little that sums do not overflow.
    void weigh_forbidden() {
        heavy_ = problem_->forbidden;
        if (heavy_ <= (amount{1} << 61U) / static_cast<amount>(problem_->tasks + 1)) return;
        amount most = 1;
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            amount largest = 0;
            for (std::size_t g = 0; g < problem_->gpus; ++g) {
                const amount one = makespan_load(problem_->load(task_index{t}, gpu_index{g}));
                if (one < problem_->forbidden) largest = largest < one ? one : largest;
            }
            most += largest;
        }
        heavy_ = most < heavy_ ? most : heavy_;
    }
    [[nodiscard]] static amount highest(const detail::flat<amount>& loads) noexcept {
        amount most = 0;
        for (const amount one : loads) most = most < one ? one : most;
        return most;
    }
    /// Each task's GPUs of least load. Ties start at the task's own position, so that tasks with equal loads spread.
    void make_lists() {
        lists_.resize(problem_->tasks * width_);
        double above = 0.0;
        double all = 0.0;
        for (std::size_t t = 0; t < problem_->tasks; ++t) {
            place* list = lists_.data() + t * width_;
            std::size_t size = 0;
            for (std::size_t i = 0; i < problem_->gpus; ++i) {
                const std::size_t g = (t + i) % problem_->gpus;
                const amount here = load(t, g);
                if (here >= heavy_) continue;
                if (size == width_ && (width_ == 0 || here >= list[size - 1].load)) continue;
                std::size_t at = size < width_ ? size++ : size - 1;
                for (; at > 0 && here < list[at - 1].load; --at) list[at] = list[at - 1];
                list[at] = {static_cast<std::uint32_t>(g), here};
            }
            if (size == 0 && width_ > 0) {
                const std::size_t g = t % problem_->gpus;
                list[size++] = {static_cast<std::uint32_t>(g), load(t, g)};
            }
            for (std::size_t i = size; i < width_; ++i) list[i] = list[i % size];  // where few GPUs are allowed
            all += size > 0 ? static_cast<double>(list[0].load) : 0.0;
            above += size > 1 ? static_cast<double>(list[size > 2 ? 2 : 1].load - list[0].load) : 0.0;
        }
        const double tasks = problem_->tasks > 0 ? static_cast<double>(problem_->tasks) : 1.0;
        unit_ = above > 0.05 * all ? 0.5 * above / tasks : 0.05 * all / tasks;
        unit_ = unit_ > 0.0 ? unit_ : 1.0;
    }

    const makespan_problem<Load>* problem_;
    std::size_t width_;
    detail::flat<place> lists_;
    detail::flat<place> at_;
    detail::flat<amount> loads_;
    gpu_assignment best_;
    amount makespan_ = 0;
    amount target_ = 0;
    amount excess_ = 0;
    double unit_ = 1.0;
    amount heavy_ = 0;  // of a forbidden pair
    std::uint64_t evaluations_ = 0;
};

/// The moves of `makespan_search`: a task to a GPU of its candidate list, now and then to any, or in exchange with
/// another. The delta is that of the load in total, plus a penalty for load beyond the target.
template <load_source Load>
struct makespan_moves {
    using state = makespan_state<Load>;
    using place = typename state::place;

    /// See `search_moves`.
    template <class Acceptor>
    [[nodiscard]] bool step(state& s, Acceptor& acceptor) const {
        constexpr double penalty = 4.0;
        xoshiro256& random = acceptor.random();
        s.count_evaluation();
        const std::uint32_t t = bounded(random, static_cast<std::uint32_t>(s.tasks()));
        const std::uint32_t kind = bounded(random, 16);
        const place from = s.at(t);
        if (kind == 0) {
            const std::uint32_t other = bounded(random, static_cast<std::uint32_t>(s.tasks()));
            const place with = s.at(other);
            if (from.gpu == with.gpu) return false;
            const place there = s.on(t, with.gpu);
            const place here = s.on(other, from.gpu);
            const amount more =
                s.excess_of(from.gpu, here.load - from.load) + s.excess_of(with.gpu, there.load - with.load);
            const amount carried = here.load + there.load - from.load - with.load;
            if (!acceptor.accepts(static_cast<double>(carried) + penalty * static_cast<double>(more))) return false;
            s.put(t, there);
            s.put(other, here);
            return true;
        }
        const place to =
            kind == 1 ? s.on(t, bounded(random, static_cast<std::uint32_t>(s.gpus()))) : s.candidate(t, random);
        if (to.gpu == from.gpu) return false;
        const amount more = s.excess_of(from.gpu, -from.load) + s.excess_of(to.gpu, to.load);
        const amount carried = to.load - from.load;
        if (!acceptor.accepts(static_cast<double>(carried) + penalty * static_cast<double>(more))) return false;
        s.put(t, to);
        return true;
    }
};

}  // namespace berth::inline v0::detail
