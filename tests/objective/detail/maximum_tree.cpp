// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/detail/maximum_tree.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("the highest value, and the highest without a few") {
    for (std::size_t size = 0; size <= 20; ++size) {
        CAPTURE(size);
        xoshiro256 g{size};
        detail::flat<int> values;
        for (std::size_t i = 0; i < size; ++i) values.push_back(static_cast<int>(below(g, 6)));
        detail::maximum_tree<int> tree{values};
        for (int step = 0; step < 60 && size > 0; ++step) {
            const std::size_t changed = below(g, size);
            values[changed] = static_cast<int>(below(g, 6));
            tree.set(changed, values[changed]);
            CHECK(tree[changed] == values[changed]);
            CHECK(tree.top() == *std::max_element(values.begin(), values.end()));
            const std::size_t a = below(g, size);
            const std::size_t b = below(g, size);
            int expected = 2;
            for (std::size_t i = 0; i < size; ++i) {
                if (i != a && i != b) expected = std::max(expected, values[i]);
            }
            CHECK(tree.top_without(2, [&](std::size_t i) { return i == a || i == b; }) == expected);
        }
        if (size == 0) CHECK(tree.top() == 0);
    }
}
