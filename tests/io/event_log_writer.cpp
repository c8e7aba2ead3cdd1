// SPDX-License-Identifier: Apache-2.0
#include "berth/io/event_log.hpp"

#include "common/random_log.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace berth::io;

TEST_CASE("what is written is read back, to the last bit") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const std::vector<event> events = random_log(seed, 60);
        std::string text;
        for (const event& one : events) append_event(text, one);
        const auto log = read_event_log(text);
        REQUIRE_MESSAGE(log.has_value(), log.error().message);
        REQUIRE(log->size() == events.size());
        for (std::size_t i = 0; i < events.size(); ++i) {
            CAPTURE(event_name(events[i]));
            CHECK((*log)[i].what == events[i]);
        }
        std::string again;
        for (const numbered_event& one : *log) append_event(again, one.what);
        CHECK(again == text);
    }
}

TEST_CASE("defaults are left out") {
    std::string text;
    append_event(text, job_event{.time = 10, .job = "j"});
    append_event(text, running_event{.time = 10, .job = "j", .node = "a", .gpus = {"g"}});
    append_event(text, place_event{10, place_change::drain, "a", {}});
    CHECK(text == "{\"event\": \"job\", \"time\": 10, \"job\": \"j\"}\n"
                  "{\"event\": \"running\", \"time\": 10, \"job\": \"j\", \"node\": \"a\", \"gpus\": [\"g\"]}\n"
                  "{\"event\": \"drain\", \"time\": 10, \"node\": \"a\"}\n");
}

TEST_CASE("names of any bytes give lines that can be read") {
    std::string text;
    const std::string name =
        std::string("a\"b\\c\n\x01\x7f\xc3\xa9\xf0\x9f\x9a\xa2|\xff\xc3|\xed\xa0\x80|\xe2\x82", 25) + '\0';
    append_event(text, node_gone_event{0, name});
    CHECK(text.find('\n') == text.size() - 1);
    const auto log = read_event_log(text);
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    const std::string& read = std::get<node_gone_event>(log->front().what).node;
    CHECK(read.starts_with("a\"b\\c\n\x01\x7f\xc3\xa9\xf0\x9f\x9a\xa2|\xef\xbf\xbd\xef\xbf\xbd|"));
    CHECK(read.back() == '\0');
}

TEST_CASE("a number that is none is not measured") {
    std::string text;
    append_event(text, reading_event{.time = 0, .node = "a", .load = 0.0 / 0.0, .power = 1e300 * 1e300});
    const auto log = read_event_log(text);
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    CHECK(std::get<reading_event>(log->front().what) == reading_event{.node = "a"});
}

TEST_CASE("decisions are lines") {
    std::string text;
    append_decision(text, start_decision{1.5, "j", 0, {"a", {"g0", "g1"}}, {}});
    append_decision(text, start_decision{1.5, "s", 0, {"a", {"g2"}}, mig_slice{"1g.10gb", 3}});
    append_decision(text, evict_decision{2, "j", 1, {"a", {}}, "k", "preempted"});
    append_decision(text, move_decision{2, "j", 0, {"a", {"g"}}, {"b", {"h"}}, 3, "drain"});
    append_decision(text, wait_decision{3, "k", {{"no_room", 5}, {"cpu", 2}}, "a", {{"cpu", 500}}, 9.0});
    append_decision(text, lost_decision{4, "j", 1, "node_gone"});
    CHECK(text ==
          "{\"decision\": \"start\", \"time\": 1.5, \"job\": \"j\", \"task\": 0, \"node\": \"a\", \"gpus\": [\"g0\", "
          "\"g1\"]}\n"
          "{\"decision\": \"start\", \"time\": 1.5, \"job\": \"s\", \"task\": 0, \"node\": \"a\", \"gpus\": [\"g2\"], "
          "\"mig\": {\"profile\": \"1g.10gb\", \"offset\": 3}}\n"
          "{\"decision\": \"evict\", \"time\": 2, \"job\": \"j\", \"task\": 1, \"node\": \"a\", \"gpus\": [], \"for\": "
          "\"k\", "
          "\"reason\": \"preempted\"}\n"
          "{\"decision\": \"move\", \"time\": 2, \"job\": \"j\", \"task\": 0, \"from\": {\"node\": \"a\", \"gpus\": "
          "[\"g\"]}, "
          "\"to\": {\"node\": \"b\", \"gpus\": [\"h\"]}, \"wave\": 3, \"reason\": \"drain\"}\n"
          "{\"decision\": \"wait\", \"time\": 3, \"job\": \"k\", \"reasons\": {\"no_room\": 5, \"cpu\": 2}, "
          "\"nearest\": {\"node\": \"a\", \"missing\": {\"cpu\": 500}}, \"at\": 9}\n"
          "{\"decision\": \"lost\", \"time\": 4, \"job\": \"j\", \"task\": 1, \"reason\": \"node_gone\"}\n");
}
