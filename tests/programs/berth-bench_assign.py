#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench assign: answers checked apart from the program, budgets, repetition, bad arguments and files, Ctrl-C."""
import json
import re
import subprocess
import time

import gap
from program import Checks

t = Checks()
own = t.source / "benchmarks/data/gap"
json_file, out_file = t.folder / "out.json", t.folder / "out.txt"
algorithms = re.search(r"--algorithm TEXT:\{([^}]*)\}", t.good("assign", "--help").stdout).group(1).split(",")
wanted = {"greedy", "local_search", "genetic", "portfolio", "exact", "general_search", "textbook_genetic"}
t.check(wanted <= set(algorithms), f"the algorithms are {algorithms}")
t.check("assign" in t.good("--help").stdout, "--help names the subcommand")


def answer(*arguments):
    """Runs, and checks files against each other and the instance."""
    done = t.good("assign", *arguments, "--json", json_file, "--out", out_file)
    result = json.loads(json_file.read_text())
    instance = gap.Instance(result["file"])
    agent_of = [int(word) for word in out_file.read_text().split()]
    what = f"assign {arguments}"
    t.check(len(agent_of) == instance.tasks, f"{what}: an agent for each task")
    t.check(all(0 <= agent < instance.agents for agent in agent_of), f"{what}: agents that there are")
    t.check(agent_of == result["assignment"], f"{what}: --out and --json agree")
    t.check(result["cost"] == instance.cost(agent_of), f"{what}: cost {result['cost']}, not {instance.cost(agent_of)}")
    t.check(result["excess"] == instance.excess(agent_of), f"{what}: excess {result['excess']}")
    t.check(result["feasible"] == (instance.excess(agent_of) == 0), f"{what}: feasible is {result['feasible']}")
    costs = [cost for _, cost in result["trajectory"]]
    seconds = [second for second, _ in result["trajectory"]]
    t.check(costs == sorted(costs, reverse=True) and len(set(costs)) == len(costs), f"{what}: costs fall {costs}")
    t.check(seconds == sorted(seconds) and (not seconds or 0 < seconds[0]), f"{what}: time goes on {seconds}")
    if result["feasible"]:
        t.check(costs and costs[-1] == result["cost"], f"{what}: the trajectory ends with the answer")
        t.check(seconds[-1] <= result["seconds"], f"{what}: the trajectory ends before the run")
        gap_percent = 100 * (result["cost"] - result["lower_bound"]) / abs(result["lower_bound"])
        t.check(abs(gap_percent - result["gap_percent"]) < 1e-6, f"{what}: gap_percent {result['gap_percent']}")
        t.check(result["lower_bound"] <= result["cost"] + 1e-6, f"{what}: the bound is above the cost")
    else:
        t.check(result["gap_percent"] is None, f"{what}: no gap for what is infeasible")
    return result, done.stdout, agent_of


# ---- answers ---------------------------------------------------------------------------------------------------------
for algorithm in algorithms:
    # The generations of philox_genetic are for devices: on a CPU without optimisation, let alone with sanitizers, one
    # takes long; a budget of evaluations does the same work on any machine.
    budget = ("--seconds", "60", "--evaluations", "250000") if algorithm == "philox_genetic" else ("--seconds", "0.5")
    result, said, _ = answer("c05100", "--algorithm", algorithm, *budget, "--seed", "3")
    t.check(result["algorithm"] == algorithm and result["seed"] == 3 and result["instance"] == "c05100",
            f"{algorithm}: the JSON says what was run")
    t.check(result["feasible"] or algorithm in ("textbook_genetic", "general_search"), f"{algorithm}: infeasible on c05100")
    t.check(result["best_known"] == 1931 and result["reference_bound"] == 1931, f"{algorithm}: what is known")
    t.check(0.9 * 1931 < result["lower_bound"] <= 1931 + 1e-6, f"{algorithm}: lower bound {result['lower_bound']}")
    t.check(result["seconds"] < 0.5 + float(budget[1]), f"{algorithm}: {result['seconds']} CPU s of {budget[1]}")
    if result["feasible"]:
        t.check(result["reference_gap_percent"] == 100 * (result["cost"] - 1931) / 1931, f"{algorithm}: reference gap")
    t.check(f"cost {result['cost']}" in said, f"{algorithm}: the cost is printed")
    t.check("Agent of each task" not in said, f"{algorithm}: with --out the answer is not printed")

for name in ("d05100", "d10100", "e05100", "c10100"):
    result, _, _ = answer(name, "--seconds", "0.2")
    t.check(result["feasible"] and result["reference_gap_percent"] < 2, f"{name}: {result['reference_gap_percent']} %")
result, _, _ = answer(str(own / "d05100.txt"), "--algorithm", "greedy")
t.check(result["best_known"] == 6353, "a path: what is known is read beside it")

tiny = t.write("tiny.txt", gap.text([[1, 5], [5, 1]], [[1, 1], [1, 1]], [1, 1]))
result, said, agent_of = answer(tiny, "--seconds", "0.1")
t.check(agent_of == [0, 1] and result["cost"] == 2 and result["proven_optimal"], "tiny: the optimum, proven")
t.check(result["best_known"] is None and result["reference_gap_percent"] is None, "tiny: nothing is known")
done = t.good("assign", tiny, "--seconds", "0.1")
t.check(done.stdout.rstrip().endswith("\n0 1"), f"without --out the answer is printed: {done.stdout!r}")
one = t.write("one.txt", "1 1 7 3 3\n")
result, _, _ = answer(one, "--seconds", "0.1")
t.check(result["cost"] == 7 and result["feasible"], "one agent, one task")
full = t.write("full.txt", gap.text([[1, 1]], [[2, 2]], [3]))
for algorithm in algorithms:
    result, said, _ = answer(full, "--seconds", "0.1", "--algorithm", algorithm)
    t.check(not result["feasible"] and "INFEASIBLE" in said, f"{algorithm}: nothing fits, and it says so")
negative = t.write("negative.txt", gap.text([[-5, -1, 3], [0, -9, -2]], [[1, 1, 1], [1, 1, 1]], [2, 2]))
result, _, _ = answer(negative, "--seconds", "0.1")
t.check(result["cost"] == -16, f"negative costs: {result['cost']}")

# ---- repetition ------------------------------------------------------------------------------------------------------
for algorithm in algorithms:
    budget = ("d10100", "--algorithm", algorithm, "--evaluations", "200000", "--seed", "7")
    first, again, threads = (answer(*budget, *more) for more in ((), (), ("--threads", "2")))
    t.check(first[2] == again[2], f"{algorithm}: same seed and budget, same answer")
    t.check(first[2] == threads[2], f"{algorithm}: as many threads as you like, same answer")
    t.check(first[0]["evaluations"] == again[0]["evaluations"], f"{algorithm}: same evaluations")

# ---- time ------------------------------------------------------------------------------------------------------------
large = t.write("large.txt", gap.text([[(7 * i + 13 * j) % 41 + 10 for j in range(600)] for i in range(40)],
                                      [[(11 * i + 5 * j) % 21 + 5 for j in range(600)] for i in range(40)], [190] * 40))
for algorithm in algorithms:
    if algorithm == "greedy":
        continue
    result, _, _ = answer(large, "--seconds", "0.3", "--algorithm", algorithm)
    t.check(result["seconds"] < 3, f"{algorithm}: {result['seconds']} CPU s of 0.3")

# ---- bad usage -------------------------------------------------------------------------------------------------------
t.bad(["assign"], "instance")
t.bad(["assign", "d05100", "extra"], "extra")
t.bad(["assign", "d05100", "--algorithm", "wishful"], "wishful", "greedy")
for seconds in ("0", "-1", "nan", "inf", "many", ""):
    t.bad(["assign", "d05100", "--seconds", seconds], "--seconds")
t.bad(["assign", "d05100", "--seed", "-1"], "--seed")
t.bad(["assign", "d05100", "--evaluations", "0"], "--evaluations")
t.bad(["assign", "d05100", "--evaluations", "1e6"], "--evaluations")
t.bad(["assign", "d05100", "--threads", "0"], "--threads")
t.bad(["assign", "d05100", "--threads", "100000"], "--threads")
t.bad(["assign", "d05100", "--device", "tpu"], "--device")
t.bad(["assign", "d05100", "--device", "cuda", "--algorithm", "exact"], "--device cuda", "philox_genetic", "exact")
# A program built without CUDA and a machine without a device say so; nothing falls back to the CPU.
on_device = subprocess.run([t.program, "assign", "d05100", "--device", "cuda", "--evaluations", "20000"],
                           capture_output=True, text=True, cwd=t.folder)
t.check(on_device.returncode == 0 or "--device cuda: " in on_device.stderr and not on_device.stdout,
        f"--device cuda: {on_device.returncode}, {on_device.stderr!r}")
for option in ("--out", "--json"):
    t.bad(["assign", "d05100", option, "/no/such/folder/x"], "/no/such/folder/x", "folder")
    t.bad(["assign", "d05100", option, str(t.folder)], "directory")

# ---- bad files -------------------------------------------------------------------------------------------------------
good = "2 3\n10 20 30\n40 50 60\n1 2 3\n4 5 6\n7 8\n"
t.bad(["assign", "d99999"], "d99999", "data/gap")
t.bad(["assign", "/no/such.txt"], "/no/such.txt", "no such file")
t.bad(["assign", str(t.folder)], "directory")
for content, *pieces in (
        ("", "bad.txt:1", "empty"),
        (" \n\n", "bad.txt:1", "empty"),
        ("0 3\n", "bad.txt:1", '"number of agents"', '"0"'),
        ("2 0\n", "bad.txt:1", '"number of tasks"', '"0"'),
        ("-2 3\n", "bad.txt:1", '"number of agents"', '"-2"'),
        ("two 3\n", "bad.txt:1", '"number of agents"', '"two"'),
        ("1000000 2000000000\n1 2 3\n", "bad.txt", "cost of agent 0, task 3", "missing"),
        (good.replace("50", "5x"), "bad.txt:3", "cost of agent 1, task 1", '"5x"'),
        (good.replace("30", "3.5"), "bad.txt:2", "cost of agent 0, task 2", '"3.5"'),
        (good.replace("60", "99999999999999999999"), "bad.txt:3", "cost of agent 1, task 2", "64 bits"),
        (good.replace("60", "35184372088833"), "bad.txt:3", "cost of agent 1, task 2", "35184372088832"),
        (good.replace(" 5 ", " -5 "), "bad.txt:5", "amount of agent 1, task 1", '"-5"'),
        (good.replace(" 5 ", " 99999999999999 "), "bad.txt:5", "amount of agent 1, task 1", "99999999999999"),
        (good.replace("7 8", "7 -8"), "bad.txt:6", "capacity of agent 1", '"-8"'),
        (good.replace("7 8", "7"), "bad.txt", "capacity of agent 1", "missing"),
        (good[:20], "bad.txt", "amount of agent 0, task 0", "missing"),
        (good[:12], "bad.txt", "cost of agent 1, task 0", "missing"),
        (good + "9\n", "bad.txt:7", "after the last capacity", '"9"'),
        (good + "junk", "bad.txt:7", "after the last capacity", "junk"),
        (good.encode() + b"\0\xff", "bad.txt:7", "NUL"),
        (b"\x7fELF\x02\x01\xff\xfe", "bad.txt:1", "number of agents")):
    t.bad(["assign", t.write("bad.txt", content)], *pieces)
t.write("best_known.csv", "instance,n_tasks,m_agents,ref_ub,ref_lb\ntiny,2,2,1,x\n")
t.bad(["assign", tiny], "best_known.csv:2", '"ref_lb"', '"x"')
(t.folder / "best_known.csv").unlink()

# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------
for more in ((), ("--progress",)):
    out, err = t.interrupted("assign", "d10100", "--algorithm", "genetic", "--seconds", "600", "--json", json_file, *more,
                             seconds=0.5)
    t.check("Interrupted" in out, "Ctrl-C: it is reported")
    plan = [int(word) for word in out.split("Agent of each task:")[1].split()]
    t.check(len(plan) == 100, "Ctrl-C: the best answer is printed")
    result = json.loads(json_file.read_text())
    t.check(result["stopped"] == "cancelled" and result["feasible"], "Ctrl-C: the JSON says so")
    t.check(result["cost"] == gap.Instance(own / "d10100.txt").cost(plan), "Ctrl-C: with its cost")
    t.check(err == "" or more, f"nothing on stderr without --progress: {err!r}")

t.finish()
