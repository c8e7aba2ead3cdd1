// SPDX-License-Identifier: Apache-2.0
// Event logs: any text is read or refused by its line. What is read is written back, and read again as the same events; blocks of any
// size read as the whole.
#include "berth/io/event_log.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth::io;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto whole = read_event_log(text, "f");

    std::vector<event> events;
    const auto take = [&](event&& one) -> berth::result<void> {
        events.push_back(std::move(one));
        return {};
    };
    event_reader reader{"f"};
    berth::result<void> read{};
    const std::size_t block = 1 + size % 7;
    for (std::size_t i = 0; i < size && read; i += block) read = reader.read_block(text.substr(i, block), take);
    if (read) read = reader.finish(take);
    require(read.has_value() == whole.has_value(), "blocks are read in another way than the whole");
    if (!whole) {
        require(whole.error() == read.error(), "blocks are refused for another reason than the whole");
        require(whole.error().message.starts_with("f:"), "an error that names no line");
        return 0;
    }
    std::string written;
    for (const event& one : events) append_event(written, one);
    const auto again = read_event_log(written, "g");
    require(again.has_value(), again ? "" : again.error().message.c_str());
    require(again->size() == whole->size() && events.size() == whole->size(), "events are lost");
    for (std::size_t i = 0; i < events.size(); ++i) {
        require((*whole)[i].what == events[i], "blocks give other events");
        require((*again)[i].what == events[i], "what is written is not what was read");
    }
    return 0;
}
