// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/change_log.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("a change log gives each changed item once in the order of first changes and then forgets") {
    berth::change_log log{6};
    for (const std::size_t item : {4U, 1U, 4U, 5U, 1U}) log.note(item);
    CHECK(log.size() == 3);
    std::vector<std::size_t> taken;
    log.take([&](std::size_t item) { taken.push_back(item); });
    CHECK(taken == std::vector<std::size_t>{4, 1, 5});
    CHECK(log.size() == 0);
    log.note(1);
    taken.clear();
    log.take([&](std::size_t item) { taken.push_back(item); });
    CHECK(taken == std::vector<std::size_t>{1});
}
