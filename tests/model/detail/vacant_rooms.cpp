// SPDX-License-Identifier: Apache-2.0
#include "berth/model/detail/vacant_rooms.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <utility>

using berth::node_index;
using berth::detail::vacant_rooms;

TEST_CASE("vacant rooms: the lowest position with the least room that suffices, against a sorted set") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        berth::xoshiro256 g{seed};
        vacant_rooms rooms;
        std::set<std::pair<std::size_t, std::size_t>> plain;  // room, position
        std::set<std::pair<std::size_t, std::size_t>> taken;
        std::size_t positions = 0;
        for (int step = 0; step < 400; ++step) {
            const std::size_t wanted = berth::bounded(g, 5) * 13;
            const auto expected = plain.lower_bound({wanted, 0});
            const node_index found = rooms.find(wanted);
            REQUIRE(found.valid() == (expected != plain.end()));
            if (found.valid()) REQUIRE(found.value() == expected->second);
            switch (berth::bounded(g, 4)) {
                case 0: {  // a new position
                    rooms.reserve(wanted);
                    rooms.add(wanted, node_index{positions});
                    plain.insert({wanted, positions++});
                    break;
                }
                case 1: {  // a new one that changes its room at once
                    rooms.add(wanted, node_index{positions});
                    rooms.remove(wanted, node_index{positions});
                    rooms.add(1, node_index{positions});
                    plain.insert({1, positions++});
                    break;
                }
                case 2:
                    if (!found.valid()) break;
                    rooms.remove(expected->first, found);
                    taken.insert(*expected);
                    plain.erase(expected);
                    break;
                default:
                    if (taken.empty()) break;
                    const auto back =
                        std::next(taken.begin(), berth::bounded(g, static_cast<std::uint32_t>(taken.size())));
                    rooms.add(back->first, node_index{back->second});
                    plain.insert(*back);
                    taken.erase(back);
            }
        }
        rooms.clear();
        CHECK_FALSE(rooms.find(0).valid());
    }
}
