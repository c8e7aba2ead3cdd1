// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/concepts.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/task_order.hpp"
#include "berth/allocate/greedy/tie_break.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

// ---- scores ----

const auto lambda_score = [](const candidate& c) { return static_cast<double>(c.node.gpu_count()); };
struct least_score {
    double operator()(const candidate&) const { return 0.0; }
};
struct shape_score {
    static constexpr score_scope scope = score_scope::shape;
    double operator()(const candidate&) const { return 0.0; }
};
struct anonymous_score : shape_score {
    static constexpr bool anonymous = true;
};
struct integral_score {
    std::size_t operator()(const candidate&) const { return 0; }
};
struct described_score {
    [[nodiscard]] least_score prepare(const problem&) const { return {}; }
};
struct text_score {
    std::string operator()(const candidate&) const { return {}; }
};
struct mutable_score {
    double operator()(const candidate&) { return 0.0; }
};
struct void_score {
    void operator()(const candidate&) const {}
};
struct prepares_nothing {
    [[nodiscard]] int prepare(const problem&) const { return 0; }
};
struct other_argument {
    double operator()(const node_view&) const { return 0.0; }
};

static_assert(prepared_score<least_score> && placement_score<least_score>);
static_assert(placement_score<decltype(lambda_score)> && placement_score<integral_score>);
static_assert(placement_score<described_score> && !prepared_score<described_score>);
static_assert(placement_score<tiers<first_fit, best_fit>> && placement_score<weighted_sum<best_fit, fgd>>);
static_assert(!placement_score<text_score> && !placement_score<mutable_score> && !placement_score<void_score>);
static_assert(!placement_score<prepares_nothing> && !placement_score<other_argument> && !placement_score<int>);
static_assert(!placement_score<weighted<best_fit>> && !placement_score<tightest_gpu>);

static_assert(score_value<double> && score_value<int> && score_value<tier_values<3>>);
static_assert(!score_value<std::string> && !score_value<std::unique_ptr<int>>);

// Without properties: evaluated every time.
static_assert(scope_of<least_score> == score_scope::task && !is_anonymous<least_score>);
static_assert(scope_of<shape_score> == score_scope::shape && !is_anonymous<shape_score>);
static_assert(scope_of<anonymous_score> == score_scope::shape && is_anonymous<anonymous_score>);

// A combination has the scope of its widest part.
static_assert(scope_of<prepared<weighted_sum<best_fit, fgd>>> == score_scope::shape);
static_assert(is_anonymous<prepared<weighted_sum<best_fit, fgd>>>);
static_assert(scope_of<prepared<weighted_sum<best_fit, random_score>>> == score_scope::task);
static_assert(scope_of<prepared<tiers<first_fit, least_score>>> == score_scope::task);
static_assert(scope_of<prepared<tiers<first_fit, shape_score>>> == score_scope::shape);
static_assert(!is_anonymous<prepared<tiers<first_fit, shape_score>>>);
static_assert(scope_of<prepared<weighted_sum<rescaled<best_fit>, fgd>>> == score_scope::shape);
static_assert(scope_of<prepared<tiers<weighted_sum<fgd>, tiers<best_fit>>>> == score_scope::shape);

// ---- GPU selections ----

inline constexpr auto lambda_rule = [](const node_view&, const demand_view&, gpu_mask fitting) { return fitting; };
struct rule_of_ints {
    int operator()(const node_view&, const demand_view&, gpu_mask) const { return 0; }
};
struct least_search {
    template <class Score>
    auto best(const Score& score, candidate c, gpu_mask fitting) const {
        c.gpus = fitting;
        return scored_gpus<decltype(score(c))>{score(c), c.gpus};
    }
};

static_assert(gpu_selection<decltype(lambda_rule)> && gpu_selection<gpu_scored_by<fgd>> && gpu_selection<least_search>);
static_assert(!gpu_selection<rule_of_ints> && !gpu_selection<best_fit> && !gpu_selection<int>);
// A rule depends on the node alone; a search may read the task.
static_assert(gpu_scope_of<decltype(lambda_rule)> == score_scope::shape &&
              !is_anonymous_selection<decltype(lambda_rule)>);
static_assert(gpu_scope_of<least_search> == score_scope::task && !is_anonymous_selection<least_search>);
static_assert(is_anonymous_selection<tightest_gpu> && is_anonymous_selection<loosest_gpu> &&
              is_anonymous_selection<first_gpu>);
static_assert(!is_anonymous_selection<random_gpu> && gpu_scope_of<random_gpu> == score_scope::shape);
static_assert(gpu_scope_of<gpu_scored_by<fgd>::prepared_selection> == score_scope::shape);
static_assert(gpu_scope_of<gpu_scored_by<random_score>::prepared_selection> == score_scope::task);

// ---- orders and tie breaks ----

struct unordered {
    std::vector<int> operator()(const problem&) const { return {}; }
};
struct unranked {
    [[nodiscard]] std::vector<int> rank(const fleet&) const { return {}; }
};
static_assert(!task_order<unordered> && !task_order<std::vector<task_index>> && !task_order<lowest_index>);
static_assert(!tie_break<unranked> && !tie_break<arrival_order> && !tie_break<int>);

// Descriptions and ready forms are small.
static_assert(std::is_empty_v<first_fit> && std::is_empty_v<tightest_gpu> && std::is_empty_v<lowest_index>);

struct keeps_books {
    int places = 0;
    int removals = 0;
    double operator()(const candidate&) const { return 0.0; }
    void on_place(const candidate&) { ++places; }
    void on_remove(const candidate&) { ++removals; }
};

}  // namespace

TEST_CASE("notifications are called where the score has them") {
    const candidate c{};
    least_score none;
    notify_place(none, c);
    notify_remove(none, c);
    keeps_books both;
    notify_place(both, c);
    notify_place(both, c);
    notify_remove(both, c);
    CHECK(both.places == 2);
    CHECK(both.removals == 1);
}

TEST_CASE("prepare_score copies a ready score and prepares a description") {
    const auto machines = hand_fleet({{.shares = {1000, 1000}, .cpu = 1000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000}});
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto c = candidate_for(ledger, work, 0, 0, 1);
    CHECK(prepare_score(lambda_score, p)(c) == 2.0);
    CHECK(prepare_score(described_score{}, p)(c) == 0.0);
    static_assert(std::same_as<prepared<least_score>, least_score>);
}
