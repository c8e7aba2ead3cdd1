// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <string>

namespace berth_watch {

/// Where a Prometheus is, and how long it may take.
struct prometheus_address {
    std::string url = "http://127.0.0.1:9090";  ///< with a path, where Prometheus lies behind a prefix
    double timeout = 10.0;                      ///< s, above 0
};

/// Asks a Prometheus over HTTP.
class prometheus_client {
public:
    explicit prometheus_client(prometheus_address address);

    /// POST /api/v1/query.
    ///
    /// @param query  in PromQL
    /// @return       the body of the answer, also of one that reports an error as JSON; an error if there was none
    [[nodiscard]] berth::result<std::string> query(const std::string& query) const;

private:
    std::string server_;  // scheme, host and port
    std::string path_;
    double timeout_;
};

}  // namespace berth_watch
