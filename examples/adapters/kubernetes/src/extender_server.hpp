// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api_client.hpp"
#include "extender.hpp"
#include "object_watch.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace httplib {
class Server;
}

namespace berth_kube {

/// An `extender` that answers over HTTP: POST `/filter`, `/prioritize`, `/preempt`; GET `/healthz`. With an API server
/// it follows nodes and pods, and `/healthz` is 503 until both were listed.
class extender_server {
public:
    /// Starts it.
    ///
    /// @param host     address to listen on
    /// @param port     0: any that is free
    /// @param server   the API server to follow; none: it knows what kube-scheduler sends
    /// @param problem  called from several threads, one at a time, with a sentence
    extender_server(extender_options options, const std::string& host, int port, std::optional<api_endpoint> server,
                    std::function<void(const std::string&)> problem);
    /// Ends it.
    ~extender_server();
    extender_server(const extender_server&) = delete;             ///< its threads know its address
    extender_server& operator=(const extender_server&) = delete;  ///< its threads know its address

    /// The port that it listens on; -1 if it could not.
    [[nodiscard]] int port() const noexcept { return port_; }
    /// True once it knows what there is.
    [[nodiscard]] bool ready();

private:
    [[nodiscard]] double now() const;
    void routes();
    void take_nodes(object_change what);
    void take_pods(object_change what);
    void say(const std::string& problem);

    std::mutex mutex_;  // of the extender and what is known
    extender extender_;
    bool nodes_known_ = false;
    bool pods_known_ = false;
    std::mutex problem_mutex_;
    std::function<void(const std::string&)> problem_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::unique_ptr<httplib::Server> server_;
    std::unique_ptr<object_watch> nodes_;
    std::unique_ptr<object_watch> pods_;
    int port_ = -1;
    std::thread thread_;
};

}  // namespace berth_kube
