// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.hpp"
#include "picture.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace top {

/// What a piece of text means; the terminal decides how it looks.
enum class tone : std::uint8_t { plain, title, faint, good, busy, warm, bad, chosen };
inline constexpr std::size_t tone_count = 8;

struct piece {
    std::string text{};
    tone is = tone::plain;
};
using frame_line = std::vector<piece>;

/// What a GPU's cell shows where there is no room for all of it.
enum class metric : std::uint8_t { load, temperature, power, in_use };
inline constexpr std::size_t metric_count = 4;
[[nodiscard]] const char* word(metric m);

/// The parts of a frame that scroll.
enum class pane : std::uint8_t { nodes, queue, steps };
inline constexpr std::size_t pane_count = 3;

/// How a frame is laid out.
struct frame_view {
    std::size_t width = 100;
    std::size_t height = 0;  ///< 0: as many lines as it takes
    metric shown = metric::load;
    pane chosen = pane::nodes;                   ///< is marked, where `height` is limited
    std::size_t scroll[pane_count] = {0, 0, 0};  ///< lines that are skipped in each; too much shows the last ones
    std::string state{};                         ///< `following`, `paused`, ...
    std::string notice{};                        ///< a fault, shown instead of the keys
};

/// The lines of a frame, none wider than the view. Clamps the scroll positions of the view.
[[nodiscard]] std::vector<frame_line> make_frame(const fleet_picture& p, const sampled_history& history,
                                                 frame_view& view);
/// The text of a line, without what it looks like.
[[nodiscard]] std::string plain_text(const frame_line& line);

/// The last samples as eighths of a line: one character each `▁` to `█`, `·` where nothing is known.
[[nodiscard]] std::string sparkline(const std::vector<fleet_sample>& samples, double fleet_sample::* what, double most,
                                    std::size_t width);

}  // namespace top
