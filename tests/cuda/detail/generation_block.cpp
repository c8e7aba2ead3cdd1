// SPDX-License-Identifier: Apache-2.0
// The code of the kernel, run by one thread in the place of each thread of a block, without a device.
#include "berth/cuda/detail/generation_block.hpp"

#include "berth/allocate/genetic/philox_genetic.hpp"
#include "berth/core/random.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace ev = berth::detail::evolution;

using berth::philox_genetic;
using berth::priced_problem;

namespace {

struct shape_of_block {
    std::uint32_t lanes;
    std::uint32_t slices;
};

/// The generations of a device, blocks one after the other, the threads of a phase in a random order: a missing barrier
/// changes the result.
template <class Word>
class emulated_device {
public:
    emulated_device(const philox_genetic& description, const berth::packed_problem& p,
                    const berth::candidate_lists& lists, berth::warm_start start, shape_of_block shape)
        : lists_{ev::genes_of(lists, p.tasks())}, shape_{shape} {
        pass_.rules = ev::rules_of(description, p);
        pass_.problem = {p.table<Word>(), lists_.data(), static_cast<std::uint32_t>(lists.width())};
        pass_.given = start.empty() ? 0 : 1;
        const std::size_t chunks = pass_.rules.population * ev::chunks_of(p.tasks());
        members_.resize(chunks);
        children_.resize(chunks);
        const auto given = ev::chunks_of(start);
        for (std::size_t c = 0; c < given.size(); ++c) children_[c] = given[c];
        values_.resize(pass_.rules.population);
        child_values_.resize(pass_.rules.population);
        make();
    }
    void advance() {
        ++pass_.generation;
        make();
    }
    [[nodiscard]] berth::gpu_assignment member(std::size_t i) const {
        const std::size_t tasks = pass_.problem.table.tasks;
        return ev::assignment_of(members_.data() + i * ev::chunks_of(tasks), tasks);
    }
    [[nodiscard]] ev::member_value value(std::size_t i) const { return values_[i]; }

private:
    void make() {
        pass_.parents = members_.data();
        pass_.parent_values = values_.data();
        pass_.children = children_.data();
        pass_.child_values = child_values_.data();
        const std::size_t threads = std::size_t{shape_.lanes} * shape_.slices;
        std::vector<Word> loads(pass_.problem.table.gpus * shape_.lanes, Word{77});
        std::vector<std::uint64_t> sums(threads, 77);
        std::vector<berth::amount> excesses(threads, 77);
        std::vector<std::uint32_t> picks(threads, 77);
        std::vector<std::uint32_t> order(threads);
        std::iota(order.begin(), order.end(), 0U);
        for (std::uint32_t first = 0; first < pass_.rules.population; first += shape_.lanes) {
            const ev::generation_block<Word> block{
                pass_, {loads.data(), sums.data(), excesses.data(), picks.data()}, first, shape_.lanes, shape_.slices};
            const auto each = [&](auto phase) {
                shuffle(random_, std::span<std::uint32_t>{order});
                for (const std::uint32_t thread : order) phase(thread);
            };
            each([&](std::uint32_t thread) { block.select(thread); });
            each([&](std::uint32_t thread) { block.mix(thread); });
            each([&](std::uint32_t thread) { block.measure(thread); });
            each([&](std::uint32_t thread) { block.finish(thread); });
        }
        members_.swap(children_);
        values_.swap(child_values_);
    }

    ev::generation_pass<Word> pass_{};
    berth::detail::flat<std::uint16_t> lists_;
    shape_of_block shape_;
    berth::xoshiro256 random_{1};
    std::vector<ev::gene_chunk> members_;
    std::vector<ev::gene_chunk> children_;
    std::vector<ev::member_value> values_;
    std::vector<ev::member_value> child_values_;
};

template <class Word>
void compare(const philox_genetic& description, const priced_problem& p, berth::warm_start start,
             shape_of_block shape) {
    CAPTURE(shape.lanes);
    CAPTURE(shape.slices);
    const auto packed = pack_assignments(p.tables(), {.narrow_words = sizeof(Word) == 4});
    REQUIRE(packed->word_bits() == 8 * sizeof(Word));
    auto host = description.start(*packed, p.candidates(), start);
    emulated_device<Word> device{description, *packed, p.candidates(), start, shape};
    for (int generation = 0; generation < 5; ++generation) {
        for (std::size_t i = 0; i < description.population; ++i) {
            REQUIRE(device.member(i) == host.member(i));
            REQUIRE(ev::value_of(*packed, device.value(i)) == host.value(i));
        }
        host.advance();
        device.advance();
    }
}

}  // namespace

TEST_CASE("blocks of any shape make the generations of the host") {
    struct size {
        std::size_t gpus;
        std::size_t tasks;
        std::size_t candidates;
    };
    for (const size s : {size{1, 5, 1}, size{7, 100, 4}, size{40, 61, 0}, size{100, 16, 8}, size{300, 9, 8}}) {
        const auto instance = berth_test::gap_of_type('D', s.gpus, s.tasks, s.gpus);
        const priced_problem p{instance.problem(), {.candidates = s.candidates}};
        const philox_genetic description{.seed = s.tasks, .population = 50, .crossover_rate = 0.7, .mutations = 3.0};
        for (const shape_of_block shape :
             {shape_of_block{64, 8}, shape_of_block{8, 4}, shape_of_block{1, 2}, shape_of_block{16, 32}}) {
            compare<std::uint32_t>(description, p, {}, shape);
        }
        compare<std::uint64_t>(description, p, {}, {32, 4});
    }
}

TEST_CASE("a given member is the first of the first generation") {
    const auto instance = berth_test::gap_of_type('C', 5, 30, 2);
    const priced_problem p{instance.problem()};
    const berth::gpu_assignment start(30, berth::gpu_index{3});
    const philox_genetic still{.population = 20, .steps = 0, .elite_group = 7};
    compare<std::uint32_t>(still, p, start, {8, 3});
    const auto packed = pack_assignments(p.tables());
    const emulated_device<std::uint32_t> device{still, *packed, p.candidates(), start, {8, 3}};
    CHECK(device.member(0) == start);
}
