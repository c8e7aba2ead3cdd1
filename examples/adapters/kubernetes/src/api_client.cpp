// SPDX-License-Identifier: Apache-2.0
#include "api_client.hpp"

#include <httplib.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace berth_kube {

namespace {

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
}

http_answer answer_of(const httplib::Result& result) {
    if (!result) return {0, {}, httplib::to_string(result.error())};
    return {result->status, result->body, {}};
}

std::pair<time_t, time_t> split(double seconds) {
    const double whole = std::floor(seconds);
    return {static_cast<time_t>(whole), static_cast<time_t>((seconds - whole) * 1e6)};
}

}  // namespace

berth::result<api_endpoint> endpoint_in_cluster() {
    const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
    const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
    if (host == nullptr || port == nullptr) {
        return berth::error{
            berth::error_code::invalid_value,
            "this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set); give the "
            "address of the API server by --server"};
    }
    const std::string account = "/var/run/secrets/kubernetes.io/serviceaccount/";
    const std::string name = std::string{host}.find(':') == std::string::npos ? host : "[" + std::string{host} + "]";
    return api_endpoint{"https://" + name + ":" + port, account + "token", account + "ca.crt"};
}

api_client::api_client(api_endpoint endpoint) : endpoint_{std::move(endpoint)}, client_{connect(endpoint_.timeout)} {}

api_client::~api_client() = default;

std::unique_ptr<httplib::Client> api_client::connect(double silence) const {
    auto client = std::make_unique<httplib::Client>(endpoint_.url);
    const auto [seconds, microseconds] = split(endpoint_.timeout);
    const auto [quiet_seconds, quiet_microseconds] = split(silence);
    client->set_connection_timeout(seconds, microseconds);
    client->set_write_timeout(seconds, microseconds);
    client->set_read_timeout(quiet_seconds, quiet_microseconds);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    if (!endpoint_.ca_file.empty()) client->set_ca_cert_path(endpoint_.ca_file);
    if (!endpoint_.token_file.empty()) client->set_bearer_token_auth(read_file(endpoint_.token_file));
    return client;
}

void api_client::authorise() {
    if (!endpoint_.token_file.empty()) client_->set_bearer_token_auth(read_file(endpoint_.token_file));
}

http_answer api_client::get(const std::string& path) {
    authorise();
    return answer_of(client_->Get(path));
}

http_answer api_client::post(const std::string& path, const std::string& body) {
    authorise();
    return answer_of(client_->Post(path, body, "application/json"));
}

http_answer api_client::stream(const std::string& path, double silence,
                               const std::function<bool(std::string_view)>& take) {
    {
        const std::lock_guard lock{mutex_};
        streaming_ = connect(silence);
    }
    http_answer found;
    std::string rest;
    const auto result = streaming_->Get(
        path,
        [&](const httplib::Response& response) {
            found.status = response.status;
            return true;
        },
        [&](const char* data, std::size_t size) {
            if (found.status != 200) {
                if (found.body.size() < 10'000) found.body.append(data, size);
                return true;
            }
            std::string_view block{data, size};
            for (std::size_t end = block.find('\n'); end != std::string_view::npos; end = block.find('\n')) {
                std::string_view line = block.substr(0, end);
                if (!rest.empty()) {
                    rest.append(line);
                    line = rest;
                }
                if (!line.empty() && !take(line)) return false;
                rest.clear();
                block.remove_prefix(end + 1);
            }
            rest.append(block);
            return true;
        });
    if (!result) found.failure = httplib::to_string(result.error());
    return found;
}

void api_client::stop() {
    const std::lock_guard lock{mutex_};
    client_->stop();
    if (streaming_) streaming_->stop();
}

}  // namespace berth_kube
