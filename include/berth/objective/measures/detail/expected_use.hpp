// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The part of a node's room that tasks of a mix are expected to use with the CPU that the node has, beside what they
/// would use with CPU in abundance. Imagine that tasks arrive one after the other and stay where they fit; of room r,
/// in GPU thousandths, with free CPU c they are then expected to use
///
///     V(r, c) = Σ p_m · (u_m + V(r − u_m, c − c_m)) / (1 / patience + Σ p_m),    over the m with u_m ≤ r and c_m ≤ c
///
/// over all tasks m, with share u_m (0 for those without GPU) and CPU c_m. The expected use is r · V(r, c) / V(r, ∞),
/// at most r. So room without CPU is worth nothing, CPU is worth the more the more room there is to go with it, and
/// the less the more likely a task without GPU takes it first; where there is CPU for everything, all room is worth
/// the same. The node counts as one piece: `share_worth` cares for the pieces.
///
/// A table in steps of 1/80 of the share and 1/64 of the CPU of the fleet's largest node, or what is worth looking at
/// of it; values between are interpolated. Demands of share lie between two steps with a weight each, those of CPU
/// are rounded up. O(steps · different demands in steps).
class expected_use {
public:
    /// @param patience     arrivals that a rest of a node waits for a task that fits, above 0; in proportion more where
    ///                     the largest node has more than 8 GPUs
    /// @param cpu_per_gpu  of the mix
    expected_use(const problem& p, double patience, double cpu_per_gpu) {
        const workload& work = p.workload();
        range needed;
        for (std::size_t n = 0; n < p.fleet().node_count(); ++n) needed.add(p.fleet(), node_index{n});
        double most_cpu = 1.0;
        double tasks = 0.0;
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const auto cpu = static_cast<double>(work.roles().cpu_of(work.demand(shape_index{s}).node));
            if (cpu > most_cpu) most_cpu = cpu;
            tasks += static_cast<double>(work.frequency(shape_index{s}));
        }
        // Beyond twice what the mix takes with all GPUs, more CPU makes hardly a difference.
        const double ample = 2.0 * cpu_per_gpu * needed.share / static_cast<double>(whole_gpu);
        most_cpu_ = most_cpu > ample ? most_cpu : ample;
        covered_ = {needed.share, needed.cpu < most_cpu_ ? needed.cpu : most_cpu_};
        share_step_ = covered_.share / static_cast<double>(share_steps);
        cpu_step_ = covered_.cpu / static_cast<double>(cpu_steps);
        used_.assign((share_steps + 1) * row, 0.0F);
        const double larger = covered_.share / (8.0 * static_cast<double>(whole_gpu));
        if (tasks > 0.0) fill(arrivals_of(work, tasks), 1.0 / (larger > 1.0 ? patience * larger : patience));
    }

    /// True if the table is right for this fleet, which has changed: its largest node is as large. O(nodes).
    [[nodiscard]] bool suits(const fleet& fleet) const noexcept {
        range needed;
        for (std::size_t n = 0; n < fleet.node_count(); ++n) needed.add(fleet, node_index{n});
        return needed.share == covered_.share && (needed.cpu < most_cpu_ ? needed.cpu : most_cpu_) == covered_.cpu;
    }

    /// @param room  GPU thousandths, 0 or more
    /// @param cpu   in units of the CPU counter
    [[nodiscard]] double operator()(double room, amount cpu) const noexcept {
        const position r = at(room / share_step_, share_steps);
        const position c = at(static_cast<double>(cpu) / cpu_step_, cpu_steps);
        const float* const below = used_.data() + r.step * row + c.step;
        const float* const above = below + (r.step < share_steps ? row : 0);
        const std::size_t next = c.step < cpu_steps ? 1 : 0;
        const double low = double{below[0]} + c.beyond * (double{below[next]} - double{below[0]});
        const double high = double{above[0]} + c.beyond * (double{above[next]} - double{above[0]});
        return low + r.beyond * (high - low);
    }

private:
    static constexpr std::size_t share_steps = 80;
    static constexpr std::size_t cpu_steps = 64;
    static constexpr std::size_t row = cpu_steps + 1;

    /// The most that a node has.
    struct range {
        double share = static_cast<double>(whole_gpu);
        double cpu = 1.0;

        void add(const fleet& fleet, node_index n) noexcept {
            if (!fleet.present(n)) return;
            const double of_node = static_cast<double>(whole_gpu) * static_cast<double>(fleet.gpu_count(n));
            if (of_node > share) share = of_node;
            const auto cpus = static_cast<double>(fleet.roles().cpu_of(fleet.capacity(n)));
            if (cpus > cpu) cpu = cpus;
        }
    };

    struct position {
        std::size_t step;
        double beyond;  // the step, as a part of the next one
    };
    [[nodiscard]] static position at(double steps, std::size_t last) noexcept {
        if (!(steps > 0.0)) return {0, 0.0};
        if (steps >= static_cast<double>(last)) return {last, 0.0};
        const auto step = static_cast<std::size_t>(steps);
        return {step, steps - static_cast<double>(step)};
    }

    /// Tasks of the mix in steps of the table, with the part of all tasks that they are.
    struct arrival {
        std::size_t share;
        std::size_t cpu;
        double part;
    };
    /// Ascending by share, then by CPU.
    [[nodiscard]] flat<arrival> arrivals_of(const workload& work, double tasks) const {
        flat<double> parts(used_.size(), 0.0);
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const double part = static_cast<double>(work.frequency(shape_index{s})) / tasks;
            const double cpu = static_cast<double>(work.roles().cpu_of(demand.node)) / cpu_step_;
            auto c = static_cast<std::size_t>(cpu);
            if (cpu - static_cast<double>(c) > 1e-9) ++c;
            const double share = static_cast<double>(demand.total_share()) / share_step_;
            if (share > static_cast<double>(share_steps) || c > cpu_steps) continue;  // fits nowhere
            const position u = at(share, share_steps);
            parts[u.step * row + c] += part * (1.0 - u.beyond);
            if (u.beyond > 0.0) parts[(u.step + 1) * row + c] += part * u.beyond;
        }
        flat<arrival> found;
        for (std::size_t i = 1; i < parts.size(); ++i) {  // what takes nothing does not matter
            if (parts[i] > 0.0) found.push_back({i / row, i % row, parts[i]});
        }
        return found;
    }
    void fill(const flat<arrival>& mix, double give_up) {
        flat<double> used(used_.size(), 0.0);
        flat<double> fitting(row, 0.0);
        flat<double> ample(share_steps + 1, 0.0);
        for (std::size_t r = 0; r <= share_steps; ++r) {
            double* const here = used.data() + r * row;
            fitting.assign(row, give_up);
            double ample_fitting = give_up;
            for (const arrival& a : mix) {
                if (a.share > r) break;
                if (a.share == 0) continue;
                const double taken = static_cast<double>(a.share) * share_step_;
                const double* const after = used.data() + (r - a.share) * row;
                for (std::size_t c = a.cpu; c < row; ++c) {
                    here[c] += a.part * (taken + after[c - a.cpu]);
                    fitting[c] += a.part;
                }
                ample[r] += a.part * (taken + ample[r - a.share]);
                ample_fitting += a.part;
            }
            ample[r] /= ample_fitting;
            // Those that take CPU alone lead to a value of this row.
            for (std::size_t c = 0; c < row; ++c) {
                for (const arrival& a : mix) {
                    if (a.share > 0 || a.cpu > c) break;
                    here[c] += a.part * here[c - a.cpu];
                    fitting[c] += a.part;
                }
                here[c] /= fitting[c];
            }
        }
        for (std::size_t r = 1; r <= share_steps; ++r) {
            const double room = static_cast<double>(r) * share_step_;
            for (std::size_t c = 0; c < row && ample[r] > 0.0; ++c) {
                const double part = used[r * row + c] / ample[r];
                used_[r * row + c] = static_cast<float>(part < 1.0 ? room * part : room);
            }
        }
    }

    range covered_;
    double most_cpu_ = 0.0;  // that makes a difference
    double share_step_ = 1.0;
    double cpu_step_ = 1.0;
    flat<float> used_;  // by share, then by CPU
};

}  // namespace berth::inline v0::detail
