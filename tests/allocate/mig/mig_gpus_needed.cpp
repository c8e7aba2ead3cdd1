// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/mig/mig_gpus_needed.hpp"

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

/// Each slice goes to each GPU in use or to a new one, wherever the sets of the legal layouts allow it.
class exhaustive_packing {
public:
    explicit exhaustive_packing(const mig_board& board) : board_{board} {
        std::vector<mig_profile_index> all(board.profiles().size());
        for (mig_profile_index p = 0; p < all.size(); ++p) all[p] = p;
        for_each_layout(board, all, [&](const mig_layout& layout) {
            std::vector<std::size_t> set(all.size(), 0);
            for (const mig_slice& s : layout.slices()) ++set[s.profile];
            sets_.insert(set);
        });
    }
    [[nodiscard]] std::size_t fewest(const std::vector<std::size_t>& slices) {
        todo_.clear();
        for (std::size_t p = 0; p < slices.size(); ++p) todo_.insert(todo_.end(), slices[p], p);
        gpus_.clear();
        best_ = todo_.size();
        place(0);
        return best_;
    }

private:
    void place(std::size_t at) {
        if (gpus_.size() >= best_) return;
        if (at == todo_.size()) {
            best_ = gpus_.size();
            return;
        }
        for (std::size_t g = 0; g < gpus_.size(); ++g) {
            ++gpus_[g][todo_[at]];
            if (sets_.contains(gpus_[g])) place(at + 1);
            --gpus_[g][todo_[at]];
        }
        gpus_.emplace_back(board_.profiles().size(), 0);
        ++gpus_.back()[todo_[at]];
        place(at + 1);
        gpus_.pop_back();
    }
    const mig_board& board_;
    std::set<std::vector<std::size_t>> sets_;
    std::vector<std::size_t> todo_;
    std::vector<std::vector<std::size_t>> gpus_;
    std::size_t best_ = 0;
};

}  // namespace

TEST_CASE("the fewest GPUs for slices are those of an exhaustive packing") {
    std::mt19937 random{7};
    for (const mig_board& board : {testing_boards::a100(), testing_boards::a30()}) {
        const mig_positions positions{board};
        exhaustive_packing packing{board};
        for (int round = 0; round < 150; ++round) {
            std::vector<std::size_t> slices(board.profiles().size(), 0);
            const std::size_t count = random() % 8;
            for (std::size_t i = 0; i < count; ++i) ++slices[random() % slices.size()];
            CAPTURE(slices);
            const mig_gpus_needed needed = fewest_mig_gpus(positions, slices);
            CHECK(needed.enough == packing.fewest(slices));
            CHECK(needed.least == needed.enough);
        }
    }
}

TEST_CASE("many slices need what the linear program says, and never less than their parts") {
    const mig_board board = testing_boards::a100();
    const mig_positions positions{board};
    std::mt19937 random{11};
    std::size_t optimal = 0;
    for (int round = 0; round < 60; ++round) {
        std::vector<std::size_t> slices(board.profiles().size());
        for (std::size_t& n : slices) n = random() % 90;
        CAPTURE(slices);
        const mig_gpus_needed needed = fewest_mig_gpus(positions, slices);
        std::size_t compute = 0;
        std::size_t memory = 0;
        for (std::size_t p = 0; p < slices.size(); ++p) {
            compute += slices[p] * board.profiles()[p].compute_slices;
            memory += slices[p] * board.profiles()[p].memory_slices;
        }
        REQUIRE(needed.least <= needed.enough);
        CHECK(7 * needed.least >= compute);
        CHECK(8 * needed.least >= memory);
        CHECK(needed.enough <= needed.least + 1);
        optimal += needed.enough == needed.least ? 1 : 0;
        std::vector<std::size_t> more = slices;
        ++more[random() % more.size()];
        CHECK(fewest_mig_gpus(positions, more).enough >= needed.least);
    }
    CHECK(optimal >= 55);
}

TEST_CASE("no slices need no GPU, and full GPUs are not mixed") {
    const mig_board board = testing_boards::a100();
    const mig_positions positions{board};
    CHECK(fewest_mig_gpus(positions, std::vector<std::size_t>{0, 0, 0, 0, 0, 0}).enough == 0);
    CHECK(fewest_mig_gpus(positions, std::vector<std::size_t>{7, 0, 0, 0, 0, 0}).enough == 1);
    CHECK(fewest_mig_gpus(positions, std::vector<std::size_t>{8, 0, 0, 0, 0, 0}).enough == 2);
    CHECK(fewest_mig_gpus(positions, std::vector<std::size_t>{0, 0, 1000, 1000, 0, 0}).enough == 1000);
    CHECK(fewest_mig_gpus(positions, std::vector<std::size_t>{1, 0, 0, 0, 1000, 0}).enough == 1001);
}
