// SPDX-License-Identifier: Apache-2.0
#include "allocate/greedy/agreement.hpp"

using namespace berth;
using namespace berth_test;

// Indexed equals exhaustive, placement by placement. In three files, because each combination is two placers to
// compile.

TEST_CASE("index and scan agree: first_fit") { agrees_with_usual_selections(first_fit{}); }
TEST_CASE("index and scan agree: best_fit") { agrees_with_usual_selections(best_fit{}); }
TEST_CASE("index and scan agree: worst_fit") { agrees_with_usual_selections(worst_fit{}); }
TEST_CASE("index and scan agree: dot_product") { agrees_with_usual_selections(dot_product{}); }
TEST_CASE("index and scan agree: gpu_packing") { agrees_with_usual_selections(gpu_packing{}); }
TEST_CASE("index and scan agree: gpu_clustering") { agrees_with_usual_selections(gpu_clustering{}); }
TEST_CASE("index and scan agree: fgd") { agrees_with_usual_selections(fgd{}); }
TEST_CASE("index and scan agree: power_score") { agrees_with_usual_selections(power_score{}); }
