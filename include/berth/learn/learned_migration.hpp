// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/learn/detail/learn_text.hpp"
#include "berth/learn/log_estimate.hpp"
#include "berth/learn/log_regression.hpp"
#include "berth/migrate/order/migration_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

/// How a `learned_migration` learns. Deviations are those of the priors, of logarithms.
struct learned_migration_options {
    log_regression_options regression{.ridge = {.noise = 0.2}};  ///< migrations vary more than speeds
    double seconds = 10.0;           ///< a typical migration of 1 GB before any was measured
    double seconds_deviation = 1.5;  ///< of it
    double growth = 0.5;             ///< seconds grow with bytes to this power: 0 fixed costs alone, 1 transfer alone
    double growth_deviation = 0.4;   ///< of it
};

/// What migrations take, learned from those that were measured: seconds = a · bytes^b, duration and downtime apart. A
/// `migration_cost_model` like `stop_and_copy`, for `migration_order`, balancers and payback. O(1), does not allocate.
class learned_migration {
public:
    /// @param options  how to learn
    explicit learned_migration(const learned_migration_options& options = {})
        : duration_{options.regression}, downtime_{options.regression} {
        BERTH_ASSERT(options.seconds > 0.0, "berth: learned_migration_options::seconds is above 0");
        for (log_regression* part : {&duration_, &downtime_}) {
            (void)part->coefficients().append(options.seconds_deviation, std::log(options.seconds));
            (void)part->coefficients().append(options.growth_deviation, options.growth);
        }
    }

    /// The estimate of one move: medians.
    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& move) const noexcept {
        const amount bytes = p.workload().state_bytes(move.task);
        return {predict_duration(bytes).median(), predict_downtime(bytes).median(), bytes};
    }
    /// The duration of a move of this many bytes, and how sure it is.
    [[nodiscard]] log_estimate predict_duration(amount bytes) const noexcept { return duration_.predict(row(bytes)); }
    /// The downtime of a move of this many bytes, and how sure it is.
    [[nodiscard]] log_estimate predict_downtime(amount bytes) const noexcept { return downtime_.predict(row(bytes)); }

    /// Learns from a migration that was carried out. Refuses times that are negative or not finite, and negative bytes.
    /// A time of 0 counts as a millisecond.
    ///
    /// @return how well its duration was foreseen
    result<surprise> observe(const migration_estimate& measured) {
        for (const auto& [field, seconds] :
             {std::pair{"duration", measured.duration}, std::pair{"downtime", measured.downtime}}) {
            if (std::isfinite(seconds) && seconds >= 0.0) continue;
            return detail::refuse(error_code::invalid_value,
                                  {"measured migration: ", field, " is not a finite number of 0 or more"});
        }
        if (measured.bytes < 0) {
            return detail::refuse(error_code::invalid_value,
                                  {"measured migration: bytes is ", measured.bytes, ", expected 0 or more"});
        }
        (void)downtime_.observe(row(measured.bytes), std::max(measured.downtime, 1e-3));
        return duration_.observe(row(measured.bytes), std::max(measured.duration, 1e-3));
    }

    /// All that was learned, as text; `load` reads it.
    [[nodiscard]] std::string save() const {
        detail::learn_writer out;
        out.line("berth-learned-migration").count(1);
        duration_.write(out);
        downtime_.write(out);
        return std::move(out).text();
    }
    /// Reads the text of `save`. Learns on exactly as the saved one would.
    [[nodiscard]] static result<learned_migration> load(std::string_view text) {
        detail::learn_reader in{text};
        in.line("berth-learned-migration");
        if (in.count("version", 1) != 1) in.refuse("version", "is not 1");
        learned_migration made;
        for (log_regression* part : {&made.duration_, &made.downtime_}) {
            *part = log_regression::read(in);
            if (in.ok() && part->coefficients().size() != 2) in.refuse("coefficients", "are not 2");
        }
        in.finish();
        if (!in.ok()) return in.failure();
        return made;
    }

private:
    /// The logarithm of gigabytes; below a megabyte the fixed costs are all there is.
    [[nodiscard]] static std::array<regressor, 2> row(amount bytes) noexcept {
        return {regressor{0, 1.0}, regressor{1, std::log(std::max(static_cast<double>(bytes) * 1e-9, 1e-3))}};
    }

    log_regression duration_;
    log_regression downtime_;
};

static_assert(migration_cost_model<learned_migration>);

}  // namespace berth::inline v0
