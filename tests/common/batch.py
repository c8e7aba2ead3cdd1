#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""batch.py OUT FILE...: writes a translation unit that compiles several test files at once.

What the files include comes first and once; then each file stands in a namespace of its own, so that helpers of equal name do
not clash. The files' own #include lines do nothing there, because every header has #pragma once or a guard. A file that
specialises a template of berth or replaces operator new cannot stand in a namespace: tests/CMakeLists.txt compiles it alone.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<][^">]+[">])', re.M)

out, files = sys.argv[1], sys.argv[2:]
headers = {}
for name in files:
    headers.update(dict.fromkeys(INCLUDE.findall(pathlib.Path(name).read_text(encoding="utf-8"))))
lines = ["// Written by tests/common/batch.py."] + [f"#include {h}" for h in headers]
for number, name in enumerate(files):
    lines += [f"namespace batch_{number} {{", f'#include "{name}"', f"}}  // namespace batch_{number}"]
pathlib.Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8")
