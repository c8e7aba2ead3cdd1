// SPDX-License-Identifier: Apache-2.0
#include "scheduler_loop.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace berth_kube {

scheduler_loop::scheduler_loop(loop_options options, pod_scheduler& scheduler,
                               std::function<void(const std::string&)> problem)
    : options_{std::move(options)}, scheduler_{scheduler}, problem_{std::move(problem)} {}

scheduler_loop::~scheduler_loop() { stop(); }

double scheduler_loop::now() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void scheduler_loop::say(const std::string& problem) {
    const std::lock_guard lock{problem_mutex_};
    if (problem_) problem_(problem);
}

void scheduler_loop::put(input one) {
    {
        const std::lock_guard lock{inputs_mutex_};
        inputs_.push_back(std::move(one));
    }
    inputs_there_.notify_one();
}

void scheduler_loop::stop() {
    stopping_ = true;
    // The lock lets nobody miss it between a look and a wait.
    { const std::lock_guard lock{inputs_mutex_}; }
    { const std::lock_guard lock{calls_mutex_}; }
    inputs_there_.notify_all();
    calls_there_.notify_all();
}

std::string scheduler_loop::ask(question what) {
    if (!running_ || stopping_) return {};
    auto answer = std::make_shared<std::promise<std::string>>();
    std::future<std::string> found = answer->get_future();
    put(asked{std::move(what), answer});
    return found.wait_for(std::chrono::seconds{10}) == std::future_status::ready ? found.get() : std::string{};
}

std::unique_ptr<object_watch> scheduler_loop::start_watch(source of, const char* path) {
    watch_options options = options_.watch;
    options.path = path;
    return std::make_unique<object_watch>(
        options_.endpoint, options,
        [this, of](object_change what) {
            if (of == source::pods && what.is == object_change::kind::listed) ++pod_lists_;
            put(change{of, std::move(what)});
        },
        [this](const std::string& problem) { say(problem); });
}

void scheduler_loop::run() {
    running_ = true;
    std::unique_ptr<object_watch> nodes = start_watch(source::nodes, "/api/v1/nodes");
    std::unique_ptr<object_watch> pods;
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.callers, 1); ++i)
        callers.emplace_back([this] { carry_out(); });
    while (!stopping_) {
        std::deque<input> arrived = next();
        for (input& one : arrived) take(one);
        // Pods run on nodes, so those come first.
        if (nodes_known_ && pods == nullptr) pods = start_watch(source::pods, "/api/v1/pods");
        if (stopping_ || !nodes_known_ || !pods_known_) continue;
        send(scheduler_.decide(now()));
        decided_ = true;
    }
    running_ = false;
    stop();
    pods.reset();
    nodes.reset();
    for (std::thread& caller : callers) caller.join();
    for (input& one : inputs_) {
        if (auto* open = std::get_if<asked>(&one)) open->answer->set_value({});
    }
    inputs_.clear();
}

std::deque<scheduler_loop::input> scheduler_loop::next() {
    std::unique_lock lock{inputs_mutex_};
    const auto there = [this] { return stopping_ || !inputs_.empty(); };
    const double at = nodes_known_ && pods_known_ ? scheduler_.wake_at() : std::numeric_limits<double>::infinity();
    // Never for longer than a minute: clocks of sleeping machines stand still.
    inputs_there_.wait_for(lock, std::chrono::duration<double>{std::clamp(at - now(), 0.0, 60.0)}, there);
    return std::exchange(inputs_, {});
}

void scheduler_loop::take(input& one) {
    const double at = now();
    if (auto* answer = std::get_if<api_answer>(&one)) return scheduler_.answered(at, *answer);
    if (auto* open = std::get_if<asked>(&one)) return open->answer->set_value(open->what(scheduler_));
    const change& c = std::get<change>(one);
    const bool nodes = c.of == source::nodes;
    switch (c.what.is) {
        case object_change::kind::listed:
            (nodes ? nodes_known_ : pods_known_) = true;
            return nodes ? scheduler_.nodes_listed(at, c.what.objects) : scheduler_.pods_listed(at, c.what.objects);
        case object_change::kind::seen:
            return nodes ? scheduler_.node_seen(at, c.what.objects.front())
                         : scheduler_.pod_seen(at, c.what.objects.front());
        case object_change::kind::deleted:
            return nodes ? scheduler_.node_deleted(at, c.what.objects.front())
                         : scheduler_.pod_deleted(at, c.what.objects.front());
    }
}

void scheduler_loop::send(std::vector<api_call> calls) {
    if (calls.empty()) return;
    {
        const std::lock_guard lock{calls_mutex_};
        for (api_call& call : calls) {
            if (call.kind != call_kind::note)
                calls_.push(std::move(call));
            else if (notes_.size() < options_.most_notes)
                notes_.push_back(std::move(call));
        }
    }
    calls_there_.notify_all();
}

/// One of the callers' threads: bindings and evictions first, Events when there are none.
void scheduler_loop::carry_out() {
    api_client client{options_.endpoint};
    while (true) {
        api_call call;
        {
            std::unique_lock lock{calls_mutex_};
            while (true) {
                if (stopping_) return;
                const double wait = calls_.empty() ? 60.0 : calls_.top().not_before - now();
                if (!calls_.empty() && wait <= 0.0) {
                    call = calls_.top();
                    calls_.pop();
                    break;
                }
                if (!notes_.empty()) {
                    call = std::move(notes_.front());
                    notes_.pop_front();
                    break;
                }
                calls_there_.wait_for(lock, std::chrono::duration<double>{std::min(wait, 60.0)});
            }
        }
        const http_answer answer = call.body.empty() ? client.get(call.path) : client.post(call.path, call.body);
        if (call.kind == call_kind::note) {
            if (answer.status == 0 || answer.status >= 400)
                say("Event at " + call.path + ": " +
                    (answer.status == 0 ? answer.failure : "status " + std::to_string(answer.status)));
            continue;
        }
        put(api_answer{call.id, answer.status, answer.body});
    }
}

}  // namespace berth_kube
