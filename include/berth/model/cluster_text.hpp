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
/// ...
/// node 0 1 0 1 "n0" healthy open 64000 unlimited domains "rack-0"
/// gpu 0 0 1 "GPU-5f1c" "A100" there healthy 1000 81920
/// shape 0 1 1 gpu 500 4096 node 0 0 domain accepts "" ffffffffffffffff any-model
/// idle
/// task 0 2 "train-3" 0 - 100 0 any-model 0:1
/// end 12
/// ```
///
/// It holds all that decides what comes next: positions and generations of everything that is there *and* of positions
/// that are vacant, so that no handle of something that is gone becomes valid again; health, closed nodes, GPUs that
/// are missing, UUIDs, domains, models, demands, tasks, slots, moves in flight and reservations. Free amounts follow
/// from it. Versions and the list of changes are not in it: whatever borrows the loaded cluster starts anew.
///
/// | line          | words                                                                                        |
/// |---------------|----------------------------------------------------------------------------------------------|
/// | `counters`    | `gpu`, `node` or `domain`, names; one line for each                                          |
/// | `roles`       | names of the counters that are CPU, memory and GPU memory                                    |
/// | `models`      | names, by position                                                                           |
/// | `domain`      | name, level, capacities                                                                      |
/// | `node`        | position, generation, first GPU and room of its GPUs, name, health, whether it is open,      |
/// |               | capacities, `domains`, their names                                                           |
/// | `gpu`         | of the node above: position on it, identity, generation, UUID, model, `there` or `missing`,  |
/// |               | health, capacities                                                                           |
/// | `links`       | of the node above, if known: the score of each pair of its GPUs, 0-1, 0-2, ..., 1-2, ...       |
/// | `identity`    | of a GPU that is gone: position, generation                                                  |
/// | `shape`       | position, generation, GPUs, `gpu`, demands, `node`, demands, `domain`, demands, `accepts`,   |
/// |               | names of models, their mask, whether of one model                                            |
/// | `idle`        | shapes that nobody has, the least recently used first                                        |
/// | `group`       | position, name, whether a gang, `min_tasks`                                                  |
/// | `task`        | position, generation, name, shape, group, priority, bytes of state, whether of one model,    |
/// |               | slot                                                                                         |
/// | `alternatives`| of a task that lists some: the task, the one that it runs with, then shape and speed (the    |
/// |               | bits of a double in hexadecimal) of each                                                     |
/// | `move`        | task, target                                                                                 |
/// | `reservation` | position, generation, shape, slot                                                            |
/// | `end`         | the number of lines before                                                                   |
///
/// A vacant position has the word `vacant` instead of what follows its generation (of a node: its room). Names stand in
/// quotes; `\"`, `\\` and `\x0a` stand for a quote, a backslash and any other byte. A slot is its node and its GPUs in
/// hexadecimal, `-` for none. Deterministic: equal clusters have equal texts. O(text).
[[nodiscard]] inline std::string save_cluster(const cluster& c) { return detail::cluster_writer{c}.text(); }

/// Reads what `save_cluster` wrote, also if it was edited by hand or its lines end in CRLF. The loaded cluster answers
/// every event as the saved one would have, with the same handles, and `save_cluster` of it is the same text. O(text).
///
/// @return the cluster, or an error that names line and field; nothing is built then
[[nodiscard]] inline result<cluster> load_cluster(std::string_view text) { return detail::cluster_loader::load(text); }

}  // namespace berth::inline v0
