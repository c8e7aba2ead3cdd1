// SPDX-License-Identifier: Apache-2.0
#include "prometheus_client.hpp"

#include <fmt/core.h>

#define CPPHTTPLIB_OPENSSL_SUPPORT
#include <httplib.h>

#include <chrono>
#include <utility>

namespace berth_watch {

prometheus_client::prometheus_client(prometheus_address address) : timeout_{address.timeout} {
    const std::size_t scheme = address.url.find("://");
    const std::size_t path = address.url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
    server_ = address.url.substr(0, path);
    path_ = path == std::string::npos ? std::string{} : address.url.substr(path);
    while (path_.ends_with('/')) path_.pop_back();
    path_ += "/api/v1/query";
}

berth::result<std::string> prometheus_client::query(const std::string& query) const {
    const auto fail = [&](const std::string& why) {
        return berth::error{berth::error_code::io, fmt::format("{}{}: {}", server_, path_, why)};
    };
    httplib::Client client{server_};
    if (!client.is_valid()) return fail("is no address of a server");
    const std::chrono::duration<double> patience{timeout_};
    client.set_connection_timeout(patience);
    client.set_read_timeout(patience);
    client.set_write_timeout(patience);
    const auto answer =
        client.Post(path_, httplib::Params{{"query", query}, {"timeout", fmt::format("{:.0f}ms", timeout_ * 1000.0)}});
    if (!answer) return fail(httplib::to_string(answer.error()));
    // 400, 422 and 503 carry a JSON body that says what is wrong.
    const bool json = answer->get_header_value("Content-Type").starts_with("application/json");
    if (answer->status != 200 && !json) return fail(fmt::format("answers with status {}", answer->status));
    return std::move(answer.value().body);
}

}  // namespace berth_watch
