// SPDX-License-Identifier: Apache-2.0
#pragma once

// The event log: JSON lines that say what happened to a fleet, and what a scheduler decided. Part of the wing
// berth::io, which needs nlohmann-json. docs/event_log.md describes the format.

#include "berth/io/event_log_decisions.hpp"    // IWYU pragma: export
#include "berth/io/event_log_events.hpp"       // IWYU pragma: export
#include "berth/io/event_log_expectation.hpp"  // IWYU pragma: export
#include "berth/io/event_log_reader.hpp"       // IWYU pragma: export
#include "berth/io/event_log_writer.hpp"       // IWYU pragma: export
#include "berth/io/kubernetes_quantity.hpp"    // IWYU pragma: export
