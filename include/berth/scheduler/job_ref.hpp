// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/job_description.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>

namespace berth::inline v0 {

/// Stands for all tasks of a job.
inline constexpr std::uint32_t every_task = ~std::uint32_t{0};

/// A job, by handle or by name. Does not own the name.
class job_ref {
public:
    /// By handle.
    constexpr job_ref(job_handle job) noexcept : job_{job} {}
    /// By name: any text.
    template <std::convertible_to<std::string_view> Name>
    constexpr job_ref(const Name& name) noexcept : name_{name}, named_{true} {}

    [[nodiscard]] constexpr bool named() const noexcept { return named_; }            ///< by name
    [[nodiscard]] constexpr job_handle handle() const noexcept { return job_; }       ///< if not by name
    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }  ///< if by name

private:
    job_handle job_{};
    std::string_view name_{};
    bool named_ = false;
};

}  // namespace berth::inline v0
