// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

namespace berth::inline v0::detail {

/// A cost model by address, so that the order engine is compiled once for all of them.
class migration_estimates {
public:
    /// The model must outlive it.
    template <migration_cost_model M>
    [[nodiscard]] static migration_estimates of(const M& model) noexcept {
        migration_estimates made;
        made.model_ = &model;
        made.call_ = [](const void* any, const problem& p, const task_move& r) {
            return (*static_cast<const M*>(any))(p, r);
        };
        return made;
    }

    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& r) const {
        return call_(model_, p, r);
    }

private:
    migration_estimates() noexcept = default;

    const void* model_ = nullptr;
    migration_estimate (*call_)(const void*, const problem&, const task_move&) = nullptr;
};

}  // namespace berth::inline v0::detail
