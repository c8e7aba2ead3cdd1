// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <berth/core/result.hpp>

#include "api_call.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace httplib {
class Client;
}

namespace berth_kube {

/// Where the API server is, and how to talk to it.
struct api_endpoint {
    std::string url{};  ///< `http://127.0.0.1:8001` or `https://...`
    std::string
        token_file{};       ///< a bearer token, read before each connection, because tokens are renewed; may be empty
    std::string ca_file{};  ///< certificates of the authority; empty: the system's
    double timeout = 10.0;  ///< seconds to connect, and to wait for an answer
};

/// The endpoint of the cluster in which this runs as a pod, from its environment and its service account. An error if
/// it is no pod.
[[nodiscard]] berth::result<api_endpoint> endpoint_in_cluster();

/// An answer of the API server.
struct http_answer {
    int status = 0;         ///< 0: none
    std::string body{};     ///< of the answer
    std::string failure{};  ///< why there is none
};

/// One connection to the API server, kept open between requests. For one thread, but `stop`.
class api_client {
public:
    /// Connects at the first request.
    explicit api_client(api_endpoint endpoint);
    ~api_client();
    api_client(const api_client&) = delete;             ///< one connection
    api_client& operator=(const api_client&) = delete;  ///< one connection

    /// GET.
    [[nodiscard]] http_answer get(const std::string& path);
    /// POST of JSON.
    [[nodiscard]] http_answer post(const std::string& path, const std::string& body);
    /// GET of an answer without end: `take` gets each line as it comes, and ends the request with false. The answer
    /// has a body only if its status is not 200.
    [[nodiscard]] http_answer stream(const std::string& path, double silence,
                                     const std::function<bool(std::string_view)>& take);
    /// Ends the request of another thread that is under way. One that begins at this moment may be missed: call it
    /// again.
    void stop();

private:
    [[nodiscard]] std::unique_ptr<httplib::Client> connect(double silence) const;
    void authorise();

    api_endpoint endpoint_;
    std::unique_ptr<httplib::Client> client_;
    std::unique_ptr<httplib::Client> streaming_;
    std::mutex mutex_;  // of the pointers
};

}  // namespace berth_kube
