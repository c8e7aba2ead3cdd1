// SPDX-License-Identifier: Apache-2.0
#include "berth/io/event_log.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

using namespace berth::io;

namespace {

const std::string first = R"({"event": "format", "version": 1})"
                          "\n";

template <class Event>
Event only(std::string_view text) {
    const auto log = read_event_log(text);
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    REQUIRE(log->size() == 1);
    REQUIRE(std::holds_alternative<Event>(log->front().what));
    return std::get<Event>(log->front().what);
}

std::string refusal(std::string_view text) {
    const auto log = read_event_log(text, "bad.jsonl");
    return log ? std::string{"accepted"} : log.error().message;
}

struct malformed {
    const char* text;
    const char* begins;  // the message
    const char* holds;
};

}  // namespace

TEST_CASE("every key of every event is read") {
    const auto format = only<format_event>(
        R"({"event": "format", "version": 1, "note": "", "source": "by hand", "acknowledge": "log", "policy": "fgd", )"
        R"("options": {"consolidate": true, "placement": "spread", "grace": 60}})");
    CHECK(format == format_event{"", "by hand", true, "fgd", true, true, 60.0});

    const auto node = only<node_event>(
        R"({"event": "node", "time": 1.5, "node": "a", "capacity": {"cpu": "1500m", "memory": "16Gi", "nics": 2}, )"
        R"("gpus": [{"gpu": "GPU-0", "model": "H100", "capacity": {"share": 1000, "memory": "81920Mi"}, )"
        R"("links": {"GPU-1": 18, "GPU-2": 0.5}, "numa": 1}, {"gpu": "GPU-1", "mig": {"board": "A100-80"}}], )"
        R"("domains": {"zone": "z", "rack": "r", "host": "a"}, "labels": ["ssd", "spot"]})");
    CHECK(node.time == 1.5);
    CHECK(node.capacity == counter_amounts{{"cpu", 1500}, {"memory", 16384}, {"nics", 2}});
    REQUIRE(node.gpus.size() == 2);
    CHECK(node.gpus[0].capacity == counter_amounts{{"share", 1000}, {"memory", 81920}});
    CHECK(node.gpus[0].links == std::vector<std::pair<std::string, double>>{{"GPU-1", 18.0}, {"GPU-2", 0.5}});
    CHECK(node.gpus[0].numa == 1);
    CHECK(node.gpus[1].mig_board == "A100-80");
    CHECK(node.domains ==
          std::vector<std::pair<std::string, std::string>>{{"zone", "z"}, {"rack", "r"}, {"host", "a"}});
    CHECK(node.labels == std::vector<std::string>{"ssd", "spot"});

    const auto queue = only<queue_event>(
        R"({"event": "queue", "time": 0, "queue": "q", "parent": "p", "quota": {"gpu": "2", "cpu": null}, )"
        R"("limit": {"gpu_memory": "1Gi"}, "weight": 0, "priority": -3, "min_runtime": {"preempt": 5, "reclaim": 7}, )"
        R"("usage": 0.25})");
    CHECK(queue.quota == std::vector<counter_quota>{{"gpu", 2000}, {"cpu", {}}});
    CHECK(queue.limit == std::vector<counter_quota>{{"gpu_memory", 1024}});
    CHECK(queue.weight == 0.0);
    CHECK(queue.priority == -3);
    CHECK(queue.min_runtime_preempt == 5.0);
    CHECK(queue.min_runtime_reclaim == 7.0);
    CHECK(queue.usage == 0.25);

    const auto job = only<job_event>(
        R"({"event": "job", "time": 0, "job": "j", "queue": "q", "priority": 7, "preemptible": false, "tasks": 3, )"
        R"("min_tasks": 2, "gpus": 2, "gpu_demand": {"share": 500, "memory": 10}, "node_demand": {"cpu": "1"}, )"
        R"("accepted_models": ["A", "B"], "same_model": true, "labels": {"required": ["x"], "excluded": ["y"], )"
        R"("preferred": ["z"]}, "within": {"required": "zone", "preferred": "rack"}, "apart": "host", )"
        R"("near": {"jobs": ["k"], "level": "rack"}, "away": {"class": "noisy", "level": "host"}, "mig": "1g.10gb", )"
        R"("class": "resnet", "work": 100, "duration": 200.5, "state_bytes": "1Gi", "restart": false, "delay": 9})");
    CHECK(job.tasks == 3);
    CHECK(job.min_tasks == 2);
    CHECK(job.demand == task_demand{2, {{"share", 500}, {"memory", 10}}, {{"cpu", 1000}}, {"A", "B"}});
    CHECK(job.excluded_labels == std::vector<std::string>{"y"});
    CHECK(job.within_preferred == "rack");
    CHECK(job.near == job_affinity{{"k"}, {}, "rack"});
    CHECK(job.away == job_affinity{{}, "noisy", "host"});
    CHECK(job.state_bytes == 1 << 30);
    CHECK_FALSE(job.restart);
    CHECK(job.delay == 9.0);

    const auto running =
        only<running_event>(R"({"event": "running", "time": 0, "job": "j", "task": 4, "node": "a", "gpus": ["g"], )"
                            R"("mig": {"profile": "1g.10gb", "offset": 6}})");
    CHECK(running == running_event{0, "j", 4, "a", {"g"}, mig_slice{"1g.10gb", 6}});
}

TEST_CASE("a reading of null is one that was not taken") {
    const auto reading = only<reading_event>(
        R"({"event": "reading", "time": 0, "node": "a", "gpu": "g", "load": null, "temperature": -1.5, "power": null, "memory": 12.5})");
    CHECK(reading == reading_event{0, "a", "g", {}, -1.5, {}, 12.5, {}});
}

TEST_CASE("a demand leaves out what the job says once") {
    const auto listed = only<job_event>(
        R"({"event": "job", "time": 0, "job": "j", "gpus": 2, "node_demand": {"cpu": 5}, "tasks": [{}, {"gpus": 0}]})");
    CHECK(listed.tasks == 2);
    CHECK(listed.task_list == std::vector<task_demand>{{2, {}, {{"cpu", 5}}, {}}, {0, {}, {{"cpu", 5}}, {}}});

    const auto either = only<job_event>(
        R"({"event": "job", "time": 0, "job": "j", "alternatives": [{"gpus": 4, "speed": 2}, {"gpus": 0}]})");
    CHECK(either.demand.gpus == 4);
    CHECK(either.speed == 2.0);
    CHECK(either.alternatives == std::vector<task_alternative>{{{0, {}, {}, {}}, 1.0}});

    const auto beside = only<job_event>(
        R"({"event": "job", "time": 0, "job": "j", "gpus": 2, "alternatives": [{"accepted_models": ["B"], "speed": 0.5}]})");
    CHECK(beside.demand.gpus == 2);
    CHECK(beside.speed == 1.0);
    CHECK(beside.alternatives == std::vector<task_alternative>{{{2, {}, {}, {"B"}}, 0.5}});

    CHECK(demanded_share({1, {}, {}, {}}) == 1000);
    CHECK(demanded_share({1, {{"memory", 5}}, {}, {}}) == 0);
    CHECK(demanded_share({1, {{"memory", 5}, {"share", 300}}, {}, {}}) == 300);
    CHECK(demanded_share({1, {{"other", 5}}, {}, {}}) == 1000);
}

TEST_CASE("an expectation is read with all its keys") {
    const auto log = read_event_log(
        R"({"expect": {"running": ["a"], "waiting": ["b"], "evicted": ["c"], "moved": ["d"], "stopped": ["e"], )"
        R"("lost": ["f"], "on": {"a": ["n", "m"]}, "same_node": [["a", "d"], ["e"]], "apart": [[["a", "d"], "rack"]], )"
        R"("tasks": {"a": 2}, "started_at": {"a": 10.5}, "at_most": {"evicted": 1, "moved": 0}, )"
        R"("models": {"a": ["A", "B"]}, "gpus": {"a": ["g"]}, "reasons": {"b": ["no_room", "cpu"]}, )"
        R"("any_of": [{"running": ["x"]}, {"any_of": [{}]}]}})");
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    const auto& e = std::get<expectation>(log->front().what);
    CHECK(e.on == std::vector<expectation::names_of_job>{{"a", {"n", "m"}}});
    CHECK(e.same_node.size() == 2);
    CHECK(e.apart == std::vector<std::pair<std::vector<std::string>, std::string>>{{{"a", "d"}, "rack"}});
    CHECK(e.tasks.front().second == 2);
    CHECK(e.started_at.front().second == 10.5);
    CHECK(e.at_most_evicted == 1);
    CHECK(e.at_most_moved == 0);
    CHECK(e.reasons.front().second.size() == 2);
    CHECK(e.any_of.size() == 2);
    CHECK(e.any_of[1].any_of == std::vector<expectation>{expectation{}});
}

TEST_CASE("lines end in any way, may be blank, and keep their numbers") {
    const auto log = read_event_log("\xef\xbb\xbf{\"event\": \"format\", \"version\": 1}\r\n\r\n  \t\n"
                                    "{\"event\": \"decide\", \"time\": 3}\r\n\n{\"time\": 4, \"event\": \"decide\"}");
    REQUIRE_MESSAGE(log.has_value(), log.error().message);
    REQUIRE(log->size() == 3);
    CHECK((*log)[1].line == 4);
    CHECK((*log)[2].line == 6);
    CHECK(event_time((*log)[2].what) == 4.0);
    CHECK_FALSE(event_time((*log)[0].what));
    CHECK(read_event_log("").has_value());
    CHECK(read_event_log("\n\n").has_value());
}

TEST_CASE("blocks of any size give the events of the whole text") {
    std::string text = first;
    for (int i = 0; i < 20; ++i) {
        append_event(text, job_event{.time = 1.0 * i, .job = std::string(static_cast<std::size_t>(i * 7 + 1), 'j')});
    }
    const auto whole = read_event_log(text);
    REQUIRE(whole.has_value());
    for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{64}, text.size()}) {
        event_reader reader;
        std::size_t found = 0;
        const auto take = [&](event&& e) -> berth::result<void> {
            CHECK(reader.line() == (*whole)[found].line);
            CHECK(e == (*whole)[found++].what);
            return {};
        };
        for (std::size_t i = 0; i < text.size(); i += size) {
            const auto read = reader.read_block(std::string_view{text}.substr(i, size), take);
            CHECK_MESSAGE(read.has_value(), read.error().message);
        }
        CHECK(reader.finish(take).has_value());
        CHECK(found == whole->size());
    }
}

TEST_CASE("a refusal of the taker ends the reading, and the reader words it") {
    event_reader reader{"fleet.jsonl"};
    const std::string text = first + "{\"event\": \"node_gone\", \"time\": 0, \"node\": \"x\"}\n{";
    const auto read = reader.read_block(text, [&](event&& e) -> berth::result<void> {
        if (!std::holds_alternative<node_gone_event>(e)) return {};
        return reader.fault(berth::error_code::unknown_name, "node", "is unknown");
    });
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message == "fleet.jsonl:2: field \"node\": is unknown");
}

TEST_CASE("after an error nothing more is read") {
    event_reader reader;
    const auto failed = reader.read_line("{");
    REQUIRE_FALSE(failed.has_value());
    const auto again = reader.read_line(R"({"event": "decide", "time": 0})");
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error() == failed.error());
}

TEST_CASE("malformed lines are refused by file, line and field") {
    // Each is the third line of a log whose second has time 5.
    const malformed lines[] = {
        {R"({"event": "decide", "time": 4.5})", "field \"time\": ", "is 4.5, less than 5 before"},
        {R"({"event": "decide", "time": -1})", "field \"time\": ", "is -1, expected at least 0"},
        {R"({"event": "decide", "time": "6"})", "field \"time\": ", "is a text, expected a number"},
        {R"({"event": "decide", "time": null})", "field \"time\": ", "is null, expected a number"},
        {R"({"event": "decide"})", "field \"time\": ", "is missing from a line of the log"},
        {R"({"event": "decide", "time": 1e999})", "field \"time\": ", "too large"},
        {R"({"event": "decide", "time": 6, "now": true})", "field \"now\": ", "is no key of"},
        {R"({"event": "decide", "time": 6, "time": 7})", "field \"time\": ", "has the key \"time\" twice"},
        {R"({"event": "arrive", "time": 6})", "field \"event\": ", "is \"arrive\", which is no event"},
        {R"({"event": 5, "time": 6})", "field \"event\": ", "is a number, expected a text"},
        {R"({"time": 6})", "field \"event\": ", "is missing"},
        {R"({"event": "format", "version": 1})", "field \"event\": ", "stands in the first line"},
        {R"({"event": "format", "version": 2})", "field \"version\": ", "is 2, expected 1..1"},
        {R"({"event": "format"})", "field \"version\": ", "is missing"},
        {R"({"event": "format", "version": 1, "options": {"grce": 1}})", "field \"options.grce\": ", "is no key of"},
        {R"({"event": "format", "version": 1, "options": {"placement": "both"}})",
         "field \"options.placement\": ", "is \"both\", expected \"pack\" or \"spread\""},
        {R"({"event": "format", "version": 1, "acknowledge": "yes"})", "field \"acknowledge\": ", "expected \"auto\""},
        {R"([1, 2])", "", "is a list, expected an object"},
        {R"(17)", "", "is a number, expected an object"},
        {R"({"event": "decide", "time": 6)", "field \"time\": ", "the line ends too early"},
        {R"({"event": "node", "time": 6, "gpus": [{"gpu": )", "field \"gpus[0].gpu\": ", "the line ends too early"},
        {R"({'event': 'decide'})", "", "not JSON"},
        {R"({"event": "decide", "time": 6} {})", "", "not JSON"},
        {R"({"event": "decide", "time": 06})", "field \"time\": ", "not JSON"},
        {"{\"event\": \"dec\xff\", \"time\": 6}", "field \"event\": ", "not UTF-8"},
        {R"({"event": "decide", "time": NaN})", "field \"time\": ", "not JSON"},
        {R"({"event": "node", "time": 6})", "field \"node\": ", "is missing"},
        {R"({"event": "node", "time": 6, "node": ""})", "field \"node\": ", "is empty"},
        {R"({"event": "node", "time": 6, "node": "a", "capacity": {"cpu": -5}})", "field \"capacity.cpu\": ", "is -5"},
        {R"({"event": "node", "time": 6, "node": "a", "capacity": {"cpu": 1.5}})",
         "field \"capacity.cpu\": ", "is 1.5, expected a whole number"},
        {R"({"event": "node", "time": 6, "node": "a", "capacity": {"memory": "16GB"}})",
         "field \"capacity.memory\": ", "is no quantity"},
        {R"({"event": "node", "time": 6, "node": "a", "capacity": [5]})",
         "field \"capacity\": ", "is a list, expected an object"},
        {R"({"event": "node", "time": 6, "node": "a", "gpus": [{"gpu": "g"}, {"model": "A"}]})",
         "field \"gpus[1].gpu\": ", "is missing from a GPU"},
        {R"({"event": "node", "time": 6, "node": "a", "gpus": ["g"]})",
         "field \"gpus[0]\": ", "is a text, expected an object"},
        {R"({"event": "node", "time": 6, "node": "a", "gpus": [{"gpu": "g", "links": {"h": -1}}]})",
         "field \"gpus[0].links.h\": ", "is -1, expected at least 0"},
        {R"({"event": "node", "time": 6, "node": "a", "domains": {"rack": 5}})",
         "field \"domains.rack\": ", "is a number, expected a text"},
        {R"({"event": "health", "time": 6, "node": "a", "healthy": "no"})",
         "field \"healthy\": ", "is a text, expected true or false"},
        {R"({"event": "health", "time": 6, "node": "a"})", "field \"healthy\": ", "is missing from"},
        {R"({"event": "reading", "time": 6, "node": "a", "load": -0.1})", "field \"load\": ", "is -0.1"},
        {R"({"event": "reading", "time": 6, "node": "a", "temperature": true})",
         "field \"temperature\": ", "is true, expected a number"},
        {R"({"event": "threshold", "time": 6, "power": null})", "field \"power\": ", "is null"},
        {R"({"event": "queue", "time": 6, "queue": "q", "usage": 1.01})",
         "field \"usage\": ", "is 1.01, expected 0 to 1"},
        {R"({"event": "queue", "time": 6, "queue": "q", "parent": "q"})", "field \"parent\": ", "is the queue itself"},
        {R"({"event": "queue", "time": 6, "queue": "q", "min_runtime": {"evict": 5}})",
         "field \"min_runtime.evict\": ", "is no key of"},
        {R"({"event": "queue", "time": 6, "queue": "q", "quota": {"": 5}})", "field \"quota\": ", "has an empty key"},
        {R"({"event": "job", "time": 6, "job": "j", "gpus": -1})", "field \"gpus\": ", "is -1, expected 0..65536"},
        {R"({"event": "job", "time": 6, "job": "j", "gpu_demnd": {}})", "field \"gpu_demnd\": ", "is no key of"},
        {R"({"event": "job", "time": 6, "job": "j", "tasks": 0})", "field \"tasks\": ", "is 0, expected 1..1000000"},
        {R"({"event": "job", "time": 6, "job": "j", "tasks": []})", "field \"tasks\": ", "has 0 tasks"},
        {R"({"event": "job", "time": 6, "job": "j", "tasks": [{"gpu": 1}]})",
         "field \"tasks[0].gpu\": ", "is no key of a task"},
        {R"({"event": "job", "time": 6, "job": "j", "tasks": 2, "min_tasks": 3})",
         "field \"min_tasks\": ", "is 3, expected 1..2"},
        {R"({"event": "job", "time": 6, "job": "j", "alternatives": [{"speed": 0}]})",
         "field \"alternatives[0].speed\": ", "is 0, expected at least"},
        {R"({"event": "job", "time": 6, "job": "j", "near": {"level": "rack"}})",
         "field \"near\": ", "names either jobs or a class"},
        {R"({"event": "job", "time": 6, "job": "j", "away": {"jobs": ["k"]}})", "field \"away.level\": ", "is missing"},
        {R"({"event": "job", "time": 6, "job": "j", "priority": 5000000000})", "field \"priority\": ", "is 5000000000"},
        {R"({"event": "job", "time": 6, "job": "j", "gpu_demand": {"share": "0.5x"}})",
         "field \"gpu_demand.share\": ", "is no quantity"},
        {R"({"event": "job", "time": 6, "job": "j", "node_demand": {"nics": "500m"}})",
         "field \"node_demand.nics\": ", "is not a whole number"},
        {R"({"event": "job", "time": 6, "job": "j", "accepted_models": "A100"})",
         "field \"accepted_models\": ", "is a text, expected a list of names"},
        {R"({"event": "job", "time": 6, "job": "j", "accepted_models": ["A", 5]})",
         "field \"accepted_models[1]\": ", "is a number"},
        {R"({"event": "running", "time": 6, "job": "j", "task": 1.0, "node": "a"})",
         "field \"task\": ", "is 1, expected a whole number"},
        {R"({"event": "running", "time": 6, "job": "j"})", "field \"node\": ", "is missing"},
        {R"({"event": "running", "time": 6, "job": "j", "node": "a", "mig": {"profile": "1g"}})",
         "field \"mig.offset\": ", "is missing from a slice"},
        {R"({"event": "progress", "time": 6, "job": "j"})", "field \"rate\": ", "is missing"},
        {R"({"event": "finish", "time": 6, "job": "j", "task": -1})", "field \"task\": ", "is -1"},
        {R"({"expect": {"running": "j"}})", "field \"expect.running\": ", "is a text, expected a list"},
        {R"({"expect": {"runing": []}})", "field \"expect.runing\": ", "is no key of an expectation"},
        {R"({"expect": {"apart": [["a", "rack"]]}})", "field \"expect.apart[0][0]\": ", "is a text"},
        {R"({"expect": {"apart": [[["a"]]]}})", "field \"expect.apart[0]\": ", "is no pair"},
        {R"({"expect": {"any_of": []}})", "field \"expect.any_of\": ", "is empty"},
        {R"({"expect": {"at_most": {"evicted": -1}}})", "field \"expect.at_most.evicted\": ", "is -1"},
        {R"({"expect": {}, "time": 6})", "field \"time\": ", "is no key of"},
        {"{\"expect\": {}}\n{\"event\": \"decide\", \"time\": 6}", "field \"expect\": ", "is the last one"},
    };
    for (const malformed& one : lines) {
        CAPTURE(one.text);
        const std::string said = refusal(first + "{\"event\": \"decide\", \"time\": 5}\n" + one.text);
        const bool fourth = std::string_view{one.text}.find('\n') != std::string_view::npos;
        const std::string begin = std::string{"bad.jsonl:"} + (fourth ? "4" : "3") + ": " + one.begins;
        CHECK_MESSAGE(said.starts_with(begin), said);
        CHECK_MESSAGE(said.find(one.holds) != std::string::npos, said);
    }
}

TEST_CASE("deep nesting is refused without a stack") {
    const std::string said = refusal(R"({"event": )" + std::string(1'000'000, '['));
    CHECK_MESSAGE(said.find("is nested deeper than 32 levels") != std::string::npos, said.substr(0, 200));
    std::string inner = "{}";
    for (int i = 0; i < 12; ++i) inner = R"({"any_of": [)" + inner + "]}";
    CHECK(refusal(R"({"expect": )" + inner + "}") == "accepted");
    for (int i = 0; i < 4; ++i) inner = R"({"any_of": [)" + inner + "]}";
    CHECK(refusal(R"({"expect": )" + inner + "}").find("is nested deeper") != std::string::npos);
}

TEST_CASE("a name with bytes that a terminal would obey is shown without them") {
    const std::string said = refusal(R"({"event": "decide", "time": 0, "\u001b[31mred": 1})");
    CHECK(said.find('\x1b') == std::string::npos);
    CHECK(said.find("field \"?[31mred\"") != std::string::npos);
}
