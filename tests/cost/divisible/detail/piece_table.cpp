// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/divisible/detail/piece_table.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::gpu_index;
using berth::task_index;
using berth::task_piece;
using berth::detail::piece_table;

TEST_CASE("piece_table: equals a list of pieces, with and without gaps") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        const std::uint32_t tasks = 1 + berth::bounded(g, 8);
        const std::uint32_t gpus = 1 + berth::bounded(g, 5);
        piece_table table{tasks, gpus};
        std::vector<task_piece> list;
        for (int step = 0; step < 200; ++step) {
            const task_index t{berth::bounded(g, tasks)};
            const gpu_index gpu{berth::bounded(g, gpus)};
            std::size_t at = 0;
            while (at < list.size() && !(list[at].task == t && list[at].gpu == gpu)) ++at;
            const std::uint32_t found = table.find(t, gpu);
            REQUIRE((found != piece_table::none) == (at < list.size()));
            if (at < list.size()) REQUIRE(table[found] == list[at]);
            if (at < list.size() && berth::bounded(g, 2) == 0) {
                const auto load = berth::bounded(g, 3) == 0 ? berth::amount{1} : list[at].load;
                table.take(found, load);
                list[at].load -= load;
                if (list[at].load == 0) list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
            } else {
                const berth::amount load = 1 + berth::bounded(g, 9);
                table.add(t, gpu, load);
                if (at < list.size()) {
                    list[at].load += load;
                } else {
                    list.push_back({t, gpu, load});
                }
            }
            // Both chains, in order of the list.
            for (std::uint32_t i = 0; i < tasks; ++i) {
                std::uint32_t piece = table.first_of(task_index{i});
                for (const task_piece& each : list) {
                    if (each.task != task_index{i}) continue;
                    REQUIRE(piece != piece_table::none);
                    REQUIRE(table[piece] == each);
                    piece = table.next_of_task(piece);
                }
                REQUIRE(piece == piece_table::none);
            }
            for (std::uint32_t i = 0; i < gpus; ++i) {
                std::uint32_t piece = table.first_on(gpu_index{i});
                for (const task_piece& each : list) {
                    if (each.gpu != gpu_index{i}) continue;
                    REQUIRE(piece != piece_table::none);
                    REQUIRE(table[piece] == each);
                    piece = table.next_on_gpu(piece);
                }
                REQUIRE(piece == piece_table::none);
            }
            if (berth::bounded(g, 3) != 0) continue;
            table.compact();
            REQUIRE(table.view().size() == list.size());
            for (std::size_t i = 0; i < list.size(); ++i) REQUIRE(table.view()[i] == list[i]);
        }
    }
}
