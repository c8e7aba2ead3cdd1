// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/feature/concepts.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

namespace detail {

/// Applies a callable, a member function pointer or a member pointer to an item, or to the object that the item points
/// to.
template <class Projection, class Item>
[[nodiscard]] constexpr decltype(auto) project(const Projection& projection, const Item& item) {
    if constexpr (requires { projection(item); }) {
        return projection(item);
    } else if constexpr (requires { (item.*projection)(); }) {
        return (item.*projection)();
    } else if constexpr (requires { ((*item).*projection)(); }) {
        return ((*item).*projection)();
    } else if constexpr (requires { item.*projection; }) {
        return (item.*projection);
    } else {
        return ((*item).*projection);
    }
}

template <class Projection, class Item>
concept projects = requires(const Projection& p, const Item& item) { p(item); } ||
                   requires(const Projection& p, const Item& item) { (item.*p)(); } ||
                   requires(const Projection& p, const Item& item) { ((*item).*p)(); } ||
                   requires(const Projection& p, const Item& item) { item.*p; } ||
                   requires(const Projection& p, const Item& item) { (*item).*p; };

template <class Projection, class Item>
concept projects_number = projects<Projection, Item> &&
                          requires(const Projection& p, const Item& item) { static_cast<double>(project(p, item)); };

/// Compilers disagree about the sign of `nan`, so it has none.
[[nodiscard]] inline std::string number_text(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0.0 ? "-inf" : "inf";
    return std::to_string(value);
}

}  // namespace detail

/// One numeric feature: a name and a projection that reads the number from your own type. The projection is a data
/// member, a member function or a lambda; it returns any arithmetic type, `bool` or an enumeration. Items may be
/// pointers.
///
/// ```
/// column{"mem", &Gpu::mem}    column{"slack", [](const Gpu& g) { return g.max_load - g.load; }}
/// ```
template <class Projection>
struct column {
    std::string name;       ///< unique in the feature set
    Projection projection;  ///< reads the number from an item

    /// One column.
    [[nodiscard]] std::size_t width() const noexcept { return 1; }
    /// The name.
    [[nodiscard]] const std::string& label(std::size_t) const noexcept { return name; }
    /// Reads an item into `out[0]`; false if the number is not finite.
    template <class Item>
        requires detail::projects_number<Projection, Item>
    [[nodiscard]] bool read(const Item& item, std::span<double> out) const {
        out[0] = static_cast<double>(detail::project(projection, item));
        return std::isfinite(out[0]);
    }
    /// Why `read` returned false.
    template <class Item>
        requires detail::projects_number<Projection, Item>
    [[nodiscard]] std::string explain(const Item& item) const {
        const double value = static_cast<double>(detail::project(projection, item));
        return detail::sentence(
            {"column ", detail::phrase::quoted(name), ": ", detail::number_text(value), " is not a finite number"});
    }
};
template <class Projection>
column(const char*, Projection) -> column<Projection>;
template <class Projection>
column(std::string, Projection) -> column<Projection>;

/// A feature set: parts (`feature_part`) from left to right. `extract` (`feature/extract.hpp`) reads items with it.
///
/// ```
/// const columns gpu_features{column{"load", &Gpu::load}, one_hot{"model", &Gpu::model, {"T4", "A100"}}};
/// ```
template <class... Parts>
class columns {
public:
    /// Keeps the parts in this order.
    explicit constexpr columns(Parts... parts) : parts_{std::move(parts)...} {}

    /// The number of columns of all parts.
    [[nodiscard]] std::size_t width() const {
        return std::apply([](const Parts&... part) { return (std::size_t{0} + ... + part.width()); }, parts_);
    }
    /// The parts, from left to right.
    [[nodiscard]] const std::tuple<Parts...>& parts() const noexcept { return parts_; }

    /// A feature set with the parts of `left`, then those of `right`.
    template <class... Others>
    [[nodiscard]] friend columns<Parts..., Others...> concat(const columns& left, const columns<Others...>& right) {
        return std::apply([](const auto&... part) { return columns<Parts..., Others...>{part...}; },
                          std::tuple_cat(left.parts_, right.parts()));
    }

private:
    std::tuple<Parts...> parts_;
};
template <class... Parts>
columns(Parts...) -> columns<Parts...>;

}  // namespace berth::inline v0
