// SPDX-License-Identifier: Apache-2.0
#include "support/progress.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

namespace bench {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void on_interrupt(int signal) {
    stop_requested = 1;
    std::signal(signal, SIG_DFL);  // the next signal ends the program
}

}  // namespace

void catch_interrupts() {
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
}

bool interrupted() noexcept { return stop_requested != 0; }

progress_line::progress_line(mode wanted)
    : terminal_{isatty(STDERR_FILENO) == 1}, last_{std::chrono::steady_clock::now()} {
    enabled_ = wanted != mode::off && (terminal_ || wanted != mode::terminal);
}

void progress_line::start(std::string what, std::size_t total) {
    what_ = std::move(what);
    total_ = total;
    started_ = std::chrono::steady_clock::now();
    last_ = started_;
    if (enabled_ && terminal_) print(0);
}

bool progress_line::due() {
    if (!enabled_) return false;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < (terminal_ ? std::chrono::milliseconds{100} : std::chrono::milliseconds{5000})) return false;
    last_ = now;
    return true;
}

void progress_line::update(std::size_t done) {
    if (due()) print(done);
}

void progress_line::say(const std::string& text) {
    if (!enabled_) return;
    std::fprintf(stderr, "%s%s%s", terminal_ ? "\r\x1b[K" : "", text.c_str(), terminal_ ? "" : "\n");
    std::fflush(stderr);
    shown_ = terminal_;
}

void progress_line::print(std::size_t done) {
    const double percent = total_ > 0 ? 100.0 * static_cast<double>(done) / static_cast<double>(total_) : 0.0;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    std::fprintf(stderr, "%s%s: %zu of %zu (%.0f %%), %.1f s%s", terminal_ ? "\r\x1b[K" : "", what_.c_str(), done,
                 total_, percent, seconds, terminal_ ? "" : "\n");
    std::fflush(stderr);
    shown_ = terminal_;
}

void progress_line::clear() {
    if (!shown_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    shown_ = false;
}

}  // namespace bench
