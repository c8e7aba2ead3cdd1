// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"

#include <limits>

namespace berth::inline v0 {

/// When something that is not heard of is unknown, and when it is sick.
///
/// What is silent is unknown after `missed` samples. A GPU whose neighbours on the node are heard of is suspect then,
/// and sick after `lost` samples: it is gone. A silent node is sick only after `node_lost` seconds, by default never,
/// because its exporter alone may be gone. A domain (rack) of two nodes or more that is silent as a whole is a fault of
/// telemetry and makes nothing sick.
struct contact_rule {
    double interval = 60.0;                                      ///< seconds between two samples of a GPU, above 0
    double missed = 3.0;                                         ///< samples, 1 or more
    double lost = 10.0;                                          ///< samples, not below `missed`
    double node_lost = std::numeric_limits<double>::infinity();  ///< seconds, above 0
    double max_step = 10.0;  ///< intervals, 1 or more: a clock that steps further ahead has been set

    /// Whether something that was last heard of so many seconds ago has missed so many samples; half an interval is
    /// for those that are on their way.
    [[nodiscard]] constexpr bool has_missed(double silent, double samples) const noexcept {
        return silent >= (samples - 0.5) * interval;
    }
    /// Whether it is usable: an error names the field.
    [[nodiscard]] result<void> check() const {
        const auto refuse = [](const char* field) {
            return detail::refuse(error_code::invalid_value, {"contact_rule: ", field});
        };
        constexpr double endless = std::numeric_limits<double>::infinity();
        if (!(interval > 0.0 && interval < endless)) return refuse("interval is not a finite number above 0");
        if (!(missed >= 1.0)) return refuse("missed is below 1");
        if (!(lost >= missed)) return refuse("lost is below missed");
        if (!(node_lost > 0.0)) return refuse("node_lost is not above 0");
        if (!(max_step >= 1.0)) return refuse("max_step is below 1");
        return {};
    }
};

}  // namespace berth::inline v0
