// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api_client.hpp"
#include "object_watch.hpp"
#include "pod_scheduler.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace berth_kube {

/// Options of a `scheduler_loop`.
struct loop_options {
    api_endpoint endpoint{};       ///< of the API server
    std::size_t callers = 4;       ///< connections for bindings and evictions
    watch_options watch{};         ///< of both watches; `path` is not used
    std::size_t most_notes = 500;  ///< Events that wait to be sent; further ones are dropped
};

/// A `pod_scheduler` at an API server: two watches, some connections that carry out its requests, and the one thread
/// that calls it. It decides once all nodes and pods were listed, and then whenever something happened.
class scheduler_loop {
public:
    /// What is asked of the scheduler's thread.
    using question = std::function<std::string(pod_scheduler&)>;

    /// Nothing is started yet.
    ///
    /// @param problem  called from several threads, one at a time, with a sentence
    scheduler_loop(loop_options options, pod_scheduler& scheduler, std::function<void(const std::string&)> problem);
    ~scheduler_loop();
    scheduler_loop(const scheduler_loop&) = delete;             ///< its threads know its address
    scheduler_loop& operator=(const scheduler_loop&) = delete;  ///< its threads know its address

    /// Works until `stop`; then ends what it started. Requests under way are answered or time out.
    void run();
    /// Ends `run`. From any thread, and from a signal handler's.
    void stop();
    /// Asks in the scheduler's thread, between two turns. Empty if it does not run.
    [[nodiscard]] std::string ask(question what);
    /// True once it has decided for the first time.
    [[nodiscard]] bool ready() const noexcept { return decided_; }
    /// How often all pods were listed.
    [[nodiscard]] std::uint64_t pod_lists() const noexcept { return pod_lists_; }

private:
    enum class source : std::uint8_t { nodes, pods };
    struct change {
        source of = source::nodes;
        object_change what{};
    };
    struct asked {
        question what{};
        std::shared_ptr<std::promise<std::string>> answer{};
    };
    using input = std::variant<change, api_answer, asked>;
    struct later {
        bool operator()(const api_call& a, const api_call& b) const noexcept {
            return a.not_before != b.not_before ? a.not_before > b.not_before : a.id > b.id;
        }
    };

    [[nodiscard]] double now() const;
    void put(input one);
    [[nodiscard]] std::deque<input> next();
    void take(input& one);
    void send(std::vector<api_call> calls);
    void carry_out();
    void say(const std::string& problem);
    [[nodiscard]] std::unique_ptr<object_watch> start_watch(source of, const char* path);

    loop_options options_;
    pod_scheduler& scheduler_;
    std::function<void(const std::string&)> problem_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::atomic<bool> stopping_{false};
    std::atomic<bool> decided_{false};
    std::atomic<bool> running_{false};
    std::atomic<std::uint64_t> pod_lists_{0};
    bool nodes_known_ = false;
    bool pods_known_ = false;

    std::mutex inputs_mutex_;
    std::condition_variable inputs_there_;
    std::deque<input> inputs_;

    std::mutex calls_mutex_;
    std::condition_variable calls_there_;
    std::priority_queue<api_call, std::vector<api_call>, later> calls_;
    std::deque<api_call> notes_;
    std::mutex problem_mutex_;
};

}  // namespace berth_kube
