#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench evaluate: the table, the JSON, bad arguments."""
import json

from program import Checks

t = Checks()
json_file = t.folder / "out.json"
paths = ["float loop", "scalar", "tiled", "tiled 64-bit", "threaded"]

t.check("evaluate" in t.good("--help").stdout, "--help names the subcommand")
t.check("--population" in t.good("evaluate", "--help").stdout, "evaluate --help names its options")

done = t.good("evaluate", "--tasks", "53", "--gpus", "7", "--population", "33", "--threads", "3", "--rounds", "2",
              "--json", json_file)
for path in paths:
    t.check(f"\n{path} " in done.stdout, f"the table has a row for {path}")
t.check("All paths gave the same values" in done.stdout, "the paths are compared")
results = json.loads(json_file.read_text())
t.check([results[key] for key in ("tasks", "gpus", "population", "threads", "seed", "rounds")] == [53, 7, 33, 3, 1, 2],
        "JSON: what was asked for")
t.check(results["gene_bits"] == 16 and results["word_bits"] == 32, "JSON: widths")
t.check(list(results["paths"]) == paths and results["baseline"] == paths[0], f"JSON: paths {list(results['paths'])}")
for name, path in results["paths"].items():
    t.check(path["genes_per_second"] >= path["genes_per_second_median"] > 0, f"JSON: genes per second of {name}")
    t.check(abs(path["genes_per_second"] / path["individuals_per_second"] - 53) < 1e-6, f"JSON: individuals of {name}")
    t.check(path["ratio"] > 0 and path["ratio_median"] > 0, f"JSON: ratios of {name}")
    t.check(path["clock"] == ("wall" if name == "threaded" else "cpu"), f"JSON: clock of {name}")
t.check(results["paths"][paths[0]]["ratio"] == 1, "JSON: the baseline is once itself")

t.good("evaluate", "--tasks", "1", "--gpus", "1", "--population", "1", "--rounds", "1")
t.good("evaluate", "--tasks", "3", "--gpus", "70000", "--population", "5", "--rounds", "1", "--seed", "9", "--json",
       json_file)
t.check(json.loads(json_file.read_text())["gene_bits"] == 32, "JSON: 32-bit genes beyond 65,535 GPUs")

t.bad(["evaluate", "--tasks", "0"], "--tasks")
t.bad(["evaluate", "--gpus", "0"], "--gpus")
t.bad(["evaluate", "--gpus", "many"], "--gpus")
t.bad(["evaluate", "--population", "-3"], "--population")
t.bad(["evaluate", "--threads", "0"], "--threads")
t.bad(["evaluate", "--seed", "-1"], "--seed")
t.bad(["evaluate", "--rounds", "0"], "--rounds")
t.bad(["evaluate", "--tasks", "100000", "--gpus", "100000"], "--tasks times --gpus", "100000000")
t.bad(["evaluate", "--tasks", "100000", "--population", "100000"], "--population", "500000000")
t.bad(["evaluate", "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json", "folder")
t.bad(["evaluate", "--device", "abacus"], "--device")
# Without CUDA, or with it and without a device; where there is one, its rows stand in the table.
tried = t.run("evaluate", "--device", "cuda", "--tasks", "53", "--gpus", "7", "--population", "33", "--rounds", "1")
if tried.returncode == 0:
    t.check("\ncuda " in tried.stdout and "\ncuda features " in tried.stdout, "the table has rows for the device")
    t.check("roofline" in tried.stdout, "the share of the roofline is shown")
else:
    t.check(tried.returncode == 2 and "--device cuda: " in tried.stderr, f"no device is said: {tried.stderr}")
    t.check("BERTH_WITH_CUDA=ON" in tried.stderr or "no device" in tried.stderr, f"and what to do: {tried.stderr}")
t.bad(["evaluate", "extra"], "extra")
t.bad(["evaluate", "--no-such-option"], "--no-such-option")

t.finish()
