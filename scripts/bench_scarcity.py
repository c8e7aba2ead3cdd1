#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the default policy beside FGD over many traces and prints the tables of docs/scarcity.md.

  scripts/bench_scarcity.py --bench build/release/benchmarks/berth-bench               every order file of the data folder
  scripts/bench_scarcity.py --bench ... --seeds 1 2 3                                  fresh orders of every trace instead

The data folder holds openb_node_list_gpu_node.csv, openb_pod_list_<trace>.csv and orders/order_<trace>_<seed>.txt: $BERTH_DATA/openb,
or ../shared/data/openb beside the checkout, unless --data names another. Below the tables stands every run that misses a bar:
strictly below FGD from 100 to 130 % arrived, at most 0.1 above it at 90 and 95 %, no fewer 8-GPU tasks accepted. Exit code 1 if
any does.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHOWN = (90, 95, 100, 110, 130)
BASELINE = "fgd"


def measure(bench, data, trace, order):
    """One call of berth-bench; the JSON's policies."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        command = [bench, "place", "--no-progress", "--nodes", data / "openb_node_list_gpu_node.csv", "--pods",
                   data / f"openb_pod_list_{trace}.csv", "--policy", BASELINE, "--policy", "scarcity", *order, "--json", out]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())["policies"]


def misses(policies):
    """What of the bars a run misses, in words."""
    fgd, ours = (policies[name] for name in (BASELINE, "scarcity"))
    for b in range(100, 131, 5):
        if not ours["unallocated_percent"][str(b)] < fgd["unallocated_percent"][str(b)]:
            yield f"not below FGD at {b} %"
    for b in (90, 95):
        if ours["unallocated_percent"][str(b)] > fgd["unallocated_percent"][str(b)] + 0.1 + 1e-9:
            yield f"more than 0.1 above FGD at {b} %"
    lost = fgd["accepted_by_class"]["8"] - ours["accepted_by_class"]["8"]
    if lost > 0:
        yield f"{lost} 8-GPU tasks fewer than FGD"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, nargs="+", help="fresh orders with these seeds, GPU request inflated to 1.3")
    arguments = parser.parse_args()
    data = arguments.data or pathlib.Path(os.environ.get("BERTH_DATA") or ROOT.parent / "shared" / "data") / "openb"
    runs = []
    for file in sorted((data / "orders").glob("order_*_*.txt")):
        trace, seed = re.fullmatch(r"order_(.+)_(\d+)", file.stem).groups()
        runs.append((trace, int(seed), ["--order", file]))
    if not runs:
        sys.exit(f"no order files in {data / 'orders'}")
    if arguments.seeds:
        traces = dict.fromkeys(trace for trace, _, _ in runs)
        runs = [(t, s, ["--seed", s, "--inflate", "1.3"]) for t in traces for s in arguments.seeds]

    print("FGD → scarcity: unallocated GPUs in % at the arrived workload named, and 8-GPU tasks accepted of those arrived\n")
    print("| trace | seed | " + " | ".join(f"{b} %" for b in SHOWN) + " | 8-GPU tasks |")
    print("|---" * (len(SHOWN) + 3) + "|")
    at_100 = collections.defaultdict(list)
    missed = []
    for trace, seed, order in runs:
        policies = measure(arguments.bench, data, trace, order)
        fgd, ours = (policies[name] for name in (BASELINE, "scarcity"))
        both = [tuple(p["unallocated_percent"][str(b)] for p in (fgd, ours)) for b in SHOWN]
        at_100[trace].append(both[SHOWN.index(100)])
        print(f"| {trace} | {seed} | " + " | ".join(f"{f:.2f} → {s:.2f}" for f, s in both) +
              f" | {fgd['accepted_by_class']['8']} → {ours['accepted_by_class']['8']} of {ours['arrived_by_class']['8']} |",
              flush=True)
        missed += [f"{trace}, seed {seed}: {what}" for what in misses(policies)]

    print("\nMeans over seeds at 100 %\n\n| trace | seeds | FGD | scarcity | range |\n|---|---|---|---|---|")
    for trace, pairs in at_100.items():
        fgd, ours = zip(*pairs)
        print(f"| {trace} | {len(ours)} | {sum(fgd) / len(fgd):.2f} | {sum(ours) / len(ours):.2f} | "
              f"{min(ours):.2f}–{max(ours):.2f} |")
    print(f"\n{len(runs)} runs, {len(missed)} bars missed" + "".join("\n- " + line for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
