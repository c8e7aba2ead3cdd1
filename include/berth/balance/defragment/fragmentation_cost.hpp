// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/ledger.hpp"
#include "berth/model/task_mix.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/measures/expected_fragmentation.hpp"
#include "berth/objective/measures/fragmentation.hpp"
#include "berth/objective/measures/share_profile.hpp"

#include <concepts>

namespace berth::inline v0 {

// What a node is worth as it stands, by what is lost there: how `defragment` chooses between equally short ways.
//
//   expected_fragmentation_cost          expected fragmentation, the term of `scarcity`: the default
//   mix_fragmentation_cost  expected fragmentation, the measure of `fgd`
//   no_fragmentation_cost             all ways are alike: the first found

/// Says how much of a node is lost as it stands. `w.prepare(problem)` makes a function of a node, read-only and deterministic.
template <class W>
concept fragmentation_cost = std::copy_constructible<W> && requires(const W& w, const problem& p, const node_view& n) {
    { w.prepare(p)(n) } -> std::convertible_to<double>;
};

/// GPU thousandths that are expected to go to fragmentation (`expected_fragmentation`).
struct expected_fragmentation_cost {
    fragmentation_weights weights{};

    struct state {
        expected_fragmentation of;
        [[nodiscard]] double operator()(const node_view& node) const noexcept { return of(node).fragmentation; }
    };
    [[nodiscard]] state prepare(const problem& p) const { return {expected_fragmentation{p, weights}}; }
};

/// GPU thousandths that a task of the mix could not use (`fragmentation`).
struct mix_fragmentation_cost {
    double coverage = 0.95;  ///< part of the tasks that the mix covers

    [[nodiscard]] fragmentation prepare(const problem& p) const {
        return fragmentation{p, typical_mix(p.workload(), coverage)};
    }
};

/// Nothing is lost.
struct no_fragmentation_cost {
    struct state {
        [[nodiscard]] constexpr double operator()(const node_view&) const noexcept { return 0.0; }
    };
    [[nodiscard]] static constexpr state prepare(const problem&) noexcept { return {}; }
};

static_assert(fragmentation_cost<expected_fragmentation_cost> && fragmentation_cost<mix_fragmentation_cost> && fragmentation_cost<no_fragmentation_cost>);

}  // namespace berth::inline v0
