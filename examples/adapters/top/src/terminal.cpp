// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include "frame.hpp"
#include "picture.hpp"
#include "text.hpp"

#define NCURSES_NOMACROS 1  // its functions are called scroll, move, erase: as macros they change everything below
#define NCURSES_WIDECHAR 1
#include <curses.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <limits>
#include <optional>
#include <string>

namespace top {

namespace {

constexpr int poll_ms = 200;
constexpr std::chrono::milliseconds quiet{600};  // after which nothing more of a time is expected

volatile std::sig_atomic_t ended_by_signal = 0;
void note_signal(int number) { ended_by_signal = number; }

/// The terminal as curses keeps it, from construction to destruction.
class curses_screen {
public:
    explicit curses_screen(bool colours) {
        (void)initscr();
        (void)cbreak();
        (void)noecho();
        (void)keypad(stdscr, TRUE);
        (void)curs_set(0);
        (void)set_escdelay(25);
        timeout(poll_ms);
        if (colours && has_colors()) {
            (void)start_color();
            (void)use_default_colors();
            constexpr std::array<short, tone_count> of_tones = {-1,         COLOR_CYAN,   -1,        COLOR_GREEN,
                                                                COLOR_BLUE, COLOR_YELLOW, COLOR_RED, -1};
            for (short i = 0; i < static_cast<short>(tone_count); ++i)
                (void)init_pair(static_cast<short>(i + 1), of_tones[static_cast<std::size_t>(i)], -1);
            coloured_ = true;
        }
    }
    curses_screen(const curses_screen&) = delete;
    curses_screen& operator=(const curses_screen&) = delete;
    ~curses_screen() { (void)endwin(); }

    [[nodiscard]] attr_t look(tone is) const {
        attr_t found = A_NORMAL;
        if (is == tone::title || is == tone::bad) found |= A_BOLD;
        if (is == tone::faint) found |= A_DIM;
        if (is == tone::chosen) found |= A_REVERSE;
        if (!coloured_ && (is == tone::warm || is == tone::bad)) found |= A_UNDERLINE;
        return coloured_ ? found | static_cast<attr_t>(COLOR_PAIR(static_cast<int>(is) + 1)) : found;
    }
    void show(const std::vector<frame_line>& lines, bool ascii) const {
        (void)erase();
        for (std::size_t y = 0; y < lines.size(); ++y) {
            (void)::move(static_cast<int>(y), 0);
            for (const piece& one : lines[y]) {
                (void)attrset(static_cast<int>(look(one.is)));
                (void)addstr((ascii ? in_ascii(one.text) : one.text).c_str());
            }
        }
        (void)refresh();
    }

private:
    bool coloured_ = false;
};

/// What the user sees, and how keys change it.
class viewer {
public:
    viewer(fleet_log& log, const terminal_options& options) : log_{log}, options_{options}, screen_{options.colours} {}

    berth::result<void> run() {
        auto heard = std::chrono::steady_clock::now();
        bool draw = true;
        while (ended_by_signal == 0) {
            const auto now = std::chrono::steady_clock::now();
            if (!failure_) {
                const auto read = log_.poll();
                if (!read) {
                    failure_ = read.error();
                } else if (*read) {
                    heard = now;
                }
                draw = draw || !read || *read;
            }
            if (!failure_ && settle_due_ && now - heard >= quiet) settle(), draw = true;
            if (draw) show();
            draw = false;
            const int key = getch();
            if (key == ERR) continue;
            if (key == 'q' || key == 'Q') break;
            press(key);
            heard = now;
            draw = true;
        }
        if (failure_) return berth::error{*failure_};
        return {};
    }

private:
    void settle() {
        if (const auto ok = log_.settle(); !ok) failure_ = ok.error();
        settle_due_ = log_.settings().follow;
    }
    void show() {
        if (!log_.settings().follow && !failure_) settle();
        view_.width = static_cast<std::size_t>(std::max(COLS, 20));
        view_.height = static_cast<std::size_t>(std::max(LINES, 8));
        const bool stepped = log_.settings().until < std::numeric_limits<double>::infinity();
        view_.state = failure_                   ? " stopped "
                      : log_.engine() == nullptr ? " waiting for the log "
                      : stepped                  ? " in the past: End for the latest "
                      : log_.ended()             ? " ended "
                      : log_.settings().follow   ? " following "
                                                 : " at its end ";
        view_.notice = failure_ ? printable(failure_->message) : std::string{};
        screen_.show(make_frame(make_picture(log_), log_.history(), view_), options_.ascii);
    }
    void scroll(std::ptrdiff_t lines) {
        std::size_t& at = view_.scroll[static_cast<std::size_t>(view_.chosen)];
        const auto to = static_cast<std::ptrdiff_t>(at) + lines;
        at = to < 0 ? 0 : static_cast<std::size_t>(to);
    }
    void go(std::optional<double> time) {
        if (failure_ || !time) return;
        if (const auto ok = log_.go_to(*time); !ok) failure_ = ok.error();
    }
    void press(int key) {
        const auto page = static_cast<std::ptrdiff_t>(view_.height / 4);
        switch (key) {
            case '\t':
                view_.chosen = static_cast<pane>((static_cast<std::size_t>(view_.chosen) + 1) % pane_count);
                break;
            case 'm':
                view_.shown = static_cast<metric>((static_cast<std::size_t>(view_.shown) + 1) % metric_count);
                break;
            case KEY_UP: scroll(-1); break;
            case KEY_DOWN: scroll(1); break;
            case KEY_PPAGE: scroll(-page); break;
            case KEY_NPAGE: scroll(page); break;
            case KEY_LEFT: go(log_.moment_before(log_.now())); break;
            case KEY_RIGHT: go(log_.moment_after(log_.now())); break;
            case KEY_END: go(std::numeric_limits<double>::infinity()); break;
            default: break;
        }
    }

    fleet_log& log_;
    terminal_options options_;
    curses_screen screen_;
    frame_view view_{};
    bool settle_due_ = true;
    std::optional<berth::error> failure_;
};

}  // namespace

berth::result<void> run_terminal(fleet_log& log, const terminal_options& options) {
    ended_by_signal = 0;
    struct sigaction action{};
    action.sa_handler = note_signal;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) (void)sigaction(number, &action, nullptr);
    return viewer{log, options}.run();
}

}  // namespace top
