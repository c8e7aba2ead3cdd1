#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench compare: table, CSV, JSON and SVG agree; instances by name, pattern and path; missing data; Ctrl-C."""
import csv
import json
import os
import statistics
import time
import xml.etree.ElementTree

import gap
from program import Checks

t = Checks()
own = t.source / "benchmarks/data/gap"
os.environ["BERTH_DATA"] = str(t.folder / "nowhere")  # the project's own instances and no others
csv_file, json_file, svg_file = t.folder / "out.csv", t.folder / "out.json", t.folder / "out.svg"
t.check("compare" in t.good("--help").stdout, "--help names the subcommand")
t.check("--instances" in t.good("compare", "--help").stdout, "compare --help names its options")

# ---- results ---------------------------------------------------------------------------------------------------------
done = t.good("compare", "--suite", "gap", "--seconds", "1,0.02", "--seeds", "3", "--algorithms", "greedy,genetic",
              "--instances", "c05100,e*", "--csv", csv_file, "--json", json_file, "--svg", svg_file)
runs = list(csv.DictReader(csv_file.open()))
t.check(len(runs) == 2 * 2 * 3 * 2, f"CSV: a row for each instance, algorithm, seed and budget, not {len(runs)}")
t.check([run["instance"] for run in runs] == ["c05100"] * 12 + ["e05100"] * 12, "CSV: instances in order")
t.check([float(run["budget_seconds"]) for run in runs] == [0.02, 1] * 12, "CSV: budgets ascending")
t.check({run["seed"] for run in runs} == {"1", "2", "3"}, "CSV: seeds from 1")
optimum = {"c05100": 1931, "e05100": 12681}
for run in runs:
    best = optimum[run["instance"]]
    # A budget of time promises an answer, not a feasible one: a slow machine may end before the first.
    t.check(run["feasible"] in ("0", "1") and float(run["reference"]) == best, f"CSV: {run}")
    if run["feasible"] == "1":
        t.check(float(run["cost"]) >= best, f"CSV: cost of {run}")
        t.check(abs(float(run["gap_percent"]) - 100 * (float(run["cost"]) - best) / best) < 1e-6, f"CSV: gap of {run}")
    else:
        t.check(run["cost"] == run["gap_percent"] == "" and run["algorithm"] == "genetic", f"CSV: no cost in {run}")
    t.check(float(run["lower_bound"]) <= best, f"CSV: bound of {run}")
    t.check(float(run["run_seconds"]) < 5, f"CSV: {run['run_seconds']} s")
for early, late in zip(runs[::2], runs[1::2]):
    t.check(float(early["cost"] or "inf") >= float(late["cost"] or "inf"), f"more time is not worse: {early}, {late}")
t.check(any(run["feasible"] == "1" for run in runs if run["algorithm"] == "genetic"), "genetic: one run is feasible")

results = json.loads(json_file.read_text())
t.check(results["budgets_seconds"] == [0.02, 1] and not results["stopped"], "JSON: budgets, not stopped")
t.check(len(results["runs"]) == 12 and len(results["rows"]) == 4, "JSON: runs and rows")
for row in results["rows"]:
    of_row = [run for run in runs if run["instance"] == row["instance"] and run["algorithm"] == row["algorithm"]]
    for b, budget in enumerate(results["budgets_seconds"]):
        gaps = [float(run["gap_percent"] or "inf") for run in of_row if float(run["budget_seconds"]) == budget]
        median = statistics.median(gaps)
        printed = row["median_gap_percent"][b]
        t.check(printed is None if median == float("inf") else abs(median - printed) < 1e-6, f"JSON: medians of {row}")
    t.check(row["runs"] == 3 and row["feasible_runs"] == sum(run["feasible"] == "1" for run in of_row[1::2]),
            f"JSON: runs of {row}")
    line = next(line for line in done.stdout.splitlines() if line.split()[:2] == [row["instance"], row["algorithm"]])
    t.check(None in row["median_gap_percent"] or
            line.split()[2:4] == [f"{gap:.4f}" for gap in row["median_gap_percent"]], f"the table has {row}")
summary = {(part["type"], part["algorithm"]): part for part in results["summary"]}
t.check(set(summary) == {(k, a) for k in "ce*" for a in ("greedy", "genetic")}, f"JSON: summary of {set(summary)}")
t.check(summary["*", "greedy"]["worst_gap_percent"][1] == max(row["median_gap_percent"][1] for row in results["rows"]
                                                              if row["algorithm"] == "greedy"), "JSON: the worst")
t.check("By type" in done.stdout and "Gap in %" in done.stdout, "table and summary are printed")
svg = xml.etree.ElementTree.parse(svg_file).getroot()
texts = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
t.check({"greedy", "genetic", "Gap over time", "1"} <= texts, f"SVG: curves and axes are named: {texts}")

# ---- instances -------------------------------------------------------------------------------------------------------
quick = ["--seconds", "0.02", "--seeds", "1", "--algorithms", "greedy", "--json", json_file]


def compared(*arguments):
    said = t.good("compare", *quick, *arguments).stdout
    return [row["instance"] for row in json.loads(json_file.read_text())["rows"]], said


names, said = compared()
t.check(names == ["c05100", "c10100", "d05100", "d10100", "e05100"], f"all that there are, in order: {names}")
t.check("SKIPPED" in said and "nowhere/gap" in said and "BERTH_DATA" in said, "instances that are missing are mentioned")
names, said = compared("--instances", "d*,c05100", "--instances", "d05100")
t.check(names == ["d05100", "d10100", "c05100"], f"patterns and names, each once: {names}")
t.check("SKIPPED" not in said, "nothing is missing of what was asked for")
more = t.folder / "more" / "gap"
more.mkdir(parents=True)
(more / "d03003.txt").write_text(gap.text([[3, 1, 2], [1, 2, 3], [2, 3, 1]], [[1] * 3] * 3, [1] * 3))
(more / "c05100.txt").write_text("not this one: the project has an instance of this name")
os.environ["BERTH_DATA"] = str(t.folder / "more")
names, said = compared()
t.check(names == ["c05100", "c10100", "d03003", "d05100", "d10100", "e05100"], f"$BERTH_DATA/gap is found: {names}")
t.check("bound computed here" in said, "a gap to the bound computed here is marked")
names, _ = compared("--instances", str(more / "d03003.txt"))
t.check(names == ["d03003"], "a path")

# ---- bad usage and files -----------------------------------------------------------------------------------------------
t.bad(["compare", "--suite", "tsp"], "tsp", "gap")
for seconds in ("0", "1,-1", "nan", "ten"):
    t.bad(["compare", "--seconds", seconds], "--seconds")
t.bad(["compare", "--seeds", "0"], "--seeds")
t.bad(["compare", "--algorithms", "greedy,wishful"], "wishful", "greedy")
t.bad(["compare", "--instances", "x*"], "x*")
t.bad(["compare", "--instances", "d99999"], "d99999")
t.bad(["compare", "--threads", "0"], "--threads")
t.bad(["compare", "--instances", str(more / "c05100.txt")], "c05100.txt:1", "number of agents", "not")
for option in ("--csv", "--json", "--svg"):
    t.bad(["compare", option, "/no/such/folder/x"], "/no/such/folder/x", "folder")
    t.bad(["compare", option, str(t.folder)], "directory")

# ---- Ctrl-C ------------------------------------------------------------------------------------------------------------
csv_file.unlink()
out, err = t.interrupted("compare", "--seconds", "0.05", "--seeds", "1000", "--algorithms", "genetic", "--instances", "c05100",
                         "--csv", csv_file, "--json", json_file, "--svg", svg_file, ready=lambda: t.has_rows(csv_file))
t.check("Interrupted" in out and "By type" in out, "Ctrl-C: what was reached is printed")
results = json.loads(json_file.read_text())
t.check(results["stopped"] is True and 0 < len(results["runs"]) < 1000, "Ctrl-C: the JSON has what was finished")
t.check(len(list(csv.DictReader(csv_file.open()))) == len(results["runs"]), "Ctrl-C: so has the CSV")
t.check(results["rows"][0]["runs"] == len(results["runs"]), "Ctrl-C: the row says of how many runs")

t.finish()
