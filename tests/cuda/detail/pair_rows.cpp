// SPDX-License-Identifier: Apache-2.0
// The code of the kernels, run by one thread in the place of every lane.
#include "berth/cuda/detail/pair_rows.hpp"

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rows = berth::detail::rows;

namespace {

template <class Pairs>
std::vector<std::uint32_t> list_of(const rows::priced_rows<Pairs>& p, std::size_t t, std::size_t width,
                                   std::size_t lanes) {
    std::vector<std::uint32_t> list;
    rows::priced_gpu last;
    for (std::size_t i = 0; i < width; ++i) {
        rows::priced_gpu next;
        for (std::size_t lane = lanes; lane-- > 0;) {  // merged from the last lane on
            next = rows::first_in_list{}(i == 0 ? rows::lowest<rows::first_in_list>(p, t, lane, lanes)
                                                : rows::next_in_list(p, t, last, lane, lanes),
                                         next);
        }
        last = next;
        list.push_back(last.gpu);
    }
    return list;
}

}  // namespace

TEST_CASE("lists equal candidate_lists for any number of lanes") {
    struct size {
        std::size_t gpus;
        std::size_t tasks;
        std::size_t width;
    };
    for (const size s : {size{1, 3, 1}, size{5, 40, 5}, size{33, 20, 8}, size{100, 15, 3}}) {
        const auto instance = berth_test::gap_of_type('C', s.gpus, s.tasks, s.gpus);
        berth::priced_problem p{instance.problem(), {.candidates = s.width}};
        const rows::priced_rows<rows::matrix_pairs> priced{
            {p.costs().data(), p.loads().data(), s.gpus}, p.capacities().data(), p.bound().prices.data()};
        for (const std::size_t lanes : {1U, 7U, 32U}) {
            for (std::size_t t = 0; t < s.tasks; ++t) {
                std::vector<std::uint32_t> wanted;
                for (const berth::gpu_index g : p.candidates().of(berth::task_index{t})) {
                    wanted.push_back(static_cast<std::uint32_t>(g.value()));
                }
                REQUIRE(list_of(priced, t, s.width, lanes) == wanted);
            }
        }
    }
}

TEST_CASE("ties go to the lower load and then the lower position and GPUs without room come last") {
    const std::vector<double> costs{5, 3, 3, 3, 1, 2, 3};
    const std::vector<berth::amount> loads{1, 2, 1, 1, 9, 8, 2};
    const std::vector<berth::amount> capacities(7, 5);
    const std::vector<double> prices(7, 0.0);
    const rows::priced_rows<rows::matrix_pairs> priced{
        {costs.data(), loads.data(), 7}, capacities.data(), prices.data()};
    for (const std::size_t lanes : {1U, 2U, 32U}) {
        CHECK(list_of(priced, 0, 7, lanes) == std::vector<std::uint32_t>{2, 3, 1, 6, 0, 5, 4});
        rows::priced_gpu least;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            least = rows::cheaper{}(least, rows::lowest<rows::cheaper>(priced, 0, lane, lanes));
        }
        CHECK(least.gpu == 1);
    }
}

TEST_CASE("a packed table gives the costs above the cheapest in units") {
    const auto instance = berth_test::gap_of_type('D', 6, 10, 3);
    for (const bool narrow : {true, false}) {
        const auto packed = pack_assignments(instance.problem(), {.narrow_words = narrow});
        for (std::size_t t = 0; t < 10; ++t) {
            double least = instance.costs[t * 6];
            for (std::size_t g = 0; g < 6; ++g) least = std::min(least, instance.costs[t * 6 + g]);
            for (std::size_t g = 0; g < 6; ++g) {
                const rows::packed_pairs<std::uint32_t> small{packed->table<std::uint32_t>().words, 6};
                const rows::packed_pairs<std::uint64_t> large{packed->table<std::uint64_t>().words, 6};
                CHECK((narrow ? small.cost(t, g) : large.cost(t, g)) * packed->cost_unit() ==
                      instance.costs[t * 6 + g] - least);
                CHECK((narrow ? small.load(t, g) : large.load(t, g)) == instance.loads[t * 6 + g]);
            }
        }
    }
}
