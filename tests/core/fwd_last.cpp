// SPDX-License-Identifier: Apache-2.0
// Definitions first, forward declarations after them; fwd.cpp has the other order.
// A batch would include all headers first; the next line keeps this file out of one.
namespace berth {}  // namespace berth
// clang-format off
#include "berth/core/result.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/feature/extract.hpp"
#include "berth/model/lower.hpp"
#include "berth/model/why_not.hpp"
#include "berth/objective/objective.hpp"

#include "berth/fwd.hpp"
// clang-format on

#include <doctest/doctest.h>

TEST_CASE("fwd: declarations after the definitions are harmless") { CHECK(berth::resource_schema{}.gpu.size() == 1); }
