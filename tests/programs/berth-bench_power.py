#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench power: the bars on Zeus's table, an own table, bad input."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"
t.good("power", "--json", out)
result = json.loads(out.read_text())
t.check(len(result["savings"]) == 8 and sum(s["jobs"] for s in result["savings"]) == 2 * 218, "four GPU models, two weights")
at70 = [b for b in result["budgets"] if b["share_pct"] == 70]
t.check(len(at70) == 2 and all(b["optimal"] and b["exact"] <= 0.6 * b["uniform"] for b in at70), f"the bar at 70 %: {at70}")
t.check(all(b["bound"] <= b["exact"] <= b["by_rate"] for b in result["budgets"]), "bound, exact, by rate")
two = [c for c in result["curve"] if c["longer_pct"] == 2.0]
t.check(two and two[0]["energy_pct"] <= 90 and two[0]["least_pct"] <= two[0]["energy_pct"], f"energy at 2 %: {two}")

header = "gpu,dataset,network,batch_size,optimizer,power_limit_w,time_per_epoch_s,average_power_w\n"
own = t.write("own.csv", header + "x,d,n,8,adam,100,2,90\nx,d,n,8,adam,200,1,150\n")
t.check("x " in t.good("power", "--table", own, "--budgets", "40,100").stdout, "an own table")
t.bad(["power", "--table", t.write("bad.csv", header + "x,d,n,8,adam,100,2,watts\n")], "bad.csv:2", "average_power_w")
t.bad(["power", "--table", t.write("none.csv", header)], "none.csv", "no job")
t.bad(["power", "--table", "nowhere.csv"], "nowhere.csv")
t.bad(["power", "--budgets", "101"], "--budgets")
t.finish()
