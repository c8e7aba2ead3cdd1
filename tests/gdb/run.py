#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py PROGRAM PRINTERS: gdb shows values.cpp's values as scripts/gdb/berth.py promises. Exit code 77: there is no gdb that works."""
import os
import shutil
import subprocess
import sys

EXPECTED = {
    "v.node": "node 3",
    "v.no_gpu": "no gpu",
    "v.models": "model set 2",
    "v.shared": "node 3, GPUs {0,2}",
    "v.host_only": "node 4, no GPU",
    "v.nowhere": "unplaced",
    "v.three": "std::vector of length 3, capacity 3 = {node 0, GPUs {0}, unplaced, node 1, no GPU}",
    "v.move": "task 7: node 3, GPUs {0} -> unplaced",
    "v.hop": "task 1: gpu 2 -> gpu 9",
    "v.broken": 'error duplicate: "node 2: the name "a" is taken"',
    "v.good": "ok = {value_ = node 5, GPUs {1}}",
    "v.bad": 'error io: "no such file"',
    "v.done": "ok",
    "v.undone": 'error malformed: "line 3"',
    "v.placed": "plan of 3 tasks: 2 placed, 1 rejected, 0 moves, completed = {assignment = std::vector of length 3, capacity 3 = "
                "{node 0, GPUs {0}, unplaced, node 1, no GPU}, moves = std::vector of length 0, capacity 0, left_out = std::vector of "
                "length 1, capacity 1 = {task 1}, by_term = std::vector of length 0, capacity 0}",
    "v.solved": "plan of 2 tasks: cost 12.5, bound 12, feasible, completed = {gpu_of = std::vector of length 2, capacity 2 = "
                "{gpu 1, gpu 0}}",
    "v.order": "0 steps in 0 waves, 0 extra, 0 dropped",
    "v.matrix": "matrix 2 x 3 = {{1, 2, 3}, {4, 5, 6}}",
    "v.list": "flat of length 3 = {8, 8, 8}",
}


def main():
    program, printers = sys.argv[1:]
    gdb = shutil.which("gdb")
    if not gdb:
        print("SKIPPED: gdb is not installed")
        return 77
    commands = ["set width 0", "set print frame-arguments none", f"source {printers}", "break look", "run", "up"]
    for name in EXPECTED:
        commands += [f"echo \\n== {name}\\n", f"print {name}"]
    call = [gdb, "-nx", "-batch", *(word for command in commands for word in ("-ex", command)), program]
    # Leak detection stops the program under a debugger.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "LC_ALL": "C"}
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env=environment)
    if "ptrace: Operation not permitted" in done.stderr or "Python scripting is not supported" in done.stderr:
        print(f"SKIPPED: gdb cannot work here: {done.stderr.strip().splitlines()[-1]}")
        return 77
    shown = {}
    for part in done.stdout.split("\n== ")[1:]:
        name, _, text = part.partition("\n")
        shown[name] = text.strip().partition(" = ")[2]
    bad = 0
    for name, expected in EXPECTED.items():
        # `print` may name a type's base or capacity differently from one libstdc++ to the next; the rest is ours.
        found = shown.get(name, "")
        if found != expected and not found.startswith(expected + " = {"):
            bad += 1
            print(f"FAILED: {name} is shown as\n    {found}\n  and not as\n    {expected}")
    if bad:
        print(done.stdout, done.stderr)
    print(f"{len(EXPECTED)} values, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
