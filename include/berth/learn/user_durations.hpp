// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace berth::inline v0 {

/// How long jobs run, from what their users' earlier jobs did. Users ask for far more time than they need, mostly for
/// the same time again, and run the same program again: the mean of the last runs with the same request is a good
/// guess, and where there are none, the share of their requests that the user's last jobs used (after Tsafrir, Etsion,
/// Feitelson 2007, who take the user's last two runs).
///
/// ```
/// berth::user_durations history;
/// queue.submit(now, history.estimate(user, request), demand);
/// history.observe(user, request, ran_for);                      // when the job has ended
/// ```
///
/// A guess, not a limit: a job that outlives it is not to be stopped; give the queue the next of `longer` then.
/// Deterministic. O(`remembered`) a call; memory O(users × requests that differ).
class user_durations {
public:
    static constexpr std::size_t remembered = 10;  ///< runs of a user, and of a user with one request

    /// A job has ended.
    ///
    /// @param user     any number that stands for the user
    /// @param request  what the user asked for, above 0
    /// @param ran_for  how long it ran, at least 0, in the unit of the request
    void observe(std::uint64_t user, std::int64_t request, std::int64_t ran_for) {
        if (request <= 0 || ran_for < 0) return;
        of_user_[user].add(static_cast<double>(ran_for) / static_cast<double>(request));
        of_request_[{user, request}].add(static_cast<double>(ran_for));
    }
    /// How long a job will run.
    ///
    /// @return  1 .. `request`; the request itself for a user of whom nothing has ended
    [[nodiscard]] std::int64_t estimate(std::uint64_t user, std::int64_t request) const {
        double guess = static_cast<double>(request);
        if (const auto same = of_request_.find({user, request}); same != of_request_.end()) {
            guess = same->second.mean();
        } else if (const auto any = of_user_.find(user); any != of_user_.end()) {
            guess *= any->second.mean();
        }
        return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::min(guess, 9e18)), 1,
                                        std::max<std::int64_t>(request, 1));
    }
    /// The estimate of a job that has outlived one: twice as long, at most the request.
    [[nodiscard]] static std::int64_t longer(std::int64_t outlived, std::int64_t request) noexcept {
        return outlived > request / 2 ? request : 2 * outlived;
    }

private:
    struct last_runs {
        std::array<double, remembered> values{};
        std::size_t count = 0;

        void add(double value) noexcept { values[count++ % remembered] = value; }
        // In the order of age, so that equal histories give equal bits.
        [[nodiscard]] double mean() const noexcept {
            const std::size_t n = std::min(count, remembered);
            double sum = 0.0;
            for (std::size_t i = 0; i < n; ++i) sum += values[(count - n + i) % remembered];
            return sum / static_cast<double>(n);
        }
    };
    struct user_request {
        std::uint64_t user;
        std::int64_t request;
        friend bool operator==(const user_request&, const user_request&) = default;
    };
    struct hash {
        std::size_t operator()(const user_request& of) const noexcept {
            return static_cast<std::size_t>((of.user * 0x9e3779b97f4a7c15ULL) ^
                                            (static_cast<std::uint64_t>(of.request) * 0xc2b2ae3d27d4eb4fULL));
        }
    };

    std::unordered_map<std::uint64_t, last_runs> of_user_;
    std::unordered_map<user_request, last_runs, hash> of_request_;
};

}  // namespace berth::inline v0
