// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster_text.hpp"

#include "berth/testing/check_cluster.hpp"

#include "common/random_events.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth::load_cluster;
using berth::save_cluster;
using berth_test::below;
using berth_test::need;
using berth_test::random_events;

namespace {

/// A cluster with something of everything.
berth::cluster rich_cluster(std::uint64_t seed, std::size_t events) {
    random_events random{seed};
    berth::cluster c{random.schema()};
    random.add_domains(c);
    for (std::size_t i = 0; i < events; ++i) random.step(c);
    return c;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin));
        begin = end == std::string::npos ? text.size() : end + 1;
    }
    return lines;
}
std::string text_of(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text.append(line).push_back('\n');
    return text;
}

}  // namespace

TEST_CASE("cluster text: by hand") {
    berth::cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"power"}}};
    const berth::amount power[] = {9000};
    (void)need(c.add_domain("rack 1", 0, power));
    const berth::amount share_and_memory[] = {1000, 80};
    const berth::gpu_description gpus[] = {{.model = "A100", .capacity = share_and_memory, .uuid = "GPU-\"5f\\1c\""},
                                           {.model = "H100", .healthy = false}};
    const std::string_view racks[] = {"rack 1"};
    const auto n0 = need(c.join({.name = "n0", .gpus = gpus, .domains = racks}));
    const auto gone = need(c.join({.name = "gone"}));
    CHECK(c.leave(gone));
    (void)c.set_open(n0, false);
    const std::string_view models[] = {"B200", "A100"};
    const berth::amount half[] = {500, 40};
    const auto t = need(c.admit({.name = "a\nb", .gpu_demand = half, .accepted_models = models, .priority = -3}));
    (void)need(c.admit({.gpus = 0, .group = "job", .gang = true, .min_tasks = 2}));
    CHECK(c.occupy(t, {berth::node_index{0}, 1}));

    const std::string text = save_cluster(c);
    CHECK(text == "berth-cluster 1\n"
                  "counters gpu \"share\" \"memory\"\n"
                  "counters node \"cpu\"\n"
                  "counters domain \"power\"\n"
                  "roles \"\" \"\" \"\"\n"
                  "models \"A100\" \"H100\" \"B200\"\n"
                  "domain \"rack 1\" 0 9000\n"
                  "node 0 1 0 2 \"n0\" healthy closed unlimited domains \"rack 1\"\n"
                  "gpu 0 0 1 \"GPU-\\\"5f\\\\1c\\\"\" \"A100\" there healthy 1000 80\n"
                  "gpu 1 1 1 \"\" \"H100\" there sick 1000 unlimited\n"
                  "node 1 1 2 0 vacant\n"
                  "shape 0 1 1 gpu 500 40 node 0 domain 0 accepts \"B200|A100\" 5 any-model\n"
                  "shape 1 1 0 gpu 0 0 node 0 domain 0 accepts \"\" ffffffffffffffff any-model\n"
                  "idle\n"
                  "group 0 \"job\" gang 2\n"
                  "task 0 1 \"a\\x0ab\" 0 - -3 0 any-model 0:1\n"
                  "task 1 1 \"\" 1 0 0 0 any-model -\n"
                  "end 17\n");

    const berth::cluster loaded = need(load_cluster(text));
    CHECK(loaded.find(n0) == berth::node_index{0});
    CHECK(!loaded.find(gone));
    CHECK(loaded.where(t) == berth::slot{berth::node_index{0}, 1});
    CHECK(loaded.ledger().free(loaded.fleet().gpu(berth::node_index{0}, 0))[1] == 40);
    CHECK(!loaded.open(berth::node_index{0}));
    CHECK(loaded.find_gpu("GPU-\"5f\\1c\"") == c.handle(berth::node_index{0}, 0));
    CHECK(loaded.find_task("a\nb") == t);
    CHECK(save_cluster(loaded) == text);
}

TEST_CASE("cluster text: lines may end in CRLF") {
    const std::string text = save_cluster(rich_cluster(5, 200));
    std::string crlf;
    for (const char c : text) c == '\n' ? void(crlf.append("\r\n")) : crlf.push_back(c);
    CHECK(save_cluster(need(load_cluster(crlf))) == text);
}

TEST_CASE("cluster text: an empty cluster, and one whose counters have names of any bytes") {
    for (const berth::resource_schema& schema :
         {berth::resource_schema{}, berth::resource_schema{.gpu = {"a b", "\"", "\\", "\x01\x7f"}, .node = {}}}) {
        const berth::cluster c{schema};
        const berth::cluster loaded = need(load_cluster(save_cluster(c)));
        CHECK(loaded.fleet().schema() == schema);
        CHECK(save_cluster(loaded) == save_cluster(c));
    }
}

TEST_CASE("cluster text: the loaded cluster is the saved one, and answers every event as it does") {
    for (std::uint64_t seed = 100; seed < 104; ++seed) {
        random_events events{seed};
        berth::cluster c{events.schema()};
        events.add_domains(c);
        for (std::size_t round = 0; round < 15; ++round) {
            for (std::size_t i = 0; i < 40; ++i) events.step(c);
            const std::string text = save_cluster(c);
            berth::cluster loaded = need(load_cluster(text));
            const auto ok = berth::check_cluster(loaded);
            if (!ok) FAIL("seed ", seed, ", round ", round, ": ", ok.error().message);
            REQUIRE(save_cluster(loaded) == text);
            random_events same = events;
            berth::cluster copy{c};
            for (std::size_t i = 0; i < 40; ++i) same.step(loaded);
            same = events;
            for (std::size_t i = 0; i < 40; ++i) same.step(copy);
            REQUIRE(save_cluster(loaded) == save_cluster(copy));
        }
    }
}

TEST_CASE("cluster text: no handle of something that is gone becomes valid again") {
    berth::cluster c;
    const auto first = need(c.admit(berth::task_description{}));
    CHECK(c.retire(first));
    berth::cluster loaded = need(load_cluster(save_cluster(c)));
    const auto second = need(loaded.admit(berth::task_description{}));
    CHECK(second.position() == first.position());
    CHECK_FALSE(loaded.find(first));
    CHECK(loaded.find(second));
}

TEST_CASE("cluster text: a text that ends early is refused") {
    const std::string text = save_cluster(rich_cluster(6, 60));
    for (std::size_t size = 0; size < text.size(); size += size < 400 ? 1 : 7) {
        const auto loaded = load_cluster(std::string_view{text}.substr(0, size));
        REQUIRE_FALSE(loaded);
        REQUIRE(loaded.error().message.starts_with("line "));
    }
    CHECK_FALSE(load_cluster(text + "task 0 1\n"));
    CHECK(load_cluster(text));
}

TEST_CASE("cluster text: a text that was changed is refused, or is that of another sound cluster") {
    std::size_t refused = 0;
    std::size_t loaded_anyway = 0;
    berth::xoshiro256 g{1};
    for (const std::uint64_t seed : {7U, 8U, 11U}) {
        const std::string text = save_cluster(rich_cluster(seed, 250));
        for (std::size_t i = 0; i < 250; ++i) {
            std::string changed = text;
            std::vector<std::string> lines = lines_of(text);
            const std::size_t line = below(g, lines.size());
            const std::size_t other = below(g, lines.size());
            switch (i % 5) {
                case 0: changed[below(g, text.size())] = "0123459-:\" a\n\\"[below(g, 14)]; break;
                case 1:
                    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line));
                    changed = text_of(lines);
                    break;
                case 2:
                    std::swap(lines[line], lines[other]);
                    changed = text_of(lines);
                    break;
                case 3:
                    lines[line] = lines[other];
                    changed = text_of(lines);
                    break;
                default: changed.erase(below(g, text.size()), 1 + below(g, 4));
            }
            if (changed == text) continue;
            const auto loaded = load_cluster(changed);
            if (!loaded) {
                REQUIRE(loaded.error().message.starts_with("line "));
                ++refused;
                continue;
            }
            const auto ok = berth::check_cluster(*loaded);
            if (!ok) FAIL(ok.error().message, "\n", changed);
            REQUIRE(save_cluster(need(load_cluster(save_cluster(*loaded)))) == save_cluster(*loaded));
            ++loaded_anyway;
        }
    }
    CHECK(refused > 300);
    CHECK(loaded_anyway > 10);
}

TEST_CASE("cluster text: errors name line and field") {
    berth::cluster c;
    const berth::gpu_description gpus[] = {{.model = "A100", .uuid = "u0"}, {.model = "A100", .uuid = "u1"}};
    (void)need(c.join({.name = "n0", .gpus = gpus}));
    const auto t = need(c.admit({.name = "t0", .group = "job"}));
    CHECK(c.place(t, {berth::node_index{0}, 1}));
    CHECK(c.begin_move(t, {berth::node_index{0}, 2}));
    const auto shape = need(c.shape_of(berth::task_description{.gpus = 0}));
    CHECK(c.reserve(shape, {berth::node_index{0}, 0}));
    const std::string text = save_cluster(c);
    REQUIRE(load_cluster(text));
    struct wrong {
        const char* from;
        const char* to;
        const char* message;
    };
    for (const auto& [from, to, message] : {
             wrong{"cluster 1", "cluster 2", "line 1: version is \"2\", expected 1"},
             {"berth-cluster", "berth-fleet", "line 1: kind is \"berth-fleet\", expected \"berth-cluster\""},
             {"gpu \"share\"", "gpu", "line 5: resource schema: gpu has no counter; the first is the compute share"},
             {"\"A100\"\n", "\"A100\" \"A100\"\n", "line 6: model is \"A100\", expected one that is not listed yet"},
             {"node 0 1 0 2", "node 1 1 0 2", "line 7: position is \"1\", expected 0"},
             {"node 0 1 0 2", "node 0 0 0 2", "line 7: generation is \"0\", expected at least 1"},
             {"node 0 1 0 2", "node 0 1 1 2", "line 7: first-gpu is \"1\", expected 0"},
             {"node 0 1 0 2", "node 0 1 0 1", "line 9: position is \"1\", expected at most the 1 of its room"},
             {"healthy open", "well open", "line 7: health is \"well\", expected \"healthy\" or \"sick\""},
             {"unlimited unlimited", "unlimited -1", "line 7: capacity is \"-1\", expected a whole number"},
             {"\"u1\"", "\"u0\"", "line 9: uuid is \"u0\", expected a UUID of its own"},
             {"gpu 1 1 1", "gpu 1 0 1", "line 9: identity is \"0\", expected one that is not listed yet"},
             {"gpu 1 1 1", "gpu 1 2 1", "line 9: identity is \"1\", expected a line about it"},
             {"\"u1\" \"A100\"", "\"u1\" \"T4\"", "line 9: model is \"T4\", expected one that is listed above"},
             {"gpu 1000", "gpu 0", "line 10: shape: gpu_demand is 0 in every counter, but the task wants 1 GPU"},
             {"accepts \"\" f", "accepts \"T4\" f", "line 10: accepted models is \"T4\", expected a mask"},
             {"plain 0", "plain 1", "line 13: min-tasks is \"1\", expected 0 without a gang"},
             {"\"t0\" 0 0 0", "\"t0\" 7 0 0", "line 14: shape is \"7\", expected one that is listed above"},
             {"\"t0\" 0 0 0", "\"t0\" 0 1 0", "line 14: group is \"1\", expected one that is listed above"},
             {"\"t0\" 0 0 0", "\"t0\" 0 0 x", "line 14: priority is \"x\", expected an int"},
             {"any-model 0:1", "any-model 0:4", "line 14: slot is \"0\", expected a node and 1 of its GPUs"},
             {"any-model 0:1", "any-model 3:1", "line 14: slot is \"3\", expected a node and 1 of its GPUs"},
             {"any-model 0:1", "any-model -", "line 15: task is \"0\", expected one that has a slot, once"},
             {"move 0 0:2", "move 0 -", "line 15: slot is \"-\", expected a node and 1 of its GPUs"},
             {"reservation 0 1 1", "reservation 0 1 0", "line 16: slot is \"0\", expected a node and 1 of its GPUs"},
             {"idle\n", "idle 1\n", "line 17: idle is \"1\", expected exactly the shapes of no task"},
             {"end 16", "end 17", "line 17: lines is \"17\", expected 16"},
         }) {
        CAPTURE(from);
        CAPTURE(to);
        const auto loaded = load_cluster(replaced(text, from, to));
        REQUIRE_FALSE(loaded);
        CHECK_MESSAGE(loaded.error().message.find(message) == 0, loaded.error().message);
    }
}
