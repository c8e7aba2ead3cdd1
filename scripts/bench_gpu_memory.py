#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what policies gain from seeing GPU memory: the openb trace with memory demands, blind and seeing policies side by side.

  scripts/bench_gpu_memory.py --bench build/release/benchmarks/berth-bench
  scripts/bench_gpu_memory.py --bench ... --policy scarcity best_fit --seeds 1 2 3

A blind policy does not see GPU memory, the ledger does (`berth-bench place --hide-gpu-memory`). Demands: a task with a share of a
GPU wants ceil(pct * 32 GiB), where pct is drawn from the measured use of GPU memory in a cluster (values above 0 of
benchmarks/data/gpu_memory/seren_gpu_mem_pct.csv), at most the memory of the largest GPU that it accepts; other tasks want none.
GPUs have the memory of MEMORY_GIB. Each seed draws the demands anew; the order of arrivals is the published one of the trace, or
with --fresh-orders one of the seed. Then the same policies on the trace without memory, where they must lose nothing against
--baseline, another berth-bench, if one is named. Exit code 1 if a policy of BARS rejects less than that much fewer tasks at 100 %.
"""
import argparse
import csv
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / "data"
MEMORY_GIB = {"T4": 16, "P100": 16, "V100M16": 16, "A10": 24, "V100M32": 32, "G2": 32, "G3": 80}
MIB_PER_GIB = 1024
BASE_MIB = 32 * MIB_PER_GIB  # pct of this much is what a task wants
BARS = {"scarcity": 0.20, "best_fit": 0.20}  # fewer rejected tasks, as a fraction
POLICIES = ("best_fit", "dot_product", "gpu_packing", "gpu_clustering", "pwr", "fgd", "scarcity")


def quantiles(file):
    """The values above 0 of a table quantile_pct, value_pct, as fractions."""
    with open(file, newline="") as f:
        return [float(row["value_pct"]) / 100.0 for row in csv.DictReader(f) if float(row["value_pct"]) > 0.0]


def quantile(values, u):
    """The value at u in 0..1, linear between the points."""
    at = u * (len(values) - 1)
    low = min(int(at), len(values) - 2)
    return values[low] + (values[low + 1] - values[low]) * (at - low)


def rows_of(file):
    with open(file, newline="") as f:
        return list(csv.DictReader(f))


def write(file, rows):
    with open(file, "w", newline="") as f:
        out = csv.DictWriter(f, fieldnames=list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def nodes_with_memory(rows):
    return [dict(row, gpu_memory_mib=MEMORY_GIB[row["model"]] * MIB_PER_GIB if int(row["gpu"]) > 0 else 0) for row in rows]


def pods_with_memory(rows, pct, seed):
    """Demands in the order of the file, one draw for each task with a share."""
    draw = random.Random(seed)
    largest = max(MEMORY_GIB.values())
    made = []
    for row in rows:
        memory = 0
        if int(row["num_gpu"]) == 1 and 0 < int(row["gpu_milli"]) < 1000:
            accepted = [MEMORY_GIB[m] for m in row.get("gpu_spec", "").split("|") if m] or [largest]
            memory = min(math.ceil(quantile(pct, draw.random()) * BASE_MIB), max(accepted) * MIB_PER_GIB)
        made.append(dict(row, gpu_memory_mib=memory))
    return made


def measure(bench, nodes, pods, order, policies, *options):
    """One call of berth-bench; the JSON's policies."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        command = [bench, "place", "--no-progress", "--nodes", nodes, "--pods", pods, *order, *options, "--json", out]
        for policy in policies:
            command += ["--policy", policy]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())["policies"]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, type=pathlib.Path)
    parser.add_argument("--baseline", type=pathlib.Path, help="a berth-bench to compare with on the trace without memory")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(os.environ.get("BERTH_OPENB_DIR") or DATA / "openb"))
    parser.add_argument("--quantiles", type=pathlib.Path, default=DATA / "gpu_memory" / "seren_gpu_mem_pct.csv")
    parser.add_argument("--policy", nargs="+", default=list(POLICIES))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(42, 52)))
    parser.add_argument("--fresh-orders", action="store_true", help="orders of arrivals by the seed, inflated to 1.3")
    arguments = parser.parse_args()
    pct = quantiles(arguments.quantiles)
    nodes_file = arguments.data / "openb_node_list_gpu_node.csv"
    pods_file = arguments.data / "openb_pod_list_default.csv"
    published = ["--order", arguments.data / "orders" / "order_default_42.txt"]
    nodes = nodes_with_memory(rows_of(nodes_file))
    pods = rows_of(pods_file)

    blind = {policy: [] for policy in arguments.policy}
    seeing = {policy: [] for policy in arguments.policy}
    with tempfile.TemporaryDirectory() as folder:
        nodes_made, pods_made = pathlib.Path(folder) / "nodes.csv", pathlib.Path(folder) / "pods.csv"
        write(nodes_made, nodes)
        for seed in arguments.seeds:
            write(pods_made, pods_with_memory(pods, pct, seed))
            order = ["--seed", seed] if arguments.fresh_orders else published
            for runs, options in ((blind, ["--hide-gpu-memory"]), (seeing, [])):
                measured = measure(arguments.bench, nodes_made, pods_made, order, arguments.policy, *options)
                for policy in arguments.policy:
                    runs[policy].append(measured[policy])

    print(f"{len(arguments.seeds)} seeds; tasks rejected and GPUs unallocated (%) at 100 % arrived, blind → seeing\n")
    print("| policy | rejected | fewer | unallocated | worst seed | placements/s |\n|---|---|---|---|---|---|")
    missed = []
    for policy in arguments.policy:
        before = [run["rejected_at_100"] for run in blind[policy]]
        after = [run["rejected_at_100"] for run in seeing[policy]]
        fewer = 1.0 - mean(after) / mean(before) if mean(before) > 0 else 0.0
        worst = min(1.0 - a / b if b > 0 else 0.0 for a, b in zip(after, before))
        unallocated = [mean(run["unallocated_percent"]["100"] for run in runs[policy]) for runs in (blind, seeing)]
        speed = [mean(run["placements_per_second"] for run in runs[policy]) for runs in (blind, seeing)]
        print(f"| {policy} | {mean(before):.1f} → {mean(after):.1f} | {100 * fewer:.1f} % | {unallocated[0]:.2f} → "
              f"{unallocated[1]:.2f} | {100 * worst:.1f} % | {speed[0] / 1000:.0f} k → {speed[1] / 1000:.0f} k |")
        if fewer < BARS.get(policy, -math.inf):
            missed.append(f"{policy}: {100 * fewer:.1f} % fewer, at least {100 * BARS[policy]:.0f} % wanted")

    if arguments.baseline:
        print("\nThe trace without memory at 100 % arrived, baseline → this one\n")
        print("| policy | unallocated | rejected |\n|---|---|---|")
        both = [measure(bench, nodes_file, pods_file, published, arguments.policy)
                for bench in (arguments.baseline, arguments.bench)]
        for policy in arguments.policy:
            was, now = (run[policy]["unallocated_percent"]["100"] for run in both)
            lost = [run[policy]["rejected"] for run in both]
            print(f"| {policy} | {was:.2f} → {now:.2f} | {lost[0]} → {lost[1]} |")
            if now > was + 0.02 + 1e-9:
                missed.append(f"{policy}: {was:.2f} → {now:.2f} on the trace without memory")
    print(f"\n{len(missed)} bars missed" + "".join("\n- " + line for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
