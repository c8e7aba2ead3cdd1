#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench compare --suite csv: the instance made of tasks.csv and gpus.csv, against the formula and every plan; --resume; bad files."""
import csv
import itertools
import json
import xml.etree.ElementTree

import gap
from program import Checks

t = Checks()
csv_file, json_file, svg_file = t.folder / "out.csv", t.folder / "out.json", t.folder / "out.svg"
instance_file = t.folder / "instance.txt"
# Small enough that these algorithms end by themselves, long before the budget.
quick = {"--seconds": "20,30", "--seeds": "1", "--algorithms": "greedy,exact", "--json": json_file}


def suite(tasks, gpus, *arguments):
    defaults = [word for option in quick.items() if option[0] not in arguments for word in option]
    return ["compare", "--suite", "csv", "--tasks", tasks, "--gpus", gpus, *defaults, *arguments]


def compared(tasks, gpus, *arguments):
    said = t.good(*suite(tasks, gpus, "--save-instance", instance_file, *arguments)).stdout
    return said, json.loads(json_file.read_text()), gap.Instance(instance_file)


def notes(said):
    return [line for line in said.splitlines() if line.startswith("NOTE: ")]


def milli(value):
    return int(value * 1000 + 0.5)


# ---- every column, in another order, against the formula and every plan ------------------------------------------------
TASKS = [("resnet", 100, 900, 2, 450), ("bert", 24, 320, 1.5, 300), ("video, long", 60, 90.5, 40, 200),
         ("ranking", 12, 450, 0.5, 100), ("speech", 3.5, 70.25, 0.2, 333.333), ("ocr", 0, 0, 0, 1)]
GPUS = [("a", 100, 800, 40, 250), ("b", 0, 600.5, 20, 120), ("c", 300, 1200, 80.5, 300)]
tasks = t.write("work.csv", b"\xef\xbb\xbf" + "load,output_size,name,complexity,data_size\r\n".encode() + "".join(
    f'{load},{output},"{name}",{complexity},{data}\r\n' for name, data, complexity, output, load in TASKS).encode())
gpus = t.write("fleet.csv", "power,name,speed,max_load,load\n" + "".join(
    f"{power},{name},{speed},{most},{load}\n" for name, load, most, speed, power in GPUS))


def costs(rate):
    return [[milli((data / 12 + complexity / gpu[3] + output / 12) * rate(gpu))
             for _, data, complexity, output, _ in TASKS] for gpu in GPUS]


def optimum(instance):
    plans = itertools.product(range(instance.agents), repeat=instance.tasks)
    return min(instance.cost(plan) for plan in plans if instance.excess(plan) == 0)


for arguments, rate, column in (([], lambda gpu: gpu[4], "power"), (["--cost", "power"], lambda gpu: gpu[4], "power"),
                                (["--cost", "seconds"], lambda gpu: 1, None), (["--cost", "load"], lambda gpu: gpu[1], "load"),
                                (["--cost", "max_load"], lambda gpu: gpu[2], "max_load")):
    said, results, made = compared(tasks, gpus, *arguments)
    wanted = costs(rate)
    t.check((made.agents, made.tasks) == (3, 6), f"{column}: {made.agents} GPUs and {made.tasks} tasks")
    t.check(all(abs(made.costs[g][i] - wanted[g][i]) <= 1 for g in range(3) for i in range(6)),
            f"{column}: costs {made.costs}, by the formula {wanted}")
    t.check(made.amounts == [[milli(task[4]) for task in TASKS]] * 3, f"{column}: loads {made.amounts}")
    t.check(made.capacities == [milli(gpu[2]) - milli(gpu[1]) for gpu in GPUS], f"{column}: rooms {made.capacities}")
    t.check(results["suite"] == "csv" and results["cost_column"] == column and results["left_out"] == [],
            f"{column}: JSON says {results['cost_column']}")
    t.check(results["tasks_file"] == tasks and results["gpus_file"] == gpus, "JSON: the files")
    runs = {run["algorithm"]: run for run in results["runs"]}
    best = optimum(made)
    t.check(runs["exact"]["cost"] == [best, best], f"{column}: exact finds {runs['exact']['cost']}, the optimum is {best}")
    t.check(all(cost >= best for cost in runs["greedy"]["cost"]), f"{column}: nothing is below the optimum")
    t.check(runs["exact"]["lower_bound"] <= best, f"{column}: the bound")
    unused = notes(said)
    t.check(len(unused) == (0 if column == "power" else 1) and all('"power"' in note for note in unused),
            f"{column}: what is not used is named: {unused}")

# ---- table, CSV and figure -----------------------------------------------------------------------------------------------
said, results, made = compared(tasks, gpus, "--csv", csv_file, "--svg", svg_file, "--seeds", "2", "--seed", "5")
rows = list(csv.DictReader(csv_file.open()))
t.check([(row["instance"], row["algorithm"], row["seed"], row["budget_seconds"]) for row in rows] ==
        [("work", algorithm, seed, budget) for algorithm in ("greedy", "exact") for seed in "56" for budget in ("20", "30")],
        f"CSV: a row for each algorithm, seed and budget: {rows}")
t.check({(row["agents"], row["tasks"], row["feasible"], row["reference_known"]) for row in rows} == {("3", "6", "1", "0")},
        "CSV: size, feasible, no bound is known")
t.check(int(rows[-1]["cost"]) == optimum(made), f"CSV: the cost is a whole number: {rows[-1]['cost']}")
t.check("bound computed here" in said and "By type" in said and "other" in said, "the table, the summary")
svg = xml.etree.ElementTree.parse(svg_file).getroot()
texts = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
t.check({"greedy", "exact"} <= texts, f"SVG: the curves are named: {texts}")
answer = t.folder / "answer.txt"
t.good("assign", instance_file, "--algorithm", "exact", "--seconds", "20", "--out", answer)
t.check(made.cost([int(word) for word in answer.read_text().split()]) == optimum(made), "--save-instance: assign reads it")

# ---- going on ------------------------------------------------------------------------------------------------------------
text = csv_file.read_text()
t.good(*suite(tasks, gpus, "--csv", csv_file, "--seeds", "3", "--seed", "5", "--resume", "--svg", svg_file))
more = csv_file.read_text()
t.check(more.startswith(text), "--resume: what is there stays")
t.check([row["seed"] for row in csv.DictReader(more[len(text):].splitlines(), text.splitlines()[0].split(","))] ==
        ["7"] * 4, f"--resume: what is not there is run: {more[len(text):]}")
results = json.loads(json_file.read_text())
t.check(len(results["runs"]) == 6 and [row["runs"] for row in results["rows"]] == [3, 3], "--resume: all runs count")
t.check({tuple(run["cost"]) for run in results["runs"] if run["algorithm"] == "exact"} == {(optimum(made),) * 2},
        "--resume: costs of runs that were there")
t.good(*suite(tasks, gpus, "--csv", csv_file, "--seeds", "3", "--seed", "5", "--resume"))
t.check(csv_file.read_text() == more, "--resume: nothing to do")
t.good(*suite(tasks, gpus, "--csv", csv_file, "--seed", "7", "--resume", "--threads", "2"))
t.check(len(csv_file.read_text().splitlines()) == len(more.splitlines()) + 4, "--resume: other threads are other runs")
t.good(*suite(tasks, gpus, "--csv", csv_file, "--seed", "7", "--resume", "--seconds", "20"))
t.check(len(csv_file.read_text().splitlines()) == len(more.splitlines()) + 6, "--resume: another budget is another run")
csv_file.write_text("")
t.good(*suite(tasks, gpus, "--csv", csv_file, "--resume"))
t.check(len(csv_file.read_text().splitlines()) == 5, "--resume: an empty file begins")
t.good(*suite(tasks, gpus, "--csv", csv_file))
t.check(len(csv_file.read_text().splitlines()) == 5, "without it the file begins anew")

# ---- what may be left out, and what is left out ----------------------------------------------------------------------------
short = t.write("short.csv", "complicity,owner\n40,me\n20,you\n\n60,\n")
plain = t.write("plain.csv", "max_load,zone\n100,x\n50,y\n")
said, results, made = compared(short, plain)
t.check(made.costs == [[2000, 1000, 3000]] * 2, f"defaults: 20 GFLOPS, no data: {made.costs}")
t.check((made.amounts[0], made.capacities) == ([40000, 20000, 60000], [100000, 50000]), "defaults: load, room")
t.check(sorted(note.split(":")[-1].strip() for note in notes(said) if "not used" in note) == ['"owner"', '"zone"'],
        f"unknown columns are named: {notes(said)}")
t.check(any("costs the same" in note for note in notes(said)), f"costs that do not tell GPUs apart: {notes(said)}")
t.check([row["median_gap_percent"] for row in results["rows"]] == [[0, 0]] * 2, f"the gap is 0: {results['rows']}")

big = t.write("big.csv", "id,complexity\nsmall,10\nhuge,101\nfits,100\nlarge,5000\n")
said, results, made = compared(big, plain)
t.check(results["left_out"] == ["huge", "large"] and made.tasks == 2, f"what fits nowhere is left out: {results['left_out']}")
t.check(any("big.csv:3" in note and '"complexity"' in note and '"huge"' in note for note in notes(said)), f"and named: {said}")
t.check(any("2 tasks are left out" in note for note in notes(said)), f"and counted: {said}")
crowd = t.write("crowd.csv", "complexity\n100\n100\n50\n")
said, results, made = compared(crowd, plain)
t.check(any("no plan is feasible" in note and "250" in note and "150" in note for note in notes(said)), f"too much: {said}")
t.check([row["feasible_runs"] for row in results["rows"]] == [0, 0], "too much: no run is feasible")

# Half the load, half the rise: 0.5 of the load and 60 degrees, 0.1 and 40; 50 degrees from no load to full load.
warm = t.write("warm.csv", "name,load,max_load,temp,max_temp\nh,500,1000,60,65\nc,100,1000,40,85\no,0,100,35,35\nx,300,200,110,90\n")
_, _, made = compared(short, t.write("two.csv", "".join(open(warm).readlines()[:3])))
t.check(made.capacities == [100000, 900000], f"GPUs that would become too warm take less: {made.capacities}")
said, _, made = compared(short, warm)
t.check(made.capacities[2:] == [0, 0] and any("2 of 4 GPUs have no room" in note for note in notes(said)),
        f"a GPU that is too warm or over its load takes nothing: {made.capacities}")
said, _, made = compared(short, t.write("half.csv", "max_load,max_temp\n1000,65\n"))
t.check(made.capacities == [1000000] and any('"max_temp"' in note for note in notes(said)), "max_temp without temp")

samples = t.source / "examples/data"
said, results, made = compared(samples / "tasks.csv", samples / "gpus.csv")
t.check(results["left_out"] == ["sim-cfd"] and results["cost_column"] == "power", "the sample files")
t.check(json.loads(json_file.read_text())["rows"][1]["feasible_runs"] == 1, "the sample files: a plan")

# ---- bad usage and files -----------------------------------------------------------------------------------------------------
t.bad(["compare", "--suite", "csv"], "--tasks", "--gpus")
t.bad(["compare", "--suite", "csv", "--tasks", tasks], "--gpus")
t.bad(["compare", "--tasks", tasks, "--gpus", gpus], "--suite csv")
t.bad(["compare", "--suite", "mrp", "--cost", "power"], "--suite csv")
t.bad(suite(tasks, gpus, "--instances", "d*"), "--instances")
t.bad(suite(tasks, gpus, "--clock", "wall"), "--clock", "mrp")
t.bad(suite(tasks, gpus, "--resume"), "--resume", "--csv")
t.bad(suite(tasks, gpus, "--cost", "price"), "fleet.csv:1", '"price"', "max_load")
t.bad(suite(tasks, gpus, "--cost", "name"), "fleet.csv:2", '"name"', '"a"')
t.bad(suite("/no/such.csv", gpus), "/no/such.csv", "no such file")
t.bad(suite(tasks, str(t.folder)), "directory")
t.bad(suite(tasks, gpus, "--save-instance", "/no/such/folder/x"), "/no/such/folder/x", "folder")
csv_file.write_text("instance,seed\nwork,1\n")
t.bad(suite(tasks, gpus, "--csv", csv_file, "--resume"), "out.csv:1", "algorithm")
for content, *pieces in (
        ("", "bad.csv:1", "empty"), ("name,complexity\n", "bad.csv", "no task"),
        ("name,data_size\na,1\n", "bad.csv:1", '"complexity"', "data_size"),
        ("name,complexity\na,1\nb,x\n", "bad.csv:3", '"complexity"', '"x"'),
        ("name,complexity\na,1\n\nb,-1\n", "bad.csv:4", '"complexity"', "-1"),
        ("name,complexity\na,nan\n", "bad.csv:2", '"complexity"', "nan"),
        ("name,complexity,load\na,1,\n", "bad.csv:2", '"load"', "empty"),
        ("name,complexity,load\na,1,1e10\n", "bad.csv:2", '"load"', "1e10"),
        ("name,complexity,data_size\na,1,-3\n", "bad.csv:2", '"data_size"', "-3"),
        ("complexity,id\n1,a\n2,b\n3,a\n", "bad.csv:4", '"id"', '"a"'),
        ("name,complexity\na,1,2\n", "bad.csv:2", "one too many"),
        ("name,complexity,complexity\na,1,2\n", "bad.csv:1", '"complexity"', "two columns"),
        ("name,complexity\na,5000\nb,6000\n", "bad.csv:2", '"complexity"', "no task fits", "900", '"c"')):
    t.bad(suite(t.write("bad.csv", content), gpus), *pieces)
for content, *pieces in (
        ("name,load\na,1\n", "bad.csv:1", '"max_load"'), ("name,max_load\n", "bad.csv", "no GPU"),
        ("name,max_load\na,0\n", "bad.csv:2", '"max_load"', "0"),
        ("max_load,load\n10,1\n10,-1\n", "bad.csv:3", '"load"', "-1"),
        ("max_load,speed\n10,0\n", "bad.csv:2", '"speed"', "0"),
        ("max_load,power\n1000,warm\n", "bad.csv:2", '"power"', "warm"),
        ("max_load,temp,max_temp\n1000,5000,90\n", "bad.csv:2", '"temp"', "5000"),
        ("name,max_load\na,1\na,1\n", "bad.csv:3", '"name"', '"a"')):
    t.bad(suite(tasks, t.write("bad.csv", content)), *pieces)
t.bad(suite(t.write("bad.csv", "complexity,data_size\n" + "1,1e12\n" * 1000), plain, "--cost", "max_load"), "bad.csv:",
      '"complexity"', "2^53")

# ---- Ctrl-C --------------------------------------------------------------------------------------------------------------------
arguments = suite(tasks, gpus, "--csv", csv_file, "--seconds", "0.1", "--seeds", "10000", "--algorithms", "textbook_genetic")
csv_file.unlink()
out, err = t.interrupted(*arguments, ready=lambda: t.has_rows(csv_file))
results = json.loads(json_file.read_text())
t.check(results["stopped"] and len(results["runs"]) == len(csv_file.read_text().splitlines()) - 1, "Ctrl-C: JSON and CSV agree")

t.finish()
