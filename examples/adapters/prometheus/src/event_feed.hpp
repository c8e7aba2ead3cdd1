// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/event_log_reader.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace berth_watch {

/// The events that others append to a file. Lines count when they are whole.
class event_feed {
public:
    explicit event_feed(std::string file) : file_{std::move(file)}, reader_{file_} {}

    /// What was appended since. A file that is not there yet has nothing; an error names file, line and field.
    [[nodiscard]] berth::result<std::vector<berth::io::event>> poll() {
        std::vector<berth::io::event> found;
        std::ifstream in{file_, std::ios::binary};
        if (!in) return found;
        in.seekg(0, std::ios::end);
        if (static_cast<std::streamoff>(in.tellg()) < read_) {
            return berth::error{berth::error_code::io,
                                file_ + ": has become shorter; append to it, and never rewrite it"};
        }
        in.seekg(read_);
        std::string block(1 << 16, '\0');
        while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
            const auto got = static_cast<std::size_t>(in.gcount());
            read_ += static_cast<std::streamoff>(got);
            const auto take = [&](berth::io::event&& e) -> berth::result<void> {
                found.push_back(std::move(e));
                return {};
            };
            if (const auto ok = reader_.read_block({block.data(), got}, take); !ok) return ok.error();
        }
        return found;
    }

private:
    std::string file_;
    berth::io::event_reader reader_;
    std::streamoff read_ = 0;
};

}  // namespace berth_watch
