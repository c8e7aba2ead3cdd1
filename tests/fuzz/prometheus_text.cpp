// SPDX-License-Identifier: Apache-2.0
// Scrapes: any text is read or refused line by line; what is read of a GPU is a usable sample, and a scrape read twice says the same.
#include "berth/io/prometheus_text.hpp"

#include "berth/io/gpu_metrics.hpp"

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
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    berth::io::prometheus_text lines{text};
    std::size_t read = 0;
    std::string value;
    while (lines.next()) {
        ++read;
        require(!lines.line().name.empty(), "a sample without a name");
        for (const berth::io::metric_label& label : lines.line().labels) {
            value.clear();
            berth::io::unescape(label.value, value);
            require(value.size() <= label.value.size(), "a label that grew");
        }
    }
    require(read + lines.refused() <= lines.number(), "more samples than lines");
    if (lines.refused() > 0) require(lines.first_refusal().message.starts_with("line "), "an error that names no line");

    static berth::io::exporter_reader exporter;  // lives on, as that of a program does
    const std::size_t gpus = exporter.read(text, 1.0);
    const std::size_t rows = exporter.rows();
    for (const berth::io::gpu_metrics& gpu : exporter.gpus()) {
        require(!gpu.uuid.empty(), "a GPU without a name");
        require(berth::check(gpu.sample).has_value(), "a sample that is not usable");
    }
    require(exporter.read(text, 1.0) == gpus && exporter.rows() == rows, "a scrape that says something else");
    return 0;
}
