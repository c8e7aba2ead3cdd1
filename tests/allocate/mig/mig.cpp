// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/mig/mig_board.hpp"
#include "berth/allocate/mig/mig_choice.hpp"
#include "berth/allocate/mig/mig_positions.hpp"

#include "allocate/mig/boards.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace berth;

namespace {

using testing_boards::a100;
using testing_boards::a30;
constexpr std::size_t usual[] = {0, 1, 2, 3, 4};

// Every order in which slices whose set fits on an empty GPU can arrive.
std::set<std::vector<std::size_t>> all_orders(const mig_board& board) {
    std::set<std::vector<std::size_t>> sets;
    for_each_layout(board, usual, [&](const mig_layout& layout) {
        std::vector<std::size_t> of;
        for (const mig_slice& s : layout.slices()) of.push_back(s.profile);
        std::ranges::sort(of);
        sets.insert(of);
    });
    std::set<std::vector<std::size_t>> orders;
    for (std::vector<std::size_t> order : sets) {
        if (order.empty()) continue;
        do orders.insert(order);
        while (std::ranges::next_permutation(order).found);
    }
    return orders;
}

}  // namespace

TEST_CASE("legal layouts are as many as counted by hand from the table") {
    const mig_board board = a100();
    const mig_positions five{board, usual};
    CHECK(five.layout_count() == 298);
    CHECK(five.full_count() == 19);
    CHECK(five.set_count() == 38);
    const mig_positions six{board};
    CHECK(six.layout_count() == 723);
    CHECK(six.full_count() == 78);
    CHECK(six.set_count() == 78);
    const mig_board small = a30();
    const mig_positions three{small};
    CHECK(three.layout_count() == 26);
    CHECK(three.full_count() == 5);
    CHECK(three.set_count() == 10);
}

TEST_CASE("a layout takes what is legal and nothing else") {
    const mig_board board = a100();
    mig_layout layout;
    CHECK(layout.add(board, {2, 4}));        // 3g in the upper half
    CHECK_FALSE(layout.add(board, {0, 6}));  // covered by its four memory slices
    CHECK_FALSE(layout.add(board, {1, 1}));  // no legal start
    CHECK_FALSE(layout.add(board, {9, 0}));  // no such profile
    CHECK(layout.add(board, {2, 0}));
    CHECK(layout.covered() == 0xff);
    CHECK(layout.compute() == 6);
    CHECK(layout.count(2) == 2);
    CHECK_FALSE(layout.remove(board, {0, 0}));
    CHECK(layout.remove(board, {2, 0}));
    CHECK(layout.slices().size() == 1);
    mig_layout full;
    for (std::uint32_t start = 0; start < 7; ++start) CHECK(full.add(board, {0, start}));
    CHECK_FALSE(full.allows(board, {0, 7}));
}

TEST_CASE("of the 113 orders on an A100, 99 are placed without a move and all with the fewest") {
    const mig_board board = a100();
    const mig_positions positions{board, usual};
    const auto orders = all_orders(board);
    CHECK(orders.size() == 113);
    std::size_t without = 0;
    std::size_t with = 0;
    std::size_t moves = 0;
    for (const auto& order : orders) {
        mig_layout layout;
        bool moved = false;
        bool placed = true;
        for (const std::size_t profile : order) {
            if (const auto at = positions.best(layout, profile)) {
                REQUIRE(layout.add(board, *at));
                continue;
            }
            moved = true;
            CHECK(positions.fits_anyhow(layout, profile));
            const auto how = positions.repartition(layout, profile);
            REQUIRE(how);
            // The fewest over all layouts of the same slices and one more.
            std::size_t fewest = std::numeric_limits<std::size_t>::max();
            for_each_layout(board, usual, [&](const mig_layout& other) {
                for (std::size_t p = 0; p < 5; ++p) {
                    if (other.count(p) != layout.count(p) + (p == profile ? 1U : 0U)) return;
                }
                const auto kept = std::ranges::count_if(layout.slices(), [&](const mig_slice& s) {
                    return std::ranges::find(other.slices(), s) != other.slices().end();
                });
                fewest = std::min(fewest, layout.slices().size() - static_cast<std::size_t>(kept));
            });
            CHECK(how->moves.size() == fewest);
            moves += fewest;
            for (const mig_move& move : how->moves) CHECK(layout.remove(board, move.from));
            for (const mig_move& move : how->moves) {
                CHECK(move.from.profile == move.to.profile);
                placed = layout.add(board, move.to) && placed;
            }
            placed = layout.add(board, how->place) && placed;
        }
        without += moved ? 0U : 1U;
        with += placed ? 1U : 0U;
    }
    CHECK(without == 99);
    CHECK(with == 113);
    CHECK(moves == 20);
}

TEST_CASE("the position rule puts 1g and 2g at 0 and 3g at 4 on an empty GPU") {
    const mig_board board = a100();
    const mig_positions positions{board, usual};
    const mig_layout empty;
    CHECK(positions.best(empty, 0) == mig_slice{0, 0});
    CHECK(positions.best(empty, 1) == mig_slice{1, 0});
    CHECK(positions.best(empty, 2) == mig_slice{2, 4});
    mig_layout full;
    REQUIRE(full.add(board, {4, 0}));
    CHECK_FALSE(positions.best(full, 0));
    CHECK_FALSE(positions.fits_anyhow(full, 0));
    CHECK_FALSE(positions.repartition(full, 0));
}

TEST_CASE("pinned slices stay where they are") {
    const mig_board board = a100();
    const mig_positions positions{board, usual};
    mig_layout layout;
    REQUIRE(layout.add(board, {0, 0}));
    REQUIRE(layout.add(board, {0, 5}));
    CHECK_FALSE(positions.best(layout, 2));
    const auto free = positions.repartition(layout, 2);
    REQUIRE(free);
    CHECK(free->moves.size() == 1);
    const mig_slice upper[] = {{0, 5}};
    const auto pinned = positions.repartition(layout, 2, upper);
    REQUIRE(pinned);
    CHECK(pinned->place.start == 0);
    CHECK(pinned->moves == std::vector<mig_move>{{{0, 0}, pinned->moves.front().to}});
    const mig_slice both[] = {{0, 0}, {0, 5}};
    CHECK_FALSE(positions.repartition(layout, 2, both));
}

TEST_CASE("fragmentation is the free slices that cannot be used, and the fleet's choice keeps it low") {
    const mig_board board = a100();
    const mig_positions positions{board};
    const double shares[] = {0.0, 0.0, 1.0, 0.0, 0.0, 0.0};  // all want 3g
    mig_layout layout;
    CHECK(positions.fragmentation(layout, shares) == 0.0);
    REQUIRE(layout.add(board, {0, 0}));
    CHECK(positions.fragmentation(layout, shares) == 0.0);  // the upper half is left
    REQUIRE(layout.add(board, {0, 5}));
    CHECK(positions.fragmentation(layout, shares) == 5.0);
    std::vector<mig_layout> fleet(3);
    REQUIRE(fleet[1].add(board, {0, 0}));
    const auto at = choose_mig_place(positions, fleet, 0, shares);
    REQUIRE(at);
    CHECK(at->gpu == 1);  // its lower half is of no use to 3g any more
    CHECK(at->slice.start < 4);
    REQUIRE(fleet[0].add(board, {4, 0}));
    REQUIRE(fleet[2].add(board, {4, 0}));
    REQUIRE(fleet[1].add(board, {0, 5}));
    CHECK_FALSE(choose_mig_place(positions, fleet, 2, shares));
    const auto how = choose_repartition(positions, fleet, 2);
    REQUIRE(how);
    CHECK(how->gpu == 1);
    CHECK(how->how.moves.size() == 1);
    CHECK_FALSE(choose_repartition(positions, fleet, 4));
}

TEST_CASE("a stream of slices: legal at all times, and fewer refused than by first fit") {
    const mig_board board = a100();
    const mig_positions positions{board, usual};
    const double shares[] = {0.3, 0.25, 0.2, 0.15, 0.1, 0.0};
    const auto refused = [&](bool ours) {
        std::mt19937 random{3};
        std::vector<mig_layout> fleet(8);
        std::vector<std::pair<std::size_t, mig_slice>> running;
        std::size_t count = 0;
        for (int step = 0; step < 3000; ++step) {
            double x = static_cast<double>(random() % 1000) / 1000.0;
            std::size_t profile = 0;
            while (x >= shares[profile]) x -= shares[profile++];
            std::optional<mig_place> at;
            if (ours) {
                at = choose_mig_place(positions, fleet, profile, shares);
            } else {
                for (std::size_t gpu = 0; gpu < fleet.size() && !at; ++gpu) {
                    for (const std::uint32_t start : board.profiles()[profile].starts) {
                        if (!at && fleet[gpu].allows(board, {profile, start})) at = mig_place{gpu, {profile, start}};
                    }
                }
            }
            if (at) {
                REQUIRE(fleet[at->gpu].add(board, at->slice));
                running.emplace_back(at->gpu, at->slice);
            } else {
                ++count;
            }
            while (running.size() > 14 + random() % 6) {
                const std::size_t i = random() % running.size();
                CHECK(fleet[running[i].first].remove(board, running[i].second));
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
        return count;
    };
    const std::size_t by_first_fit = refused(false);
    CHECK(by_first_fit > 0);
    CHECK(refused(true) < by_first_fit);
}

TEST_CASE("a table that contradicts itself is refused with board, profile and field") {
    const auto message = [](mig_profile profile) {
        const auto board = mig_board::make("B", 7, 8, {{"1g", 1, 1, {0}, 1}, std::move(profile)});
        return board ? std::string{} : board.error().message;
    };
    CHECK(message({"", 1, 1, {0}, 1}) == "MIG board \"B\": profile \"\": name is empty");
    CHECK(message({"1g", 1, 1, {0}, 1}) == "MIG board \"B\": profile \"1g\": name is there twice");
    CHECK(message({"x", 8, 1, {0}, 1}) ==
          "MIG board \"B\": profile \"x\": compute_slices are none or more than the board has");
    CHECK(message({"x", 1, 0, {0}, 1}) ==
          "MIG board \"B\": profile \"x\": memory_slices are none or more than the board has");
    CHECK(message({"x", 1, 1, {}, 1}) == "MIG board \"B\": profile \"x\": starts are missing");
    CHECK(message({"x", 1, 4, {0, 5}, 1}) == "MIG board \"B\": profile \"x\": starts leave the board");
    CHECK(message({"x", 1, 1, {4294967295U}, 1}) == "MIG board \"B\": profile \"x\": starts leave the board");
    CHECK(message({"x", 1, 1, {2, 2}, 1}) == "MIG board \"B\": profile \"x\": starts repeat one");
    CHECK(message({"x", 1, 1, {0}, 2}) ==
          "MIG board \"B\": profile \"x\": max_instances are none or more than its starts");
    CHECK(message({"x", 1, 1, {0}, 1, -1}) == "MIG board \"B\": profile \"x\": memory_mib is negative");
    CHECK_FALSE(mig_board::make("B", 9, 8, {{"1g", 1, 1, {0}, 1}}));
    CHECK_FALSE(mig_board::make("B", 7, 8, {}));
}
