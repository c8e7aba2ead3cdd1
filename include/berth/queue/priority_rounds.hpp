// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/queue/round_policy.hpp"
#include "berth/queue/time_shares.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// Rounds that follow time shares: the mechanism of Gavel (Narayanan et al., OSDI 2020). In each round a job's priority
/// on a model is its share over the part of the time that it got there. Models are filled in the order of the view,
/// jobs by priority, then by the time that they are owed, then by share, then by number. Shares are computed anew when
/// jobs came or went, but not more often than `renew_s`; a job that came since waits, and holds GPUs that nobody else
/// wants.
///
/// Decisions equal those of Gavel's simulator bit for bit where the shares do; sums are in its order.
/// O(models × jobs × log jobs) a round, beside the shares. Memory grows with the highest number of a job.
template <time_shares Shares>
struct priority_rounds {
    Shares shares;            ///< which part of the time each job should run on each model
    double renew_s = 1920.0;  ///< shares stay for so long at least, seconds

    /// The run state.
    class state {
    public:
        /// @param policy  the description; copied
        /// @param models  number of GPU models
        state(priority_rounds policy, std::size_t models) : policy_{std::move(policy)}, models_{models} {
            model_time_.assign(models, 0.0);
        }

        /// Decides a round; see `round_policy`.
        void choose(const round_view& view, std::span<model_index> chosen) {
            if (all_arrived_ && view.ended.empty()) renewed_ = 0.0;
            all_arrived_ = view.all_arrived;
            account(view);
            greet(view);
            if (changed_ && (view.now_s - renewed_ >= policy_.renew_s || renewed_ == 0.0)) renew(view);
            fill(view, chosen);
        }

    private:
        struct entry {
            double time = 0.0;   ///< that the job got on the model since the last renewal
            double owed = 0.0;   ///< more than it got
            double share = 0.0;  ///< as last computed
        };
        struct rank {
            double priority;
            double owed;
            double share;
            std::uint32_t row;
        };

        [[nodiscard]] entry& at(std::uint32_t id, std::size_t model) noexcept { return entries_[id * models_ + model]; }

        void account(const round_view& view) {
            for (const round_outcome& o : view.ended) {
                const std::size_t m = o.model.value();
                if (o.steps > 0.0) {
                    at(o.id, m).time += o.charged_s;
                    model_time_[m] += o.charged_s;
                }
                if (o.finished || !(o.steps > 0.0)) changed_ = true;
            }
        }
        /// A job that is new starts with half a round on each model, so that no ratio is of nothing.
        void greet(const round_view& view) {
            for (const round_job& job : view.jobs) {
                if (job.id < known_.size() && known_[job.id] != 0) continue;
                if (job.id >= known_.size()) {
                    known_.resize(job.id + std::size_t{1}, 0);
                    shared_.resize(job.id + std::size_t{1}, 0);
                    entries_.resize((job.id + std::size_t{1}) * models_);
                }
                known_[job.id] = 1;
                for (std::size_t m = 0; m < models_; ++m) at(job.id, m) = {.time = view.round_s / 2.0};
                changed_ = true;
            }
            if (view.jobs.size() != active_) changed_ = true;  // for example cancelled
            active_ = view.jobs.size();
        }
        void renew(const round_view& view) {
            const double half = view.round_s / 2.0;
            const double since = view.now_s - renewed_;
            for (std::size_t m = 0; m < models_; ++m) {
                model_time_[m] = 0.0;
                for (const round_job& job : view.jobs) {
                    entry& e = at(job.id, m);
                    const double due = shared_[job.id] != 0 ? e.share * since : 0.0;
                    e.owed += due - (e.time - half);
                    e.time = half;
                    model_time_[m] += half;
                }
            }
            renewed_ = view.now_s;
            changed_ = false;
            matrix_.assign(view.jobs.size() * models_, 0.0);
            const matrix_view<double> matrix{matrix_.data(), view.jobs.size(), models_};
            policy_.shares.allocate(view, matrix);
            for (std::size_t j = 0; j < view.jobs.size(); ++j) {
                shared_[view.jobs[j].id] = 1;
                for (std::size_t m = 0; m < models_; ++m) at(view.jobs[j].id, m).share = matrix(j, m);
            }
        }
        [[nodiscard]] double priority(const round_view& view, std::size_t row, std::size_t m) noexcept {
            const std::uint32_t id = view.jobs[row].id;
            if (shared_[id] == 0 || at(id, m).share == 0.0 || view.speeds(row, m) == 0.0) return 0.0;
            const double part = model_time_[m] > 0.0 ? at(id, m).time / model_time_[m] : 0.0;
            return part > 0.0 ? at(id, m).share / part : at(id, m).share * 1e9;
        }
        void fill(const round_view& view, std::span<model_index> chosen) {
            constexpr bool strict = requires { requires Shares::waits_without_share; };
            taken_.assign(view.jobs.size(), 0);
            for (const model_index model : view.order) {
                const std::size_t m = model.value();
                ranks_.clear();
                for (std::size_t j = 0; j < view.jobs.size(); ++j) {
                    const entry& e = at(view.jobs[j].id, m);
                    ranks_.push_back({priority(view, j, m), e.owed, e.share, static_cast<std::uint32_t>(j)});
                }
                std::sort(ranks_.begin(), ranks_.end(), [](const rank& a, const rank& b) {
                    if (a.priority != b.priority) return a.priority > b.priority;
                    if (a.owed != b.owed) return a.owed > b.owed;
                    if (a.share != b.share) return a.share > b.share;
                    return a.row < b.row;
                });
                std::uint32_t left = view.gpus[m];
                for (const rank& r : ranks_) {
                    if (left == 0) break;
                    if (taken_[r.row] != 0 || view.speeds(r.row, m) <= 0.0 || view.jobs[r.row].gpus > left) continue;
                    if (strict && r.priority <= 0.0) continue;
                    taken_[r.row] = 1;
                    left -= view.jobs[r.row].gpus;
                    if (shared_[view.jobs[r.row].id] != 0) chosen[r.row] = model;
                }
            }
        }

        priority_rounds policy_;
        std::size_t models_;
        std::size_t active_ = 0;
        double renewed_ = 0.0;  ///< when shares were computed; 0: never, or they no longer hold
        bool changed_ = false;
        bool all_arrived_ = false;
        detail::flat<double> model_time_;
        detail::flat<entry> entries_;  ///< of each number of a job, for each model
        detail::flat<char> known_;     ///< whether the job was seen
        detail::flat<char> shared_;    ///< whether it was there when shares were computed
        detail::flat<double> matrix_;
        detail::flat<rank> ranks_;
        detail::flat<char> taken_;
    };

    /// Begins a run.
    [[nodiscard]] state start(std::size_t models) const { return {*this, models}; }
};

template <class Shares>
priority_rounds(Shares) -> priority_rounds<Shares>;
template <class Shares>
priority_rounds(Shares, double) -> priority_rounds<Shares>;

static_assert(round_policy<priority_rounds<fifo_shares>>);

}  // namespace berth::inline v0
