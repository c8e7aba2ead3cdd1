// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/topology/best_effort_gpu_set.hpp"
#include "berth/allocate/topology/best_gpu_set.hpp"
#include "berth/allocate/topology/gpu_set_value.hpp"
#include "berth/allocate/topology/link_matrix.hpp"

#include "support/csv_table.hpp"
#include "support/data_folders.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace berth;

namespace {

std::size_t size_of(gpu_mask set) { return static_cast<std::size_t>(std::popcount(set)); }

// DGX-1 with V100: two quads of GPUs with single and double NVLinks, after `nvidia-smi topo -m`.
link_matrix dgx1v() {
    link_matrix links{8};
    struct link {
        std::size_t a, b, nvlinks;
        pcie_path path;
    };
    using enum pcie_path;
    for (const link& l : {link{0, 1, 1, pix},
                          {0, 2, 1, phb},
                          {0, 3, 2, phb},
                          {0, 4, 2, sys},
                          {1, 2, 2, phb},
                          {1, 3, 1, phb},
                          {1, 5, 2, sys},
                          {2, 3, 2, pix},
                          {2, 6, 1, sys},
                          {3, 7, 1, sys},
                          {4, 5, 1, pix},
                          {4, 6, 1, phb},
                          {4, 7, 2, phb},
                          {5, 6, 2, phb},
                          {5, 7, 1, phb},
                          {6, 7, 2, pix}}) {
        links.set(l.a, l.b, link_score(l.path, l.nvlinks));
    }
    for (std::size_t a = 0; a < 4; ++a) {
        for (std::size_t b = 4; b < 8; ++b) {
            if (links(a, b) == 0) links.set(a, b, link_score(sys, 0));
        }
    }
    return links;
}

link_matrix random_links(std::size_t gpus, std::mt19937& random, unsigned most) {
    link_matrix links{gpus};
    for (std::size_t a = 0; a < gpus; ++a) {
        for (std::size_t b = a + 1; b < gpus; ++b) links.set(a, b, static_cast<std::int32_t>(random() % (most + 1)));
    }
    return links;
}

// The best set by trying all of them.
gpu_mask best_of_all(const link_matrix& links, gpu_mask free, std::size_t k, gpu_mask required, set_tie_break tie) {
    gpu_mask best = 0;
    for (gpu_mask set = free; set != 0; set = (set - 1) & free) {
        if (size_of(set) != k || (required & ~set) != 0) continue;
        const auto rest = [&](gpu_mask taken) {
            return tie == set_tie_break::best_rest ? links.score(free & ~taken) : std::int64_t{0};
        };
        const bool better = best == 0 || links.score(set) > links.score(best) ||
                            (links.score(set) == links.score(best) &&
                             (rest(set) > rest(best) || (rest(set) == rest(best) && set < best)));
        if (better) best = set;
    }
    return best;
}

}  // namespace

TEST_CASE("scores of pairs, and sums over sets") {
    CHECK(link_score(pcie_path::sys, 0) == 10);
    CHECK(link_score(pcie_path::pix, 1) == 150);
    CHECK(link_score(pcie_path::board, 2) == 260);
    const link_matrix links = dgx1v();
    CHECK(links(0, 3) == 230);
    CHECK(links(3, 0) == 230);
    CHECK(links(5, 5) == 0);
    CHECK(links.score(0b1001) == 230);
    CHECK(links.score(0b0001) == 0);
    CHECK(links.between(0b0011, 0b1100) == links(0, 2) + links(0, 3) + links(1, 2) + links(1, 3));
}

TEST_CASE("the best set is that of all sets, on every free mask of a machine and on random ones") {
    const link_matrix machine = dgx1v();
    for (const set_tie_break tie : {set_tie_break::lowest, set_tie_break::best_rest}) {
        for (gpu_mask free = 1; free < 256; free += 2) {
            for (std::size_t k = 1; k <= size_of(free); ++k) {
                CHECK(best_gpu_set(machine, free, k, 0, tie) == best_of_all(machine, free, k, 0, tie));
            }
        }
        std::mt19937 random{11};
        for (int round = 0; round < 60; ++round) {
            CAPTURE(round);
            const std::size_t gpus = 1 + random() % 11;
            const link_matrix links = random_links(gpus, random, round % 2 == 0 ? 3 : 1000);
            const gpu_mask free = random() % (gpu_mask{1} << gpus);
            const gpu_mask required = free & random() & random() & random();
            for (std::size_t k = 1; k <= gpus; ++k) {
                const gpu_mask set = best_gpu_set(links, free, k, required, tie);
                CHECK(set ==
                      (k > size_of(free) || size_of(required) > k ? 0 : best_of_all(links, free, k, required, tie)));
            }
        }
    }
}

TEST_CASE("sixteen GPUs exactly, more by a local search that finds islands") {
    std::mt19937 random{5};
    const link_matrix links = random_links(16, random, 50);
    for (const std::size_t k : {2U, 3U, 8U, 15U}) {
        CHECK(best_gpu_set(links, 0xffff, k) == best_of_all(links, 0xffff, k, 0, set_tie_break::best_rest));
    }
    link_matrix islands{64};
    for (std::size_t a = 0; a < 64; ++a) {
        for (std::size_t b = a + 1; b < 64; ++b) islands.set(a, b, a / 8 == b / 8 ? 100 : 10);
    }
    const gpu_mask free = ~gpu_mask{1};  // the first island has a GPU less
    CHECK(islands.score(best_gpu_set(islands, free, 8)) == 28 * 100);
    CHECK(best_gpu_set(islands, free, 7) == 0xfe);
    CHECK((best_gpu_set(islands, free, 8, gpu_mask{1} << 63) >> 56) == 0xff);
    CHECK(best_gpu_set(islands, ~gpu_mask{0}, 64) == ~gpu_mask{0});
}

TEST_CASE("a request that cannot be met has no set") {
    const link_matrix links = dgx1v();
    for (const auto& [free, k, required] : std::vector<std::tuple<gpu_mask, std::size_t, gpu_mask>>{
             {0xff, 0, 0}, {0x0f, 5, 0}, {0x0f, 2, 0x10}, {0xff, 1, 0x03}, {0, 1, 0}}) {
        CHECK(best_gpu_set(links, free, k, required) == 0);
        CHECK(best_effort_gpu_set(links, free, k, required) == 0);
    }
    CHECK(best_gpu_set(links, 0xf00, 1) == 0);                  // GPUs that the node does not have
    CHECK(best_effort_gpu_set(link_matrix{9}, 0x1ff, 2) == 0);  // more than it enumerates
}

TEST_CASE("best effort takes pairs in the order of NVIDIA's own tests") {
    const link_matrix links = dgx1v();
    gpu_mask free = 0xff;
    for (const gpu_mask expected : std::vector<gpu_mask>{0b0000'1001, 0b0000'0110, 0b1001'0000, 0b0110'0000}) {
        const gpu_mask set = best_effort_gpu_set(links, free, 2);
        CHECK(set == expected);
        free &= ~set;
    }
    CHECK(best_effort_gpu_set(links, 0xff, 2, 0x10) == 0b1001'0000);
    CHECK(best_effort_gpu_set(links, 0xff, 4, 0x10) == 0xf0);
    CHECK(best_effort_gpu_set(links, 0xff, 1) == 1);
}

TEST_CASE("best effort chooses what go-gpuallocator chooses, and the best set is at least as good") {
    const std::string folder = bench::outside_data_folder("queueing");
    const auto machines_text = bench::read_text(folder + "/gpu-topologies.csv");
    const auto golden_text = bench::read_text(folder + "/gpualloc-golden.csv.xz");
    if (!machines_text || !golden_text) {
        MESSAGE("SKIPPED: " << folder << " has no gpu-topologies.csv and gpualloc-golden.csv.xz");
        return;
    }
    const std::map<std::string, pcie_path> paths = {{"SYS", pcie_path::sys},
                                                    {"NODE", pcie_path::node},
                                                    {"PHB", pcie_path::phb},
                                                    {"PXB", pcie_path::pxb},
                                                    {"PIX", pcie_path::pix}};
    const auto table = bench::csv_table::parse("gpu-topologies.csv", *machines_text);
    REQUIRE(table);
    std::map<std::string, link_matrix> machines;
    for (std::size_t row = 0; row < table->row_count(); ++row) {
        const auto number = [&](std::size_t column) {
            return static_cast<std::size_t>(table->integer(row, column, 0, 63).value());
        };
        std::string name{table->cell(row, 0)};
        if (name == "pcie8-titanv") name = "pcie8";
        link_matrix& links = machines.try_emplace(name, name == "rtx8000x4" ? 4U : 8U).first->second;
        const auto path = paths.find(std::string{table->cell(row, 4)});
        const std::int32_t pcie = path == paths.end() ? 0 : link_score(path->second, 0);
        if (number(2) < links.size())
            links.set(number(1), number(2), pcie + 100 * static_cast<std::int32_t>(number(3)));
    }
    const auto golden = bench::csv_table::parse("gpualloc-golden.csv.xz", *golden_text);
    REQUIRE(golden);
    std::size_t different = 0;
    std::size_t worse = 0;
    for (std::size_t row = 0; row < golden->row_count(); ++row) {
        const auto mask = [&](std::size_t column) {
            return static_cast<gpu_mask>(golden->integer(row, column, 0, 255).value());
        };
        const link_matrix& links = machines.at(std::string{golden->cell(row, 0)});
        const gpu_mask set = best_effort_gpu_set(links, mask(1), mask(3), mask(2));
        different += set != mask(4) ? 1U : 0U;
        worse += set != 0 && links.score(best_gpu_set(links, mask(1), mask(3), mask(2))) < links.score(set) ? 1U : 0U;
    }
    CHECK(golden->row_count() > 6000);
    CHECK(different == 0);
    CHECK(worse == 0);
}

TEST_CASE("a set's value weighs its own links against the places that are left") {
    const gpu_set_value value{dgx1v()};
    CHECK(value.quality(0b1100) == 1.0);
    CHECK(value.quality(0b1001) == doctest::Approx(0.92));
    CHECK(value.quality(0b0001) == 1.0);
    CHECK(value.quality(0b0011) < 1.0);
    // A single GPU goes where no good set breaks: to the half that is broken already.
    CHECK(value.best(0b1111'0001, 1).gpus == 0b0000'0001);
    CHECK(value.best(0xff, 8).gpus == 0xff);
    CHECK(value.best(0x0f, 5).gpus == 0);
    // Whole quads for four.
    const gpu_mask four = value.best(0xff, 4).gpus;
    CHECK((four == 0x0f || four == 0xf0));
    for (std::size_t k = 1; k <= 8; ++k) {
        for (const gpu_mask free : {gpu_mask{0xff}, gpu_mask{0x7e}, gpu_mask{0xb6}}) {
            const gpu_mask set = value.best(free, k).gpus;
            CHECK((k > size_of(free) ? set == 0 : size_of(set) == k && (set & ~free) == 0));
        }
    }
}
