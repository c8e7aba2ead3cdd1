// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/pair_functor.hpp"

#include "cuda/evaluation_cases.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace berth;

namespace {

struct returns_a_number {
    double operator()(const float*, const float*) const { return 1.0; }
};
struct owns_memory {
    std::string name;
    pair_units operator()(const float*, const float*) const { return {}; }
};

static_assert(pair_functor<berth_test::distance_pair>);
static_assert(!pair_functor<returns_a_number>);
static_assert(!pair_functor<owns_memory>);

}  // namespace

TEST_CASE("a functor in whole units") {
    const float task[] = {10.0F, 2.0F};
    const float gpu[] = {7.0F, 5.0F};
    CHECK(berth_test::distance_pair{.price = 4}(task, gpu) == pair_units{4 * 3 - 10, 3});
}
