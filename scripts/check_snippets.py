#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C++ block in README.md and docs/ is true: it is quoted from an example, or it compiles.

    <!-- from examples/first_plan.cpp -->   before a block: its lines stand in that file, one after the other
    <!-- not compiled: REASON -->           before a block: leave it alone
    neither, with an #include               a program or header of its own: it compiles
    neither, starting with struct, class,   declarations: they compile after `#include "berth/berth.hpp"` and
    template, using, constexpr or static    `using namespace berth;`
    neither, anything else                  statements: they compile in a function that has the names of PRELUDE; the types
                                            Task and Gpu of INCLUDES stand for the reader's own
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++20", "-fsyntax-only", f"-I{ROOT}/include", "-isystem",
         os.environ.get("EIGEN3_INCLUDE_DIR", "/usr/include/eigen3"), "-x", "c++"]
DECLARATION = ("struct ", "class ", "template ", "using ", "constexpr ", "static_assert")
INCLUDES = """#include "berth/berth.hpp"
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>
using namespace berth;
struct Task { std::string name; double data_gb, gflop, output_gb; };  // what a reader's own types may look like
struct Gpu { std::string model; double gflops, load, max_load; };
"""
PRELUDE = ("[[maybe_unused]] const berth::fleet& fleet, [[maybe_unused]] const berth::workload& work, "
           "[[maybe_unused]] const berth::problem& problem, [[maybe_unused]] berth::ledger& current, "
           "[[maybe_unused]] berth::task_index task, [[maybe_unused]] berth::node_index node, "
           "[[maybe_unused]] std::span<const berth::slot> running, [[maybe_unused]] std::span<const Task> tasks, "
           "[[maybe_unused]] std::span<const Gpu> gpus")


def blocks(page):
    """Yields (line, marker before it, text) for each ```cpp block."""
    marker, start, text = "", 0, None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if text is not None:
            if line.strip() == "```":
                yield start, marker, "\n".join(text)
                marker, text = "", None
            else:
                text.append(line)
        elif line.strip() == "```cpp":
            start, text = number + 1, []
        elif line.strip():
            marker = line.strip() if line.strip().startswith("<!--") else ""


def stands_in(text, path):
    wanted = textwrap.dedent(text).strip("\n").splitlines()
    lines = path.read_text().splitlines()
    windows = (lines[i:i + len(wanted)] for i in range(len(lines) - len(wanted) + 1))
    return any(textwrap.dedent("\n".join(w)).splitlines() == wanted for w in windows)


def compiles(source):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "snippet.cpp"
        file.write_text(source)
        run = subprocess.run([COMPILER, *FLAGS, str(file)], capture_output=True, text=True, cwd=ROOT)
    return "" if run.returncode == 0 else run.stderr


def main():
    bad, quoted, compiled = [], 0, 0
    joint = INCLUDES
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        name = page.relative_to(ROOT).as_posix()
        for line, marker, text in blocks(page) if page.exists() else ():
            at = f'#line {line} "{name}"\n'
            source = re.fullmatch(r"<!-- from (examples/[\w.-]+) -->", marker)
            if marker.startswith("<!-- not compiled: "):
                continue
            if source:
                quoted += 1
                path = ROOT / source[1]
                if not path.exists() or not stands_in(text, path):
                    bad.append(f"{name}:{line}: this is not (or no longer) what stands in {source[1]}")
                continue
            compiled += 1
            if "#include" in text:
                bad += [compiles(at + text)]
            elif text.startswith(DECLARATION):
                joint += f"namespace snippet_{compiled} {{\n{at}{text}\n}}\n"
            else:
                joint += f"void snippet_{compiled}({PRELUDE}) {{\n{at}{text}\n}}\n"
    bad = [b for b in [*bad, compiles(joint)] if b]
    for line in bad:
        print(line)
    print(f"snippets: {quoted} quoted, {compiled} compiled, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
