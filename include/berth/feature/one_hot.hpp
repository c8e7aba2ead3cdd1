// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/feature/columns.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth::inline v0 {

namespace detail {

/// Text unchanged, integers and enumerations as decimal numbers.
template <class Value>
[[nodiscard]] auto category_text(const Value& value) {
    if constexpr (std::convertible_to<const Value&, std::string_view>) {
        return std::string_view{value};
    } else if constexpr (std::is_enum_v<Value>) {
        return std::to_string(static_cast<long long>(value));
    } else {
        return std::to_string(value);
    }
}

template <class Value>
concept category = std::convertible_to<const Value&, std::string_view> || std::is_enum_v<Value> || std::integral<Value>;

template <class Projection, class Item>
concept projects_category =
    projects<Projection, Item> &&
    category<std::remove_cvref_t<decltype(project(std::declval<const Projection&>(), std::declval<const Item&>()))>>;

}  // namespace detail

/// A categorical feature as one column per category, named `name=category`: 1 in the column of the item's category, 0
/// in the others. A category that is not listed is an error, because a row of zeros would be a further category that no
/// model was fitted to.
///
/// The projection returns text, an integer or an enumeration; list the latter two by their numbers ("3").
template <class Projection>
class one_hot {
public:
    /// @param name        first part of the column names
    /// @param projection  reads the category from an item
    /// @param categories  in the order of the columns; a repeated one counts once
    one_hot(std::string name, Projection projection, const std::vector<std::string>& categories)
        : name_{std::move(name)}, projection_{std::move(projection)} {
        for (const std::string& category : categories) categories_.intern(category);
    }

    /// The number of categories.
    [[nodiscard]] std::size_t width() const noexcept { return categories_.size(); }
    /// `name=category` of column j.
    [[nodiscard]] std::string label(std::size_t j) const { return name_ + '=' + categories_[j]; }
    /// Reads an item into `out`; false if its category is not listed.
    template <class Item>
        requires detail::projects_category<Projection, Item>
    [[nodiscard]] bool read(const Item& item, std::span<double> out) const {
        for (double& value : out) value = 0.0;
        const auto& value = detail::project(projection_, item);
        const auto at = categories_.find(detail::category_text(value));
        if (at) out[*at] = 1.0;
        return at.has_value();
    }
    /// Why `read` returned false.
    template <class Item>
        requires detail::projects_category<Projection, Item>
    [[nodiscard]] std::string explain(const Item& item) const {
        const auto& value = detail::project(projection_, item);
        return detail::sentence({"column ", detail::phrase::quoted(name_), ": ",
                                 detail::phrase::quoted(detail::category_text(value)), " is none of the ",
                                 categories_.size(), " categories"});
    }

private:
    std::string name_;
    Projection projection_;
    name_table categories_;
};

/// The categories that occur, in order of first appearance, as the list for `one_hot`. Items that come later may have
/// further categories, which `extract` refuses. O(items).
///
/// @param items       a range of your own type
/// @param projection  reads the category from an item
template <class Range, class Projection>
[[nodiscard]] std::vector<std::string> gather_categories(const Range& items, const Projection& projection) {
    name_table seen;
    for (const auto& item : items) {
        const auto& value = detail::project(projection, item);
        seen.intern(detail::category_text(value));
    }
    return seen.all();
}

}  // namespace berth::inline v0
