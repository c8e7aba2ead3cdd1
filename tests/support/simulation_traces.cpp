// SPDX-License-Identifier: Apache-2.0
#include "support/simulation_traces.hpp"

#include "support/data_folders.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// A text that is refused, and how the message begins.
struct malformed {
    std::string text;
    std::string_view begins;
};

template <class Parse>
void refuse_all(const std::vector<malformed>& cases, Parse parse) {
    for (const malformed& m : cases) {
        const auto read = parse(m.text);
        CAPTURE(m.text);
        REQUIRE_FALSE(read.has_value());
        CHECK_MESSAGE(read.error().message.starts_with(m.begins), read.error().message);
    }
}

const std::string muri = "trace,job_id,num_gpu,submit_ms,iterations,model,iteration_ms\n";
const std::string gavel = "trace,job,job_type,scale_factor,total_steps,arrival_s\n";
const std::string speeds = "table,gpu,job_type,scale_factor,steps_per_s\n";
const std::string rounds = "trace,policy,round,type_order\n";

const bench::model_counts& models() {
    static const bench::model_counts counts = *bench::parse_model_counts("v100:8,p100:16,k80:24");
    return counts;
}

}  // namespace

TEST_CASE("simulation traces: Muri's rows that are refused name file, line and field") {
    refuse_all({{"", "m.csv"},
                {"a,b\n1,2\n", "m.csv:1: field \"job_id\": "},
                {muri, "m.csv: there are no jobs"},
                {muri + "t,0,1,0,10,bert\n", "m.csv:2: "},
                {muri + "t,,1,0,10,bert,5\n", "m.csv:2: field \"job_id\": "},
                {muri + "t,0,0,0,10,bert,5\n", "m.csv:2: field \"num_gpu\": "},
                {muri + "t,0,1.5,0,10,bert,5\n", "m.csv:2: field \"num_gpu\": "},
                {muri + "t,0,-8,0,10,bert,5\n", "m.csv:2: field \"num_gpu\": "},
                {muri + "t,0,1,-1,10,bert,5\n", "m.csv:2: field \"submit_ms\": "},
                {muri + "t,0,1,nan,10,bert,5\n", "m.csv:2: field \"submit_ms\": "},
                {muri + "t,0,1,soon,10,bert,5\n", "m.csv:2: field \"submit_ms\": "},
                {muri + "t,0,1,0,0,bert,5\n", "m.csv:2: field \"iterations\": "},
                {muri + "t,0,1,0,inf,bert,5\n", "m.csv:2: field \"iterations\": "},
                {muri + "t,0,1,0,10,,5\n", "m.csv:2: field \"model\": "},
                {muri + "t,0,1,0,10,bert,0\n", "m.csv:2: field \"iteration_ms\": "},
                {muri + "t,0,1,0,10,bert,1e300\n", "m.csv:2: field \"iteration_ms\": "},
                {muri + "t,0,1,0,10,bert,5\nt,0,1,0,10,bert,5\n", "m.csv:3: field \"job_id\": \"0\" was given"},
                {muri + "t,0,1,0,10,bert,5\nu,1,1,0,10,bert,5\n", "m.csv: choose one of t, u with --select"}},
               [](const std::string& text) { return bench::parse_muri_trace("m.csv", text, ""); });
    const auto nothing = bench::parse_muri_trace("m.csv", muri + "t,0,1,0,10,bert,5\n", "trace9");
    REQUIRE_FALSE(nothing.has_value());
    CHECK(nothing.error().message == "m.csv: \"trace9\" is none of the names in column \"trace\": t");
    CHECK_FALSE(bench::parse_muri_trace("m.csv", "job_id,num_gpu\n", "t").has_value());
}

TEST_CASE("simulation traces: Gavel's rows, speeds and rounds that are refused") {
    refuse_all({{gavel + "c,0,LM,1,10\n", "g.csv:2: "},
                {gavel + "c,,LM,1,10,0\n", "g.csv:2: field \"job\": "},
                {gavel + "c,0,,1,10,0\n", "g.csv:2: field \"job_type\": "},
                {gavel + "c,0,LM,0,10,0\n", "g.csv:2: field \"scale_factor\": "},
                {gavel + "c,0,LM,1,0,0\n", "g.csv:2: field \"total_steps\": "},
                {gavel + "c,0,LM,1,2.5,0\n", "g.csv:2: field \"total_steps\": "},
                {gavel + "c,0,LM,1,10,-1\n", "g.csv:2: field \"arrival_s\": "},
                {gavel + "c,0,LM,1,10,0\nc,0,LM,1,10,0\n", "g.csv:3: field \"job\": "}},
               [](const std::string& text) { return bench::parse_gavel_trace("g.csv", text, ""); });
    const auto trace = bench::parse_gavel_trace("g.csv", gavel + "c,0,LM,1,10,0\n", "c");
    REQUIRE(trace.has_value());
    const std::string v100 = speeds + "p,v100,LM,1,2\n";
    const std::string two = v100 + "p,p100,LM,1,2\n";
    refuse_all(
        {{speeds + "p,v100,LM,1,-2\n", "s.csv:2: field \"steps_per_s\": "},
         {speeds + "p,v100,LM,1,\n", "s.csv:2: field \"steps_per_s\": "},
         {speeds + "p,v100,LM,x,2\n", "s.csv:2: field \"scale_factor\": "},
         {speeds + "p,v100,,1,2\n", "s.csv:2: field \"job_type\": "},
         {speeds + "p,,LM,1,2\n", "s.csv:2: field \"gpu\": "},
         {v100 + "p,v100,LM,1,3\n", "s.csv:3: field \"steps_per_s\": this speed was given"},
         {v100, "s.csv: there is no row of GPU model \"k80\""},
         {two + "p,k80,LM,2,2\n", "g.csv:2: field \"job_type\": s.csv has no speed of \"LM\""},
         {two + "q,k80,LM,1,2\n", "s.csv: there is no row of GPU model \"k80\""},
         {speeds + "p,v100,LM,1,0\np,p100,LM,1,0\np,k80,LM,1,0\n", "g.csv:2: field \"scale_factor\": no GPU model"}},
        [&](const std::string& text) { return bench::parse_job_speeds("s.csv", text, "p", *trace, models()); });
    refuse_all(
        {{"trace,policy,round\n", "r.csv:1: field \"type_order\": "},
         {rounds + "c,isolated,1,vpk\n", "r.csv:2: field \"round\": this is round 1 where round 0"},
         {rounds + "c,isolated,0,vpx\n", "r.csv:2: field \"type_order\": no GPU model"},
         {rounds + "c,isolated,0,vpv\n", "r.csv:2: field \"type_order\": v100 comes twice"},
         {rounds + "c,isolated,0,vp\n", "r.csv:2: field \"type_order\": expected a letter"}},
        [](const std::string& text) { return bench::parse_round_orders("r.csv", text, "c", "isolated", models()); });
    const auto ambiguous = bench::parse_model_counts("v100:1,v200:1");
    REQUIRE(ambiguous.has_value());
    CHECK_FALSE(bench::parse_round_orders("r.csv", rounds + "c,i,0,v\n", "c", "i", *ambiguous).has_value());
}

TEST_CASE("simulation traces: durations and clusters that are refused") {
    refuse_all({{"submit_s,duration_s\n0,1\n", "p.csv:1: field \"gpus\": "},
                {"submit_s,duration_s,gpus\n-1,1,1\n", "p.csv:2: field \"submit_s\": "},
                {"submit_s,duration_s,gpus\n0,0,1\n", "p.csv:2: field \"duration_s\": "},
                {"submit_s,duration_s,gpus\n0,1,0\n", "p.csv:2: field \"gpus\": "},
                {"submit_s,duration_s,gpus\n0,1,1\n0,1\n", "p.csv:3: "}},
               [](const std::string& text) { return bench::parse_duration_trace("p.csv", text); });
    refuse_all(
        {{"", "--cluster"}, {"8", "--cluster"}, {"8x", "--cluster"}, {"0x8", "--cluster"}, {"8x8x8", "--cluster"}},
        [](const std::string& text) { return bench::parse_node_counts(text); });
    refuse_all({{"v100", "--cluster"},
                {"v100:", "--cluster"},
                {":8", "--cluster"},
                {"v100:8,", "--cluster"},
                {"v100:0", "--cluster"},
                {"v100:1,v100:2", "--cluster: \"v100\" is given twice"}},
               [](const std::string& text) { return bench::parse_model_counts(text); });
}

TEST_CASE("simulation traces: jobs come in order of arrival, equal ones in that of the file, at zero all in that of "
          "the file") {
    const auto trace = bench::parse_muri_trace("m.csv",
                                               muri + "t,a,1,2000,10,bert,100\nt,b,16,1000,10,a2c,100\n"
                                                      "t,c,1,2000,10,unheard,100\nt,d,1,1000,10,dqn,100\n",
                                               "");
    REQUIRE(trace.has_value());
    CHECK(trace->names == std::vector<std::string>{"b", "d", "a", "c"});
    CHECK(trace->jobs[0].arrival_s == 1.0);
    CHECK(trace->jobs[0].restart_s == 46.0);
    CHECK(trace->jobs[3].restart_s == 10.0);
    CHECK(trace->jobs[0].step_s == 100 * 1.015 / 1000);
    auto zero = *trace;
    bench::arrive_at_zero(zero);
    CHECK(zero.names == std::vector<std::string>{"a", "b", "c", "d"});
    CHECK(zero.jobs[1].gpus == 16);
    CHECK(zero.jobs[1].arrival_s == 0.0);
    const auto clusters = bench::parse_model_counts("v100:8,p100:16,k80:24");
    REQUIRE(clusters.has_value());
    CHECK(clusters->names == std::vector<std::string>{"k80", "p100", "v100"});
    CHECK(clusters->order[0].value() == 2);
}
