// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/detail/excess_rows.hpp"

#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <span>

using namespace berth;
using namespace berth_test;

namespace {

/// The k-th counter counts k + 1 times as much, and costs k + 2.
struct column {
    std::size_t k = 0;
    [[nodiscard]] amount weight() const noexcept { return static_cast<amount>(k + 2); }
    [[nodiscard]] static amount change(const amount* wanted, std::size_t k) noexcept {
        return static_cast<amount>(k + 1) * wanted[k];
    }
};

template <std::size_t Extent>
auto rows(const problem& p, amount start) {
    detail::row_of<column, Extent> columns{3};
    for (std::size_t k = 0; k < 3; ++k) columns[k].k = k;
    return detail::excess_rows<on_nodes, column, Extent>{p, columns, [&](std::size_t, std::size_t) { return start; }};
}

}  // namespace

TEST_CASE("rows of a length known at compile time equal rows of a length known at run time") {
    CHECK(detail::row_of<int, 3>{3}.size() == 3);
    CHECK(detail::row_of<int, std::dynamic_extent>{5}.size() == 5);
    CHECK(detail::row_of<int, std::dynamic_extent>{5}[4] == 0);
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        auto fixed = rows<3>(p, -20);
        auto free = rows<std::dynamic_extent>(p, -20);
        CHECK(fixed.value() == 0);
        assignment now(p.workload().task_count(), unplaced);
        for (int step = 0; step < 200; ++step) {
            const auto r = random_relocations(g, p, now);
            const double before = fixed.value();
            const double delta = fixed.delta(r);
            CHECK(free.delta(r) == delta);
            fixed.apply(r);
            free.apply(r);
            CHECK(fixed.value() == before + delta);
            CHECK(free.value() == fixed.value());
            for (const auto& one : r) now[one.task.value()] = one.to;
        }
        CHECK(fixed.value() > 0);
    }
    const auto made = service_problem(1);
    CHECK(rows<3>(problem{made.machines, made.tasks}, 1).value() ==
          static_cast<double>((2 + 3 + 4) * made.machines.node_count()));
}
