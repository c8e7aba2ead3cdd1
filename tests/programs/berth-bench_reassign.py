#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench reassign: answers checked apart from the program, budgets, repetition, bad arguments and files, Ctrl-C."""
import json
import lzma
import os
import time
import xml.etree.ElementTree

import mrp
from program import Checks

t = Checks()
own = t.source / "benchmarks/data/mrp"
os.environ["BERTH_DATA"] = str(t.folder / "nowhere")
json_file, out_file, svg_file = t.folder / "out.json", t.folder / "out.txt", t.folder / "out.svg"
example = [str(own / "model_example.txt"), str(own / "assignment_example.txt")]
t.check("reassign" in t.good("--help").stdout, "--help names the subcommand")
t.check("--initial" in t.good("reassign", "--help").stdout, "reassign --help names its options")


def answer(files, *arguments):
    """Runs, and checks files against each other and the instance."""
    done = t.good("reassign", "-p", files[0], "-i", files[1], "-o", out_file, "--json", json_file, *arguments)
    result = json.loads(json_file.read_text())
    instance = mrp.Instance(mrp.read(files[0]), mrp.read(files[1]))
    machine_of = [int(word) for word in out_file.read_text().split()]
    what = f"reassign {files[0]} {arguments}"
    t.check(len(machine_of) == len(instance.processes), f"{what}: a machine for each process")
    for name, assignment in (("initial_cost", instance.initial), ("cost", machine_of)):
        cost = instance.cost(assignment)
        t.check(result[name] == {"total": sum(cost.values()), **cost}, f"{what}: {name} {result[name]}, not {cost}")
    violations = instance.violations(machine_of)
    t.check(result["violations"] == violations, f"{what}: violations {result['violations']}, not {violations}")
    t.check(result["feasible"] == (sum(violations.values()) == 0), f"{what}: feasible is {result['feasible']}")
    t.check(result["feasible"] == (result["violated"] == []), f"{what}: {result['violated']}")
    moved = sum(a != b for a, b in zip(machine_of, instance.initial))
    t.check(result["relocated"] == moved, f"{what}: relocated {result['relocated']}, not {moved}")
    t.check(result["lower_bound"] <= result["cost"]["total"], f"{what}: bound {result['lower_bound']}")
    t.check(result["evaluations_per_core_second"] > 0, f"{what}: evaluations per second")
    if result["initial_feasible"]:
        costs = [cost for _, cost in result["trajectory"]]
        seconds = [second for second, _ in result["trajectory"]]
        t.check(result["feasible"], f"{what}: feasible")
        t.check(costs == sorted(set(costs), reverse=True), f"{what}: costs fall {costs}")
        t.check(costs[0] == result["initial_cost"]["total"] and costs[-1] == result["cost"]["total"], f"{what}: {costs}")
        t.check(seconds == sorted(seconds) and seconds[-1] <= result["seconds"] + 0.1, f"{what}: time goes on {seconds}")
    return result, done.stdout, machine_of


# ---- answers ---------------------------------------------------------------------------------------------------------
result, said, machine_of = answer(example, "-t", "0.3", "-s", "5", "--svg", svg_file)
t.check(machine_of == [0, 2, 1] and result["cost"]["total"] == 2411, f"the worked example: {machine_of}")
t.check(result["best_of_challenge"] == 2411 and result["score"] == 0 and result["lower_bound"] == 1300, "what is known")
t.check(result["instance"] == "example" and result["seed"] == 5 and result["machines"] == 4, "what was run")
t.check("cost 2411" in said and "2 of 3 processes moved" in said and "checked: feasible" in said, f"{said!r}")
t.check(result["seconds"] < 2, f"{result['seconds']} s of 0.3")
texts = {e.text for e in xml.etree.ElementTree.parse(svg_file).getroot().iter("{http://www.w3.org/2000/svg}text")}
t.check({"before", "after", "Load of each node, example"} <= texts, f"SVG: {texts}")
by_name = t.good("reassign", "--instance", "example", "-t", "0.1").stdout
t.check("cost 2411" in by_name, "by name, without an output")

files = []
for seed in range(4):
    model, initial = mrp.make(seed)
    files.append((t.write(f"model_m{seed}.txt", model), t.write(f"assignment_m{seed}.txt", initial)))
for pair in files:
    result, _, _ = answer(pair, "-t", "0.2", "--threads", "2")
    t.check(result["cost"]["total"] < result["initial_cost"]["total"], f"{pair[0]}: better than before")
    t.check(result["best_of_challenge"] is None and result["score"] is None, f"{pair[0]}: nothing is known")
packed = [t.write(f"{name}_packed.txt.xz", lzma.compress(open(path, "rb").read()))
          for name, path in zip(("model", "assignment"), files[0])]
plain = answer(files[0], "--evaluations", "50000")[2]
t.check(answer(packed, "--evaluations", "50000")[2] == plain, "compressed or not, the same answer")
result, _, _ = answer(files[1], "-t", "0.3", "--clock", "cpu", "--threads", "2")
t.check(result["clock"] == "cpu" and result["seconds"] < 1, f"CPU time: {result['seconds']}")

# What is initial may break constraints.
model, initial = mrp.make(1)
broken = t.write("broken.txt", " ".join(["0"] * 30))
result, said, _ = answer((files[1][0], broken), "-t", "0.2")
t.check(not result["initial_feasible"] and "The original assignment is INFEASIBLE" in said, "an infeasible start is said")
one = (t.write("model_one.txt", "1\n1 10\n1\n0 0 5 3 0\n1\n1 0\n1\n0 4 1\n0\n1 1 1\n"), t.write("one.txt", "0\n"))
done = t.good("reassign", "-p", one[0], "-i", one[1], "-t", "0.1", "-o", out_file)
t.check("cost 10" in done.stdout and out_file.read_text() == "0\n", "one machine, one process")
none = (t.write("model_none.txt", "1\n1 10\n2\n0 0 5 3 0 1\n0 0 5 3 1 0\n0\n0\n0\n1 1 1\n"), t.write("none.txt", ""))
done = t.good("reassign", "-p", none[0], "-i", none[1], "-t", "0.1", "-o", out_file)
t.check("cost 0" in done.stdout and out_file.read_text().split() == [], "no process")

# ---- random instances ------------------------------------------------------------------------------------------------
done = t.good("reassign", "--random", "20,150,4", "-t", "0.2", "-s", "9", "--save-instance", t.folder, "-o", out_file)
saved = [t.folder / f"{name}_random_20x150x4.txt" for name in ("model", "assignment")]
instance = mrp.Instance(saved[0].read_text(), saved[1].read_text())
t.check(sum(instance.violations(instance.initial).values()) == 0, "a random instance is feasible to begin with")
cost = sum(instance.cost([int(word) for word in out_file.read_text().split()]).values())
t.check(f"cost {cost}:" in done.stdout, "its cost")
answer([str(file) for file in saved], "-t", "0.2")

# ---- repetition ------------------------------------------------------------------------------------------------------
budget = (files[2], "--evaluations", "100000", "-s", "7", "--islands", "2")
first, again, threads = (answer(*budget, *more) for more in ((), (), ("--threads", "2")))
t.check(first[2] == again[2] and first[0]["evaluations"] == again[0]["evaluations"], "same seed and budget, same answer")
t.check(first[2] == threads[2], "as many threads as you like, same answer")

# ---- bad usage -------------------------------------------------------------------------------------------------------
name = ["reassign", "--instance", "example"]
t.bad(["reassign"], "-p MODEL")
t.bad(["reassign", "-p", example[0]], "-i INITIAL")
t.bad(["reassign", "-i", example[1]], "-p MODEL")
t.bad([*name, "-p", example[0], "-i", example[1]], "-p MODEL", "--instance")
for seconds in ("0", "-1", "nan", "inf", "many", ""):
    t.bad([*name, "-t", seconds], "--seconds")
t.bad([*name, "-s", "-1"], "--seed")
t.bad([*name, "--threads", "0"], "--threads")
t.bad([*name, "--islands", "0"], "--islands")
t.bad([*name, "--evaluations", "0"], "--evaluations")
t.bad([*name, "--clock", "sun"], "--clock", "cpu")
t.bad([*name, "extra"], "extra")
t.bad(["reassign", "--random", "5,10"], "--random")
t.bad(["reassign", "--random", "0,10,2"], "--random")
for option in ("--out", "--json", "--svg"):
    t.bad([*name, option, "/no/such/folder/x"], "/no/such/folder/x", "folder")
    t.bad([*name, option, str(t.folder)], "directory")

# ---- bad files -------------------------------------------------------------------------------------------------------
t.bad(["reassign", "--instance", "b_99"], "b_99", "data/mrp", "nowhere/mrp is not there")
t.bad(["reassign", "-p", "/no/such.txt", "-i", example[1]], "/no/such.txt", "opened")
t.bad(["reassign", "-p", str(t.folder), "-i", example[1]], "directory")
model, initial = open(example[0]).read(), open(example[1]).read()


def bad_model(content, *pieces):
    t.bad(["reassign", "-p", t.write("model_bad.txt", content), "-i", example[1]], "model_bad.txt:", *pieces)


def bad_initial(content, *pieces):
    t.bad(["reassign", "-p", example[0], "-i", t.write("bad.txt", content)], "bad.txt:", *pieces)


bad_model("", ":1:", "number of resources", "missing")
bad_model("many", ":1:", "number of resources", '"many" is not a whole number')
bad_model(model[:60], "missing")
bad_model(model[:-4], ":19:", "weight of moves between machines", "missing")
bad_model(model + "7\n", ":20:", "after the weight of moves between machines", "one too many")
bad_model(model.replace("0 0 30 400", "0 0 -30 400"), ":5:", "capacity of machine 0, resource 0", '"-30"')
bad_model(model.replace("0 12 10 1000", "2 12 10 1000"), ":13:", "service of process 0", '"2" is not within 0..1')
bad_model(model.replace("1 1 0\n", "1 1 2\n", 1), ":11:", "dependency of service 1", '"2" is not within 0..1')
bad_model(model.replace("0 1 20", "0 2 20"), ":17:", "second resource of balance 0", '"2" is not within 0..1')
bad_model(model.replace("1 100\n", "2 100\n", 1), ":2:", "transient flag of resource 0", '"2" is not within 0..1')
bad_model(model.replace("1 6 200 1", "1 6 4294967296 1"), ":15:", "requirement of process 2, resource 1", "4294967295")
bad_model(model.replace("1 6 200 1", "1 6 2.5 1"), ":15:", "requirement of process 2, resource 1", '"2.5"')
bad_model(b"\x7fELF\x02\x01\xff\xfe\0\0", ":1:", "number of resources", "not a whole number")
bad_model(model.replace("1 100\n", "1 4294967295\n", 1).replace("30 400 16", "4294967295 400 0")
          .replace("0 12 10", "0 4294967295 10"), "weights", "2^52")
bad_initial("", ":1:", "machine of process 0 of 3", "missing")
bad_initial("0 3", "machine of process 2 of 3", "missing: the file ends after 2 numbers")
bad_initial("0 3 0 0", ":1:", "after the machine of the last process", "one too many")
bad_initial("0\n4\n0", ":2:", "machine of process 1 of 3", '"4" is not within 0..3')
bad_initial("0 -3 0", ":1:", "machine of process 1 of 3", '"-3"')
bad_initial("0 x 0", ":1:", "machine of process 1 of 3", '"x" is not a whole number')
bytes_ = lzma.compress(model.encode())
for content, piece in ((bytes_[:-20], "cut off"), (bytes_[:30] + b"???" + bytes_[33:], "damaged"), (b"1 2 3", "not compressed")):
    t.bad(["reassign", "-p", t.write("bad.txt.xz", content), "-i", example[1]], "bad.txt.xz: ", piece)

# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------
for more in ((), ("--progress", "--threads", "2")):
    out_file.unlink()
    out, err = t.interrupted("reassign", "-p", files[3][0], "-i", files[3][1], "-t", "600", "-o", out_file, "--json", json_file,
                             *more, seconds=0.5)
    t.check("Interrupted" in out, "Ctrl-C: it is reported")
    result = json.loads(json_file.read_text())
    t.check(result["stopped"] == "cancelled" and result["feasible"], "Ctrl-C: the JSON says so")
    instance = mrp.Instance(mrp.read(files[3][0]), mrp.read(files[3][1]))
    cost = sum(instance.cost([int(word) for word in out_file.read_text().split()]).values())
    t.check(result["cost"]["total"] == cost, "Ctrl-C: the best answer is written")
    t.check(err == "" or more, f"nothing on stderr without --progress: {err!r}")

t.finish()
