// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/linked_gpus.hpp"

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace berth;

namespace {

/// GPUs 0-3 and 4-7 are islands of links of 100; between islands 10. Inside, neighbours of a pair have 200.
std::vector<amount> two_islands() {
    std::vector<amount> links(64, 0);
    for (std::size_t a = 0; a < 8; ++a) {
        for (std::size_t b = 0; b < 8; ++b) {
            if (a != b) links[8 * a + b] = a / 4 != b / 4 ? 10 : a / 2 == b / 2 ? 200 : 100;
        }
    }
    return links;
}
node_description eight(std::string_view name, const std::vector<gpu_description>& gpus, std::span<const amount> links) {
    return {.name = name, .gpus = gpus, .gpu_links = links};
}
template <class Placer>
gpu_mask place(Placer& placer, cluster& living, const std::string& name, std::size_t gpus) {
    const auto task = living.admit(task_description{.name = name, .gpus = gpus});
    REQUIRE(task);
    const slot where = placer.place(*task);
    REQUIRE(where.placed());
    return where.gpus;
}

}  // namespace

TEST_CASE("tasks get the best connected GPUs, and one GPU is taken where the others miss it least") {
    cluster living;
    const std::vector<amount> links = two_islands();
    const std::vector<gpu_description> gpus(8);
    REQUIRE(living.join(eight("n0", gpus, links)));
    const greedy policy{best_fit{}, linked_gpus{}};
    auto placer = policy.start(living);
    CHECK(place(placer, living, "pair", 2) == 0b11);
    CHECK(place(placer, living, "island", 4) == 0b1111'0000);
    CHECK(place(placer, living, "one", 1) == 0b100);
    CHECK(place(placer, living, "other", 1) == 0b1000);

    // Five of eight: an island of four stays less useful than three together.
    cluster other;
    REQUIRE(other.join(eight("n0", gpus, links)));
    auto second = policy.start(other);
    CHECK(place(second, other, "one", 1) == 0b1);
    CHECK(place(second, other, "two", 1) == 0b10);  // the rest of a broken pair
    CHECK(place(second, other, "island", 4) == 0b1111'0000);
}

TEST_CASE("without links, and on the score's own selection, the GPUs are those of the other selection") {
    std::mt19937 random{5};
    for (int round = 0; round < 40; ++round) {
        cluster plain;
        cluster same;
        const std::vector<gpu_description> gpus(8);
        for (const char* name : {"n0", "n1", "n2"}) {
            REQUIRE(plain.join(eight(name, gpus, {})));
            REQUIRE(same.join(eight(name, gpus, {})));
        }
        const greedy usual{scarcity{}};
        const greedy linked{scarcity{}, linked_gpus{best_scored_gpu{}}};
        auto a = usual.start(plain);
        auto b = linked.start(same);
        for (int k = 0; k < 12; ++k) {
            const std::vector<amount> share{static_cast<amount>(random() % 3 == 0 ? 1000 : 100 * (1 + random() % 9))};
            const std::string name = std::to_string(k);
            const std::size_t wanted = share[0] == 1000 ? 1 + random() % 3 : 1;
            const task_description task{.name = name, .gpus = wanted, .gpu_demand = share};
            const auto t = plain.admit(task);
            const auto u = same.admit(task);
            REQUIRE((t && u));
            CHECK(a.place(*t) == b.place(*u));
        }
    }
}

TEST_CASE("random links, models and loads: the set is the best of all that are like the picked one") {
    std::mt19937 random{9};
    std::size_t better = 0;
    for (int round = 0; round < 400; ++round) {
        const std::size_t n = 2 + random() % 9;
        std::vector<amount> links(n * n, 0);
        for (std::size_t a = 0; a < n; ++a) {
            for (std::size_t b = 0; b < a; ++b)
                links[a * n + b] = links[b * n + a] = static_cast<amount>(random() % 300);
        }
        std::vector<gpu_description> gpus(n);
        for (gpu_description& g : gpus) g.model = random() % 4 == 0 ? "T4" : "A100";
        cluster living;
        REQUIRE(living.join(eight("n0", gpus, links)));
        const std::vector<amount> half{500};
        for (std::size_t g = 0; g < n; ++g) {
            if (random() % 3 == 0) {
                const auto t = living.admit(task_description{.gpu_demand = half});
                REQUIRE(t);
                REQUIRE(living.place(*t, {node_index{0}, gpu_mask{1} << g}));
            }
        }
        const node_view node = living.ledger().node(node_index{0});
        const std::size_t wanted = 1 + random() % 4;
        const auto t = living.admit(task_description{.gpus = wanted});
        REQUIRE(t);
        const demand_view demand = living.workload().demand(*living.find(*t));
        const gpu_mask fitting = living.ledger().fitting_gpus(demand, node_index{0});
        if (gpu_count(fitting) < wanted) continue;
        const gpu_mask picked = tightest_gpu{}(node, demand, fitting);
        const gpu_mask linked = linked_gpus{}(node, demand, fitting);
        REQUIRE(gpu_count(linked) == wanted);
        REQUIRE((linked & ~fitting) == 0);
        const gpu_links known = living.fleet().links(node_index{0});
        REQUIRE(known.known());
        std::int64_t best = -1;
        for (gpu_mask set = fitting; set != 0; set = (set - 1) & fitting) {
            if (gpu_count(set) != wanted) continue;
            bool like = true;
            for (gpu_mask rest = set; rest != 0; rest &= rest - 1) {
                like = like && node.model(lowest_gpu(rest)) == node.model(lowest_gpu(picked)) &&
                       node.free_share(lowest_gpu(rest)) == node.free_share(lowest_gpu(picked));
            }
            if (like) best = std::max(best, known.score(set));
        }
        if (best < 0) {
            CHECK(linked == picked);  // GPUs of several models
            continue;
        }
        CHECK(known.score(linked) == best);
        better += known.score(linked) > known.score(picked) ? 1 : 0;
    }
    CHECK(better > 50);
}
