#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench churn, at small size: events of every kind, the fleet stays full, the same seed gives the same life;
place --prior: the mix of tasks is learned; bad arguments and files."""
import json
import signal
import subprocess

from program import Checks

t = Checks()
NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
nodes = t.write("nodes.csv", NODES + "".join(f"n{i},64000,262144,{4 if i % 2 else 8},{'T4' if i % 2 else 'G2'}\n"
                                             for i in range(12)))
pods = t.write("pods.csv", PODS + "whole,4000,1000,1,1000,\nhalf,2000,1000,1,500,\nthird,1000,1000,1,330,T4\n"
               "four,8000,1000,4,1000,G2\nhost,6000,1000,0,0,\ntwo,4000,1000,2,1000,T4|G2\n")
out = t.folder / "out.json"
small = ["churn", "--nodes", nodes, "--pods", pods, "--json", out]

t.check("--replicate" in t.good("churn", "--help").stdout, "churn --help names its options")

# ---- every kind of event, all policies ------------------------------------------------------------------------------
said = t.good(*small, "--events", "3000", "--seed", "5").stdout
first = json.loads(out.read_text())
t.check(list(first["policies"]) == ["best_fit", "fgd", "scarcity"], f"all policies: {list(first['policies'])}")
t.check(first["fgd_naive_placements_per_second"] > 0, "the plain loop is timed in the same run")
t.check(all(name in said for name in first["policies"]) and "fgd_naive" in said, "the table is printed")
for name, p in first["policies"].items():
    t.check(p["events"] == 3000 and p["events_per_second"] > 0 and not p["stopped"], f"{name}: {p['events']} events")
    kinds = p["arrivals"] + p["departures"] + p["leaves"] + p["joins"] + p["displaced"]
    t.check(kinds == p["events"], f"{name}: each event is of one kind: {kinds}")
    t.check(p["leaves"] > 0 and p["displaced"] >= p["lost"] >= 0, f"{name}: nodes leave: {p['leaves']}")
    t.check(80.0 < p["allocated_percent"] < 95.0, f"{name}: {p['allocated_percent']} % of the GPUs are allocated")
    t.check([point[0] for point in p["rss_mib"]] == [1000, 3000], f"{name}: memory at {p['rss_mib']}")
    t.check(all(point[1] > 0 for point in p["rss_mib"]), f"{name}: memory is measured")
for name in ("fgd", "scarcity"):
    t.check(first["policies"][name]["preparations"] > 5, f"{name}: the mix was learned")

# ---- the same seed, the same life; another one, another -------------------------------------------------------------
COUNTS = ("arrivals", "rejected", "departures", "leaves", "joins", "displaced", "lost", "fill_arrivals", "tasks",
          "preparations", "evaluations", "allocated_percent")


def counts(*arguments):
    t.good(*small, "--events", "700", "--policy", "scarcity", *arguments)
    policies = json.loads(out.read_text())["policies"]
    t.check(list(policies) == ["scarcity"], f"the named policy alone: {list(policies)}")
    return [policies["scarcity"][key] for key in COUNTS]


t.check(counts("--seed", "7") == counts("--seed", "7"), "the same seed, the same events")
t.check(counts("--seed", "7") != counts("--seed", "8"), "another seed, other events")
t.check(counts("--replicate", "3")[7] > 2 * counts()[7], "three copies of the fleet take about three times as many")

# ---- nodes and tasks at the edge ------------------------------------------------------------------------------------
alone = t.write("alone.csv", NODES + "n0,64000,262144,4,T4\n")
wide = t.write("wide.csv", PODS + "whole,4000,1000,1,1000,T4\nwide,4000,1000,8,1000,\n")
t.good("churn", "--nodes", alone, "--pods", wide, "--events", "200", "--json", out)
edge = json.loads(out.read_text())["policies"]["best_fit"]
t.check(edge["leaves"] == 0 and edge["rejected"] > 0, f"the last node stays; what fits nowhere is rejected: {edge}")
hosts = t.write("hosts.csv", PODS + "host,6000,1000,0,0,\n")
t.good("churn", "--nodes", nodes, "--pods", hosts, "--events", "300", "--json", out)
for name, p in json.loads(out.read_text())["policies"].items():
    t.check(p["departures"] > 0, f"{name}: tasks without GPUs come and go")

# ---- Ctrl-C keeps the result so far ---------------------------------------------------------------------------------
running = subprocess.Popen([t.program, *map(str, small), "--events", "1000000000", "--policy", "best_fit"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
for line in running.stdout:
    if "fgd_naive" in line:
        break
running.send_signal(signal.SIGINT)
said, _ = running.communicate(timeout=120)
t.check(running.returncode == 130 and "Interrupted" in said, f"exit code {running.returncode}: {said}")
stopped = json.loads(out.read_text())["policies"]
t.check(all(p["stopped"] and p["events"] < 1000000000 for p in stopped.values()), f"the result so far: {stopped}")

# ---- place: the mix is known, or learned ----------------------------------------------------------------------------
place = ["place", "--nodes", nodes, "--pods", pods, "--json", out]
said = t.good(*place, "--prior", "empty").stdout
learned = json.loads(out.read_text())
t.check(list(learned["policies"]) == ["fgd", "scarcity"], f"the policies that expect a mix: {list(learned['policies'])}")
t.check(learned["prior"] == "empty" and "learned" in said, "it is said that the mix is learned")
t.good(*place, "--policy", "fgd", "--prior", "known")
known = json.loads(out.read_text())
t.good(*place, "--policy", "fgd")
t.check(known["prior"] == "known" and known["policies"]["fgd"]["allocated_milli"] ==
        json.loads(out.read_text())["policies"]["fgd"]["allocated_milli"], "known is the default")
t.bad([*place, "--policy", "best_fit", "--prior", "empty"], "--prior", "best_fit")
t.bad([*place, "--prior", "some"], "--prior", "some")
t.bad([*place, "--prior", "empty", "--relocations", "2"], "--prior", "--relocations")

# ---- bad usage --------------------------------------------------------------------------------------------------------
t.bad([*small, "--events", "0"], "--events")
t.bad([*small, "--events", "-3"], "--events")
t.bad([*small, "--seed", "x"], "--seed")
t.bad([*small, "--replicate", "0"], "--replicate")
t.bad([*small, "--policy", "fgd_naive"], "--policy", "fgd_naive")
t.bad(["churn", "--nodes", "/no/such/nodes.csv"], "/no/such/nodes.csv")
t.bad(["churn", "--nodes", nodes, "--pods", pods, "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json")
broken = t.write("broken.csv", PODS + "whole,4000,1000,1,1000,\nbad,4000,1000,1,x,\n")
t.bad(["churn", "--nodes", nodes, "--pods", broken], "broken.csv:3", '"gpu_milli"')
unknown = t.write("unknown.csv", PODS + "whole,4000,1000,1,1000,H100\n")
t.bad(["churn", "--nodes", nodes, "--pods", unknown], "unknown.csv:2", "gpu_spec", "H100")

t.finish()
