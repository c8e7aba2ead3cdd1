#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench simulate: published figures to the last bit, all formats, files written, bad input."""
import csv
import json
import lzma
import signal
import subprocess

from program import Checks

t = Checks()
data = t.source / "benchmarks/data/loop"


def rows(path):
    opened = lzma.open(path, "rt") if str(path).endswith(".xz") else open(path, encoding="utf-8")
    with opened as text:
        return list(csv.DictReader(text))


# Muri's rules, its golden figures.
golden = {(r["trace"], r["policy"], r["job_id"]): (float(r["start_s"]), float(r["end_s"])) for r in rows(data / "muri_golden.csv.xz")}
jobs, out = t.folder / "jobs.csv", t.folder / "out.json"
for name, flags in {"trace3": [], "trace3_pr": ["--at-zero"]}.items():
    t.good("simulate", "--format", "muri", "--trace", data / "muri_trace3.csv.xz", "--select", "trace3", "--rules", "muri", *flags,
           "--policy", "srtf", "srsf", "tiresias", "--jobs", jobs, "--json", out)
    found = rows(jobs)
    equal = sum(golden[name, r["policy"], r["job"]] == (float(r["start_s"]), float(r["end_s"])) for r in found)
    t.check((equal, len(found)) == (2976, 2976), f"{name}: {equal} of {len(found)} jobs are as published")
figures = json.loads(out.read_text())["policies"]["srsf"]
t.check(figures["jobs"] == 992 and abs(figures["mean_jct_s"] - 798057.683) < 1e-3, f"figures: {figures}")
for key in ("p50_jct_s", "p99_jct_s", "makespan_s", "preemptions", "migrations", "energy_kwh", "events", "events_per_second", "seconds"):
    t.check(key in figures, f"{key} is missing")

# Berth's own rules and policy.
t.good("simulate", "--format", "muri", "--trace", data / "muri_trace3.csv.xz", "--policy", "srsf,berth", "--json", out)
own = json.loads(out.read_text())["policies"]
t.check(own["berth"]["mean_jct_s"] < own["srsf"]["mean_jct_s"] and own["berth"]["p99_jct_s"] < own["srsf"]["p99_jct_s"], f"own: {own}")

# Gavel's rules, its golden figures; pictures.
gavel = ["simulate", "--format", "gavel", "--trace", data / "gavel_trace.csv.xz", "--speeds", data / "gavel_speeds.csv.xz"]
arrivals = {r["job"]: float(r["arrival_s"]) for r in rows(data / "gavel_trace.csv.xz")}
expected = {(r["policy"], r["job"]): float(r["jct_s"]) for r in rows(data / "gavel_golden.csv.xz")}
t.good(*gavel, "--rounds", data / "gavel_rounds.csv.xz", "--rules", "gavel", "--policy", "fifo_perf", "isolated", "--jobs", jobs,
       "--svg", t.folder / "times.svg", "--progress")
found = rows(jobs)
equal = sum(float(r["end_s"]) - arrivals[r["job"]] == expected[r["policy"], r["job"]] for r in found)
t.check((equal, len(found)) == (192, 192), f"{equal} of {len(found)} jobs are as published")
for name in ("times.svg", "times-utilisation.svg"):
    t.check("</svg>" in (t.folder / name).read_text(), f"{name} is no picture")
both = [json.dumps(rows(jobs)) for _ in range(2) if t.good(*gavel, "--seed", 3, "--speed-noise", 0.2, "--drift", "v100=0.5@20000",
                                                           "--speeds-known", "learned", "--policy", "max_min_fairness_perf", "--jobs", jobs)]
t.check(both[0] == both[1], "the same seed gives other jobs")

t.check("a row for each GPU, by model" in (t.folder / "times-gantt-isolated.svg").read_text(), "rounds have a picture of who is where")

# Energy: unknown without a table, or with one that leaves a model out.
watts = "part,model,idle_watts,full_watts,milli_per_package\n"
energy = {}
for name, text in {"none": None, "partly": "gpu,v100,50,300,\ngpu,k80,25,150,\n", "all": "gpu,v100,50,300,\nother_gpu,,25,150,\n",
                   "flat": "other_gpu,,100,100,\n"}.items():
    flags = [] if text is None else ["--power", t.write(f"{name}.csv", watts + text)]
    said = t.good(*gavel, "--policy", "fifo_perf", "--json", out, *flags).stdout
    energy[name] = json.loads(out.read_text())["policies"]["fifo_perf"]
    t.check(("kWh" in said) == (text is not None) and ("unknown" in said) == (name == "partly"), said)
t.check(energy["none"]["energy_kwh"] is None and energy["partly"]["energy_kwh"] is None, f"unknown energy is null: {energy}")
# 48 GPUs of 100 W, busy or not, from the first arrival to the last end.
flat = energy["flat"]
t.check(abs(flat["energy_kwh"] - 4.8 * flat["makespan_s"] / 3600) < 1e-6 * flat["energy_kwh"], f"{flat}")
t.check(abs(flat["joules_a_job"] * flat["jobs"] - 3.6e6 * flat["energy_kwh"]) < 1.0 and energy["all"]["energy_kwh"] > 0, f"{flat}")

# A scheduler on nodes; an event log.
philly = t.write("philly.csv", "submit_s,duration_s,gpus\n0,100,1\n5,200,16\n6,10,2\n")
nodes = t.source / "benchmarks/data/openb/openb_node_list_gpu_node.csv"
t.good("simulate", "--format", "philly", "--trace", philly, "--nodes", nodes, "--arrivals", 2000, "--load", 0.5, "--json", out, "--svg",
       t.folder / "fleet.svg", "--power", t.source / "benchmarks/data/openb/power_watts.csv")
t.check("6212 GPUs; a row for every 10 nodes" in (t.folder / "fleet-gantt-berth.svg").read_text(), "a large fleet is drawn by nodes")
fleet = json.loads(out.read_text())["policies"]
t.check(fleet["berth"]["energy_kwh"] > 0 and fleet["count"]["energy_kwh"] is None, f"energy of a fleet: {fleet}")
t.check(fleet["berth"]["jobs"] == 2000 and fleet["count"]["events"] == 4000, f"fleet: {fleet}")
t.good("simulate", "--format", "philly", "--trace", philly, "--cluster", "2x8", "--steps-known", "no")
log = t.write("log.jsonl", "".join(json.dumps(e) + "\n" for e in [
    {"event": "node", "time": 0, "node": "a", "gpus": [{"gpu": "g0"}, {"gpu": "g1"}]},
    {"event": "job", "time": 0, "job": "x", "gpus": 2, "work": 100},
    {"event": "job", "time": 5, "job": "y", "gpus": 1, "duration": 50},
    {"event": "finish", "time": 20, "job": "x"}]))
t.good("simulate", "--format", "events", "--trace", log, "--jobs", jobs, "--json", out, "--power", t.write("w.csv", watts + "other_gpu,,36,360,\n"))
# x holds both GPUs for 100 s, y one for 50 s.
logged = next(iter(json.loads(out.read_text())["policies"].values()))
t.check(abs(3.6e6 * logged["energy_kwh"] - (2 * 100 * 360 + 50 * 360 + 50 * 36)) < 1e-3, f"energy of a log: {logged}")
t.check([(r["job"], r["end_s"]) for r in rows(jobs)] == [("x", "100"), ("y", "150")], "a log's jobs end by their work")

# An interrupted run keeps what is finished.
running = subprocess.Popen([t.program, *map(str, ["simulate", "--format", "philly", "--trace", philly, "--nodes", nodes, "--arrivals", 3_000_000,
                                                  "--policy", "count", "berth", "srsf", "--json", out])],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=t.folder)
first = [running.stdout.readline() for _ in range(3)]
running.send_signal(signal.SIGINT)
running.communicate(timeout=120)
t.check(running.returncode == 130 and "count" in json.loads(out.read_text())["policies"], f"interrupted: {running.returncode}, {first}")

muri = "job_id,num_gpu,submit_ms,iterations,model,iteration_ms\n"
bad = t.write("bad.csv", muri + "0,1,0,10,bert,-1\n")
wide = t.write("wide.csv", muri + "0,12,0,10,bert,100\n")
for arguments, pieces in [
        (["--trace", bad], ["bad.csv:2", "iteration_ms"]),
        (["--trace", wide], ["job 0", "12"]),
        (["--trace", t.folder / "nowhere.csv"], ["nowhere.csv"]),
        (["--trace", data / "muri_trace3.csv.xz", "--select", "trace9"], ["trace9", "trace3"]),
        (["--trace", data / "muri_trace3.csv.xz", "--policy", "srpt"], ["srpt", "srsf"]),
        (["--trace", data / "muri_trace3.csv.xz", "--cluster", "v100:8"], ["--cluster"]),
        (["--trace", data / "muri_trace3.csv.xz", "--rules", "gavel"], ["--rules gavel"]),
        (["--trace", data / "muri_trace3.csv.xz", "--json", t.folder / "no/such/folder.json"], ["folder.json"]),
        (["--format", "swf", "--trace", bad], ["--format"]),
        (["--trace", data / "muri_trace3.csv.xz", "--power", t.write("badw.csv", watts + "gpu,v100,5,1,\n")], ["badw.csv:2", "idle_watts"]),
        (["--format", "gavel", "--trace", data / "gavel_trace.csv.xz"], ["--speeds"]),
        (["--format", "philly", "--trace", philly, "--arrivals", "0"], ["--arrivals"]),
        (["--format", "events", "--trace", t.write("bad.jsonl", '{"event": "job"}\n')], ["bad.jsonl:1"]),
        ([*gavel[1:], "--drift", "v100=0@5"], ["--drift"]),
        ([*gavel[1:], "--drift", "a100=0.5@5"], ["a100"]),
        ([*gavel[1:], "--cluster", "v100:8,a100:8"], ["a100"]),
        ([*gavel[1:], "--speed-table", "other"], ["other", "physical"]),
        ([*gavel[1:], "--rules", "muri"], ["--rules muri"]),
]:
    done = t.run("simulate", *arguments)
    t.check(done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and all(str(p) in done.stderr for p in pieces),
            f"{arguments}: exit code {done.returncode}, stderr {done.stderr!r}")
t.finish()
