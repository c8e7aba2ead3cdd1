#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench sites: check values, the bars on EUA, own tables, bad input."""
import json

from program import Checks

t = Checks()
out = t.folder / "out.json"
t.good("sites", "--json", out)
result = json.loads(out.read_text())
t.check([(round(x["seconds"], 1), round(x["price"], 2)) for x in result["links"]] == [(153.9, 2.0), (155.8, 9.0), (167.2, 8.75)],
        f"check values: {result['links']}")
relays = result["relays"]
t.check((relays["pairs"], relays["wider"], relays["cheaper"]) == (3540, 3305, 107), f"relays: {relays}")
for row, served in zip(result["coverage"], [125, 250, 375, 500, 625, 750, 816, 816, 816, 816], strict=True):
    t.check(row["served"] == served and row["sites"] <= 1.03 * row["least_sites"], f"coverage: {row}")

header = "src,dst,rtt_ms,gbit_per_s_64conn,usd_per_gb\n"
links = t.write("links.csv", header + "a,b,1,1,0.1\n")
places = t.write("eua.csv", "kind,id,latitude,longitude\nserver,1,0,0\nuser,1,0,0.001\n")
t.good("sites", "--links", links, "--positions", places, "--metres", "200", "--most-capacity", "1")
t.bad(["sites", "--links", t.write("bad.csv", header + "a,b,1,-1,0.1\n")], "bad.csv:2", "gbit_per_s_64conn")
t.bad(["sites", "--positions", t.write("p.csv", "kind,id,latitude,longitude\nuser,1,0,181\n")], "p.csv:2", "longitude")
t.bad(["sites", "--metres", "-1"], "--metres")
t.finish()
