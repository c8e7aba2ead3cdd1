// SPDX-License-Identifier: Apache-2.0
#include "berth/io/prometheus_answer.hpp"

#include "berth/io/gpu_metrics.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace berth;

TEST_CASE("an instant answer becomes the text of an exporter") {
    const std::string body =
        R"({"status":"success","data":{"resultType":"vector","result":[)"
        R"({"metric":{"__name__":"DCGM_FI_DEV_GPU_TEMP","UUID":"GPU-1","Hostname":"n0","job":"a \"b\" \\ c\nd"},)"
        R"("value":[1796022713.849,"71"]},)"
        R"({"metric":{},"value":[1796022713.849,"312.441"]},)"
        R"({"metric":{"__name__":"up"},"value":[1796022714,"NaN"]}]}})";
    std::string text = "before\n";
    const auto answer = io::append_prometheus_answer(body, text);
    REQUIRE(answer);
    CHECK(answer->series == 2);
    CHECK(answer->left_out == 1);
    CHECK(
        text ==
        "before\nDCGM_FI_DEV_GPU_TEMP{UUID=\"GPU-1\",Hostname=\"n0\",job=\"a \\\"b\\\" \\\\ c\\nd\"} 71 1796022713849\n"
        "up NaN 1796022714000\n");
}

TEST_CASE("of a range the last value counts, with its own time, and the readers of exporters read it") {
    const std::string body =
        R"({"status":"success","data":{"resultType":"matrix","result":[)"
        R"({"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","UUID":"GPU-1","Hostname":"10.0.0.1:9400",)"
        R"("exported_Hostname":"n0"},"values":[[100.5,"10"],[101.5,"97"]]},)"
        R"({"metric":{"__name__":"DCGM_FI_DEV_POWER_USAGE","UUID":"GPU-1"},)"
        R"("values":[[101.5,"9223372036854776000"]]}],"stats":{"deep":[[[]]]}},"warnings":["one"]})";
    std::string text;
    REQUIRE(io::append_prometheus_answer(body, text));
    io::exporter_reader exporter;
    CHECK(exporter.read(text, 500.0) == 1);
    REQUIRE(exporter.refused() == 0);
    const io::gpu_metrics& gpu = exporter.gpus().front();
    CHECK(gpu.uuid == "GPU-1");
    CHECK(gpu.hostname == "n0");
    CHECK(gpu.sample.load == doctest::Approx(0.97));
    CHECK(gpu.sample.time == doctest::Approx(101.5));
    CHECK(gpu.sample.power != gpu.sample.power);  // a blank
}

TEST_CASE("names and values that no exporter can have are left out, and so are series without a value") {
    const std::string body = R"({"status":"success","data":{"resultType":"vector","result":[)"
                             R"({"metric":{"__name__":"a b\n","x":"1"},"value":[1,"2"]},)"
                             R"({"metric":{"__name__":"ok","not.a.label":"1","y":"2"},"value":[1,"2"]},)"
                             R"({"metric":{"__name__":"two"},"value":[1,"1\nother 2"]},)"
                             R"({"metric":{"__name__":"none"},"values":[]}]}})";
    std::string text;
    const auto answer = io::append_prometheus_answer(body, text);
    REQUIRE(answer);
    CHECK(answer->left_out == 3);
    CHECK(text == "ok{y=\"2\"} 2 1000\n");
}

TEST_CASE("what Prometheus refuses, and what is no answer, is an error that says so") {
    std::string text = "kept";
    const auto refusal = [&](const std::string& body) {
        const auto answer = io::append_prometheus_answer(body, text);
        CHECK(text == "kept");
        return answer ? std::string{} : answer.error().message;
    };
    CHECK(refusal(R"({"status":"error","errorType":"bad_data","error":"parse error"})") ==
          "Prometheus: bad_data: parse error");
    CHECK(refusal("<html>502</html>").find("not JSON") != std::string::npos);
    CHECK(refusal("").find("not JSON") != std::string::npos);
    CHECK(refusal("{}") == "Prometheus: the answer has no status");
    CHECK(refusal("[1,2]") == "Prometheus: the answer has no status");
    CHECK(refusal(R"({"status":"success","data":{"resultType":"scalar","result":[1,"2"]}})").find("resultType") !=
          std::string::npos);
    // The answer is cut off after a whole series.
    CHECK(
        refusal(
            R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"a"},"value":[1,"2"]})")
            .find("not JSON") != std::string::npos);
    CHECK(refusal(std::string(100000, '[')).find("not JSON") != std::string::npos);
}
