// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// A `run_control` by address, so that what orders and schedules is compiled once. Counts work in units of roughly a
/// microsecond, asks the stop after every `period` of them, and remembers the answer. The budget of evaluations ends
/// searches only: what it leaves undone is not hurried.
class order_control {
public:
    order_control() = default;
    /// The control must outlive it.
    template <stoppable Stop, observer Observer>
    explicit order_control(run_control<Stop, Observer>& control) noexcept
        : control_{&control}, max_evaluations_{control.max_evaluations} {
        using kind = run_control<Stop, Observer>;
        ask_ = [](const void* any) { return static_cast<const kind*>(any)->interruption(); };
        notify_ = [](void* any, const progress& p) { notify::step(static_cast<kind*>(any)->observer, p); };
    }

    /// True once the run has been asked to stop: from then on only what a valid plan needs is done.
    [[nodiscard]] bool stopped() const noexcept { return reason_ != stop_reason::completed; }
    [[nodiscard]] stop_reason reason() const noexcept {
        return stopped() || !budget_spent_ ? reason_ : stop_reason::budget_exhausted;
    }
    /// Counts work, and polls when it is time. Returns `stopped()`.
    bool work(std::size_t units) {
        since_ += units;
        if (since_ >= period && ask_ != nullptr && !stopped()) {
            since_ = 0;
            reason_ = ask_(control_);
        }
        return stopped();
    }
    bool poll() { return work(period); }

    /// Evaluations: moves put in order by searches.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }
    [[nodiscard]] std::uint64_t evaluations_left() const noexcept {
        return max_evaluations_ > evaluations_ ? max_evaluations_ - evaluations_ : 0;
    }
    void evaluated(std::size_t moves) noexcept { evaluations_ += moves; }
    void budget_spent() noexcept { budget_spent_ = true; }

    void show(std::size_t done, std::size_t total, double objective) {
        if (notify_ != nullptr) {
            notify_(control_, {.done = done, .total = total, .evaluations = evaluations_, .objective = objective});
        }
    }

private:
    static constexpr std::size_t period = 250;

    void* control_ = nullptr;
    stop_reason (*ask_)(const void*) = nullptr;
    void (*notify_)(void*, const progress&) = nullptr;
    std::uint64_t max_evaluations_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t evaluations_ = 0;
    std::size_t since_ = 0;
    stop_reason reason_ = stop_reason::completed;
    bool budget_spent_ = false;
};

}  // namespace berth::inline v0::detail
