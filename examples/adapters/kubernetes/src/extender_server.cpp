// SPDX-License-Identifier: Apache-2.0
#include "extender_server.hpp"

#include <httplib.h>

#include <set>
#include <utility>

namespace berth_kube {

namespace {

void answer(httplib::Response& response, int status, const json& body) {
    response.status = status;
    // Names and reasons may quote what came, and that need not be UTF-8.
    response.set_content(body.dump(-1, ' ', false, json::error_handler_t::replace), "application/json");
}

std::string name_in(const json& object, const char* key) {
    std::string failure;
    return object_fields{object, "object", failure}.object("metadata").text(key);
}

}  // namespace

extender_server::extender_server(extender_options options, const std::string& host, int port,
                                 std::optional<api_endpoint> server, std::function<void(const std::string&)> problem)
    : extender_{std::move(options)}, problem_{std::move(problem)}, server_{std::make_unique<httplib::Server>()} {
    server_->set_tcp_nodelay(true);
    server_->set_keep_alive_max_count(1'000'000);
    server_->set_payload_max_length(256U << 20U);
    routes();
    port_ = port == 0 ? server_->bind_to_any_port(host.c_str()) : server_->bind_to_port(host.c_str(), port) ? port : -1;
    if (port_ < 0) return;
    if (server) {
        const auto problem_of_watch = [this](const std::string& what) { say(what); };
        nodes_ = std::make_unique<object_watch>(
            *server, watch_options{.path = "/api/v1/nodes"},
            [this](object_change what) { take_nodes(std::move(what)); }, problem_of_watch);
        pods_ = std::make_unique<object_watch>(
            *server, watch_options{.path = "/api/v1/pods"}, [this](object_change what) { take_pods(std::move(what)); },
            problem_of_watch);
    }
    thread_ = std::thread{[this] { server_->listen_after_bind(); }};
    while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

extender_server::~extender_server() {
    pods_.reset();
    nodes_.reset();
    server_->stop();
    if (thread_.joinable()) thread_.join();
}

double extender_server::now() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void extender_server::say(const std::string& problem) {
    const std::lock_guard lock{problem_mutex_};
    if (problem_) problem_(problem);
}

bool extender_server::ready() {
    const std::lock_guard lock{mutex_};
    return nodes_ == nullptr || (nodes_known_ && pods_known_);
}

void extender_server::routes() {
    server_->Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
        const bool good = ready();
        response.status = good ? 200 : 503;
        response.set_content(good ? "ok\n" : "nodes and pods are not listed yet\n", "text/plain");
    });
    server_->Post("/filter", [this](const httplib::Request& request, httplib::Response& response) {
        const auto arguments = parse_json(request.body);
        if (!arguments) return answer(response, 400, {{"Error", arguments.error().message}});
        const std::lock_guard lock{mutex_};
        // Its type has a place for an error, and kube-scheduler shows only that of an answer with status 200.
        answer(response, 200, extender_.filter(arguments->value, now()));
    });
    const auto other = [this](berth::result<json_value> (extender::*verb)(const json&, double)) {
        return [this, verb](const httplib::Request& request, httplib::Response& response) {
            const auto arguments = parse_json(request.body);
            if (!arguments) return answer(response, 400, {{"Error", arguments.error().message}});
            const std::lock_guard lock{mutex_};
            const auto found = (extender_.*verb)(arguments->value, now());
            if (!found) {
                say(found.error().message);
                return answer(response, 400, {{"Error", found.error().message}});
            }
            answer(response, 200, found->value);
        };
    };
    server_->Post("/prioritize", other(&extender::prioritize));
    server_->Post("/preempt", other(&extender::preempt));
}

void extender_server::take_nodes(object_change what) {
    const std::lock_guard lock{mutex_};
    std::set<std::string> there;
    for (const json& object : what.objects) {
        there.insert(name_in(object, "name"));
        if (what.is == object_change::kind::deleted) {
            extender_.mirror().node_gone(name_in(object, "name"));
            continue;
        }
        auto node = read_node(object, extender_.options().names);
        if (!node) {
            say(node.error().message);
            continue;
        }
        extender_.mirror().node_seen(std::move(*node));
    }
    if (what.is != object_change::kind::listed) return;
    nodes_known_ = true;
    for (const std::string& name : extender_.mirror().node_names()) {
        if (!there.contains(name)) extender_.mirror().node_gone(name);
    }
}

void extender_server::take_pods(object_change what) {
    const std::lock_guard lock{mutex_};
    std::set<std::string> there;
    for (const json& object : what.objects) {
        there.insert(name_in(object, "uid"));
        if (what.is == object_change::kind::deleted) {
            extender_.mirror().pod_gone(name_in(object, "uid"));
            continue;
        }
        const auto pod = read_pod(object, extender_.options().names);
        if (!pod) {
            say(pod.error().message);
            continue;
        }
        extender_.mirror().pod_seen(*pod);
    }
    if (what.is != object_change::kind::listed) return;
    pods_known_ = true;
    for (const std::string& uid : extender_.mirror().pod_uids()) {
        if (!there.contains(uid)) extender_.mirror().pod_gone(uid);
    }
}

}  // namespace berth_kube
