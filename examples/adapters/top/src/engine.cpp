// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <utility>

namespace top {

std::optional<berth::any_scheduler> make_engine(std::string_view policy, berth::resource_schema schema,
                                                berth::scheduler_options options) {
    return berth::io::make_log_scheduler(policy, std::move(schema), options);
}

std::string policy_names() {
    std::string found;
    for (const berth::io::log_policy& one : berth::io::log_policies()) {
        found += (found.empty() ? "" : ", ") + std::string{one.name};
    }
    return found;
}

}  // namespace top
