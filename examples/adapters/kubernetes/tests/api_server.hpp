// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace httplib {
class Server;
struct Request;
struct Response;
}  // namespace httplib

namespace kube_test {

using json = nlohmann::json;

/// What goes wrong, in thousandths of the requests that it concerns.
struct server_faults {
    unsigned spurious_conflict = 0;  ///< a binding is answered with 409, and nothing has happened
    unsigned rival = 0;  ///< another scheduler binds a pod without GPUs just before, so that it is a conflict
    unsigned bound_unanswered = 0;  ///< a binding is carried out, and the connection breaks instead of an answer
    unsigned broken = 0;            ///< the connection breaks, and nothing has happened
    unsigned error = 0;             ///< 500, and nothing has happened
    unsigned slow = 0;              ///< the answer takes `slow_seconds`
    double slow_seconds = 0.2;      ///< how long
    unsigned budget = 0;            ///< an eviction is answered with 429
    std::size_t watch_lines = 0;    ///< a watch breaks after so many lines; 0: never
    unsigned list_error = 0;        ///< a list is answered with 503
};

/// Options of an `api_server`.
struct server_options {
    int port = 0;                   ///< 0: any that is free
    std::size_t history = 100'000;  ///< changes that a watch can begin from; older ones are 410 Gone
    bool recreate = false;        ///< stands in for controllers: for a pod with an owner that was deleted comes another
    double bookmark_every = 1.0;  ///< seconds
    std::uint64_t seed = 1;       ///< of the faults
    server_faults faults{};       ///< what goes wrong
};

/// The part of Kubernetes' API that a scheduler needs, on 127.0.0.1, for tests: pods, nodes and Events with resource
/// versions, lists by pages, watches with bookmarks, bindings, evictions. It refuses what the real one refuses: a
/// binding of a pod that is bound (409), an old version (410), a name twice (409), what is not there (404).
class api_server {
public:
    /// Starts it.
    explicit api_server(server_options options = {});
    /// Ends it.
    ~api_server();
    api_server(const api_server&) = delete;             ///< its threads know its address
    api_server& operator=(const api_server&) = delete;  ///< its threads know its address

    /// The port that it listens on.
    [[nodiscard]] int port() const noexcept { return port_; }
    /// Its address.
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    /// Creates an object of kind `Pod` or `Node`. False if its name is taken.
    bool create(json object);
    /// Replaces an object.
    bool replace(json object);
    /// Deletes a pod by `namespace/name`, or a node by its name.
    bool remove(const std::string& kind, const std::string& key);
    /// An object; null if it is not there.
    [[nodiscard]] json find(const std::string& kind, const std::string& key) const;
    /// All objects of a kind.
    [[nodiscard]] std::vector<json> all(const std::string& kind) const;
    /// Bindings that were carried out for berth, and those of rivals.
    [[nodiscard]] std::size_t bindings() const noexcept { return bindings_; }
    [[nodiscard]] std::size_t rivals() const noexcept { return rivals_; }
    /// How often what went wrong, by its name.
    [[nodiscard]] std::map<std::string, std::size_t> went_wrong() const;
    /// Changes what goes wrong.
    void set_faults(const server_faults& faults);
    /// Ends all watches now, and forgets all history if that is wanted, so that they are 410 Gone when they come again.
    void break_watches(bool forget);

    /// What is wrong with where pods are, from the objects alone: a node that holds more than it has, a GPU that was
    /// given to two pods, positions that are not as many as the GPUs. Empty: nothing.
    [[nodiscard]] std::vector<std::string> check() const;

private:
    struct stored {
        json object{};
        std::uint64_t version = 0;
    };
    struct change {
        std::uint64_t version = 0;
        std::string kind{};
        std::string line{};
    };

    void routes();
    void list(const std::string& kind, const httplib::Request& request, httplib::Response& response);
    void watch(const std::string& kind, const httplib::Request& request, httplib::Response& response);
    void bind(const std::string& key, const httplib::Request& request, httplib::Response& response);
    void evict(const std::string& key, httplib::Response& response);
    bool store(const std::string& kind, const std::string& key, json object, const char* type);
    bool erase(const std::string& kind, const std::string& key);
    [[nodiscard]] bool happens(unsigned thousandths, const char* name);
    void bind_elsewhere(const std::string& key);
    void recreate(json pod);

    server_options options_;
    std::unique_ptr<httplib::Server> server_;
    std::thread thread_;
    int port_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> bindings_{0};
    std::atomic<std::size_t> rivals_{0};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::map<std::string, stored>> objects_;  // by kind, by key
    std::deque<change> history_;
    std::uint64_t version_ = 1;
    std::uint64_t forgotten_ = 0;  // changes up to this version are not known any more
    std::uint64_t epoch_ = 0;      // of the watches
    std::uint64_t random_ = 1;
    std::uint64_t names_ = 0;
    std::map<std::string, std::size_t> went_wrong_;
};

/// A node, as the tests and the walk-through use them.
[[nodiscard]] json make_node(const std::string& name, int gpus, const std::string& cpu = "64",
                             const std::string& memory = "512Gi");
/// A pod of berth's that waits.
[[nodiscard]] json make_pod(const std::string& name, int gpus, const std::string& cpu = "1",
                            const std::string& memory = "1Gi");

}  // namespace kube_test
