#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench moves: every plan fits, hardly more hops than can be, files, bad arguments."""
import json
import xml.etree.ElementTree

from program import Checks

t = Checks()
out = t.folder / "out.json"
svg = t.folder / "out.svg"

t.check("--fill" in t.good("moves", "--help").stdout, "moves --help names its options")

# ---- exchanges: complete, proven, no counter below zero ----------------------------------------------------------------
for fill in ("0.6", "0.92"):
    done = t.good("moves", "--kind", "swap", "--fill", fill, "--plans", 30, "--json", out, "--svg", svg)
    r = json.loads(out.read_text())
    t.check("checker: no counter below zero in any plan" in done.stdout, f"{fill}: the checker's verdict is printed")
    t.check(r["violations"] == 0 and r["plans"] == 30, f"{fill}: all plans are checked: {r}")
    t.check(r["berth"]["dropped"] == 0 and r["berth"]["complete_plans"] == 30, f"{fill}: all complete")
    t.check(r["berth"]["extra_hops"] <= r["plain"]["extra_hops"], f"{fill}: no more hops than the plain method")
    t.check(r["berth"]["waves"] < r["plain"]["waves"], f"{fill}: fewer waves")
    t.check(r["least_known"]["plans"] >= 27, f"{fill}: the least number of hops is known of nearly all")
    t.check(r["least_known"]["least_extra_hops"] == r["least_known"]["extra_hops_of_berth"], f"{fill}: and reached")
    t.check(r["without_breakers"]["stuck_relocations"] > 0, f"{fill}: some plans deadlock")
    root = xml.etree.ElementTree.parse(svg).getroot()
    t.check(root.tag.endswith("svg") and "move" in svg.read_text(), f"{fill}: a drawing")

# ---- full re-plans: far fewer hops than half ------------------------------------------------------------------------------
for kind in ("worst_fit", "best_fit"):
    t.good("moves", "--kind", kind, "--fill", "0.85", "--plans", 6, "--effort", 20000, "--json", out)
    r = json.loads(out.read_text())
    t.check(r["violations"] == 0 and r["berth"]["dropped"] == 0, f"{kind}: complete and right")
    t.check(2 * r["berth"]["extra_hops"] <= r["plain"]["extra_hops"], f"{kind}: at most half the hops: {r}")

# ---- the same again, other sizes, without breakers ---------------------------------------------------------------------------
first = t.good("moves", "--plans", 5, "--gpus", 20, "--json", out)
again = json.loads(out.read_text())
t.good("moves", "--plans", 5, "--gpus", 20, "--json", out)
same = json.loads(out.read_text())
for r in (again, same):
    r.pop("seconds")
    r.pop("longest_seconds")
t.check(again == same, "same seed, same plans")
t.good("moves", "--plans", 5, "--fill", "0.92", "--no-parking", "--no-staging", "--json", out)
r = json.loads(out.read_text())
t.check(r["violations"] == 0 and r["berth"]["dropped"] > 0 and r["berth"]["extra_hops"] == 0, f"nothing but order: {r}")
t.good("moves", "--plans", 1, "--gpus", 500, "--relocations", 500, "--json", out)
r = json.loads(out.read_text())
t.check(400 <= r["relocations"] <= 700 and r["violations"] == 0, f"a larger one: {r}")
done = t.good("moves", "--random-plans", 300, "--json", out)
r = json.loads(out.read_text())
t.check(r["plans"] == 300 and r["violations"] == 0 and "300 random plans" in done.stdout, f"random plans: {r}")

# ---- bad usage ------------------------------------------------------------------------------------------------------------------
t.bad(["moves", "--fill", "0"], "--fill")
t.bad(["moves", "--fill", "1.5"], "--fill", "1.5")
t.bad(["moves", "--fill", "nan"], "--fill")
t.bad(["moves", "--kind", "wishful"], "wishful")
t.bad(["moves", "--gpus", "1"], "--gpus")
t.bad(["moves", "--plans", "0"], "--plans")
t.bad(["moves", "--seed", "-1"], "--seed")
t.bad(["moves", "--relocations", "x"], "--relocations")
t.bad(["moves", "--gpus", "24", "--fill", "1", "--plans", "1"], "no random placement")
t.bad(["moves", "--random-plans", "3", "--svg", svg], "--svg")
t.bad(["moves", "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json")

t.finish()
