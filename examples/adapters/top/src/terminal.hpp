// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "fleet_log.hpp"

namespace top {

/// How the terminal is used.
struct terminal_options {
    bool ascii = false;   ///< no characters beyond ASCII
    bool colours = true;  ///< where the terminal has them
};

/// Shows a log in the terminal until the user quits, or a signal ends it. The terminal is as before afterwards.
[[nodiscard]] berth::result<void> run_terminal(fleet_log& log, const terminal_options& options);

}  // namespace top
