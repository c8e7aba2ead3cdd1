// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bench {

/// Prints the progress of long work on stderr: one line that is rewritten on a terminal, a line every few seconds
/// elsewhere.
class progress_line {
public:
    /// `automatic` and `on` print everywhere; `terminal` prints on a terminal only.
    enum class mode { off, terminal, automatic, on };

    explicit progress_line(mode wanted);
    ~progress_line() { clear(); }
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;

    void start(std::string what, std::size_t total);
    void update(std::size_t done);
    /// True if the line is due to be printed again. For work that is not counted in items: `if (line.due())
    /// line.say(...)`.
    [[nodiscard]] bool due();
    void say(const std::string& text);
    /// Removes the line, before other output.
    void clear();

private:
    void print(std::size_t done);

    bool enabled_ = false;
    bool terminal_ = false;
    bool shown_ = false;
    std::string what_;
    std::size_t total_ = 0;
    std::chrono::steady_clock::time_point started_{};
    std::chrono::steady_clock::time_point last_{};
};

/// Turns Ctrl-C (SIGINT) and SIGTERM into a request to stop. A second one ends the program at once.
void catch_interrupts();
[[nodiscard]] bool interrupted() noexcept;

}  // namespace bench
