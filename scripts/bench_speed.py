#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the speed of placements and prints the tables of docs/performance.md, each with its bar beside it.

  scripts/bench_speed.py                                          build/release/benchmarks/berth-bench
  scripts/bench_speed.py path/to/berth-bench                      and the berth-microbench beside it, if there is one

Bars: `fgd` at least 150 times and `scarcity` at least 30 times the placements per second of `fgd_naive` in the same run; the time of a
placement grows by at most 1.5 on a fleet replicated 4 times and 3 on one replicated 16 times; best fit composed from policies, with
its index, takes at most 5 % more CPU time than the loop written by hand, which scans every node; without its index, as the loop
does, at most 30 % more. Exit code 1 if one is missed. No gate: run it on a quiet machine, it
measures time.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OVER_NAIVE = {"fgd": 150.0, "scarcity": 30.0}
GROWTH = {4: 1.5, 16: 3.0}
COMPOSED = {"composed_indexed": 1.05, "composed_exhaustive": 1.3}


def placements_per_second(bench, policies, copies):
    """One call of berth-bench on the default trace; placements per second by policy."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        chosen = [word for policy in policies for word in ("--policy", policy)]
        subprocess.run([bench, "place", "--no-progress", "--replicate", str(copies), *chosen, "--json", out], check=True,
                       stdout=subprocess.DEVNULL)
        results = json.loads(out.read_text())["policies"]
        return {name: results[name]["placements_per_second"] for name in policies}


def cpu_times(micro):
    """CPU time by benchmark, in milliseconds: the least of five repetitions."""
    done = subprocess.run([micro, "--benchmark_format=json", "--benchmark_repetitions=5",
                           "--benchmark_filter=^(by_hand|composed_)"], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    least = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] == "iteration":
            least[run["run_name"]] = min(run["cpu_time"], least.get(run["run_name"], run["cpu_time"]))
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?", type=pathlib.Path, default=ROOT / "build/release/benchmarks/berth-bench")
    bench = parser.parse_args().bench.resolve()
    if not bench.is_file():
        sys.exit(f"{bench}: no such file; `cmake --workflow --preset demo` builds it")
    missed = []

    def verdict(holds, what):
        if not holds:
            missed.append(what)
        return "met" if holds else "MISSED"

    once = placements_per_second(bench, ["fgd_naive", *OVER_NAIVE], 1)
    print("| policy | placements per second | ratio to `fgd_naive` | bar |\n|---|---:|---:|---|")
    print(f"| `fgd_naive` | {once['fgd_naive']:,.0f} | 1 × | |")
    for policy, bar in OVER_NAIVE.items():
        ratio = once[policy] / once["fgd_naive"]
        said = verdict(ratio >= bar, f"{policy}: {ratio:.1f} times fgd_naive, expected {bar:g} or more")
        print(f"| `{policy}` | {once[policy]:,.0f} | {ratio:.0f} × | at least {bar:g} ×: {said} |", flush=True)

    # Each with its own measurement of the small fleet, next to the large ones in time.
    small = placements_per_second(bench, list(OVER_NAIVE), 1)
    large = {copies: placements_per_second(bench, list(OVER_NAIVE), copies) for copies in GROWTH}
    print("\n| policy | 1× | " + " | ".join(f"{copies}× (at most {bar:g})" for copies, bar in GROWTH.items()) + " |")
    print("|---" + "|---:" * (1 + len(GROWTH)) + "|")
    for policy in OVER_NAIVE:
        cells = []
        for copies, bar in GROWTH.items():
            growth = small[policy] / large[copies][policy]
            cells.append(f"{growth:.2f}, " + verdict(growth <= bar, f"{policy}: {growth:.2f} times the time per placement "
                                                                    f"at {copies}×, expected {bar:g} or less"))
        print(f"| `{policy}` | 1 | " + " | ".join(cells) + " |", flush=True)

    micro = bench.with_name("berth-microbench")
    if micro.is_file():
        times = cpu_times(micro)
        print("\n| best fit over the openb trace | CPU time | over the hand-written loop | bar |\n|---|---:|---:|---|")
        for name in ("by_hand", "composed_indexed", "composed_exhaustive"):
            ratio = times[name] / times["by_hand"]
            said = ""
            if name in COMPOSED:
                said = f"at most {COMPOSED[name]:g} ×: " + verdict(ratio <= COMPOSED[name], f"{name}: {ratio:.2f} times by hand")
            print(f"| `{name}` | {times[name]:.1f} ms | {ratio:.2f} × | {said} |")
    else:
        print(f"\n{micro.name} is not there: composed against hand-written was not measured")

    print(f"\n{len(missed)} bars missed" + "".join("\n- " + line for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
