#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench scale, at small size: better than greedy, the same on any number of threads, bad arguments."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"
small = ["scale", "--tasks", "8000", "--gpus", "200", "--seed", "3", "--seconds", "60", "--evaluations", "400000",
         "--json", out]

t.check("--threads" in t.good("scale", "--help").stdout, "scale --help names its options")
results = []
for threads in ("1", "2", "4"):
    t.good(*small, "--threads", threads)
    results.append(json.loads(out.read_text()))
first = results[0]
t.check(first["feasible"] and first["left_out"] == 0, "every counter suffices and nothing is left out")
t.check(first["cost"] < 0.95 * first["start_cost"], f"better than greedy: {first['cost']} and {first['start_cost']}")
t.check(first["peak_megabytes"] < 200, f"peak memory: {first['peak_megabytes']} MB")
t.check(first["trajectory"] and first["trajectory"][0][1] <= first["start_cost"], "the trajectory begins below greedy")
for other in results[1:]:
    for key in ("cost", "start_cost", "evaluations", "accepted"):
        t.check(other[key] == first[key], f"{key} does not depend on threads: {other[key]} and {first[key]}")

done = t.good("scale", "--tasks", "500", "--gpus", "20", "--seconds", "0.2")
t.check("below greedy" in done.stdout, "a deadline ends it")
t.bad(["scale", "--tasks", "0"], "--tasks")
t.bad(["scale", "--threads", "0"], "--threads")
t.bad(["scale", "--seconds", "-1"], "--seconds")
t.bad(["scale", "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json")

t.finish()
