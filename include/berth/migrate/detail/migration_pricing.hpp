// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/migration_cost.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

namespace berth::detail {

/// A cost model by address, so that what orders and schedules is compiled once.
class migration_pricing {
public:
    /// The model must outlive it.
    template <migration_cost_model M>
    [[nodiscard]] static migration_pricing of(const M& model) noexcept {
        migration_pricing made;
        made.model_ = &model;
        made.call_ = [](const void* any, const problem& p, const relocation& r) {
            return (*static_cast<const M*>(any))(p, r);
        };
        return made;
    }

    [[nodiscard]] migration_estimate operator()(const problem& p, const relocation& r) const {
        return call_(model_, p, r);
    }

private:
    migration_pricing() noexcept = default;

    const void* model_ = nullptr;
    migration_estimate (*call_)(const void*, const problem&, const relocation&) = nullptr;
};

}  // namespace berth::detail
