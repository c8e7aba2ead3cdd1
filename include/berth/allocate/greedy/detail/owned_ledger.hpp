// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/change_list.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/ledger.hpp"

namespace berth::inline v0::detail {

/// What a placer over a problem has of its own: the ledger and the list of changes. A placer on a cluster borrows both
/// (`borrowed_cluster`).
class owned_ledger {
public:
    static constexpr bool lives = false;  ///< nodes neither come nor go

    owned_ledger(const fleet& machines) : ledger_{machines}, changes_{machines.node_count()} {}  // NOLINT(*-explicit-*)

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return ledger_.fleet(); }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    [[nodiscard]] berth::ledger& ledger() noexcept { return ledger_; }
    [[nodiscard]] const change_list& changes() const noexcept { return changes_; }
    void note(node_index n) noexcept { changes_.note(n.value()); }

private:
    berth::ledger ledger_;
    change_list changes_;
};

}  // namespace berth::inline v0::detail
