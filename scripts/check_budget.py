#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header has a written budget of preprocessed lines, in scripts/header_budget.txt ("path lines").

The measure is what `g++ -std=c++20 -E` prints for a file that includes this one header, counted in lines: it does not
depend on the machine's speed. Fails when a header exceeds its budget, has none, or an entry names no header. Headers of
the wing mpi/ are left out, and said to be, where MPI is not installed.
--update writes the file anew, each header's present size and 10 % more.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUDGET = ROOT / "scripts" / "header_budget.txt"
HEADROOM = 1.10
# Everything preprocessed is counted with the compiler of the reference machine, g++ 12.
COMMAND = [os.environ.get("CXX", "g++"), "-std=c++20", "-E", "-x", "c++", "-I", str(ROOT / "include"), "-isystem",
           os.environ.get("EIGEN3_INCLUDE_DIR", "/usr/include/eigen3"), "-"]


def folders_of_mpi():
    """Where mpi.h is, as the MPI compiler says it (Open MPI, then MPICH); none without MPI."""
    if not (mpicxx := shutil.which("mpicxx")):
        return []
    for question in ("--showme:compile", "-compile_info"):
        run = subprocess.run([mpicxx, question], capture_output=True, text=True)
        if run.returncode == 0:
            return [word for word in run.stdout.split() if word.startswith("-I")]
    return []


MPI = folders_of_mpi()


def lines_of(header):
    run = subprocess.run(COMMAND[:-1] + (MPI if header.startswith("berth/mpi/") else []) + COMMAND[-1:], input=f"#include <{header}>\n", capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"include/{header}: does not preprocess\n{run.stderr}")
    return run.stdout.count("\n")


def main():
    base = ROOT / "include"
    headers = [p.relative_to(base).as_posix() for p in sorted((base / "berth").rglob("*.hpp"))]
    if not headers:
        sys.exit("include/berth: no headers")
    unread = [] if MPI else [h for h in headers if h.startswith("berth/mpi/")]
    headers = [h for h in headers if h not in unread]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = dict(zip(headers, pool.map(lines_of, headers)))

    if "--update" in sys.argv[1:]:
        if unread:
            sys.exit("budget: install MPI first (scripts/setup --mpi), or the entries of mpi/ are lost")
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
    bad += [f"{BUDGET.relative_to(ROOT)}: {h} is not a header" for h in budget if h not in sizes and h not in unread]
    for line in bad:
        print(line)
    if unread:
        print(f"budget: {len(unread)} headers of mpi/ left out, MPI is not installed")
    largest = max(sizes, key=sizes.get)
    print(f"budget: {len(headers)} headers, largest {largest} with {sizes[largest]} lines, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
