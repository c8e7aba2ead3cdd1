// SPDX-License-Identifier: Apache-2.0
// Moves over a Slurm in memory: a berth that dies at any point, calls that are refused, a slurmctld that forgets.
#include "bridge.hpp"
#include "fake_slurm.hpp"
#include "move_desk.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace berth_slurm;

namespace {

struct folder {
    std::filesystem::path path;
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "berth-moves-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~folder() { std::filesystem::remove_all(path); }
};

/// berth as the program runs it, which can be made anew at any time.
struct program {
    fake_slurm* slurm;
    std::filesystem::path state;
    bridge scheduler{{.start_timeout = 20.0}};
    move_desk desk;

    program(fake_slurm& s, const std::filesystem::path& path) : slurm{&s}, state{path}, desk{s, path, {}} {
        std::vector<std::string> troubles;
        for (const wanted_move& m : desk.resume(troubles)) scheduler.adopt(m);
        CHECK(troubles.empty());
    }
    void round() {
        slurm->tick();
        const snapshot seen = *slurm->read();
        scheduler.observe(seen);
        desk.advance(seen, seen.time, scheduler);
        const auto orders = scheduler.decide(seen.time);
        for (const wanted_move& m : scheduler.take_moves()) desk.begin(m, seen.time);
        for (const order& o : orders) {
            berth::result<void> done;
            const job_record* r = seen.find(o.job);
            if (o.kind == order_kind::pin && r != nullptr) done = slurm->pin(*r, o.nodes, o.gres, false);
            if (o.kind == order_kind::hold) done = slurm->hold(o.job);
            if (o.kind == order_kind::requeue) done = slurm->requeue(o.job);
            if (o.kind == order_kind::cancel) done = slurm->cancel(o.job);
            scheduler.carried_out(o, done, seen.time);
        }
    }
};

void check_no_gpu_twice(const fake_slurm& slurm) {
    for (const node_record& n : slurm.nodes) {
        for (unsigned i = 0; i < 4; ++i) REQUIRE(slurm.used(n.name, i) <= 1000);
    }
}
}  // namespace

TEST_CASE("moves: both ends held throughout, and no holder stays") {
    fake_slurm slurm;
    slurm.add_node("n1", 4);
    slurm.add_node("n2", 4);
    const folder state;
    program berth{slurm, state.path};
    const auto job = slurm.submit("gres:gpu:2");
    for (int i = 0; i < 2; ++i) berth.round();
    REQUIRE(slurm.record(job).activity == job_activity::running);
    const allocation from = slurm.record(job).places.front();
    const auto index = static_cast<unsigned>(berth::lowest_gpu(from.gpus));
    const std::string other = from.node == "n1" ? "n2" : "n1";
    CHECK_FALSE(berth.scheduler.ask_move(job, from.node));
    CHECK_FALSE(berth.scheduler.ask_move(job, "n3"));
    REQUIRE(berth.scheduler.ask_move(job, other));
    bool gap = false;
    for (int i = 0; i < 30 && (i < 2 || berth.desk.size() > 0); ++i) {
        berth.round();
        check_no_gpu_twice(slurm);
        const berth::amount at_source = slurm.used(from.node, index);
        const berth::amount at_target = slurm.used(other, index);
        const bool somewhere = slurm.record(job).activity == job_activity::running;
        gap = gap || (at_source == 0 && at_target == 0) || (!somewhere && at_source + at_target < 1000);
    }
    CHECK(berth.desk.size() == 0);
    CHECK_FALSE(gap);
    CHECK(berth.desk.count(berth::migration_outcome::done) == 1);
    for (int i = 0; i < 3; ++i) berth.round();
    REQUIRE(slurm.record(job).activity == job_activity::running);
    CHECK(slurm.record(job).places.front() == allocation{other, from.gpus, 1000});
    CHECK(slurm.used(from.node, index) == 0);
    CHECK(berth.scheduler.differences(*slurm.read()).empty());
}

TEST_CASE("moves: a berth that dies at any round of a move is followed by one that brings it to an end") {
    for (int dies_after = 0; dies_after < 12; ++dies_after) {
        CAPTURE(dies_after);
        fake_slurm slurm;
        slurm.add_node("n1", 4);
        slurm.add_node("n2", 4);
        const folder state;
        auto berth = std::make_unique<program>(slurm, state.path);
        const auto job = slurm.submit("gres:gpu:2");
        for (int i = 0; i < 2; ++i) berth->round();
        REQUIRE(slurm.record(job).activity == job_activity::running);
        const std::string other = slurm.record(job).places.front().node == "n1" ? "n2" : "n1";
        REQUIRE(berth->scheduler.ask_move(job, other));
        for (int i = 0; i < dies_after; ++i) berth->round();
        std::uint64_t unresolved = berth->desk.count(berth::migration_outcome::unresolved);
        berth = std::make_unique<program>(slurm, state.path);
        for (int i = 0; i < 60 && (i < 2 || berth->desk.size() > 0); ++i) {
            berth->round();
            check_no_gpu_twice(slurm);
        }
        unresolved += berth->desk.count(berth::migration_outcome::unresolved);
        CHECK(unresolved == 0);
        CHECK(berth->desk.size() == 0);
        for (int i = 0; i < 3; ++i) berth->round();
        CHECK(slurm.record(job).activity == job_activity::running);
        CHECK(berth->scheduler.differences(*slurm.read()).empty());
    }
}

TEST_CASE("moves: whatever dies or is refused: no job lost, none twice, berth equals Slurm") {
    const char* wanted = std::getenv("BERTH_SLURM_MOVES");
    const int seeds = wanted != nullptr ? std::atoi(wanted) : 40;
    std::uint64_t moved = 0;
    for (int seed = 0; seed < seeds; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{static_cast<unsigned>(seed)};
        const auto draw = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
        fake_slurm slurm;
        for (const char* name : {"n1", "n2", "n3", "n4"}) slurm.add_node(name, 4);
        const folder state;
        std::vector<std::uint32_t> jobs;
        for (int i = 0; i < 7; ++i) jobs.push_back(slurm.submit(i % 3 == 0 ? "gres:gpu:2" : "gres:gpu:1"));
        auto berth = std::make_unique<program>(slurm, state.path);
        for (int i = 0; i < 3; ++i) berth->round();
        slurm.save();
        slurm.fail_every = seed % 3 == 0 ? 0 : 5 + draw(20);
        std::set<std::uint32_t> cancelled;
        for (int i = 0; i < 120; ++i) {
            if (draw(4) == 0) (void)berth->scheduler.ask_move(jobs[draw(7)], "n" + std::to_string(1 + draw(4)));
            berth->round();
            check_no_gpu_twice(slurm);
            if (draw(3) == 0) slurm.save();
            if (draw(9) == 0) {
                moved += berth->desk.count(berth::migration_outcome::done);
                berth = std::make_unique<program>(slurm, state.path);
            }
            if (draw(50) == 0 && cancelled.empty()) {
                const std::uint32_t id = jobs[draw(7)];
                slurm.end(id, true);
                cancelled.insert(id);
                slurm.save();
            }
            if (seed % 4 == 1 && draw(40) == 0) slurm.crash();
        }
        slurm.fail_every = 0;
        for (int i = 0; i < 400; ++i) berth->round();
        moved += berth->desk.count(berth::migration_outcome::done);
        check_no_gpu_twice(slurm);
        CHECK(berth->desk.size() == 0);
        const snapshot seen = *slurm.read();
        for (const std::string& d : berth->scheduler.differences(seen)) FAIL_CHECK(d);
        for (const std::uint32_t id : jobs) {
            if (cancelled.count(id) > 0) continue;
            CHECK_MESSAGE(slurm.record(id).activity == job_activity::running, "job ", id, ": ",
                          berth->scheduler.explain(id));
        }
        for (const auto& [id, j] : slurm.jobs) {
            if (j.holder) CHECK_MESSAGE(j.record.activity == job_activity::ended, "holder ", id, " stays");
        }
        CHECK(std::filesystem::is_empty(state.path));
    }
    MESSAGE(moved, " moves done");
    CHECK(moved > static_cast<std::uint64_t>(seeds));
}
