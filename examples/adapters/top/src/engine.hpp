// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/event_log_policies.hpp"
#include "berth/model/resources.hpp"
#include "berth/scheduler/any_scheduler.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace top {

/// As `berth::io::make_log_scheduler`, compiled once.
[[nodiscard]] std::optional<berth::any_scheduler> make_engine(std::string_view policy, berth::resource_schema schema,
                                                              berth::scheduler_options options);
/// The names of all policies, for messages.
[[nodiscard]] std::string policy_names();

}  // namespace top
