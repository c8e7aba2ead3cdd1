#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench place --listed: every task arrives once, in the order of the file."""
import json

from program import Checks

t = Checks()
NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
nodes = t.write("nodes.csv", NODES + "n0,64000,262144,1,P100\nn1,64000,262144,1,T4\n")
LISTED = ["zeta", "beta", "alpha", "omega", "gamma"]
rows = {"zeta": "zeta,1000,10,1,1000,T4\n", "beta": "beta,1000,10,1,600,\n", "alpha": "alpha,1000,10,1,400,\n",
        "omega": "omega,1000,10,1,1000,\n", "gamma": "gamma,1000,10,0,0,\n"}
placed_file, json_file, svg_file = t.folder / "placed.csv", t.folder / "out.json", t.folder / "out.svg"


def placed(pods, *arguments):
    done = t.good("place", "--nodes", nodes, "--pods", pods, "--listed", "--policy", "best_fit", "--placements",
                  placed_file, "--json", json_file, "--svg", svg_file, *arguments)
    return done.stdout, [line.split(",") for line in placed_file.read_text().splitlines()]


# ---- the order of the file, each task once ---------------------------------------------------------------------------
pods = t.write("pods.csv", PODS + "".join(rows[name] for name in LISTED))
said, arrivals = placed(pods)
t.check([row[0] for row in arrivals] == LISTED, f"arrivals in the order of the file: {arrivals}")
t.check([row[1] for row in arrivals[:4]] == ["n1", "n0", "n0", "-"], f"each takes what is left by those before: {arrivals}")
t.check("order in the file" in said, "the order is printed")
results = json.loads(json_file.read_text())
t.check(results["listed"] is True and "inflate" not in results and "order_file" not in results, "JSON: the order")
t.check(results["arrivals"] == 5 and results["policies"]["best_fit"]["rejected"] == 1, f"JSON: {results['arrivals']}")

turned = t.write("turned.csv", PODS + "\n" + "\r\n".join(rows[name].strip() for name in reversed(LISTED)))
_, arrivals = placed(turned)
t.check([row[0] for row in arrivals] == LISTED[::-1], f"another file, another order: {arrivals}")
t.check(arrivals[1][1] != "-" and arrivals[4][1] in ("n1", "-"), f"who comes first is placed first: {arrivals}")

# ---- the seed breaks ties and does nothing else -----------------------------------------------------------------------
many = t.write("many.csv", NODES + "".join(f"m{i},64000,262144,4,T4\n" for i in range(8)))
alike = t.write("alike.csv", PODS + "".join(f"p{i:02},1000,10,1,1000,\n" for i in reversed(range(8))))
firsts = set()
for seed in range(6):
    t.good("place", "--nodes", many, "--pods", alike, "--listed", "--seed", seed, "--policy", "best_fit",
           "--placements", placed_file)
    once = placed_file.read_text()
    t.check([line.split(",")[0] for line in once.splitlines()] == [f"p{i:02}" for i in reversed(range(8))],
            f"seed {seed}: the order is that of the file")
    firsts.add(once.split(",")[1])
t.check(len(firsts) > 1, f"seeds break ties in different ways: {firsts}")
t.good("place", "--nodes", many, "--pods", alike, "--listed", "--seed", 5, "--policy", "best_fit", "--placements",
       placed_file)
t.check(placed_file.read_text() == once, "same seed, same placements")

said, arrivals = placed(pods, "--replicate", "3")
t.check(len(arrivals) == 15 and {row[0] for row in arrivals} == set(LISTED), "--replicate: each as often as there are copies")

# ---- the project's own trace ------------------------------------------------------------------------------------------
few = t.write("openb_pod_list_default.csv", PODS + "".join(rows[name] for name in LISTED))
done = t.good("place", "--pods", few, "--listed", "--policy", "best_fit", "--placements", placed_file)
t.check([line.split(",")[0] for line in placed_file.read_text().splitlines()] == LISTED, "--pods without --nodes")
t.check("  published" not in done.stdout, "nothing was published for this order")
own = t.source / "benchmarks/data/openb"
t.good("place", "--listed", "--policy", "best_fit", "--placements", placed_file)
names = [line.split(",")[0] for line in (own / "openb_pod_list_default.csv").read_text().splitlines()[1:]]
t.check([line.split(",")[0] for line in placed_file.read_text().splitlines()] == names, "its tasks, not its order file")

# ---- bad usage ----------------------------------------------------------------------------------------------------------
order = t.write("order.txt", "1\n0\n2\n0\n1\n")
t.bad(["place", "--nodes", nodes, "--pods", pods, "--listed", "--order", order], "--listed", "--order")
t.bad(["place", "--nodes", nodes, "--pods", pods, "--listed", "--inflate", "1.2"], "--listed", "--inflate")

t.finish()
