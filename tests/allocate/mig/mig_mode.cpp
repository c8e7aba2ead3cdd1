// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/mig/mig_mode.hpp"

#include "allocate/mig/boards.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

using namespace berth;

namespace {

struct fixture {
    mig_board board = testing_boards::a100();
    mig_positions positions{board};
    mig_mode_options options{};

    [[nodiscard]] mig_mode_gpu with(std::initializer_list<mig_slice> slices) const {
        mig_mode_gpu gpu{.sliced = true, .idle = slices.size() == 0};
        for (const mig_slice& s : slices) REQUIRE(gpu.slices.add(board, s));
        return gpu;
    }
    [[nodiscard]] std::vector<mig_mode_change> choose(const std::vector<mig_mode_gpu>& gpus,
                                                      const std::vector<std::size_t>& slices, std::size_t whole,
                                                      double now = 0.0) const {
        return choose_mig_modes(positions, gpus, {slices, whole}, options, now);
    }
};
constexpr mig_mode_gpu whole_idle{};
constexpr mig_mode_gpu whole_busy() {
    mig_mode_gpu gpu;
    gpu.idle = false;
    return gpu;
}
using changes = std::vector<mig_mode_change>;

}  // namespace

TEST_CASE_FIXTURE(fixture, "nothing is switched while nobody lacks anything") {
    CHECK(choose({whole_idle, with({}), whole_busy()}, {}, 0).empty());
    CHECK(choose({}, {3, 0, 0, 0, 0, 0}, 2).empty());
}

TEST_CASE_FIXTURE(fixture, "slices get as many idle GPUs as hold them, beside others in MIG mode") {
    std::vector<mig_mode_gpu> gpus(4);
    gpus[2] = with({{0, 0}});
    gpus[0].node = gpus[1].node = 1;
    gpus[2].node = gpus[3].node = 2;
    CHECK(choose(gpus, {1, 0, 0, 0, 0, 0}, 0) == changes{{3, mig_mode_step::slice}});
    CHECK(choose(gpus, {0, 0, 2, 1, 0, 0}, 0) == changes{{3, mig_mode_step::slice}, {0, mig_mode_step::slice}});
}

TEST_CASE_FIXTURE(fixture, "tasks for whole GPUs get idle GPUs out of MIG mode, where few are in it") {
    std::vector<mig_mode_gpu> gpus(4, with({}));
    gpus[0].node = gpus[1].node = gpus[2].node = 1;
    gpus[3].node = 2;
    CHECK(choose(gpus, {}, 1) == changes{{3, mig_mode_step::unslice}});
    CHECK(choose(gpus, {}, 9).size() == 4);
}

TEST_CASE_FIXTURE(fixture, "a GPU that was switched stays as it is for a while") {
    std::vector<mig_mode_gpu> gpus(1, with({}));
    gpus[0].switched = 100.0;
    CHECK(choose(gpus, {}, 1, 699.0).empty());
    CHECK(choose(gpus, {}, 1, 700.0) == changes{{0, mig_mode_step::unslice}});
}

TEST_CASE_FIXTURE(fixture, "slices move together where that frees a GPU, unless slices wait") {
    const std::vector<mig_mode_gpu> gpus{with({{0, 0}, {0, 1}}), with({{1, 0}}), with({{0, 0}, {1, 2}, {0, 4}}),
                                         whole_busy()};
    CHECK(choose(gpus, {}, 1) == changes{{1, mig_mode_step::empty, 1}});
    // The slices of a second one have no room elsewhere: it is closed.
    CHECK(choose(gpus, {}, 9) == changes{{1, mig_mode_step::empty, 1}, {0, mig_mode_step::empty}});
    // Where slices wait as well, four GPUs are divided 2 to 2, and those that leave get no moves.
    CHECK(choose(gpus, {0, 0, 0, 0, 1, 0}, 1) == changes{{1, mig_mode_step::empty}});
    // Too many to move.
    fixture strict;
    strict.options.max_moves = 1;
    CHECK(strict.choose(gpus, {}, 2) == changes{{1, mig_mode_step::empty, 1}, {0, mig_mode_step::empty}});
}

TEST_CASE_FIXTURE(fixture, "what is being emptied is switched when idle, and used again when nobody lacks it") {
    std::vector<mig_mode_gpu> gpus{whole_busy(), with({{4, 0}})};
    gpus[0].emptying = true;
    CHECK(choose(gpus, {0, 0, 0, 0, 0, 0}, 0) == changes{{0, mig_mode_step::reopen}});
    gpus[0].idle = true;
    CHECK(choose(gpus, {0, 0, 0, 0, 1, 0}, 0) == changes{{0, mig_mode_step::slice}});
    gpus[0].idle = false;
    gpus.push_back(whole_busy());
    gpus.push_back(with({{4, 0}}));
    CHECK(choose(gpus, {0, 0, 0, 0, 4, 0}, 0).empty());  // it is under way: 3 of 4 for 6 of 8 that are asked for
}

TEST_CASE_FIXTURE(fixture, "each side that asks has a GPU where there are two") {
    const std::vector<mig_mode_gpu> gpus{whole_busy(), whole_busy()};
    CHECK(choose(gpus, {1, 0, 0, 0, 0, 0}, 50) == changes{{0, mig_mode_step::empty}});
    const std::vector<mig_mode_gpu> sliced{with({{4, 0}}), with({{4, 0}})};
    CHECK(choose(sliced, {0, 0, 0, 0, 50, 0}, 1) == changes{{0, mig_mode_step::empty}});
}

TEST_CASE_FIXTURE(fixture, "random fleets: idle ones are switched, nobody gives more than is lacking or fair") {
    std::mt19937 random{3};
    std::size_t steps = 0;
    for (int round = 0; round < 3000; ++round) {
        std::vector<mig_mode_gpu> gpus(1 + random() % 12);
        for (mig_mode_gpu& gpu : gpus) {
            gpu.node = static_cast<std::uint32_t>(random() % 3);
            gpu.sliced = random() % 2 == 0;
            if (gpu.sliced) {
                for (std::size_t k = random() % 3; k > 0; --k) {
                    const std::size_t profile = random() % 6;
                    if (const auto at = positions.best(gpu.slices, profile)) gpu.slices.add(board, *at);
                }
            }
            gpu.idle = gpu.sliced ? gpu.slices.slices().empty() : random() % 2 == 0;
            gpu.emptying = random() % 6 == 0;
            gpu.switched = random() % 4 == 0 ? -10.0 : -1e6;
        }
        std::vector<std::size_t> slices(6, 0);
        for (std::size_t k = random() % 6; k > 0; --k) ++slices[random() % 6];
        const std::size_t whole = random() % 2 == 0 ? 0 : random() % 6;
        const auto chosen = choose(gpus, slices, whole);
        CHECK(chosen == choose(gpus, slices, whole));
        steps += chosen.size();

        std::set<std::size_t> seen;
        std::size_t to_slices = 0;
        std::size_t to_whole = 0;
        for (const mig_mode_change& c : chosen) {
            REQUIRE(c.gpu < gpus.size());
            const mig_mode_gpu& gpu = gpus[c.gpu];
            CHECK(seen.insert(c.gpu).second);
            CHECK((c.step == mig_mode_step::reopen ? gpu.emptying : true));
            if (c.step == mig_mode_step::reopen) continue;
            (gpu.sliced ? to_whole : to_slices) += 1;
            CHECK((c.step == mig_mode_step::empty) == !gpu.idle);
            CHECK((c.step == mig_mode_step::slice ? !gpu.sliced : true));
            CHECK((c.step == mig_mode_step::unslice ? gpu.sliced : true));
            CHECK((gpu.emptying || gpu.switched < -600.0));
            CHECK((c.step == mig_mode_step::empty ? !gpu.emptying : true));
            CHECK((c.moves == 0 || c.moves == gpu.slices.slices().size()));
        }
        for (std::size_t g = 0; g < gpus.size(); ++g) {
            // Under way before, and still.
            if (gpus[g].emptying && !seen.contains(g)) (gpus[g].sliced ? to_whole : to_slices) += 1;
        }
        CHECK(to_slices <= fewest_mig_gpus(positions, slices).enough);
        CHECK(to_whole <= whole);
        std::vector<std::size_t> asked = slices;
        std::size_t busy = whole;
        std::size_t sliced = 0;
        for (const mig_mode_gpu& gpu : gpus) {
            for (const mig_slice& s : gpu.slices.slices()) ++asked[s.profile];
            busy += !gpu.sliced && !gpu.idle ? 1 : 0;
            sliced += gpu.sliced ? 1 : 0;
        }
        // Where there is room for all, nobody loses what it uses.
        const std::size_t for_slices = fewest_mig_gpus(positions, asked).enough;
        if (for_slices + busy > gpus.size()) continue;
        if (to_slices > 0) CHECK(sliced + to_slices + busy <= gpus.size());
        if (to_whole > 0) CHECK(sliced - to_whole >= for_slices);
    }
    CHECK(steps > 2000);
}
