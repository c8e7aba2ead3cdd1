// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api_client.hpp"
#include "json_fields.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth_kube {

/// What happened to objects of one kind.
struct object_change {
    /// What it is.
    enum class kind : std::uint8_t {
        listed,   ///< these are all there are
        seen,     ///< one, as it is now
        deleted,  ///< one that is gone, as it was
    };

    kind is = kind::seen;         ///< what it is
    std::vector<json> objects{};  ///< one, or all
};

/// Options of an `object_watch`.
struct watch_options {
    std::string path{};          ///< such as `/api/v1/pods`
    std::size_t page = 500;      ///< objects a page of a list
    double silence = 300.0;      ///< seconds without a word after which the connection is taken for broken
    double first_pause = 0.1;    ///< seconds before the next attempt after a failure; doubles up to `longest_pause`
    double longest_pause = 5.0;  ///< seconds
};

/// Lists the objects of one kind and then watches them, in a thread of its own, until it is destroyed. A connection
/// that breaks is made again from the version that was seen last; where the API server has forgotten that one (410
/// Gone) all objects are listed anew. So what `take` gets is always the truth of some moment, and no later change is
/// missed.
class object_watch {
public:
    /// Starts the thread.
    ///
    /// @param take     called in that thread
    /// @param problem  called in that thread, with a sentence
    object_watch(api_endpoint endpoint, watch_options options, std::function<void(object_change)> take,
                 std::function<void(const std::string&)> problem);
    ~object_watch();
    object_watch(const object_watch&) = delete;             ///< its thread knows its address
    object_watch& operator=(const object_watch&) = delete;  ///< its thread knows its address

    /// How often all objects were listed.
    [[nodiscard]] std::uint64_t lists() const noexcept { return lists_; }
    /// How often a watch began.
    [[nodiscard]] std::uint64_t watches() const noexcept { return watches_; }

private:
    void run();
    [[nodiscard]] bool list();
    [[nodiscard]] bool watch();
    [[nodiscard]] bool take_line(std::string_view line);
    void wait(double seconds);

    watch_options options_;
    std::function<void(object_change)> take_;
    std::function<void(const std::string&)> problem_;
    api_client client_;
    std::string version_;  // empty: list
    std::atomic<std::uint64_t> lists_{0};
    std::atomic<std::uint64_t> watches_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ended_{false};
    std::mutex mutex_;
    std::condition_variable woken_;
    std::thread thread_;
};

}  // namespace berth_kube
