// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"

#include <concepts>
#include <limits>
#include <string_view>

namespace berth::inline v0 {

/// What a monitor says of a GPU, or of a node as a whole. What was not measured is NaN, never 0.
struct place_reading {
    static constexpr double absent = std::numeric_limits<double>::quiet_NaN();  ///< not measured

    double load = absent;         ///< share of its capability in use, 0 or more
    double temperature = absent;  ///< °C
    double power = absent;        ///< W, 0 or more
    double memory = absent;       ///< MiB in use, 0 or more; kept for reports
    double age = 0.0;             ///< seconds, 0 or more: how old it already is
};

/// Limits on readings. NaN: no limit of its own.
struct place_limits {
    double temperature = place_reading::absent;  ///< °C; a place at it or above is drained until it has cooled down
    double power = place_reading::absent;        ///< W; a place at it or above gives a task away with each reading
    double load = place_reading::absent;         ///< as `power`
};

/// Whether a place is used, and if not, why: what several sides say of it, side by side. A GPU's is without that of its
/// node, a node's without those of its GPUs.
struct place_status {
    bool there = false;         ///< false: gone, or never heard of; then all else says nothing
    bool healthy = true;        ///< false: reported as sick
    bool watched_sick = false;  ///< the watch calls it sick
    bool closed = false;        ///< takes nothing new
    bool draining = false;      ///< and what runs there moves elsewhere
    bool hot = false;           ///< above its limit of temperature: it is drained until it has cooled down
    bool pressed = false;       ///< above its limit of load or power: takes nothing new

    /// Nothing speaks against it.
    [[nodiscard]] constexpr bool usable() const noexcept {
        return there && healthy && !watched_sick && !closed && !draining && !hot && !pressed;
    }
    /// Equal members.
    friend constexpr bool operator==(const place_status&, const place_status&) noexcept = default;
};

/// A node or a GPU, by handle or by name. Does not own the names.
class place_ref {
public:
    /// A node.
    constexpr place_ref(node_handle node) noexcept : node_{node} {}
    /// A GPU.
    constexpr place_ref(gpu_handle gpu) noexcept : gpu_{gpu}, is_gpu_{true} {}
    /// A node by its name, or one of its GPUs by its UUID: any texts.
    template <std::convertible_to<std::string_view> Name>
    constexpr place_ref(const Name& node, std::string_view gpu = {}) noexcept
        : node_name_{node}, gpu_name_{gpu}, named_{true}, is_gpu_{!gpu.empty()} {}

    [[nodiscard]] constexpr bool named() const noexcept { return named_; }                      ///< by name
    [[nodiscard]] constexpr bool is_gpu() const noexcept { return is_gpu_; }                    ///< a GPU
    [[nodiscard]] constexpr node_handle node() const noexcept { return node_; }                 ///< if not by name
    [[nodiscard]] constexpr gpu_handle gpu() const noexcept { return gpu_; }                    ///< if not by name
    [[nodiscard]] constexpr std::string_view node_name() const noexcept { return node_name_; }  ///< if by name
    [[nodiscard]] constexpr std::string_view gpu_name() const noexcept { return gpu_name_; }    ///< if by name

private:
    node_handle node_{};
    gpu_handle gpu_{};
    std::string_view node_name_{};
    std::string_view gpu_name_{};
    bool named_ = false;
    bool is_gpu_ = false;
};

}  // namespace berth::inline v0
