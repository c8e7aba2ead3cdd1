// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of features:
//
//   feature_part   reads one or several columns from an item     feature/columns.hpp, feature/one_hot.hpp
//   scaling        maps the columns to comparable ranges         feature/scaling.hpp
//
// Both are plain values without base class or specialisation.

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace berth::inline v0 {

/// A customisation point: a part of a feature row, one column or several that belong together, read from an item of
/// type `Item`. Write one for features that are no single number of the item, such as a bucket or an embedding; for a
/// number use `column`, for a category `one_hot`.
///
/// ```
/// struct log_memory {
///     std::size_t width() const { return 1; }
///     std::string label(std::size_t) const { return "log2(memory)"; }
///     bool read(const Gpu& g, std::span<double> out) const { return std::isfinite(out[0] = std::log2(g.memory)); }
///     std::string explain(const Gpu&) const { return "column \"log2(memory)\": there is no memory"; }
/// };
/// ```
///
/// 1. `p.width()` is the number of its columns, the same for every item.
/// 2. `p.label(j)` is the name of column j < width(). Labels are unique within a feature set.
/// 3. `p.read(item, out)` fills the `width()` elements of `out` and returns true, or returns false if a number is not
///    finite. It depends on the item alone and does not allocate.
/// 4. `p.explain(item)` returns why `read` returned false. The text follows the row: `column "temp": nan is not a
///    finite number`.
template <class P, class Item>
concept feature_part = requires(const P& p, const Item& item, std::span<double> out, std::size_t j) {
    { p.width() } -> std::convertible_to<std::size_t>;
    { p.label(j) } -> std::convertible_to<std::string>;
    { p.read(item, out) } -> std::convertible_to<bool>;
    { p.explain(item) } -> std::convertible_to<std::string>;
};

/// Statistics of one column with at least one row and finite values.
struct column_summary {
    double min = 0.0;        ///< smallest value
    double max = 0.0;        ///< largest value
    double mean = 0.0;       ///< arithmetic mean
    double deviation = 0.0;  ///< population standard deviation; exactly 0 if min == max
};

/// The map y = base + (x - centre) * factor of one column.
struct affine_map {
    double centre = 0.0;  ///< the value that is mapped to `base`
    double factor = 1.0;  ///< finite and not 0
    double base = 0.0;    ///< added after scaling

    /// Maps a value.
    [[nodiscard]] constexpr double operator()(double x) const noexcept { return base + (x - centre) * factor; }
    /// The value that is mapped to y, up to rounding.
    [[nodiscard]] constexpr double inverse(double y) const noexcept { return centre + (y - base) / factor; }

    /// Equal members.
    friend bool operator==(const affine_map&, const affine_map&) = default;
};

/// A customisation point: a rule for scaling columns. `s.fit(summary)` returns the map for a column with these
/// statistics; const and deterministic. The factor is finite and not 0 also for a constant column; 1 is usual there.
/// Write one for a range or a centre that `min_max`, `standardise` and `max_abs` do not have:
///
/// ```
/// struct per_maximum {
///     berth::affine_map fit(const berth::column_summary& s) const {
///         return {.factor = s.max > 0.0 ? 1.0 / s.max : 1.0};
///     }
/// };
/// ```
template <class S>
concept scaling = requires(const S& s, const column_summary& summary) {
    { s.fit(summary) } -> std::same_as<affine_map>;
};

}  // namespace berth::inline v0
