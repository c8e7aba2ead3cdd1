// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/migration_cost.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

namespace berth::detail {

/// A cost model by address, so that what orders and schedules is compiled once.
class migration_pricing {
public:
    template <migration_cost_model M>
    explicit migration_pricing(const M& model) noexcept
        : model_{&model}, call_{[](const void* any, const problem& p, const relocation& r) {
              return (*static_cast<const M*>(any))(p, r);
          }} {}

    [[nodiscard]] migration_estimate operator()(const problem& p, const relocation& r) const {
        return call_(model_, p, r);
    }

private:
    const void* model_;
    migration_estimate (*call_)(const void*, const problem&, const relocation&);
};

}  // namespace berth::detail
