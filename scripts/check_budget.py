#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header has a written budget of preprocessed lines, in scripts/header_budget.txt ("path lines").

The measure is what `g++ -std=c++20 -E` prints for a file that includes this one header, counted in lines: it does not
depend on the machine's speed. Fails when a header exceeds its budget, has none, or an entry names no header.
--update writes the file anew, each header's present size and 10 % more.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUDGET = ROOT / "scripts" / "header_budget.txt"
HEADROOM = 1.10
# Everything preprocessed is counted with the compiler of the reference machine, g++ 12.
COMMAND = [os.environ.get("CXX", "g++"), "-std=c++20", "-E", "-x", "c++", "-I", str(ROOT / "include"), "-isystem",
           os.environ.get("EIGEN3_INCLUDE_DIR", "/usr/include/eigen3"), "-"]


def lines_of(header):
    run = subprocess.run(COMMAND, input=f"#include <{header}>\n", capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"include/{header}: does not preprocess\n{run.stderr}")
    return run.stdout.count("\n")


def main():
    base = ROOT / "include"
    headers = [p.relative_to(base).as_posix() for p in sorted((base / "berth").rglob("*.hpp"))]
    if not headers:
        sys.exit("include/berth: no headers")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = dict(zip(headers, pool.map(lines_of, headers)))

    if "--update" in sys.argv[1:]:
        width = max(map(len, headers))
        text = "# Preprocessed lines each header may cost. scripts/check_budget.py checks it; --update writes it anew.\n"
        text += "".join(f"{h:<{width}} {round(sizes[h] * HEADROOM)}\n" for h in headers)
        BUDGET.write_text(text)
        print(f"budget: wrote {len(headers)} entries")
        return 0

    budget, bad = {}, []
    if BUDGET.exists():
        for number, line in enumerate(BUDGET.read_text().splitlines(), 1):
            parts = line.split("#")[0].split()
            if len(parts) == 2 and parts[1].isdigit():
                budget[parts[0]] = int(parts[1])
            elif parts:
                bad.append(f"{BUDGET.relative_to(ROOT)}:{number}: expected 'path lines', got {line!r}")
    for header in headers:
        if header not in budget:
            bad.append(f"include/{header}: {sizes[header]} preprocessed lines, no budget in {BUDGET.relative_to(ROOT)}")
        elif sizes[header] > budget[header]:
            bad.append(f"include/{header}: {sizes[header]} preprocessed lines, budget {budget[header]}")
    bad += [f"{BUDGET.relative_to(ROOT)}: {h} is not a header" for h in budget if h not in sizes]
    for line in bad:
        print(line)
    largest = max(sizes, key=sizes.get)
    print(f"budget: {len(headers)} headers, largest {largest} with {sizes[largest]} lines, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
