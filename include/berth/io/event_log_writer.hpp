// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/detail/write_event.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"

#include <string>
#include <variant>

namespace berth::inline v0::io {

/// Appends an event as a line of an event log, with its end. What `event_reader` reads of it equals the event, doubles
/// to the last bit, if its names are UTF-8 (other bytes become U+FFFD) and its values in their ranges. Keys with their
/// default are left out. O(its length).
inline void append_event(std::string& log, const event& e) {
    detail::event_writer writer{log};
    std::visit([&](const auto& one) { writer.write(one, event_name(e)); }, e);
    log += '\n';
}

/// Appends a decision as a line of a log of decisions, with its end. O(its length).
inline void append_decision(std::string& log, const decision& d) {
    detail::event_writer writer{log};
    std::visit([&](const auto& one) { writer.write(one, decision_name(d)); }, d);
    log += '\n';
}

}  // namespace berth::inline v0::io
