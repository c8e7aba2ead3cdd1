// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/parallelism.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace berth::inline v0 {

/// A `parallelism` with a fixed number of threads, including the caller's. Threads take iterations one at a time from a
/// shared counter.
///
/// One loop at a time: `for_each` must not be called from two threads at once, nor from inside an iteration.
class thread_pool {
public:
    /// Starts `concurrency - 1` threads.
    ///
    /// @param concurrency  number of threads that run a loop, at least 1
    explicit thread_pool(std::size_t concurrency) {
        for (std::size_t i = 1; i < concurrency; ++i) workers_.emplace_back([this] { serve(); });
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    /// Ends its threads. No loop may be running.
    ~thread_pool() {
        {
            const std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        wake_.notify_all();
        for (auto& worker : workers_) worker.join();
    }

    /// Calls `f(i)` once for every i in [0, n) and returns when all calls have returned; see `parallelism`.
    template <class F>
    void for_each(std::size_t n, F&& f) {
        if (n == 0) return;
        if (workers_.empty() || n == 1) {
            for (std::size_t i = 0; i < n; ++i) f(i);
            return;
        }
        auto call = [&f](std::size_t i) { f(i); };
        {
            const std::lock_guard lock{mutex_};
            callable_ = &call;
            call_ = [](void* callable, std::size_t i) { (*static_cast<decltype(call)*>(callable))(i); };
            size_ = n;
            next_.store(0, std::memory_order_relaxed);
            busy_ = workers_.size();
            ++round_;
        }
        wake_.notify_all();
        drain();
        std::unique_lock lock{mutex_};
        done_.wait(lock, [this] { return busy_ == 0; });
    }

    /// The number of threads that run a loop.
    [[nodiscard]] std::size_t concurrency() const noexcept { return workers_.size() + 1; }

private:
    void drain() {
        for (;;) {
            const std::size_t i = next_.fetch_add(1, std::memory_order_relaxed);
            if (i >= size_) return;
            call_(callable_, i);
        }
    }

    void serve() {
        std::uint64_t seen = 0;
        for (;;) {
            {
                std::unique_lock lock{mutex_};
                wake_.wait(lock, [&] { return stopping_ || round_ != seen; });
                if (stopping_) return;
                seen = round_;
            }
            drain();
            const std::lock_guard lock{mutex_};
            if (--busy_ == 0) done_.notify_one();
        }
    }

    std::vector<std::thread> workers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    void* callable_ = nullptr;
    void (*call_)(void*, std::size_t) = nullptr;
    std::size_t size_ = 0;
    std::atomic<std::size_t> next_ = 0;
    std::size_t busy_ = 0;
    std::uint64_t round_ = 0;
    bool stopping_ = false;
};

static_assert(parallelism<thread_pool>);

}  // namespace berth::inline v0
