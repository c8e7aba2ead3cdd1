// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/queue/round_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Refuses an order that does not name each model once.
[[nodiscard]] inline result<void> check_order(std::span<const model_index> models, std::size_t count,
                                              std::uint64_t round) {
    bool good = models.size() == count;
    for (std::size_t m = 0; m < models.size() && good; ++m) {
        good = models[m].below(count);
        for (std::size_t other = 0; other < m && good; ++other) good = models[other] != models[m];
    }
    if (good) return {};
    return refuse(error_code::inconsistent,
                  {"round ", round, ": the order does not name each of ", count, " GPU models once"});
}

/// Refuses more GPUs of a model than there are, and models on which a job cannot run.
[[nodiscard]] inline result<void> check_choice(const round_view& view, std::span<const model_index> chosen,
                                               std::uint64_t round) {
    for (std::size_t m = 0; m < view.gpus.size(); ++m) {
        std::uint64_t used = 0;
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            if (chosen[j].valid() && chosen[j].value() == m) used += view.jobs[j].gpus;
        }
        if (used > view.gpus[m]) {
            return refuse(error_code::inconsistent, {"round ", round, ": the policy chose ", used, " GPUs of model ", m,
                                                     ", which has ", view.gpus[m]});
        }
    }
    for (std::size_t j = 0; j < chosen.size(); ++j) {
        if (!chosen[j].valid()) continue;
        if (!chosen[j].below(view.gpus.size()) || view.speeds(j, chosen[j].value()) <= 0.0) {
            return refuse(error_code::inconsistent,
                          {"round ", round, ": the policy chose a model where job ", view.jobs[j].id, " cannot run"});
        }
    }
    return {};
}

}  // namespace berth::inline v0::detail
