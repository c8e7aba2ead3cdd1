// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/mig/mig_board.hpp"
#include "berth/core/random.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_journal.hpp"
#include "berth/scheduler/scheduler_text.hpp"
#include "berth/testing/check_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using berth::acknowledgement;
using berth::decision_kind;
using berth::mig_board;
using words = std::vector<std::string>;

mig_board a100() {
    return *mig_board::make("A100-80", 7, 8,
                            {{"1g.10gb", 1, 1, {0, 1, 2, 3, 4, 5, 6}, 7, 9728},
                             {"1g.20gb", 1, 2, {0, 2, 4, 6}, 4, 19968},
                             {"2g.20gb", 2, 2, {0, 2, 4}, 3, 19968},
                             {"3g.40gb", 3, 4, {0, 4}, 2, 40192},
                             {"4g.40gb", 4, 4, {0}, 1, 40192},
                             {"7g.80gb", 7, 8, {0}, 1, 80896}});
}

/// A node with GPUs `NODE-0`, ..., the first of them in MIG mode.
template <class Engine>
void join(Engine& engine, const std::string& node, std::size_t cut, std::size_t whole = 0) {
    std::vector<std::string> names;
    for (std::size_t g = 0; g < cut + whole; ++g) names.push_back(node + "-" + std::to_string(g));
    std::vector<berth::gpu_description> gpus;
    for (std::size_t g = 0; g < names.size(); ++g)
        gpus.push_back({.model = "A100", .uuid = names[g], .mig_board = g < cut ? "A100-80" : ""});
    REQUIRE(engine.node(engine.now(), berth::node_description{.name = node, .gpus = gpus}));
}
template <class Engine>
void ask(Engine& engine, double time, const std::string& name, std::string_view profile, int priority = 0) {
    REQUIRE(engine.job(time, {.name = name, .mig_profile = profile, .priority = priority}));
}
template <class Engine>
words decided(Engine& engine, double time) {
    words all;
    const auto answer = engine.decide(time);
    REQUIRE(answer);
    for (const berth::decision& d : *answer) {
        std::string text = std::string{to_string(d.kind)} + " " + std::string{engine.name(d.job)};
        const auto gpu = [&](const berth::slot& at) {
            return at.gpus == 0 ? std::string{"none"} : engine.cluster().uuid(at.node, berth::lowest_gpu(at.gpus));
        };
        if (d.from.placed()) text += " " + gpu(d.from) + "@" + std::to_string(d.mig_from);
        if (d.where.placed()) text += " " + gpu(d.where) + "@" + std::to_string(d.mig_offset);
        for (const berth::wait_count& r : d.reasons) text += " " + std::string{engine.name(r)};
        all.push_back(text);
    }
    CHECK(berth::check_cluster(engine.cluster()));
    return all;
}

const auto usual = berth::scheduler_policies<>{};
const auto sharing = usual.with_preemption(berth::share_rules{});

}  // namespace

TEST_CASE("slices start in positions that leave most to come, and what has ended is free") {
    berth::scheduler engine{usual};
    REQUIRE(engine.mig_board(a100()));
    join(engine, "n", 1, 1);
    ask(engine, 1.0, "a", "1g.10gb");
    ask(engine, 1.0, "b", "1g.10gb");
    ask(engine, 1.0, "c", "2g.20gb");
    ask(engine, 1.0, "d", "3g.40gb");
    CHECK(decided(engine, 1.0) == words{"start a n-0@0", "start b n-0@1", "start c n-0@2", "start d n-0@4"});
    CHECK(engine.mig_offset(engine.task(*engine.find_job("d"), 0)) == 4U);
    CHECK(engine.mig_profile(*engine.find_job("d")) == "3g.40gb");
    CHECK(engine.mig_slices(*engine.cluster().find_gpu("n-0")).slices().size() == 4);
    CHECK(engine.mig_slices(*engine.cluster().find_gpu("n-0")).compute() == 7);
    REQUIRE(engine.job(2.0, {.name = "whole", .gpus = 2}));
    ask(engine, 2.0, "e", "2g.20gb");
    ask(engine, 2.0, "f", "1g.10gb");
    CHECK(decided(engine, 2.0) == words{"wait whole never gpu", "wait e gpu", "wait f gpu"});
    CHECK(*engine.finish(3.0, "a"));
    CHECK(decided(engine, 3.0) == words{"start f n-0@0"});
    CHECK(*engine.failed(4.0, "f"));  // the start
    CHECK(*engine.cancel(4.0, "b"));
    CHECK(decided(engine, 4.0) == words{"start e n-0@0", "wait f delay"});
    CHECK(*engine.cancel(5.0, "whole"));
    REQUIRE(engine.job(5.0, {.name = "one", .gpus = 1}));
    CHECK(decided(engine, 5.0) == words{"start one n-1@0"});
    const auto last = engine.job(6.0, {.name = "last", .mig_profile = "3g.40gb"});
    CHECK(*engine.finish(6.0, "d"));
    const auto answer = engine.decide(6.0);
    REQUIRE(answer);
    REQUIRE(answer->size() >= 1);
    CHECK(berth::describe(answer->front(), engine) ==
          "job \"last\", task 0 starts on node \"n\", GPU \"n-0\", slice \"3g.40gb\" at 4");
    CHECK(engine.waiting(*last) == 0);
}

TEST_CASE("what is no slice, no board or no position is refused by item and field") {
    berth::scheduler engine{usual};
    REQUIRE(engine.mig_board(a100()));
    CHECK(engine.mig_board(a100()).error().message == "MIG board \"A100-80\" is there already");
    const auto report = [&](berth::gpu_description gpu) {
        return engine.node(0.0, berth::node_description{.name = "x", .gpus = {&gpu, 1}});
    };
    CHECK(report({.mig_board = "A100-80"}).error().message ==
          "node \"x\": gpus[0].uuid is empty, and the GPU is in MIG mode");
    CHECK(report({.uuid = "u", .mig_board = "A1"}).error().message ==
          "node \"x\": gpus[0].mig_board: there is no board \"A1\"");
    join(engine, "n", 1, 1);
    const auto message = [&](const berth::job_description& d) { return engine.job(1.0, d).error().message; };
    CHECK(message({.name = "j", .mig_profile = "1g"}) == "job \"j\": mig_profile \"1g\" is on no board");
    CHECK(message({.name = "j", .gpus = 2, .mig_profile = "1g.10gb"}) ==
          "job \"j\": mig_profile is given beside a demand of GPUs");
    ask(engine, 1.0, "s", "3g.40gb");
    REQUIRE(engine.job(1.0, {.name = "whole"}));
    const auto runs = [&](const char* job, const char* gpu, std::uint32_t offset) {
        return engine.running_slice(1.0, job, 0, {"n", gpu}, offset).error().message;
    };
    CHECK(runs("s", "n-0", 2) ==
          "event running: job \"s\" task 0: the GPU has no position for its profile at offset 2");
    CHECK(runs("s", "n-1", 4) ==
          "event running: job \"s\" task 0: the GPU has no position for its profile at offset 4");
    CHECK(runs("s", "n-9", 4) == "event running: node \"n\" has no GPU \"n-9\"");
    CHECK(runs("s", "", 4) == "event running: a slice is on a GPU, at an offset");
    CHECK(runs("whole", "n-0", 4) == "event running: job \"whole\" task 0: it is no slice");
    const std::string_view gpu = "n-0";
    CHECK(engine.running(1.0, "s", 0, "n", {&gpu, 1}).error().message ==
          "event running: job \"s\" task 0: it is a slice, and no offset is given");
    CHECK(*engine.running_slice(1.0, "s", 0, {"n", "n-0"}, 4));
    CHECK_FALSE(*engine.running_slice(1.0, "s", 0, {"n", "n-0"}, 4));
    CHECK(engine.counts().duplicates == 1);
}

TEST_CASE("every set that fits one GPU is placed in 99 of 113 orders without moves") {
    const mig_board board = a100();
    std::set<std::vector<std::size_t>> orders;
    berth::for_each_layout(board, berth::plain_mig_profiles(board), [&](const berth::mig_layout& layout) {
        std::vector<std::size_t> order;
        for (const berth::mig_slice& slice : layout.slices()) order.push_back(slice.profile);
        if (order.empty()) return;
        std::ranges::sort(order);
        do orders.insert(order);
        while (std::ranges::next_permutation(order).found);
    });
    REQUIRE(orders.size() == 113);
    const auto placed = [&](const auto& policies) {
        std::size_t all = 0;
        for (const auto& order : orders) {
            berth::scheduler engine{policies};
            REQUIRE(engine.mig_board(board));
            join(engine, "n", 1);
            for (std::size_t i = 0; i < order.size(); ++i) {
                const auto time = static_cast<double>(i);
                ask(engine, time, "j" + std::to_string(i), board.profiles()[order[i]].name);
                REQUIRE(engine.decide(time));
            }
            std::size_t waiting = 0;
            for (const berth::job_handle j : engine.jobs()) waiting += engine.waiting(j);
            all += waiting == 0 ? 1U : 0U;
        }
        return all;
    };
    CHECK(placed(usual) == 99);
    CHECK(placed(sharing) == 113);  // with moves
}

TEST_CASE("a slice moves for a larger one, and holds both positions until it is reported") {
    berth::scheduler engine{sharing, {}, {.acknowledge = acknowledgement::reported}};
    REQUIRE(engine.mig_board(a100()));
    join(engine, "n", 1);
    ask(engine, 0.0, "s", "1g.10gb");
    CHECK(*engine.running_slice(0.0, "s", 0, {"n", "n-0"}, 1));
    ask(engine, 1.0, "x", "4g.40gb");
    CHECK(decided(engine, 1.0) == words{"move s n-0@1 n-0@6"});
    CHECK(engine.mig_slices(*engine.cluster().find_gpu("n-0")).slices().size() == 2);
    ask(engine, 2.0, "y", "1g.10gb");  // the node is held for x
    CHECK(decided(engine, 2.0) == words{"wait y held"});

    // It is killed in between, and goes on from its text.
    auto again = berth::load_scheduler(engine.save(), sharing, {.acknowledge = acknowledgement::reported});
    if (!again) FAIL(again.error().message);
    CHECK(*(*again)->moved(3.0, "s"));
    CHECK(decided(**again, 3.0) == words{"start x n-0@0", "start y n-0@4"});

    CHECK(*engine.failed(3.0, "s"));
    CHECK(engine.mig_offset(engine.task(*engine.find_job("s"), 0)) == 1U);
    CHECK(engine.mig_slices(*engine.cluster().find_gpu("n-0")).slices().size() == 1);
    CHECK(decided(engine, 3.0).front().starts_with("start y n-0@"));
}

TEST_CASE("slices leave sick, drained and missing GPUs, and overlaps") {
    berth::scheduler engine{usual};
    REQUIRE(engine.mig_board(a100()));
    join(engine, "a", 1);
    ask(engine, 0.0, "p", "3g.40gb");
    CHECK(decided(engine, 0.0) == words{"start p a-0@4"});
    join(engine, "b", 2);
    CHECK(*engine.health(1.0, {"a", "a-0"}, false));
    CHECK(decided(engine, 1.0) == words{"move p a-0@4 b-0@4"});
    CHECK(*engine.drain(2.0, {"b", "b-0"}));
    CHECK(decided(engine, 2.0) == words{"move p b-0@4 b-1@4"});
    CHECK(*engine.open(3.0, {"b", "b-0"}));
    const std::string_view left = "b-0";  // the other one is not reported any more
    const berth::gpu_description gpu{.model = "A100", .uuid = left, .mig_board = "A100-80"};
    REQUIRE(engine.node(3.0, berth::node_description{.name = "b", .gpus = {&gpu, 1}}));
    CHECK(decided(engine, 3.0) == words{"move p b-1@4 b-0@4"});
    ask(engine, 4.0, "q", "1g.10gb");
    CHECK(*engine.running_slice(4.0, "q", 0, {"b", "b-0"}, 5));  // overlaps
    const words moved = decided(engine, 4.0);
    REQUIRE(moved.size() == 1);
    CHECK(moved.front().starts_with("move "));
    CHECK(engine.mig_slices(*engine.cluster().find_gpu("b-0")).slices().size() == 2);
    // Out of MIG mode there is no place for slices, and none elsewhere: they stay as trouble.
    const berth::gpu_description plain{.model = "A100", .uuid = left};
    REQUIRE(engine.node(5.0, berth::node_description{.name = "b", .gpus = {&plain, 1}}));
    CHECK(decided(engine, 5.0).empty());
    CHECK(*engine.health(6.0, {"a", "a-0"}, true));
    CHECK(decided(engine, 6.0).size() == 2);
    REQUIRE(engine.node_gone(7.0, "a"));
    const words lost = decided(engine, 7.0);
    CHECK(std::ranges::count_if(lost, [](const std::string& w) { return w.starts_with("lost"); }) == 2);
}

TEST_CASE("a slice of higher priority takes the position of a lower one, by order or by queue") {
    const auto run = [](auto& engine) {
        REQUIRE(engine.mig_board(a100()));
        join(engine, "n", 1);
        ask(engine, 0.0, "low", "4g.40gb");
        ask(engine, 0.0, "side", "3g.40gb");
        CHECK(decided(engine, 0.0).size() == 2);
        ask(engine, 1.0, "high", "2g.20gb", 5);
        const words all = decided(engine, 1.0);
        REQUIRE(all.size() >= 2);
        CHECK(std::ranges::count_if(all, [](const std::string& w) { return w.starts_with("evict"); }) == 1);
        CHECK(engine.waiting(*engine.find_job("high")) == 0);
    };
    const auto by_order = usual.with_preemption(berth::for_priority{});
    berth::scheduler ordered{by_order};
    run(ordered);
    berth::scheduler shared{sharing};
    run(shared);
}

namespace {

/// Who holds which slices, from decisions and reports alone.
class slice_ledger {
public:
    void put(const std::string& job, const std::string& gpu, const berth::mig_slice& slice) {
        held_[job] = {gpu, slice};
    }
    void drop(const std::string& job) { held_.erase(job); }
    [[nodiscard]] bool legal(const mig_board& board) const {
        std::map<std::string, berth::mig_layout> layouts;
        for (const auto& [job, at] : held_) {
            if (!layouts[at.first].add(board, at.second)) return false;
        }
        return true;
    }

private:
    std::map<std::string, std::pair<std::string, berth::mig_slice>> held_;
};

/// Some hundred events, told to a journalled scheduler that dies now and then.
template <class Policies>
std::vector<std::string> random_slices(const Policies& policies, std::uint64_t seed, bool reported, bool dies) {
    const berth::scheduler_options options{.acknowledge =
                                               reported ? acknowledgement::reported : acknowledgement::at_once};
    using engine_type = berth::journalled_scheduler<Policies, berth::text_journal>;
    auto engine = std::make_unique<engine_type>(policies, berth::text_journal{}, berth::resource_schema{}, options);
    const mig_board board = a100();
    REQUIRE(engine->mig_board(board));
    berth::xoshiro256 random{seed};
    const auto below = [&](std::size_t n) {
        return static_cast<std::size_t>(berth::bounded(random, static_cast<std::uint32_t>(n)));
    };
    const auto report = [&](double time, std::size_t node, std::size_t gpus) {
        const std::string name = "n" + std::to_string(node);
        std::vector<std::string> uuids;
        for (std::size_t g = 0; g < gpus; ++g) uuids.push_back(name + "-" + std::to_string(g));
        std::vector<berth::gpu_description> described;
        for (const std::string& u : uuids) described.push_back({.model = "A100", .uuid = u, .mig_board = "A100-80"});
        REQUIRE(engine->node(time, berth::node_description{.name = name, .gpus = described}));
    };
    for (std::size_t n = 0; n < 3; ++n) report(0.0, n, 2);
    std::vector<std::string> log;
    slice_ledger held;
    std::vector<std::string> jobs;
    std::map<std::string, std::string> in_flight;  // job: `moved` or `stopped` is due
    std::map<std::string, std::pair<std::string, berth::mig_slice>> targets;
    double time = 0.0;
    for (int step = 0; step < 100; ++step) {
        time += 1.0;
        const std::size_t what = below(10);
        if (what < 4) {
            const std::string name = "j" + std::to_string(step);
            REQUIRE(engine->job(time, {.name = name,
                                       .mig_profile = board.profiles()[below(board.profiles().size())].name,
                                       .priority = static_cast<int>(below(3)),
                                       .terms = {.preemptible = below(5) > 0}}));
            jobs.push_back(name);
        } else if (what < 8 && !jobs.empty()) {
            const std::size_t k = below(jobs.size());
            REQUIRE(engine->finish(time, jobs[k].c_str()));
            held.drop(jobs[k]);
            in_flight.erase(jobs[k]);
            jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(k));
        } else if (what == 8) {
            const std::string name = "n" + std::to_string(below(3));
            const std::string gpu = name + "-" + std::to_string(below(2));
            REQUIRE(engine->health(time, {name, gpu}, below(3) > 0));
        } else {
            const std::size_t node = below(3);
            if (below(4) == 0) {
                const auto known = engine->known().cluster().find_node("n" + std::to_string(node));
                if (known) REQUIRE(engine->node_gone(time, *known));
                for (auto it = in_flight.begin(); it != in_flight.end();) {  // its moves may have ended
                    it = it->second == "moved" ? in_flight.erase(it) : std::next(it);
                }
            }
            report(time, node, 2);
        }
        while (!in_flight.empty() && below(2) == 0) {
            const auto [job, due] = *in_flight.begin();
            in_flight.erase(in_flight.begin());
            if (below(5) == 0) {
                REQUIRE(engine->failed(time, job.c_str()));
            } else if (due == "moved") {
                if (*engine->moved(time, job.c_str())) held.put(job, targets[job].first, targets[job].second);
            } else if (*engine->stopped(time, job.c_str())) {
                held.drop(job);
            }
        }
        const auto answer = engine->decide(time);
        REQUIRE(answer);
        for (const berth::decision& d : *answer) {
            const std::string name{engine->known().name(d.job)};
            log.push_back(berth::describe(d, engine->known()));
            const auto uuid = [&] {
                return engine->known().cluster().uuid(d.where.node, berth::lowest_gpu(d.where.gpus));
            };
            const berth::mig_slice slice{d.mig_profile.empty() ? 0 : *board.find(d.mig_profile), d.mig_offset};
            if (d.kind == decision_kind::lost) held.drop(name), in_flight.erase(name);
            if (d.kind == decision_kind::start) held.put(name, uuid(), slice);
            if (d.kind == decision_kind::evict && !reported) held.drop(name);
            if (d.kind == decision_kind::evict && reported) in_flight[name] = "stopped";
            if (d.kind != decision_kind::move) continue;
            if (!reported) {
                held.put(name, uuid(), slice);
            } else {
                in_flight[name] = "moved";
                targets[name] = {uuid(), slice};
            }
        }
        CHECK(berth::check_cluster(engine->known().cluster()));
        CHECK(held.legal(board));
        // What the scheduler holds is what it has told.
        for (const std::string& j : jobs) {
            const auto handle = engine->known().find_job(j);
            if (!handle) continue;
            const bool runs = engine->known().running(*handle) > 0;
            CHECK(runs == engine->known().mig_offset(engine->known().task(*handle, 0)).has_value());
        }
        if (dies && step % 7 == 3) {
            engine->carried_out();
            const std::string text = engine->journal().text;
            auto next = berth::resume_scheduler(text, policies, berth::text_journal{text}, options);
            if (!next) FAIL(next.error().message);
            engine = std::move(*next);
        }
    }
    return log;
}

}  // namespace

TEST_CASE("random slices are legal at all times, and killed schedulers go on as if nothing had been") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        for (const bool reported : {false, true}) {
            CAPTURE(seed);
            CAPTURE(reported);
            const auto lives = random_slices(sharing, seed, reported, false);
            CHECK(lives.size() > 30);
            CHECK(lives == random_slices(sharing, seed, reported, true));
        }
    }
}
