// SPDX-License-Identifier: Apache-2.0
// A case without an expectation.
static_assert(false, "no expectation");
