#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench rebalance: the bar of the small budget, the JSON, bad arguments."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"

done = t.good("rebalance", "--json", out)
result = json.loads(out.read_text())
t.check(len(result["fleets"]) == 5, "five fleets")
t.check("reaches" in done.stdout, "the summary")
for fleet in result["fleets"]:
    gain = fleet["gain_reached_percent"]
    t.check(gain >= 80.0, f"5 % of the tasks reach 80 % of the gain: {gain}")
    t.check(fleet["budgeted"]["relocations"] <= fleet["allowed"] <= 0.05 * fleet["tasks"], "the budget is kept")
    t.check(fleet["replanned"]["moved_percent"] > 90.0, "planning anew moves nearly everything")
    t.check(fleet["unlimited"]["variance"] < fleet["budgeted"]["variance"] < fleet["before"]["variance"], "more is better")
    again = 100.0 * fleet["budgeted"]["gain"] / fleet["unlimited"]["gain"]
    t.check(abs(again - gain) < 1e-6, "the percentage")

small = ["rebalance", "--nodes", "4", "--gpus", "2", "--fleets", "1", "--seed", "9", "--json", out]
t.good(*small)
first = json.loads(out.read_text())["fleets"][0]["budgeted"]["variance"]
t.good(*small)
t.check(json.loads(out.read_text())["fleets"][0]["budgeted"]["variance"] == first, "same seed, same fleet, same choices")
t.good(*small, "--budget", "0")
fleet = json.loads(out.read_text())["fleets"][0]
t.check(fleet["budgeted"]["relocations"] == 0 and fleet["budgeted"]["gain"] == 0, "no budget, no relocation")
t.good("rebalance", "--nodes", "1", "--gpus", "1", "--tasks-per-gpu", "1")

t.bad(["rebalance", "--budget", "-1"], "--budget")
t.bad(["rebalance", "--budget", "nan"], "--budget")
t.bad(["rebalance", "--nodes", "0"], "--nodes")
t.bad(["rebalance", "--fleets", "0"], "--fleets")
t.bad(["rebalance", "--seed", "-1"], "--seed")
t.bad(["rebalance", "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json")

t.finish()
