// SPDX-License-Identifier: Apache-2.0
// Answers of Prometheus: any bytes are an error that leaves the text as it was, or as many lines as it says, which the reader
// of exporters' text reads or refuses one by one.
#include "berth/io/prometheus_answer.hpp"

#include "berth/io/prometheus_text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    std::string text = "kept 1\n";
    const auto answer = berth::io::append_prometheus_answer(body, text);
    require(text.starts_with("kept 1\n"), "what was there before");
    if (!answer) {
        require(text.size() == 7, "an error that leaves lines");
        require(answer.error().message.starts_with("Prometheus: "), "an error that does not say whose");
        return 0;
    }
    berth::io::prometheus_text lines{text};
    std::size_t read = 0;
    while (lines.next()) ++read;
    require(read + lines.refused() == answer->series + 1, "another number of lines than of series");
    return 0;
}
