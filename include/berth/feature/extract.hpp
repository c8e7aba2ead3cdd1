// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/feature/columns.hpp"
#include "berth/feature/concepts.hpp"
#include "berth/feature/feature_matrix.hpp"

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace berth::inline v0 {

namespace detail {

/// Fills a row part by part. False if a part could not be read; `why` is then its explanation.
template <class Item, class... Parts>
[[nodiscard]] bool read_row(const Item& item, const columns<Parts...>& what, std::span<double> out, std::string* why) {
    static_assert(
        (feature_part<Parts, Item> && ...),
        "berth: a part of columns{...} cannot read this item: a column needs a member, a member function or a "
        "callable that returns a number; for text write one_hot{name, projection, categories}");
    std::size_t at = 0;
    const auto read = [&](const auto& part) {
        const std::size_t width = part.width();
        if (part.read(item, out.subspan(at, width))) {
            at += width;
            return true;
        }
        *why = part.explain(item);
        return false;
    };
    return std::apply([&](const auto&... part) { return (read(part) && ...); }, what.parts());
}

template <class... Parts>
[[nodiscard]] std::vector<std::string> labels(const columns<Parts...>& what) {
    std::vector<std::string> names;
    const auto add = [&](const auto& part) {
        for (std::size_t j = 0; j < part.width(); ++j) names.push_back(part.label(j));
    };
    std::apply([&](const auto&... part) { (add(part), ...); }, what.parts());
    return names;
}

}  // namespace detail

/// Reads one item, such as a task that has just arrived. Does not allocate unless it fails. O(columns).
///
/// @param item  your own type
/// @param what  the feature set
/// @param out   `what.width()` elements; partly written if it fails
/// @return an error that names the column if a value is not finite or a category unknown
template <class Item, class... Parts>
result<void> extract_row(const Item& item, const columns<Parts...>& what, std::span<double> out) {
    BERTH_ASSERT(out.size() == what.width(), "berth: extract_row needs a row as wide as the columns");
    std::string why;
    if (!detail::read_row(item, what, out, &why)) return error{error_code::invalid_value, std::move(why)};
    return {};
}

/// Reads every item of a range into a matrix with named columns, one row each, in the order of the range. O(items ×
/// columns).
///
/// @param items  a forward range of your own type
/// @param what   the feature set
/// @return the matrix, or an error: a value that is not finite or a category that is unknown, with row and column, or a
///         column name that occurs twice
template <class Range, class... Parts>
[[nodiscard]] result<feature_matrix> extract(const Range& items, const columns<Parts...>& what) {
    std::vector<std::string> names = detail::labels(what);
    if (auto ok = detail::check_unique(names); !ok) return ok.error();
    const auto rows = static_cast<std::size_t>(std::distance(std::begin(items), std::end(items)));
    feature_matrix features{std::move(names), rows};
    std::size_t i = 0;
    for (const auto& item : items) {
        std::string why;
        if (!detail::read_row(item, what, features.row(i), &why)) {
            return detail::refuse(error_code::invalid_value, {"row ", i, ", ", why});
        }
        ++i;
    }
    return features;
}

}  // namespace berth::inline v0
