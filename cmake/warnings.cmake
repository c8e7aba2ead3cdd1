# SPDX-License-Identifier: Apache-2.0
# The warnings berth is written against. Never put on the interface of berth::berth.
set(berth_warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
