// SPDX-License-Identifier: Apache-2.0
#pragma once

// The living fleet: its class, and what its events do to nodes and to tasks.

#include "berth/model/cluster_interface.hpp"
#include "berth/model/detail/cluster_nodes.hpp"
#include "berth/model/detail/cluster_tasks.hpp"
