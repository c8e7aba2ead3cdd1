#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a translation unit costs to compile, as a multiple of one that only includes <Eigen/Core>.

  check_compile_cost.py [TU] [--bar 2.0] [--runs 5] [--compiler g++] [--option=-O2]...

TU defaults to tests/compile_cost/greedy.cpp (place.hpp and one greedy run over own types). Each is compiled to an object file --runs
times in turn, the compiler's own CPU time is taken (user and system, so that a busy machine disturbs little), and the
medians are divided. Exit code 1 when the ratio is above the bar.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cpu_seconds(compiler, options, source, out):
    command = [compiler, "-std=c++20", *options, "-I", str(ROOT / "include"), "-isystem",
               os.environ.get("EIGEN3_INCLUDE_DIR", "/usr/include/eigen3"), "-c", str(source), "-o", str(out)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{source}: does not compile")
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tu", nargs="?", type=pathlib.Path, default=ROOT / "tests" / "compile_cost" / "greedy.cpp")
    parser.add_argument("--bar", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--option", action="append", default=[], help="a further option of the compiler")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    arguments = parser.parse_args()
    if not arguments.tu.exists():
        sys.exit(f"{arguments.tu}: no such file")

    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        baseline = place / "eigen_core.cpp"
        baseline.write_text("#include <Eigen/Core>\n")
        times = {baseline: [], arguments.tu: []}
        for source in times:  # once unmeasured, to bring the headers into the page cache
            cpu_seconds(arguments.compiler, arguments.option, source, place / "out.o")
        for _ in range(arguments.runs):
            for source, taken in times.items():
                taken.append(cpu_seconds(arguments.compiler, arguments.option, source, place / "out.o"))
    base, ours = (statistics.median(t) for t in times.values())
    ratio = ours / base
    how = " ".join([arguments.compiler, *arguments.option])
    print(f"compile cost, {how}: {arguments.tu.name} {ours:.2f} s, <Eigen/Core> alone {base:.2f} s (CPU, median of {arguments.runs}); "
          f"ratio {ratio:.2f}, bar {arguments.bar:.2f}")
    return 0 if ratio <= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
