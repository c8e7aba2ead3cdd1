// SPDX-License-Identifier: Apache-2.0
// Forward declarations first, definitions after them; fwd_last.cpp has the other order.
// A batch would include all headers first; the next line keeps this file out of one.
namespace berth {}  // namespace berth
#include "berth/fwd.hpp"

namespace {

/// A class as a user's header declares it, without the definitions of the library.
struct user_class {
    const berth::fleet* machines = nullptr;
    berth::ledger* state = nullptr;
    berth::node_index node{};
    berth::error_code code{};

    [[nodiscard]] berth::result<berth::slot> place(const berth::demand_view& demand) const;
};

}  // namespace

#include "berth/berth.hpp"

#include <doctest/doctest.h>

berth::result<berth::slot> user_class::place(const berth::demand_view& demand) const {
    if (state == nullptr) return berth::error{berth::error_code::inconsistent, "no ledger"};
    return berth::slot{node, berth::first_gpus(demand.gpus)};
}

TEST_CASE("fwd: members declared before the definitions can be defined after them") {
    const user_class user;
    CHECK_FALSE(user.place(berth::demand_view{}).has_value());
}
