// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/queue/detail/level_solver.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// The highest level that all jobs can reach at once by sharing GPUs of several models over time: a linear program.
///
///     maximise z   with  Σ_m rate(j, m) · share(j, m) ≥ z    for each job j
///                        Σ_m share(j, m) ≤ 1                 for each job j
///                        Σ_j gpus(j) · share(j, m) ≤ capacity(m), share ≥ 0
///
/// What a rate means is the caller's: speed over a fair part of it yields max-min fairness, speed over the work that is
/// left the shortest time for all.
struct level_program {
    matrix_view<const double> rates;          ///< of each job (row) on each model (column); 0 or less: no share there
    std::span<const std::uint32_t> gpus;      ///< that each job takes, 1 or more
    std::span<const std::uint32_t> capacity;  ///< GPUs of each model
};

/// The answer to a `level_program`.
struct level_solution {
    detail::flat<double> shares;        ///< of each job, for each model
    detail::flat<double> job_prices;    ///< what a job's rate is worth: its part in holding the level down; sum 1
    detail::flat<double> model_prices;  ///< what one more GPU of a model would add to the level
    double level = 0.0;                 ///< that the shares reach
    double bound = 0.0;                 ///< that no shares exceed
    std::size_t jobs = 0;               ///< that take part: the others can run nowhere and have no share
    std::size_t iterations = 0;         ///< of the interior-point method
};

/// How exactly to solve.
struct level_options {
    double tolerance = 1e-7;       ///< ends when bound and level differ by this part at most
    std::size_t iterations = 100;  ///< at most
};

/// Solves a `level_program` by Mehrotra's interior-point method (1992), whose steps cost O(jobs × models³): each job
/// has a block of its own, and the blocks meet in the models alone. Some 15 steps suffice. Shares are feasible up to
/// rounding, and the bound is a certificate of its own, a feasible point of the dual program computed from the prices:
/// it holds whatever became of the method.
///
/// Where many shares are optimal, they lie in the middle of them, as with other interior-point methods: jobs that do
/// not hold the level down get more than it. Deterministic.
[[nodiscard]] inline level_solution highest_level(const level_program& program, const level_options& options = {}) {
    BERTH_ASSERT(program.rates.rows() == program.gpus.size() && program.rates.cols() == program.capacity.size(),
                 "berth: a level_program has a row for each job and a column for each model");
    level_solution found;
    const std::size_t models = program.capacity.size();
    found.shares.assign(program.gpus.size() * models, 0.0);
    found.job_prices.assign(program.gpus.size(), 0.0);
    found.model_prices.assign(models, 0.0);
    // Jobs that can run somewhere, with rates scaled so that the level is near 1.
    detail::flat<std::size_t> rows;
    detail::flat<double> rates;
    detail::flat<double> gpus;
    double scale = 0.0;
    for (std::size_t j = 0; j < program.gpus.size(); ++j) {
        double most = 0.0;
        for (std::size_t m = 0; m < models; ++m) {
            const bool fits = program.gpus[j] <= program.capacity[m] && program.rates(j, m) > 0.0;
            rates.push_back(fits ? program.rates(j, m) : 0.0);
            most = rates.back() > most ? rates.back() : most;
        }
        if (most > 0.0) {
            rows.push_back(j);
            gpus.push_back(static_cast<double>(program.gpus[j]));
            scale += 1.0 / most;
        } else {
            rates.resize(rates.size() - models);
        }
    }
    found.jobs = rows.size();
    if (rows.empty()) return found;
    for (double& rate : rates) rate *= scale;
    detail::level_solver solver{rates.view(), gpus.view(), program.capacity};
    found.iterations = solver.solve(options.tolerance, options.iterations);
    solver.certify();
    found.level = solver.level() / scale;
    found.bound = solver.bound() / scale;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        found.job_prices[rows[i]] = solver.job_price(i);
        for (std::size_t m = 0; m < models; ++m) found.shares[rows[i] * models + m] = solver.share(i, m);
    }
    for (std::size_t m = 0; m < models; ++m) found.model_prices[m] = solver.model_price(m) / scale;
    return found;
}

}  // namespace berth::inline v0
