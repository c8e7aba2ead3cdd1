// SPDX-License-Identifier: Apache-2.0
#include "berth/model/gpu_links.hpp"

#include "berth/model/cluster.hpp"
#include "berth/model/cluster_text.hpp"
#include "berth/model/lower.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace berth;

namespace {

constexpr node_index first{0};

std::vector<gpu_description> named(std::initializer_list<std::string_view> names) {
    std::vector<gpu_description> gpus;
    for (const std::string_view name : names) gpus.push_back({.uuid = name});
    return gpus;
}
/// The score between two GPUs by their names; -1 if the links of the node are not known.
int between(const cluster& c, std::string_view a, std::string_view b) {
    const slot x = c.find(*c.find_gpu(a));
    const slot y = c.find(*c.find_gpu(b));
    REQUIRE(x.node == y.node);
    const gpu_links links = c.fleet().links(x.node);
    return links.known() ? links(lowest_gpu(x.gpus), lowest_gpu(y.gpus)) : -1;
}

struct linked_host {
    std::string name;
    std::vector<std::string> models;
    std::vector<int> gpu_links;
    struct device {
        std::string model;
    };
    [[nodiscard]] std::vector<device> gpus() const { return std::vector<device>(models.size()); }
};

}  // namespace

TEST_CASE("links belong to GPUs by name, in whatever order they are reported") {
    cluster c;
    const std::vector<amount> links{0, 5, 7, 5, 0, 9, 7, 9, 0};
    const auto gpus = named({"a", "b", "c"});
    const auto node = c.join(node_description{.name = "n0", .gpus = gpus, .gpu_links = links});
    REQUIRE(node);
    CHECK(between(c, "a", "b") == 5);
    CHECK(between(c, "c", "a") == 7);
    CHECK(between(c, "b", "c") == 9);
    CHECK(between(c, "b", "b") == 0);
    CHECK(c.fleet().links(first).score(0b111) == 21);
    CHECK(c.fleet().links(first).between(0b001, 0b110) == 12);

    const auto turned = named({"c", "a", "d", "b"});
    const std::vector<amount> more{0, 7, 1, 9, 7, 0, 2, 5, 1, 2, 0, 3, 9, 5, 3, 0};
    REQUIRE(c.change(*node, node_description{.gpus = turned, .gpu_links = more}));
    CHECK(between(c, "a", "b") == 5);
    CHECK(between(c, "c", "a") == 7);
    CHECK(between(c, "d", "b") == 3);

    // Health and the like leave them; a report without links makes them unknown; so does leaving.
    REQUIRE(c.set_healthy(*node, false));
    REQUIRE(c.set_open(*node, false));
    CHECK(between(c, "d", "b") == 3);
    REQUIRE(c.change(*node, node_description{.gpus = turned}));
    CHECK(between(c, "a", "b") == -1);
    REQUIRE(c.change(*node, node_description{.gpus = turned, .gpu_links = more}));
    REQUIRE(c.leave(*node));
    REQUIRE(c.join(node_description{.name = "n1", .gpus = gpus}));
    CHECK_FALSE(c.fleet().links(c.find(*c.find_gpu("a")).node).known());
}

TEST_CASE("nodes that differ in links are of other kinds, and links are kept once") {
    cluster c;
    const std::vector<amount> one{0, 5, 5, 0};
    const std::vector<amount> other{0, 6, 6, 0};
    const std::vector<gpu_description> two(2);
    for (const auto& [name, links] : {std::pair{"a", &one}, std::pair{"b", &one}, std::pair{"c", &other}}) {
        REQUIRE(c.join(node_description{.name = name, .gpus = two, .gpu_links = *links}));
    }
    REQUIRE(c.join(node_description{.name = "d", .gpus = two}));
    const auto kind = [&](std::size_t n) { return c.fleet().kind(node_index{n}); };
    CHECK(kind(0) == kind(1));
    CHECK(kind(0) != kind(2));
    CHECK(kind(0) != kind(3));
    CHECK(c.fleet().links(node_index{2})(0, 1) == 6);
}

TEST_CASE("a saved cluster has its links") {
    std::mt19937 random{4};
    cluster c;
    for (std::size_t n = 0; n < 12; ++n) {
        const std::size_t gpus = 1 + random() % 9;
        std::vector<amount> links(gpus * gpus, 0);
        for (std::size_t a = 0; a < gpus; ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                links[a * gpus + b] = links[b * gpus + a] = static_cast<amount>(random() % 1'000'001);
            }
        }
        const std::string name = "n" + std::to_string(n);
        const std::vector<gpu_description> all(gpus);
        const auto node = c.join(
            node_description{.name = name, .gpus = all, .gpu_links = n % 3 == 0 ? std::span<const amount>{} : links});
        REQUIRE(node);
        if (n % 5 == 4) REQUIRE(c.leave(*node));
    }
    const std::string text = save_cluster(c);
    const auto loaded = load_cluster(text);
    REQUIRE_MESSAGE(loaded, loaded.error().message);
    CHECK(save_cluster(*loaded) == text);
    for (std::size_t n = 0; n < c.fleet().node_count(); ++n) {
        const gpu_links a = c.fleet().links(node_index{n});
        const gpu_links b = loaded->fleet().links(node_index{n});
        REQUIRE(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            for (std::size_t j = 0; j < a.size(); ++j) CHECK(a(i, j) == b(i, j));
        }
    }
    std::string cut = text;
    const std::size_t at = cut.find("\nlinks ") + 1;
    const std::size_t end = cut.find('\n', at);
    cut.insert(end, " 5");
    CHECK_FALSE(load_cluster(cut));
    cut = text;
    cut.replace(cut.find("\nlinks ") + 7, 1, "x");
    const auto refused = load_cluster(cut);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("score") != std::string::npos);
}

TEST_CASE("links that make no sense are refused by name, and nothing has changed") {
    cluster c;
    const std::vector<gpu_description> two(2);
    const auto said = [&](std::vector<amount> links) {
        const auto node = c.join(node_description{.name = "n0", .gpus = two, .gpu_links = links});
        REQUIRE_FALSE(node);
        return node.error().message;
    };
    CHECK(said({0, 5, 5}) == "node 0 (\"n0\"): gpu_links has 3 scores, expected 4");
    CHECK(said({0, 5, 6, 0}) ==
          "node 0 (\"n0\"): gpu_links from GPU 0 to GPU 1 is 5, expected 0 to 1000000, and the same both ways");
    CHECK(said({1, 5, 5, 0}) == "node 0 (\"n0\"): gpu_links from GPU 0 to GPU 0 is 1, expected 0");
    CHECK(said({0, -1, -1, 0}).find("is -1") != std::string::npos);
    CHECK(said({0, 1'000'001, 1'000'001, 0}).find("is 1000001") != std::string::npos);
    CHECK(c.fleet().node_count() == 0);
}

TEST_CASE("own types have links as a member") {
    const std::vector<linked_host> hosts{{"a", {"A100", "A100"}, {0, 3, 3, 0}}, {"b", {"T4"}, {}}};
    const auto fleet = make_fleet(hosts);
    REQUIRE(fleet);
    CHECK(fleet->links(node_index{0})(0, 1) == 3);
    CHECK_FALSE(fleet->links(node_index{1}).known());
    cluster c;
    REQUIRE(c.join(hosts[0]));
    CHECK(c.fleet().links(node_index{0})(1, 0) == 3);
}
