// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The highest of values that change one at a time, at least 0, by a binary tree of maxima. Setting a value is O(log
/// values).
template <class T>
class maximum_tree {
public:
    explicit maximum_tree(const flat<T>& values) {
        while (leaves_ < values.size()) leaves_ *= 2;
        highest_.resize(2 * leaves_, T{});
        for (std::size_t i = 0; i < values.size(); ++i) highest_[leaves_ + i] = values[i];
        for (std::size_t i = leaves_; i-- > 1;) highest_[i] = higher(highest_[2 * i], highest_[2 * i + 1]);
    }

    [[nodiscard]] static T higher(T a, T b) noexcept { return a < b ? b : a; }
    [[nodiscard]] T top() const noexcept { return highest_[1]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return highest_[leaves_ + i]; }
    void set(std::size_t i, T value) {
        i += leaves_;
        highest_[i] = value;
        for (i /= 2; i > 0; i /= 2) highest_[i] = higher(highest_[2 * i], highest_[2 * i + 1]);
    }
    /// The highest of `least` and all values without those for which `touched(i)` holds. O(log values) where these are
    /// few.
    template <class Touched>
    [[nodiscard]] T top_without(T least, const Touched& touched, std::size_t node = 1) const {
        if (!(least < highest_[node])) return least;
        if (node >= leaves_) return touched(node - leaves_) ? least : highest_[node];
        return top_without(top_without(least, touched, 2 * node), touched, 2 * node + 1);
    }

private:
    std::size_t leaves_ = 1;
    flat<T> highest_;  // node i is the higher of 2i and 2i + 1
};

}  // namespace berth::inline v0::detail
