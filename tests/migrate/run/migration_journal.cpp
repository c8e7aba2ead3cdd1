// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_journal.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <string>

using namespace berth;
using namespace berth_test;

namespace {

struct forgets_to_answer {
    void write(std::string_view, journal_write) {}
};
static_assert(!migration_journal<forgets_to_answer>);

migration_progress some_progress(std::uint64_t seed) {
    xoshiro256 g{seed};
    move_world world = random_world(g, 5, 30);
    place_at_random(g, world);
    migration_progress p{.run = 17, .serial = 99, .fingerprint = g(), .actions = 12, .retries = 3};
    p.plan = random_plan(g, world, 3, 6);
    p.plan.duration = 12.25;
    p.plan.extra_steps = 2;
    for (std::size_t i = 0; i < p.plan.steps.size(); ++i) {
        migration_record r;
        if (chance(g, 70)) {
            r.phase = static_cast<migration_phase>(below(g, 6));
            if (r.phase == migration_phase::ended) r.outcome = static_cast<migration_outcome>(1 + below(g, 6));
            r.direction = chance(g, 50) ? migration_direction::back : migration_direction::forward;
            r.action = static_cast<migration_action>(below(g, migration_action_count));
            r.failure = static_cast<migration_failure>(below(g, migration_failure_count));
            r.failed = static_cast<migration_action>(below(g, migration_action_count));
            r.known.task = static_cast<task_location>(below(g, task_location_count));
            r.known.source_held = chance(g, 50);
            r.known.target_held = chance(g, 50);
            r.attempts = static_cast<std::uint32_t>(below(g, 9));
            r.serial = g() >> 8U;
            r.since = uniform01(g) * 1e9;
            r.begun = -uniform01(g);
            r.downtime = 0x1p-1074;
        }
        p.records.push_back(r);
    }
    return p;
}

std::string refusal_of(std::string_view text, torn_line torn = torn_line::refuse) {
    const auto loaded = load_migration(text, torn);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == error_code::malformed);
    return loaded.error().message;
}

/// Lines with the right sums.
std::string sealed(const std::vector<std::string>& lines) {
    std::string text;
    std::uint64_t chain = 0;
    for (const std::string& line : lines) {
        chain = detail::text_sum(line, chain);
        text += line + ' ';
        detail::append_hex(text, chain, 16);
        text += '\n';
    }
    return text;
}

const std::string zero = "0000000000000000";
const std::string head = "berth-migration 1 5 " + zero + " 1 1 0 " + zero + " " + zero;
const std::string step = "step 3 0:1 1:1 move " + zero + " " + zero;
const std::string state = "state 0 9 acting open forward lock none reserve runs_at_source 1 1 0 0 0 " + zero + " " +
                          zero + " " + zero + " " + zero + " " + zero;

}  // namespace

TEST_CASE("a saved run is loaded as it was") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const migration_progress p = some_progress(seed);
        CHECK(need(load_migration(save_migration(p))) == p);
    }
    CHECK(need(load_migration(save_migration({}))) == migration_progress{});
}

TEST_CASE("the text has the documented lines") {
    const auto p = need(load_migration(sealed({head, "wave 1", step, state, "run 9 4 1 0 0"})));
    CHECK(p.run == 5);
    CHECK(p.serial == 9);
    CHECK(p.retries == 1);
    REQUIRE(p.plan.steps.size() == 1);
    CHECK(p.plan.steps[0].move() == task_move{task_index{3}, on(0), on(1)});
    CHECK(p.records[0].action == migration_action::lock);
    CHECK(p.records[0].phase == migration_phase::acting);
}

TEST_CASE("a run on a cluster has the names of tasks, nodes and GPUs") {
    migration_progress p = some_progress(9);
    p.names.tasks = {{task_index{3}, 7, "a job"}, {task_index{9}, 1, ""}};
    p.names.nodes = {{node_index{0}, "100%\n"}, {node_index{1}, "\xc3\xa4"}};
    p.names.gpus = {{node_index{0}, 63, "GPU-1"}, {node_index{1}, 0, "GPU-2"}};
    const std::string text = save_migration(p);
    CHECK(text.find("berth-migration 2 ") == 0);
    CHECK(text.find("\nnames 2 2 2 ") != std::string::npos);
    CHECK(text.find("\ntask 3 7 a%20job ") != std::string::npos);
    CHECK(text.find("\ntask 9 1 % ") != std::string::npos);
    CHECK(text.find("\nnode 0 100%25%0a ") != std::string::npos);
    CHECK(text.find("\ngpu 0 63 GPU-1 ") != std::string::npos);
    CHECK(need(load_migration(text)) == p);
    for (std::size_t size = 0; size < text.size(); size += 3) (void)refusal_of(std::string_view{text}.substr(0, size));

    std::string head_2 = head;
    head_2.replace(head_2.find(" 1 "), 3, " 2 ");
    const auto refuse = [&](std::vector<std::string> names) {
        std::vector<std::string> lines{head_2, "wave 1", step};
        lines.insert(lines.end(), names.begin(), names.end());
        return refusal_of(sealed(lines));
    };
    CHECK(refuse({"run 9 4 1 0 0"}) == "line 4: first word is \"run\", expected names");
    CHECK(refuse({"names 1 0 0", "node 1 a"}) == "line 5: first word is \"node\", expected task");
    for (const char* bad : {"%2", "%4", "a%", "%zz", "%61", "%%", ""}) {
        CHECK(refuse({"names 1 0 0", std::string{"task 1 1 "} + bad}).find("line 5: name is \"") == 0);
    }
    CHECK(refuse({"names 1 0 0", "task 999999998 1 a"}) ==
          "line 5: task is \"999999998\", expected a whole number, at most 999999997");
    CHECK(refuse({"names 0 2 0", "node 1 a", "node 1 b"}) ==
          "line 6: position is \"not behind that of the line before\", expected ascending order");
    CHECK(refuse({"names 0 0 1", "gpu 1 64 a"}) == "line 5: position is \"64\", expected a whole number, at most 63");
}

TEST_CASE("the last line about a step counts") {
    std::string later = state;
    later.replace(later.find("lock"), 4, "checkpoint");
    const auto p =
        need(load_migration(sealed({head, "wave 1", step, state, "run 9 4 1 0 0", later, "run 10 5 1 0 0"})));
    CHECK(p.records[0].action == migration_action::checkpoint);
    CHECK(p.serial == 10);
}

TEST_CASE("a text that ends too early is refused at every position") {
    const std::string text = save_migration(some_progress(4));
    for (std::size_t size = 0; size < text.size(); ++size) {
        const std::string message = refusal_of(std::string_view{text}.substr(0, size));
        CHECK(message.find("line ") == 0);
    }
}

TEST_CASE("a torn line at the end is dropped on request") {
    const migration_progress p = some_progress(5);
    const std::string text = save_migration(p);
    const std::string torn = text + "state 0 9 act";
    CHECK(refusal_of(torn).find("a whole line") != std::string::npos);
    CHECK(need(load_migration(torn, torn_line::drop)) == p);
    // Not a line that has an end, and nothing before the run is complete.
    (void)refusal_of(text + "state 0 9 act\n", torn_line::drop);
    (void)refusal_of(text.substr(0, text.size() / 2), torn_line::drop);
}

TEST_CASE("a changed byte is found") {
    const std::string text = save_migration(some_progress(6));
    for (std::size_t i = 0; i < text.size(); i += 7) {
        std::string changed = text;
        changed[i] = changed[i] == '1' ? '2' : '1';
        (void)refusal_of(changed);
    }
}

TEST_CASE("missing, doubled and exchanged lines are found") {
    const std::string good = sealed({head, "wave 1", step, state, "run 9 4 1 0 0"});
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < good.size();) {
        const std::size_t end = good.find('\n', begin) + 1;
        lines.push_back(good.substr(begin, end - begin));
        begin = end;
    }
    const auto join = [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text;
    };
    REQUIRE(load_migration(join(lines)).has_value());
    CHECK(refusal_of(join({lines[0], lines[1], lines[2], lines[4]})).find("line 4: checksum is \"") == 0);
    CHECK(refusal_of(join({lines[0], lines[1], lines[2], lines[3], lines[3], lines[4]})).find("line 5: checksum") == 0);
    CHECK(refusal_of(join({lines[0], lines[2], lines[1], lines[3], lines[4]})).find("line 2: checksum") == 0);
}

TEST_CASE("an error names the line and the field") {
    const auto refuse = [](std::vector<std::string> lines) { return refusal_of(sealed(lines)); };
    const std::string run = "run 9 4 1 0 0";
    const auto changed = [](std::string line, const std::string& what, const std::string& with) {
        line.replace(line.find(what), what.size(), with);
        return line;
    };
    CHECK(refuse({changed(head, "berth-migration", "berth-plan")}) ==
          "line 1: first word is \"berth-plan\", expected berth-migration");
    CHECK(refuse({changed(head, "n 1 5", "n 3 5")}) ==
          "line 1: version is \"3\", expected 1 or 2, the versions of a journal that this reader knows");
    CHECK(refuse({changed(head, " 5 ", " five ")}) == "line 1: run is \"five\", expected a whole number, at most "
                                                      "18446744073709551615");
    CHECK(refuse({head, "wave 2"}) == "line 2: end is \"2\", expected a whole number, at most 1");
    CHECK(refuse({head, "wave 0"}) == "line 2: end is \"0\", expected ends of waves in order, the last one 1");
    CHECK(refuse({head, "wave 1", changed(step, "0:1", "0-1")}) ==
          "line 3: from is \"0-1\", expected - or a node and hexadecimal GPUs, such as 12:3");
    CHECK(refuse({head, "wave 1", changed(step, "move", "moved")}) ==
          "line 3: kind is \"moved\", expected one of its 4 names");
    CHECK(refuse({head, "wave 1", changed(step, "1:1", "0:1")}) ==
          "line 3: to is \"the same as from\", expected another slot");
    CHECK(refuse({head, "wave 1", step + " 0"}) == "line 3: end of line is \"0\", expected nothing more");
    CHECK(refuse({head, "wave 1", step, changed(state, "state 0", "state 1"), run}) ==
          "line 4: step is \"1\", expected a whole number, at most 0");
    CHECK(refuse({head, "wave 1", step, changed(state, "lock", "lokc"), run}) ==
          "line 4: action is \"lokc\", expected one of its 10 names");
    CHECK(refuse({head, "wave 1", step, changed(state, "open", "done"), run}) ==
          "line 4: outcome is \"done\", expected open exactly while the phase is not ended");
    CHECK(refuse({head, "wave 1", step, changed(state, zero, "7ff0000000000000"), run}) ==
          "line 4: since is \"7ff0000000000000\", expected the sixteen hexadecimal digits of a finite number");
    CHECK(refuse({head, "wave 1", step, state, "end"}) == "line 5: first word is \"end\", expected state or run");
    CHECK(refuse({head, "wave 1", step, state}) == "line 5: line is \"\", expected a whole line, the text ends here");
}

TEST_CASE("a journal saved with CRLF is read as if it had LF") {
    const migration_progress p = some_progress(7);
    std::string text;
    for (const char c : save_migration(p)) text += c == '\n' ? std::string{"\r\n"} : std::string{c};
    CHECK(need(load_migration(text)) == p);
    CHECK(need(load_migration(text + "state 0 9 act", torn_line::drop)) == p);
    // Other faults are still named by line and field.
    const std::string run = "run 9 4 1 0 0";
    std::string crlf;
    for (const char c : sealed({head, "wave 2", step, run})) crlf += c == '\n' ? std::string{"\r\n"} : std::string{c};
    CHECK(refusal_of(crlf) == "line 2: end is \"2\", expected a whole number, at most 1");
    crlf[crlf.find("wave")] = 'W';
    CHECK(refusal_of(crlf).find("line 2: checksum is \"") == 0);
    // Only one CR, and only at the end of a line.
    std::string twice = text;
    twice.insert(twice.find('\r'), "\r");
    CHECK(refusal_of(twice).find("line 1: checksum is \"") == 0);
}

TEST_CASE("another format version is refused by name before its sums are looked at") {
    CHECK(journal_format_version == 2);
    std::string later = save_migration(some_progress(8));
    later.replace(later.find(" 1 "), 3, " 7 ");
    CHECK(refusal_of(later) ==
          "line 1: version is \"7\", expected 1 or 2, the versions of a journal that this reader knows");
    CHECK(refusal_of("berth-migration\n").find("line 1: version is \"\", expected 1 or 2") == 0);
    CHECK(refusal_of("{\"json\": 1}\n") == "line 1: first word is \"{\"json\":\", expected berth-migration");
    CHECK(refusal_of("") == "line 1: line is \"\", expected a whole line, the text ends here");
}

TEST_CASE("a journal in memory replaces and appends") {
    text_journal journal;
    CHECK(journal.write("a", journal_write::append));
    CHECK(journal.write("b", journal_write::append));
    CHECK(journal.text == "ab");
    CHECK(journal.write("c", journal_write::replace));
    CHECK(journal.text == "c");
    CHECK(no_journal{}.write("lost", journal_write::append));
}

TEST_CASE("journal: the seeds of the fuzzer are journals that load") {
    for (const char* name : {"one_wave", "three_waves", "on_cluster"}) {
        const std::string file =
            std::string{BERTH_DATA_DIR} + "/../../tests/fuzz/corpus/migration_text/" + name + ".txt";
        std::ifstream in{file, std::ios::binary};
        REQUIRE_MESSAGE(in.good(), file);
        const std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
        const auto loaded = load_migration(text);
        CHECK_MESSAGE(loaded.has_value(), file << ": " << (loaded ? "" : loaded.error().message));
    }
}
