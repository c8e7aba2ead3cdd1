// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/detail/cluster_loader.hpp"
#include "berth/model/detail/cluster_writer.hpp"

#include <string>
#include <string_view>

namespace berth::inline v0 {

/// A cluster as text, one item a line, for people and for `load_cluster`:
///
/// ```
/// berth-cluster 1
/// counters gpu "share" "memory"
/// node 0 1 0 4 "n0" healthy open 64000 unlimited domains "rack-0"
/// gpu 0 0 1 "GPU-5f1c" "A100" there healthy 1000 81920
/// task 7 2 "train-3" 0 - 100 0 - 0:3
/// end 6
/// ```
///
/// It holds all that decides what comes next: positions and generations of everything that is there *and* of positions
/// that are vacant, so that no handle of something that is gone becomes valid again; health, closed nodes, GPUs that
/// are missing, UUIDs, domains, models, demands, tasks, slots, moves in flight and reservations. Free amounts are not
/// in it: they follow. Nor are the versions and the list of changes; whatever borrows the loaded cluster starts anew.
///
/// | line                                                                                          | once for each |
/// |-----------------------------------------------------------------------------------------------|---------------|
/// | `counters` gpu, node or domain, names                                                          | sort of place |
/// | `roles` cpu memory gpu-memory                                                                  |               |
/// | `models` names                                                                                 |               |
/// | `domain` name level capacities                                                                 | domain        |
/// | `node` position generation first-gpu room name health open capacities `domains` names; or `vacant` after room |
/// position |
/// | `gpu` position-on-node identity generation uuid model there health capacities                  | GPU of the node
/// above |
/// | `identity` position generation `vacant`                                                        | identity of a GPU
/// that is gone |
/// | `shape` position generation gpus `gpu` … `node` … `domain` … `accepts` names mask same-model; or `vacant` |
/// position |
/// | `idle` positions of shapes that nobody has, the least recently used first                      |               |
/// | `group` position name gang or plain, min-tasks; or `vacant`                                    | position      |
/// | `task` position generation name shape group priority state-bytes same-model slot; or `vacant` after generation |
/// position |
/// | `move` task slot                                                                               | move in flight |
/// | `reservation` position generation shape slot; or `vacant` after generation                     | position      |
/// | `end` lines before                                                                             |               |
///
/// Names stand in quotes; `\"`, `\\` and `\x0a` stand for a quote, a backslash and any other byte. A slot is its node
/// and its GPUs in hexadecimal, `-` for none. Deterministic: equal clusters have equal texts. O(text).
[[nodiscard]] inline std::string save_cluster(const cluster& c) { return detail::cluster_writer{c}.text(); }

/// Reads what `save_cluster` wrote, also if it was edited by hand or its lines end in CRLF. The loaded cluster answers
/// every event as the saved one would have, with the same handles, and `save_cluster` of it is the same text. O(text).
///
/// @return the cluster, or an error that names line and field; nothing is built then
[[nodiscard]] inline result<cluster> load_cluster(std::string_view text) { return detail::cluster_loader::load(text); }

}  // namespace berth::inline v0
