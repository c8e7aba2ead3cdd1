// SPDX-License-Identifier: Apache-2.0
// berth-top: a fleet as an event log shows it, in the terminal or on a page.
#include "fleet_log.hpp"
#include "frame.hpp"
#include "page.hpp"
#include "picture.hpp"
#include "terminal.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <langinfo.h>
#include <unistd.h>

#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr int bad_input = 2;

volatile std::sig_atomic_t ended_by_signal = 0;
void note_signal(int number) { ended_by_signal = number; }

int refuse(const berth::error& e) {
    fmt::print(stderr, "berth-top: {}\n", top::printable(e.message));
    return bad_input;
}

/// Everything that is in the log so far.
berth::result<void> read_all(top::fleet_log& log) {
    if (const auto read = log.poll(); !read) return read.error();
    return log.settle();
}

int print_once(top::fleet_log& log, std::size_t width, bool ascii) {
    if (const auto ok = read_all(log); !ok) return refuse(ok.error());
    top::frame_view view{.width = width};
    view.state = log.ended() ? "(ended)" : "";
    for (const top::frame_line& line : top::make_frame(top::make_picture(log), log.history(), view)) {
        const std::string text = top::plain_text(line);
        fmt::print("{}\n", ascii ? top::in_ascii(text) : text);
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}

berth::result<void> write_page(const top::fleet_log& log, const std::string& file, double reload) {
    return top::write_file(file, top::make_page(top::make_picture(log), log, {.reload = reload}));
}

/// Writes the page anew while the log grows, until a signal comes.
int keep_page(top::fleet_log& log, const std::string& file, double every) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) (void)std::signal(number, note_signal);
    bool written = false;
    while (ended_by_signal == 0) {
        const auto read = log.poll();
        if (!read) return refuse(read.error());
        if (*read || !written) {
            if (const auto ok = log.settle(); !ok) return refuse(ok.error());
            if (const auto ok = write_page(log, file, every); !ok) return refuse(ok.error());
            written = true;
        }
        const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>{every};
        while (ended_by_signal == 0 && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    (void)std::setlocale(LC_CTYPE, "");
    top::log_settings settings;
    std::string page;
    std::string policy;
    double at = std::numeric_limits<double>::infinity();
    double every = 5.0;
    std::size_t width = 0;
    bool once = false;
    bool ascii = std::string_view{nl_langinfo(CODESET)} != "UTF-8";

    CLI::App app{"A fleet as an event log shows it: nodes and GPUs, the queue with its reasons, what is under way.",
                 "berth-top"};
    app.add_option("LOG", settings.file, "event log, as of docs/event_log.md")->required();
    app.add_flag("--follow", settings.follow, "the log is being written, or not there yet: wait for more");
    app.add_flag("--once", once, "print one frame and end; needs no terminal");
    app.add_option("--html", page, "write a page into this file and end; with --follow, write it again and again");
    app.add_option("--every", every, "seconds between two pages of --follow --html")->check(CLI::Range(0.1, 86400.0));
    app.add_option("--at", at, "only what the log says up to this time, s")->check(CLI::NonNegativeNumber);
    app.add_option("--policy", policy, "decide by this policy, not by the log's");
    app.add_option("--width", width, "columns of --once; default the terminal's, else 100")
        ->check(CLI::Range(20, 1000));
    app.add_flag("--ascii", ascii, "no characters beyond ASCII; the default where the locale is not UTF-8");
    app.footer(
        "Keys in the terminal: q quit, Tab and arrows scroll, m metric, left and right step in time, End the latest.\n"
        "Exit code 2: the log cannot be read; the message names file, line and field.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) { return app.exit(e) == 0 ? 0 : bad_input; }
    settings.until = at;
    if (!policy.empty()) settings.policy = policy;
    if (once && settings.follow) {
        fmt::print(stderr, "berth-top: --once prints what is there; --follow waits for more: choose one\n");
        return bad_input;
    }
    top::fleet_log log{settings};
    if (once) {
        const char* columns = std::getenv("COLUMNS");
        if (width == 0 && columns != nullptr) width = std::strtoul(columns, nullptr, 10);
        if (width < 20 || width > 1000) width = 100;
        const int printed = print_once(log, width, ascii);
        if (printed != 0 || page.empty()) return printed;
    }
    if (!page.empty()) {
        if (settings.follow) return keep_page(log, page, every);
        if (const auto ok = read_all(log); !ok) return refuse(ok.error());
        if (const auto ok = write_page(log, page, 0.0); !ok) return refuse(ok.error());
        return 0;
    }
    if (isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0) {
        fmt::print(stderr, "berth-top: this is no terminal; --once prints one frame, --html FILE writes a page\n");
        return bad_input;
    }
    // What is wrong with a log is said before the screen is taken.
    if (const auto read = log.poll(); !read) return refuse(read.error());
    const bool colours = std::getenv("NO_COLOR") == nullptr;
    if (const auto ok = top::run_terminal(log, {.ascii = ascii, .colours = colours}); !ok) return refuse(ok.error());
    return 0;
}
