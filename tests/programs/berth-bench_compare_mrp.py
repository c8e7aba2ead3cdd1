#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench compare --suite mrp: table, CSV, JSON and SVG agree; going on with a file; missing data; Ctrl-C."""
import csv
import json
import os
import xml.etree.ElementTree

import mrp
from program import Checks

t = Checks()
data = t.folder / "data"
(data / "mrp").mkdir(parents=True)
os.environ["BERTH_DATA"] = str(data)
for seed, name in enumerate(("b_1", "b_12", "c_1")):
    model, initial = mrp.make(seed)
    (data / "mrp" / f"model_{name}.txt").write_text(model)
    (data / "mrp" / f"assignment_{name}.txt").write_text(initial)
csv_file, json_file, svg_file = t.folder / "out.csv", t.folder / "out.json", t.folder / "out.svg"
suite = ["compare", "--suite", "mrp"]


def rows():
    return list(csv.DictReader(csv_file.open()))


# ---- results ---------------------------------------------------------------------------------------------------------
done = t.good(*suite, "--seconds", "0.1,0.05", "--seeds", "2", "--threads", "1", "--instances", "b*,example", "--csv",
              csv_file, "--json", json_file, "--svg", svg_file)
runs = rows()
t.check([(run["instance"], float(run["budget_seconds"]), run["seed"]) for run in runs] ==
        [(name, budget, seed) for name in ("b_1", "b_12", "example") for budget in (0.05, 0.1) for seed in "12"],
        f"CSV: {runs}")
for run in runs:
    t.check(run["feasible"] == "1" and run["clock"] == "cpu" and run["threads"] == "1", f"CSV: {run}")
    t.check(float(run["lower_bound"]) <= float(run["cost"]) <= float(run["initial_cost"]), f"CSV: {run}")
    known = run["instance"] == "example"
    t.check((run["best"] == "2411") == known and (run["score"] != "") == known, f"CSV: what is known of {run}")
results = json.loads(json_file.read_text())
t.check(results["budgets_seconds"] == [0.05, 0.1] and not results["stopped"], "JSON: budgets, not stopped")
t.check([run["cost"] for run in results["runs"]] == [float(run["cost"]) for run in runs], "JSON and CSV agree")
t.check([row["instance"] for row in results["rows"]] == ["b_1", "b_12", "example"], "JSON: rows")
example = results["rows"][2]
t.check(example["best_of_challenge"] == 2411 and example["median_score"] == [0, 0], f"JSON: {example}")
t.check(results["rows"][0]["best_of_challenge"] is None, "another instance of the same name is not the one that is known")
t.check(results["sets"] == [], "no sums without scores")
for row in results["rows"]:
    line = next(line for line in done.stdout.splitlines() if line.startswith(row["instance"] + " "))
    t.check(f"{row['median_cost'][1]:.0f}" in line.split(), f"the table has {row}")
texts = {e.text for e in xml.etree.ElementTree.parse(svg_file).getroot().iter("{http://www.w3.org/2000/svg}text")}
t.check({"b_1", "b_12", "example"} <= texts, f"SVG: {texts}")

# ---- going on --------------------------------------------------------------------------------------------------------
more = ["--seconds", "0.1", "--threads", "1", "--csv", csv_file, "--instances"]
t.good(*suite, *more, "b_1,c_1", "--resume")
t.check(rows()[:len(runs)] == runs and [run["instance"] for run in rows()[len(runs):]] == ["c_1"],
        "--resume: what is there stays, what is not is run")
t.good(*suite, *more, "c_1")
t.check([run["instance"] for run in rows()] == ["c_1"], "without it the file begins anew")
csv_file.unlink()
t.good(*suite, *more, "c_1", "--resume", "--clock", "wall")
t.check([run["clock"] for run in rows()] == ["wall"], "a file that is not there begins")

# ---- instances -------------------------------------------------------------------------------------------------------
quick = [*suite, "--seconds", "0.02", "--json", json_file]
t.good(*quick)
t.check([row["instance"] for row in json.loads(json_file.read_text())["rows"]] == ["b_1", "b_12", "c_1"], "all")
os.environ["BERTH_DATA"] = str(t.folder / "nowhere")
said = t.good(*quick).stdout
t.check("SKIPPED" in said and "nowhere/mrp" in said and "BERTH_DATA" in said, "instances that are missing are mentioned")
t.check([row["instance"] for row in json.loads(json_file.read_text())["rows"]] == ["example"], "then the worked example")
os.environ["BERTH_DATA"] = str(data)

# ---- bad usage and files ---------------------------------------------------------------------------------------------
t.bad([*suite, "--instances", "x*"], "x*")
t.bad([*suite, "--instances", "b_99"], "b_99")
t.bad([*suite, "--algorithms", "greedy"], "--algorithms")
t.bad([*suite, "--resume"], "--csv")
t.bad([*suite, "--clock", "moon"], "--clock")
t.bad(["compare", "--resume"], "--csv")
t.bad(["compare", "--clock", "wall"], "--suite mrp")
t.bad([*suite, "--seconds", "0"], "--seconds")
csv_file.write_text("instance,seed\nb_1,1\n")
t.bad([*suite, "--instances", "b_1", "--csv", csv_file, "--resume"], "out.csv", "budget_seconds")
(data / "mrp" / "assignment_b_12.txt").write_text("0 1 x")
t.bad([*suite, "--seconds", "0.02", "--instances", "b_12"], "assignment_b_12.txt:1", "machine of process 2", lines=1)
for option in ("--csv", "--json", "--svg"):
    t.bad([*suite, option, "/no/such/folder/x"], "/no/such/folder/x", "folder")

# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------
csv_file.unlink()
out, err = t.interrupted(*suite, "--seconds", "0.1", "--seeds", "1000", "--threads", "1", "--instances", "b_1", "--csv",
                         csv_file, "--json", json_file, ready=lambda: t.has_rows(csv_file))
t.check("Interrupted" in out, "Ctrl-C: it is reported")
results = json.loads(json_file.read_text())
t.check(results["stopped"] and 0 < len(results["runs"]) < 1000, "Ctrl-C: the JSON has what was finished")
t.check(len(rows()) == len(results["runs"]), "Ctrl-C: so has the CSV")

t.finish()
