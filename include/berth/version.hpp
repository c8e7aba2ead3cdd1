// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The one place where the version is written; the build system reads these three lines.
#define BERTH_VERSION_MAJOR 0
#define BERTH_VERSION_MINOR 1
#define BERTH_VERSION_PATCH 0
