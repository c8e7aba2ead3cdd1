#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench makespan: the published instance, files, budgets, bad arguments."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"

t.check("--tasks" in t.good("makespan", "--help").stdout, "makespan --help names its options")

# ---- the published instance: 17 is optimal ---------------------------------------------------------------------------
done = t.good("makespan", "--tasks", "1000", "--gpus", "100", "--seed", "1", "--seconds", "30", "--json", out)
result = json.loads(out.read_text())
t.check("proven optimal" in done.stdout, "the optimum is proven")
t.check(result["makespan"] == 17 and result["lower_bound"] == 17 and result["optimal"], f"17 is optimal: {result['makespan']}")
t.check(result["trajectory"][0][1] in (22, 23, 24), f"greedy: {result['trajectory'][0]}")
t.check(result["trajectory"][-1][1] == 17, "the trajectory ends with the makespan")

# ---- an independent check --------------------------------------------------------------------------------------------
MASK = (1 << 64) - 1


def splitmix64(x):
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & MASK
    return x ^ (x >> 31)


carried = [0] * 100
for task, gpu in enumerate(result["assignment"]):
    state = (1 + (task * 100 + gpu) * 0x9e3779b97f4a7c15) & MASK
    carried[gpu] += 1 + (((splitmix64(state) >> 32) * 100) >> 32)
t.check(len(result["assignment"]) == 1000 and max(carried) == 17, f"the assignment has that makespan: {max(carried)}")

# ---- budgets -----------------------------------------------------------------------------------------------------------
small = ["makespan", "--tasks", "80", "--gpus", "7", "--seed", "5", "--seconds", "60", "--evaluations", "40000", "--json", out]
for algorithm in ("makespan_search", "local_search"):
    t.good(*small, "--algorithm", algorithm)
    first = json.loads(out.read_text())
    t.good(*small, "--algorithm", algorithm)
    again = json.loads(out.read_text())
    t.check(first["assignment"] == again["assignment"], f"{algorithm}: same budget and seed, same answer")
    t.check(first["lower_bound"] <= first["makespan"], f"{algorithm}: bound below makespan")
t.good(*small, "--threads", "2")
t.check(json.loads(out.read_text())["makespan"] >= first["lower_bound"], "two searches side by side")
done = t.good("makespan", "--tasks", "1", "--gpus", "1")
t.check("proven optimal" in done.stdout, "one task on one GPU")

# ---- bad usage -----------------------------------------------------------------------------------------------------------
t.bad(["makespan", "--tasks", "0"], "--tasks")
t.bad(["makespan", "--gpus", "-1"], "--gpus")
t.bad(["makespan", "--seed", "-1"], "--seed")
t.bad(["makespan", "--seconds", "0"], "--seconds")
t.bad(["makespan", "--seconds", "nan"], "--seconds")
t.bad(["makespan", "--algorithm", "wishful"], "wishful")
t.bad(["makespan", "--evaluations", "0"], "--evaluations")
t.bad(["makespan", "--tasks", "1000000", "--gpus", "10000"], "200000000")
t.bad(["makespan", "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json")

t.finish()
