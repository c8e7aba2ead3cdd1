// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/model/cluster.hpp"
#include "berth/watch/concepts.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace berth::inline v0 {

/// A GPU or node changed its health, and why.
struct health_change {
    double time = 0.0;                                        ///< of the sample or update that showed it
    gpu_handle gpu{};                                         ///< the GPU; not valid: the node as a whole
    node_handle node{};                                       ///< the node
    health_state from = health_state::well;                   ///< before
    health_state to = health_state::well;                     ///< now; equal to `from`: the cluster says otherwise
    const char* reason = "";                                  ///< a literal; "" when it got better
    double value = std::numeric_limits<double>::quiet_NaN();  ///< the number behind it, NaN: none

    /// True if `cluster::set_healthy` is to be told.
    [[nodiscard]] constexpr bool matters() const noexcept { return from == to || usable(from) != usable(to); }
    /// What it is to be told.
    [[nodiscard]] constexpr bool healthy() const noexcept { return usable(to); }
};

/// Whether something is heard of.
struct contact_change {
    double time = 0.0;      ///< of the update that noticed it
    bool lost = false;      ///< true: nothing is heard any more; false: heard of again
    gpu_handle gpu{};       ///< a GPU whose neighbours are heard of, or
    node_handle node{};     ///< a node with all its GPUs, or
    domain_index domain{};  ///< a whole domain, which is a fault of telemetry; none valid: all nodes without a domain
};

/// What an update found. The spans are valid until the watch's next call that is not const.
struct watch_report {
    double time = 0.0;                          ///< of the update
    std::span<const health_change> health{};    ///< since the update before, in the order in which they happened
    std::span<const contact_change> contact{};  ///< domains, then nodes, then GPUs
};

/// Tells a cluster what changed.
///
/// @return how many changes it was told; those of places that are gone are left out
inline std::size_t apply_health(cluster& living, std::span<const health_change> changes) {
    std::size_t told = 0;
    for (const health_change& c : changes) {
        if (!c.matters()) continue;
        const bool there =
            c.gpu.valid() ? living.set_healthy(c.gpu, c.healthy()) : living.set_healthy(c.node, c.healthy());
        told += there ? 1 : 0;
    }
    return told;
}

namespace detail {

/// A number with one decimal, or none where it is whole or large.
inline void append_value(std::string& text, double x) {
    if (x < 0.0) text += '-';
    x = x < 0.0 ? -x : x;
    if (!(x < 9e15)) return text.append("very large"), void();
    const double scaled = 10.0 * x;
    auto tenths = static_cast<std::uint64_t>(scaled);
    if (scaled - static_cast<double>(tenths) >= 0.5) ++tenths;
    text += sentence({tenths / 10});
    if (tenths % 10 != 0) text += sentence({".", tenths % 10});
}
[[nodiscard]] inline std::string name_of(const cluster& living, gpu_handle gpu, node_handle node) {
    const auto n = living.find(node);
    const slot at = living.find(gpu);
    std::string text;
    if (gpu.valid()) {
        text = sentence({"GPU ", gpu.position()});
        if (at.placed()) text += sentence({" (", phrase::quoted(living.uuid(at.node, lowest_gpu(at.gpus))), ")"});
        text += " of ";
    }
    text += n ? sentence({"node ", phrase::quoted(living.fleet().name(*n))}) : std::string{"a node that left"};
    return text;
}

}  // namespace detail

/// A change in one sentence, such as `GPU 3 ("U-4") of node "n1": well -> sick: XID error 79`.
[[nodiscard]] inline std::string describe(const health_change& c, const cluster& living) {
    std::string text = detail::name_of(living, c.gpu, c.node);
    text += detail::sentence({": ", to_string(c.from), c.from == c.to ? " still" : " -> "});
    if (c.from != c.to) text += to_string(c.to);
    if (*c.reason == '\0') return text;
    text += detail::sentence({": ", c.reason});
    if (c.value == c.value) detail::append_value(text += ' ', c.value);
    return text;
}
/// The same of a contact.
[[nodiscard]] inline std::string describe(const contact_change& c, const cluster& living) {
    std::string text = "all nodes outside domains";
    if (c.node.valid()) {
        text = detail::name_of(living, c.gpu, c.node);
    } else if (c.domain.valid()) {
        text = detail::sentence({"domain ", detail::phrase::quoted(living.fleet().name(c.domain))});
    }
    text += c.lost ? ": silent" : ": heard of again";
    if (c.lost && !c.node.valid()) text += " at once, a fault of telemetry";
    return text;
}

}  // namespace berth::inline v0
