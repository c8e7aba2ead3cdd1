#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench place --relocations: what moves is replayed here from the files alone, on a small crowded fleet."""
import csv
import json
import random

from program import Checks

t = Checks()
NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"

# ---- worked out by hand -------------------------------------------------------------------------------------------------
nodes = t.write("nodes.csv", NODES + "n0,64000,262144,1,T4\nn1,64000,262144,1,P100\n")
pods = t.write("pods.csv", PODS + "p0,1000,10,1,600,\np1,1000,10,1,300,\np2,1000,10,1,500,\np3,1000,10,1,400,T4\n")
order = t.write("order.txt", "4\n0\n1\n2\n3\n2\n0\n1\n")
given = ["place", "--nodes", nodes, "--pods", pods, "--order", order, "--policy", "best_fit"]
json_file, moves_file, placed_file = t.folder / "out.json", t.folder / "moves.csv", t.folder / "placed.csv"
without = t.good(*given, "--json", json_file)
t.check("Moves, at most" not in without.stdout, "without --relocations no table of moves")
t.check(json.loads(json_file.read_text())["policies"]["best_fit"]["rejected"] == 1, "p3 fits nowhere")
# A step for nothing: to the mix of these four a part of a GPU is worth little.
done = t.good(*given, "--relocations", "1", "--step-price", "0", "--json", json_file, "--moves", moves_file, "--placements", placed_file)
result = json.loads(json_file.read_text())["policies"]["best_fit"]
t.check((result["rejected"], result["rescued"], result["relocations"], result["parked"]) == (0, 1, 1, 0),
        f"one move makes room for p3: {result}")
t.check(result["relocations_per_1000"] == 250.0, "steps per 1000 arrivals")
t.check(moves_file.read_text().splitlines()[1] == "3,0,move,1,p1,n0,0,n1,0", f"p1 leaves: {moves_file.read_text()}")
t.check(placed_file.read_text().splitlines()[3] == "p3,n0,0", "p3 takes its slot")
t.check("up to 100 %" in done.stdout, "the table of moves")
for flag in ("--step-price", "0", "--least-share", "500"), ("--step-price", "5000"):
    t.good(*given, "--relocations", "1", *flag, "--json", json_file)
    t.check(json.loads(json_file.read_text())["policies"]["best_fit"]["rescued"] == 0, f"not worth it: {flag}")

# ---- a crowded fleet ------------------------------------------------------------------------------------------------------
draw = random.Random(7)
fleet = {f"n{i}": (24000, 4, "G2" if i % 3 else "T4") for i in range(8)}
nodes = t.write("many.csv", NODES + "".join(f"{n},{cpu},262144,{gpus},{model}\n"
                                            for n, (cpu, gpus, model) in fleet.items()))
tasks = {}
for i in range(140):
    gpus = draw.choice((0, 1, 1, 1, 1, 1, 1, 2))
    share = 0 if gpus == 0 else 1000 if gpus == 2 else draw.choice((200, 300, 400, 500, 600, 800, 1000))
    tasks[f"p{i:03}"] = (draw.choice((500, 1000, 2000, 4000)), gpus, share, "T4" if gpus and draw.random() < 0.2 else "")
pods = t.write("crowd.csv", PODS + "".join(f"{name},{cpu},10,{gpus},{share},{spec}\n"
                                           for name, (cpu, gpus, share, spec) in tasks.items()))


def replay(most):
    """Places, moves, and counts what is left after every step, both ends held. Returns what is wrong, or nothing."""
    cpu = {n: c for n, (c, _, _) in fleet.items()}
    gpu = {n: [1000] * g for n, (_, g, _) in fleet.items()}
    placed = [row for row in csv.reader(placed_file.open())]
    moves = list(csv.DictReader(moves_file.open()))
    where = {}

    def change(arrival, place, sign):
        wanted = tasks[placed[arrival][0]]
        node, gpus = place
        cpu[node] += sign * wanted[0]
        for g in gpus:
            gpu[node][g] += sign * wanted[2]
        model_fits = not wanted[3] or fleet[node][2] == wanted[3]
        return cpu[node] >= 0 and min(gpu[node]) >= 0 and len(gpus) == wanted[1] and model_fits

    def place_of(node, gpus):
        return node, [int(g) for g in gpus.split("-")] if gpus else []

    for arrival, (_, node, gpus) in enumerate(placed):
        mine = [m for m in moves if int(m["arrival"]) == arrival]
        if len(mine) > most:
            return f"{len(mine)} steps for arrival {arrival}"
        for wave in sorted({int(m["wave"]) for m in mine}):
            now = [m for m in mine if int(m["wave"]) == wave]
            for m in now:
                moved = int(m["moved_arrival"])
                if m["from_node"] != "-" and where[moved] != place_of(m["from_node"], m["from_gpus"]):
                    return f"arrival {moved} is elsewhere"
                if m["to_node"] != "-" and not change(moved, place_of(m["to_node"], m["to_gpus"]), -1):
                    return f"no room for arrival {moved}"
            for m in now:
                moved = int(m["moved_arrival"])
                if m["from_node"] != "-":
                    change(moved, where[moved], +1)
                where[moved] = place_of(m["to_node"], m["to_gpus"]) if m["to_node"] != "-" else None
        if node != "-":
            where[arrival] = place_of(node, gpus)
            if not change(arrival, where[arrival], -1):
                return f"no room for the new arrival {arrival}"
    return "a task is lost in host memory" if None in where.values() else ""


given = ["place", "--nodes", nodes, "--pods", pods, "--seed", "3", "--policy", "scarcity"]
allocated = []
for most, flag, price in ((1, "--park", 0), (4, "--no-park", 0),
                          (4, "--park", 50), (4, "--park", 0), (12, "--park", 0)):
    t.good(*given, "--relocations", most, flag, "--step-price", price, "--json", json_file, "--moves", moves_file,
           "--placements", placed_file)
    result = json.loads(json_file.read_text())["policies"]["scarcity"]
    allocated.append(result["allocated_milli"])
    t.check(result["rescued"] > 0, f"--relocations {most} {flag} --step-price {price}: an arrival gets a slot")
    t.check(flag == "--park" or result["parked"] == 0, "--no-park: nobody is parked")
    t.check(replay(most) == "", f"--relocations {most} {flag} --step-price {price}: {replay(most)}")
again = moves_file.read_text()
t.good(*given, "--relocations", "12", "--step-price", "0", "--moves", moves_file)
t.check(moves_file.read_text() == again, "same input, same relocations")
result = json.loads(json_file.read_text())
t.check((result["relocations"], result["step_price"]) == (12, 0), "JSON: relocations and the price of a step")

# ---- bad usage -------------------------------------------------------------------------------------------------------------
t.bad([*given, "--relocations", "25"], "--relocations")
t.bad([*given, "--relocations", "-1"], "--relocations")
t.bad([*given, "--relocations", "1", "--policy", "fgd_naive"], "fgd_naive")
t.bad([*given, "--moves", moves_file], "--moves", "--relocations")
t.finish()
