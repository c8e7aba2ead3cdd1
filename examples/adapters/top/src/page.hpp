// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "fleet_log.hpp"
#include "picture.hpp"

#include <string>

namespace top {

/// How a page is made.
struct page_options {
    double reload = 0.0;  ///< seconds after which a browser reads it again; 0: never
};

/// One page of HTML that needs nothing else: what the frame shows, and the past of the fleet. For light and dark, on
/// screens of any width; names of the log cannot break it. Long pasts are thinned, and the page says so.
[[nodiscard]] std::string make_page(const fleet_picture& p, const fleet_log& log, const page_options& options);

/// Writes a file in one step: a reader sees the old one or the new one.
[[nodiscard]] berth::result<void> write_file(const std::string& name, const std::string& text);

}  // namespace top
