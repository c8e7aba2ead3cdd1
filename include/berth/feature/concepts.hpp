// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of features:
//
//   feature_part   what one or several columns read from an item    feature/columns.hpp, feature/one_hot.hpp
//   scaling        how a column is brought to a common range        feature/scaling.hpp
//
// Neither asks for a base class or a specialisation: both are values.

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace berth::inline v0 {

/// A part of a feature row: one column, or several that belong together, read from one item of type `Item`.
///
/// 1. `p.width()` is how many columns it fills, the same for every item.
/// 2. `p.label(j)` names column j < width(). Labels are unique within one feature set.
/// 3. `p.read(item, out)` fills `out`, which has `width()` places, and returns true; or returns false if the item yields
///    no finite number there. It depends on the item alone and does not allocate.
/// 4. `p.explain(item)` is called after `read` returned false and says why, as the end of a sentence that already
///    names the row: `column "temp": nan is not a finite number`.
///
/// `column` and `one_hot` model it.
template <class P, class Item>
concept feature_part = requires(const P& p, const Item& item, std::span<double> out, std::size_t j) {
    { p.width() } -> std::convertible_to<std::size_t>;
    { p.label(j) } -> std::convertible_to<std::string>;
    { p.read(item, out) } -> std::convertible_to<bool>;
    { p.explain(item) } -> std::convertible_to<std::string>;
};

/// What a scaling learns about one column: all values finite, at least one row.
struct column_summary {
    double min = 0.0;
    double max = 0.0;
    double mean = 0.0;
    double deviation = 0.0;  ///< square root of the mean squared distance from the mean; exactly 0 if min == max
};

/// The map y = base + (x - centre) * factor of one column; `factor` is finite and not 0, so it can be undone.
struct affine_map {
    double centre = 0.0;
    double factor = 1.0;
    double base = 0.0;

    [[nodiscard]] constexpr double operator()(double x) const noexcept { return base + (x - centre) * factor; }
    [[nodiscard]] constexpr double inverse(double y) const noexcept { return centre + (y - base) / factor; }

    friend bool operator==(const affine_map&, const affine_map&) = default;
};

/// How a column is scaled, as a description: `s.fit(summary)` is the map for a column with that summary. Const and
/// deterministic. A constant column must get a map with a finite factor that is not 0; factor 1 is customary.
///
/// `min_max`, `standardise` and `max_abs` model it.
template <class S>
concept scaling = requires(const S& s, const column_summary& summary) {
    { s.fit(summary) } -> std::same_as<affine_map>;
};

}  // namespace berth::inline v0
