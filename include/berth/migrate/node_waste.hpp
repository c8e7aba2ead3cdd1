// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/ledger.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/expected_waste.hpp"
#include "berth/objective/fragmentation.hpp"
#include "berth/objective/share_profile.hpp"

#include <concepts>

namespace berth {

// What a node is worth as it stands, by what is lost there: how `defragment` chooses between equally short ways.
//
//   least_waste          expected waste, the term of `scarcity`: the default
//   least_fragmentation  expected fragmentation, the measure of `fgd`
//   no_waste             all ways are alike: the first found

/// Says how much of a node is lost as it stands. `w.prepare(problem)` makes a function of a node, read-only and deterministic.
template <class W>
concept node_waste = std::copy_constructible<W> && requires(const W& w, const problem& p, const node_view& n) {
    { w.prepare(p)(n) } -> std::convertible_to<double>;
};

/// GPU thousandths that are expected to go to waste (`expected_waste`).
struct least_waste {
    waste_weights weights{};

    struct state {
        expected_waste of;
        [[nodiscard]] double operator()(const node_view& node) const noexcept { return of(node).waste; }
    };
    [[nodiscard]] state prepare(const problem& p) const { return {expected_waste{p, weights}}; }
};

/// GPU thousandths that a task of the mix could not use (`fragmentation`).
struct least_fragmentation {
    double coverage = 0.95;  ///< part of the tasks that the mix covers

    [[nodiscard]] fragmentation prepare(const problem& p) const {
        return fragmentation{p, typical_mix(p.workload(), coverage)};
    }
};

/// Nothing is lost.
struct no_waste {
    struct state {
        [[nodiscard]] constexpr double operator()(const node_view&) const noexcept { return 0.0; }
    };
    [[nodiscard]] static constexpr state prepare(const problem&) noexcept { return {}; }
};

static_assert(node_waste<least_waste> && node_waste<least_fragmentation> && node_waste<no_waste>);

}  // namespace berth
