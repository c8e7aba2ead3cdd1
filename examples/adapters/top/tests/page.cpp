// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include "fleet_log.hpp"
#include "picture.hpp"
#include "temporary.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace top;
using berth_top_tests::temporary_file;

namespace {

std::string page_of(const std::string& text, const page_options& options = {}) {
    temporary_file file{text};
    fleet_log log{{.file = file.name()}};
    REQUIRE(log.poll());
    REQUIRE(log.settle());
    return make_page(make_picture(log), log, options);
}
std::size_t count(const std::string& in, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("a page needs nothing else, and names of the log cannot break it") {
    const std::string page =
        page_of(R"({"event": "node", "time": 0, "node": "<script>alert(1)</script>", "gpus": [{"gpu": "G\"><b>"}]}
{"event": "job", "time": 5, "job": "</svg><img src=x onerror=y>"}
{"event": "job", "time": 6, "job": "b&b"}
{"event": "decide", "time": 60})");
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.find("<script>alert") == std::string::npos);
    CHECK(page.find("<img") == std::string::npos);
    CHECK(page.find("<b>\"") == std::string::npos);
    CHECK(page.find("&lt;script&gt;") != std::string::npos);
    CHECK(page.find("b&amp;b") != std::string::npos);
    for (const char* outside : {"http:", "https:", "src=\"", "href=", "@import", "url("})
        CHECK(page.find(outside) == std::string::npos);
    CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
    CHECK(page.find("http-equiv") == std::string::npos);
    CHECK(page_of("{\"event\": \"node\", \"time\": 0, \"node\": \"n\"}", {.reload = 5.0}).find("content=\"5\"") !=
          std::string::npos);
}

TEST_CASE("the past: charts with gaps where nothing is known, and a lane for each GPU") {
    const std::string page =
        page_of(R"({"event": "node", "time": 0, "node": "n0", "gpus": [{"gpu": "G0"}, {"gpu": "G1"}]}
{"event": "job", "time": 10, "job": "train"}
{"event": "reading", "time": 20, "node": "n0", "gpu": "G0", "power": 300, "temperature": 70}
{"event": "decide", "time": 600}
{"event": "reading", "time": 700, "node": "n0", "gpu": "G0", "power": 200}
{"event": "health", "time": 800, "node": "n0", "gpu": "G1", "healthy": false}
{"event": "finish", "time": 900, "job": "train"})");
    CHECK(count(page, "<svg class=\"chart\"") == 6);
    const std::size_t power = page.find("data-key=\"power\"");
    const std::size_t line = page.find("class=\"series\"", power);
    CHECK(count(page.substr(line, page.find("/>", line) - line), "M") == 2);  // unknown from 320 on, known again at 700
    CHECK(page.find("\"power\":[null,null,300,null,200") != std::string::npos);
    CHECK(count(page, "class=\"label\"") == 2);
    CHECK(page.find("<title>train/0: 14 m 50 s from 10 s</title>") != std::string::npos);
    CHECK(page.find("<title>sick: ") != std::string::npos);
    CHECK(page.find("never measured") == std::string::npos);
}

TEST_CASE("a file is written as a whole, or the error says why not") {
    temporary_file file{"old"};
    REQUIRE(write_file(file.name(), "new"));
    std::ifstream in{file.name()};
    CHECK(std::string{std::istreambuf_iterator<char>{in}, {}} == "new");
    CHECK(!std::filesystem::exists(file.name() + ".part"));
    const auto refused = write_file("/no/such/folder/page.html", "x");
    REQUIRE(!refused);
    CHECK(refused.error().message.find("/no/such/folder/page.html") != std::string::npos);
}
