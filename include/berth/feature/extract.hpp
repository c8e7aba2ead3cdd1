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

/// Fills a row part by part; the sentence of the first part that could not be read, or nothing.
template <class Item, class... Parts>
[[nodiscard]] bool read_row(const Item& item, const columns<Parts...>& what, std::span<double> out, std::string* why) {
    static_assert(
        (feature_part<Parts, Item> && ...),
        "berth: a part of columns{...} cannot read this item: a column wants a member, a member function or a "
        "callable that yields a number; for text write one_hot{name, projection, categories}");
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

/// Reads one item into a row of `what.width()` numbers, without allocating unless it fails: for a task that has just
/// arrived. The error names the column; the row is then half written.
template <class Item, class... Parts>
result<void> extract_row(const Item& item, const columns<Parts...>& what, std::span<double> out) {
    BERTH_ASSERT(out.size() == what.width(), "berth: extract_row needs a row as wide as the columns");
    std::string why;
    if (!detail::read_row(item, what, out, &why)) return error{error_code::invalid_value, std::move(why)};
    return {};
}

/// Reads every item of a range into a named matrix, one row each, in the order of the range. NaN, infinity and unknown
/// categories are errors that name row and column; so is a column name that occurs twice. O(items * columns).
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
