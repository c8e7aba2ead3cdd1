// SPDX-License-Identifier: Apache-2.0
#include <berth/io/event_log.hpp>

#include <cstdio>
#include <string>

int main() {
    std::string log;
    berth::io::append_event(log, berth::io::job_event{.time = 1.0, .job = "train"});
    const auto read = berth::io::read_event_log(log, "consumer");
    std::printf("consumer: %s", read ? log.c_str() : read.error().message.c_str());
    return read && read->size() == 1 ? 0 : 1;
}
