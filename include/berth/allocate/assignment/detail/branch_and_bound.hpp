// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/assignment_domain.hpp"
#include "berth/allocate/assignment/detail/cost_grid.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/detail/priced_construction.hpp"
#include "berth/allocate/assignment/detail/reward_bound.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

// Length: node, bound, branching and repair all work on the rewards and the domain of the current node.

namespace berth::inline v0::detail {

struct tree_options {
    std::size_t max_root_iterations;
    std::size_t max_node_iterations;
    std::size_t width;
    std::uint64_t seed;
    std::size_t root_rounds = 4;  ///< of pricing and forbidding, 1 or more
    double keep_within = 1.0;     ///< see `ceiling`; `dive` sets this and the ones below
    std::uint64_t max_nodes = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t guess_every = 1;  ///< nodes between two repairs of the relaxed answer; 0: never
    std::uint64_t mend_every = 0;   ///< dead ends between two repairs of their partial answer; 0: never
    double place_share = 0.0;       ///< share of the open tasks beyond 100 that every node places, without proof
};

/// Depth-first branch and bound on the GPU of one task at a time: the state of a run of `exact` or `dive`.
class branch_and_bound {
public:
    branch_and_bound(const priced_problem& p, const tree_options& options, assignment_plan start)
        : p_{p},
          options_{options},
          best_{std::move(start)},
          grid_{p},
          cutoff_{grid_.cutoff(best_)},
          domain_{p},
          bound_{p, options.width, grid_.costs()},
          repairer_{p},
          random_{options.seed},
          rewards_(p.tasks(), 0.0),
          trial_(p.tasks(), 0.0),
          guess_(p.tasks()) {
        for (std::size_t t = 0; t < p.tasks(); ++t) {
            double lowest = std::numeric_limits<double>::infinity();
            for (std::size_t g = 0; g < p.gpus(); ++g) {
                if (p.load(t, g) > p.capacities()[g]) continue;
                const double reduced = grid_.cost(t, g) + p.price(g) * static_cast<double>(p.load(t, g));
                lowest = std::min(lowest, reduced);
            }
            rewards_[t] = grid_.reward(lowest);
        }
    }

    /// Restricts the tree to pairs with `allowed(task, gpu)` and those of the start, without proof then. To call before
    /// `run`.
    template <class Allowed>
    void restrict_to(const Allowed& allowed) {
        for (std::size_t t = 0; t < p_.tasks(); ++t) {
            for (std::size_t g = 0; g < p_.gpus(); ++g) {
                if (!allowed(t, g) && best_.gpu_of[t].value() != g) domain_.forbid(t, g);
            }
        }
    }
    /// Sets the first rewards, one for each task; default: the least reduced costs. To call before `run`.
    void begin_with(std::span<const double> rewards) {
        for (std::size_t t = 0; t < p_.tasks(); ++t) rewards_[t] = grid_.reward(rewards[t] - grid_.cheapest(t));
    }
    /// The rewards of the root; empty until the root has been branched on.
    [[nodiscard]] std::span<const double> root_rewards() const noexcept { return root_rewards_.view(); }

    /// @param check     `check(evaluations)` returns the reason to end, or `completed`
    /// @param improved  called at every better plan
    template <class Check, class Improved>
    void run(const Check& check, const Improved& improved) {
        poller poll{[&](bool between_rounds) { return check(between_rounds ? evaluations_ : 0); }};
        known_ = p_.meets_bound(best_) ? std::numeric_limits<double>::infinity() : grid_.known();
        if (known_ >= cutoff()) return;
        if (!open_node(options_.max_root_iterations, poll, improved)) {
            stopped_ = poll.reason();
            known_ = stopped_ == stop_reason::completed ? cutoff() : std::max(known_, node_bound_);
            return;
        }
        root_rewards_.assign(rewards_.size(), 0.0);
        for (std::size_t t = 0; t < p_.tasks(); ++t) root_rewards_[t] = saved_rewards_[t] + grid_.cheapest(t);
        while (!frames_.empty() && nodes_ < options_.max_nodes) {
            frame& top = frames_.back();
            domain_.undo(top.mark);
            if (top.next == top.end || children_[top.next].bound >= cutoff()) {
                children_.resize(top.begin);
                saved_rewards_.resize(saved_rewards_.size() - p_.tasks());
                frames_.pop_back();
                continue;
            }
            const child taken = children_[top.next++];
            domain_.place(top.task, taken.gpu);
            const double* parent = saved_rewards_.data() + (frames_.size() - 1) * p_.tasks();
            std::copy(parent, parent + p_.tasks(), rewards_.begin());
            node_bound_ = taken.bound;
            const std::size_t depth = frames_.size();
            if (!open_node(options_.max_node_iterations, poll, improved) && poll.reason() != stop_reason::completed) {
                stopped_ = poll.reason();
                known_ = std::max(known_, open_bound(depth, taken.bound));
                return;
            }
        }
        if (frames_.empty()) known_ = cutoff();
        stopped_ = stop_reason::completed;
    }

    [[nodiscard]] const assignment_plan& best() const noexcept { return best_; }
    [[nodiscard]] stop_reason stopped() const noexcept { return stopped_; }
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t nodes() const noexcept { return nodes_; }
    /// No feasible assignment costs less: the best cost itself if that is proven optimal, +inf if no assignment is
    /// feasible.
    [[nodiscard]] double lower_bound() const noexcept {
        if (known_ >= cutoff()) return best_.feasible() ? best_.cost : std::numeric_limits<double>::infinity();
        return p_.claimed_bound(best_, std::max(p_.bound().rounded, grid_.problem_bound(known_)));
    }

private:
    static constexpr std::size_t many_tasks = 100;
    static constexpr std::size_t tree_rounds = 4;  // at nodes other than the root

    struct child {
        double bound;
        std::uint32_t gpu;
    };
    /// The bounds of a task's two best choices.
    struct regret_of {
        double first;
        double second;
        std::uint32_t task;
        std::uint32_t gpu;
    };
    struct frame {
        std::size_t mark;
        std::size_t task;
        std::size_t begin;
        std::size_t next;
        std::size_t end;
    };

    /// A node with this bound contains no plan better than the best.
    [[nodiscard]] double cutoff() const noexcept { return cutoff_; }
    /// Pairs with a higher bound are forbidden. Below `cutoff` without proof: a good plan spreads the gap over many
    /// pairs.
    [[nodiscard]] double ceiling() const noexcept {
        if (options_.keep_within >= 1.0) return cutoff();
        return node_bound_ + options_.keep_within * (cutoff() - node_bound_);
    }
    [[nodiscard]] double open_bound(std::size_t depth, double current) const noexcept {
        double lowest = current;
        for (std::size_t f = 0; f < depth; ++f) {
            if (frames_[f].next < frames_[f].end) lowest = std::min(lowest, children_[frames_[f].next].bound);
        }
        return lowest;
    }

    /// Prices the node, forbids pairs that cannot be in a better plan, and pushes a frame of children; false if there
    /// are none.
    template <class Poller, class Improved>
    [[nodiscard]] bool open_node(std::size_t iterations, Poller& poll, const Improved& improved) {
        ++nodes_;
        bool enough = false;
        const std::size_t rounds = frames_.empty() ? options_.root_rounds : tree_rounds;
        for (std::size_t round = 0;; ++round) {
            if (!domain_.settle()) return dead_end(poll, improved);
            if (domain_.complete()) {
                for (std::size_t t = 0; t < p_.tasks(); ++t) guess_[t] = gpu_index{domain_.gpu_of(t)};
                offer(guess_, improved);
                return false;
            }
            if (enough) break;
            bound_.read(domain_);
            if (!price(iterations, poll, improved)) return false;
            if (round == 0 && options_.guess_every > 0 && nodes_ % options_.guess_every == 0) guess(poll, improved);
            if (!bound_.look_through(domain_, rewards_.data(), poll)) return false;
            evaluations_ += p_.tasks() * p_.gpus();
            std::size_t forbidden = 0;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                if (domain_.gpu_of(t) != assignment_domain::none) continue;
                for (std::size_t g = 0; g < p_.gpus(); ++g) {
                    if (!domain_.allowed(t, g) || bound_.through(t, g) < ceiling()) continue;
                    domain_.forbid(t, g);
                    ++forbidden;
                }
                if (domain_.choices(t) == 0) return dead_end(poll, improved);
            }
            enough = forbidden * 8 < p_.tasks() || round + 1 >= rounds;
        }
        branch();
        return true;
    }

    /// Branches on the task whose second choice has the highest bound; places the following ones on their first choice
    /// (`place_share`).
    void branch() {
        ranked_.clear();
        for (std::size_t t = 0; t < p_.tasks(); ++t) {
            if (domain_.gpu_of(t) != assignment_domain::none) continue;
            regret_of r{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
                        static_cast<std::uint32_t>(t), 0};
            for (std::size_t g = 0; g < p_.gpus(); ++g) {
                if (!domain_.allowed(t, g)) continue;
                const double value = bound_.through(t, g);
                r.second = std::min(r.second, std::max(r.first, value));
                if (value < r.first) r.gpu = static_cast<std::uint32_t>(g);
                r.first = std::min(r.first, value);
            }
            ranked_.push_back(r);
        }
        const auto sooner = [](const regret_of& a, const regret_of& b) {
            return a.second != b.second ? a.second > b.second : a.task < b.task;
        };
        const std::size_t open = ranked_.size();
        const auto extra = static_cast<std::size_t>(
            open > many_tasks ? options_.place_share * static_cast<double>(open - many_tasks) : 0.0);
        std::partial_sort(ranked_.begin(), ranked_.begin() + extra + 1, ranked_.end(), sooner);
        for (std::size_t i = 1; i <= extra; ++i) {
            const regret_of& r = ranked_[i];
            if (p_.load(r.task, r.gpu) <= domain_.room(r.gpu)) domain_.place(r.task, r.gpu);
        }
        const std::size_t task = ranked_[0].task;
        frame next{domain_.mark(), task, children_.size(), children_.size(), 0};
        for (std::size_t g = 0; g < p_.gpus(); ++g) {
            if (!domain_.allowed(task, g) || p_.load(task, g) > domain_.room(g)) continue;
            children_.push_back({std::max(node_bound_, bound_.through(task, g)), static_cast<std::uint32_t>(g)});
        }
        next.end = children_.size();
        std::sort(children_.begin() + next.begin, children_.end(), [](const child& a, const child& b) {
            return a.bound != b.bound ? a.bound < b.bound : a.gpu < b.gpu;
        });
        frames_.push_back(next);
        saved_rewards_.append(rewards_.view());
    }

    /// Subgradient steps on the present rewards; false if the node is closed or the poller ends the run.
    template <class Poller, class Improved>
    [[nodiscard]] bool price(std::size_t iterations, Poller& poll, const Improved& improved) {
        std::copy(rewards_.begin(), rewards_.end(), trial_.begin());
        double best = -std::numeric_limits<double>::infinity();
        double factor = 1.0;
        std::size_t stale = 0;
        for (std::size_t i = 0; i < iterations; ++i) {
            if (!poll.next_round()) return false;
            const double value = bound_.evaluate(domain_, trial_.data(), poll);
            if (poll.reason() != stop_reason::completed) return false;
            evaluations_ += p_.tasks() * p_.gpus();
            if (value > best) {
                if (value > best + 1e-2 * (cutoff() - value)) stale = 0;
                best = value;
                std::copy(trial_.begin(), trial_.end(), rewards_.begin());
                node_bound_ = std::max(node_bound_, best);
                if (best >= cutoff()) return false;
            }
            double norm = 0.0;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                if (domain_.gpu_of(t) != assignment_domain::none) continue;
                const double miss = 1.0 - static_cast<double>(bound_.served(t));
                norm += miss * miss;
            }
            if (norm == 0.0) {
                fill_guess();
                offer(guess_, improved);
                return best < cutoff();
            }
            if (++stale > 5) {
                stale = 0;
                factor *= 0.6;
            }
            const double step = factor * (cutoff() + grid_.step() - value) / norm;
            for (std::size_t t = 0; t < p_.tasks(); ++t) {
                trial_[t] = grid_.reward(trial_[t] + step * (1.0 - static_cast<double>(bound_.served(t))));
            }
        }
        return true;
    }

    void fill_guess() {
        for (std::size_t t = 0; t < p_.tasks(); ++t) {
            std::size_t at = domain_.gpu_of(t);
            if (at == assignment_domain::none && bound_.served(t) > 0) at = bound_.taken_on(t);
            const bool any = domain_.choices(t) == 0;
            if (at == assignment_domain::none) {
                for (std::size_t g = 0; g < p_.gpus(); ++g) {
                    if (!any && !domain_.allowed(t, g)) continue;
                    if (at == assignment_domain::none || p_.reduced(t, g) < p_.reduced(t, at)) at = g;
                }
            }
            guess_[t] = gpu_index{at};
        }
    }
    /// Closes a node. Always false.
    template <class Poller, class Improved>
    [[nodiscard]] bool dead_end(Poller& poll, const Improved& improved) {
        if (options_.mend_every > 0 && dead_ends_++ % options_.mend_every == 0) guess(poll, improved);
        return false;
    }
    /// Offers the relaxed answer, repaired.
    template <class Poller, class Improved>
    void guess(Poller& poll, const Improved& improved) {
        fill_guess();
        const std::uint64_t before = repairer_.evaluations();
        repairer_.take(guess_);
        repairer_.repair(random_, 50, poll);
        if (repairer_.feasible() && promising()) repairer_.descend(options_.mend_every > 0 ? 2 : 10, poll);
        evaluations_ += repairer_.evaluations() - before;
        offer(repairer_.assignment(), improved);
    }
    /// The descent is worth its time: the repaired answer costs not much more than the best plan.
    [[nodiscard]] bool promising() const noexcept {
        const double bound = p_.bound().value;
        return !best_.feasible() || options_.mend_every == 0 ||
               repairer_.total_cost() - bound <= 1.5 * (best_.cost - bound);
    }
    template <class Improved>
    void offer(const gpu_assignment& candidate, const Improved& improved) {
        assignment_plan plan = p_.plan_of(candidate);
        if (!better(plan, best_)) return;
        best_ = std::move(plan);
        cutoff_ = grid_.cutoff(best_);
        improved();
    }

    const priced_problem& p_;
    tree_options options_;
    assignment_plan best_;
    cost_grid grid_;
    double cutoff_;
    assignment_domain domain_;
    reward_bound bound_;
    priced_construction repairer_;
    xoshiro256 random_;
    flat<double> rewards_;
    flat<double> trial_;
    flat<double> root_rewards_;
    gpu_assignment guess_;
    flat<frame> frames_;
    flat<child> children_;
    flat<regret_of> ranked_;
    flat<double> saved_rewards_;
    double node_bound_ = -std::numeric_limits<double>::infinity();
    double known_ = -std::numeric_limits<double>::infinity();
    std::uint64_t evaluations_ = 0;
    std::uint64_t nodes_ = 0;
    std::uint64_t dead_ends_ = 0;
    stop_reason stopped_ = stop_reason::completed;
};

}  // namespace berth::inline v0::detail
