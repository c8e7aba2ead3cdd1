#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""berth-bench place: good and bad arguments, the files it writes, Ctrl-C."""
import json
import xml.etree.ElementTree

from program import Checks

t = Checks()
NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
nodes = t.write("nodes.csv", NODES + "n0,64000,262144,2,P100\nn1,96000,393216,8,G2\nn2,32000,1000,0,\n")
pods = t.write("pods.csv", PODS + "p0,8000,1000,1,500,\np1,8000,1000,2,1000,\np2,8000,1000,0,0,\np3,4000,10,1,1000,P100\n"
                                  "p4,9000,10,8,1000,\np5,1,999999,0,0,\n")
order = t.write("order.txt", "7\n0\n1\n2\n3\n4\n5\n0\n2\n1\n0\n")
given = ["place", "--nodes", nodes, "--pods", pods, "--order", order]

# ---- help ------------------------------------------------------------------------------------------------------------
t.check("place" in t.good("--help").stdout, "--help names the subcommands")
t.check("--replicate" in t.good("place", "--help").stdout, "place --help names its options")
t.check(t.good("--version").stdout.strip().count(".") == 2, "--version prints a version")

# ---- results ---------------------------------------------------------------------------------------------------------
json_file, svg_file = t.folder / "out.json", t.folder / "out.svg"
csv_file, why_file = t.folder / "placed.csv", t.folder / "why.csv"
done = t.good(*given, "--policy", "best_fit", "--json", json_file, "--svg", svg_file, "--placements", csv_file,
              "--why-not", why_file)
t.check("1 nodes without GPUs left out" in done.stdout, "nodes without GPUs are mentioned")
results = json.loads(json_file.read_text())
t.check(list(results["policies"]) == ["best_fit"], "JSON: the policies that were run")
policy = results["policies"]["best_fit"]
arrived = ["80", "90", "95", "100", "105", "110", "115", "120", "125", "130"]
for key in ("unallocated_percent", "fragmentation_percent"):
    t.check(list(policy[key]) == arrived, f"JSON: {key} is keyed by arrived percent")
t.check(policy["rejected"] == 2, f"JSON: rejected is {policy['rejected']}")
t.check(policy["allocated_milli"] == 500 + 2000 + 1000 + 500, f"JSON: allocated_milli is {policy['allocated_milli']}")
t.check(policy["accepted_by_class"] == {"cpu": 1, "share": 2, "1": 1, "2": 1, "4": 0, "8": 0, "other": 0},
        f"JSON: accepted_by_class is {policy['accepted_by_class']}")
t.check(policy["placements_per_second"] > 0, "JSON: placements_per_second")
t.check(isinstance(results["default_policy"], str), "JSON: default_policy")

placed = csv_file.read_text().splitlines()
t.check(len(placed) == 7, "placements: one row for each arrival, no header")
t.check([row.split(",")[0] for row in placed] == ["p0", "p1", "p2", "p3", "p4", "p5", "p0"], "placements: arrival order")
t.check([row.split(",")[1] for row in placed][4:6] == ["-", "-"], "placements: rejected arrivals")
t.check(placed[1].split(",")[2].count("-") == 1, "placements: GPUs joined by -")

why = [row.split(",") for row in why_file.read_text().splitlines()]
t.check(len(why) == 3, "why-not: a header and a row for each rejected arrival")
column = {name: i for i, name in enumerate(why[0])}
t.check([why[1][column["arrival"]], why[1][column["pod"]]] == ["4", "p4"], "why-not: arrival and pod")
t.check(int(why[1][column["whole_gpus"]]) >= 1, "why-not: p4 lacks whole GPUs")
t.check(why[2][column["memory_mib"]] == "2", "why-not: p5 lacks memory everywhere")
t.check(why[2][column["nearest_reason"]] == "memory_mib", "why-not: the nearest miss of p5")
t.check(int(why[2][column["missing"]]) == int(why[2][column["wanted"]]) - int(why[2][column["available"]]),
        "why-not: missing is wanted - available")

svg = xml.etree.ElementTree.parse(svg_file).getroot()
t.check(svg.tag == "{http://www.w3.org/2000/svg}svg", "SVG: well-formed")
texts = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
t.check("best_fit" in texts, "SVG: the curve is named")

# ---- GPU memory ------------------------------------------------------------------------------------------------------
large = t.write("large.csv", NODES.replace("model", "model,gpu_memory_mib") +
                "a,64000,262144,1,A100,81920\nb,64000,262144,1,T4,16384\n")
asked = t.write("asked.csv", PODS.replace("gpu_spec", "gpu_memory_mib") +
                "p0,1000,1000,1,500,12288\np1,1000,1000,1,500,73728\np2,1000,1000,1,0,4096\n")
in_turn = t.write("in_turn.txt", "3\n0\n1\n2\n2\n0\n1\n")
memory = ["place", "--nodes", large, "--pods", asked, "--order", in_turn, "--json", json_file, "--no-progress"]
t.good(*memory, "--policy", "scarcity", "--placements", csv_file)
hosts = [row.split(",")[1] for row in csv_file.read_text().splitlines()]
t.check(hosts[:2] == ["b", "a"], f"12 GiB leave the A100 to 72 GiB: {hosts}")
seen = json.loads(json_file.read_text())
t.check((seen["gpu_memory"], seen["policies"]["scarcity"]["rejected"]) == ("seen", 0), "JSON: GPU memory is seen")
t.good(*memory, "--policy", "best_fit")
t.check(json.loads(json_file.read_text())["policies"]["best_fit"]["rejected"] == 0, "best_fit sees it as well")
t.good(*memory, "--policy", "best_fit", "--hide-gpu-memory")
blind = json.loads(json_file.read_text())
t.check((blind["gpu_memory"], blind["policies"]["best_fit"]["rejected"]) == ("hidden", 1),
        "JSON: GPU memory is hidden, 72 GiB fit nowhere")
t.check("rejected_at_100" in blind["policies"]["best_fit"], "JSON: rejected_at_100")
t.good(*memory)
t.check("fgd_naive" not in json.loads(json_file.read_text())["policies"], "all policies: not the one without GPU memory")
t.bad([*memory, "--policy", "fgd_naive"], "does not know GPU memory", "large.csv")
short = t.write("short.csv", NODES.replace("model", "model,gpu_memory_mib") + "a,64000,262144,1,A100,80 GiB\n")
t.bad(["place", "--nodes", short, "--pods", asked], 'short.csv:2: field "gpu_memory_mib"')

t.good(*given, "--policy", "fgd", "--policy", "fgd_naive", "--placements", csv_file)
several = [t.folder / "placed.fgd.csv", t.folder / "placed.fgd_naive.csv"]
t.check(all(path.exists() for path in several), "placements: one file for each of several policies")
t.check(several[0].read_text() == several[1].read_text(), "fgd and fgd_naive place alike")

first = t.good("place", "--nodes", nodes, "--pods", pods, "--seed", "3", "--policy", "fgd", "--placements", csv_file)
again = csv_file.read_text()
t.good("place", "--nodes", nodes, "--pods", pods, "--seed", "3", "--policy", "fgd", "--placements", csv_file)
t.check(csv_file.read_text() == again, "same seed, same placements")
t.check("(2 copies of the list)" in t.good(*given, "--policy", "fgd", "--replicate", "2").stdout, "--replicate")

crlf = t.write("crlf.csv", b"\xef\xbb\xbf" + (t.folder / "pods.csv").read_bytes().replace(b"\n", b"\r\n"))
t.good("place", "--nodes", nodes, "--pods", crlf, "--order", order, "--policy", "best_fit")

# ---- the project's own trace -------------------------------------------------------------------------------------------
own = t.source / "benchmarks/data/openb"
done = t.good("place", "--policy", "fgd", "--policy", "best_fit", "--placements", csv_file, "--json", json_file)
for name, golden in (("fgd", "golden_fgd_default_42.csv"), ("best_fit", "golden_bestfit_default_42.csv")):
    written = (t.folder / f"placed.{name}.csv").read_bytes()
    t.check(written == (own / golden).read_bytes(), f"{name}: placements equal {golden}")
curve = json.loads(json_file.read_text())["policies"]["fgd"]["unallocated_percent"]
t.check(curve["100"] == 4.86 and curve["130"] == 4.71, f"fgd on the default trace: {curve}")
t.check("published" in done.stdout, "the published table is printed beside")

done = t.good("place", "--nodes", nodes, "--policy", "best_fit")
t.check("seed 42" in done.stdout, "--nodes without --pods: own tasks, by seed")
t.check("  published" not in done.stdout, "--nodes without --pods: nothing was published for these nodes")
few = t.write("openb_pod_list_default.csv", PODS + "p0,8000,1000,1,500,\np1,8000,1000,2,1000,\n")
done = t.good("place", "--pods", few, "--policy", "best_fit", "--inflate", "0.1")
t.check("1213 nodes with 6212 GPUs" in done.stdout, "--pods without --nodes: the project's nodes")
t.check("  published" in done.stdout, "--pods without --nodes: published beside")
t.check("seed 42" in t.good("place", "--pods", few, "--policy", "best_fit").stdout, "--pods without --nodes: order by seed")
done = t.good("place", "--nodes", nodes, "--pods", few, "--policy", "best_fit")
t.check("  published" not in done.stdout, "a foreign fleet has no published rows, whatever the tasks are called")

watts = t.write("watts.csv", "part,model,idle_watts,full_watts,milli_per_package\nother_gpu,,0,1,\ncpu_package,,0,0,1\n")
t.good(*given, "--policy", "pwr", "--power", watts, "--json", json_file)
used = json.loads(json_file.read_text())["policies"]["pwr"]
t.check(used["power_watts"] == used["gpus_in_use"], f"--power: {used['power_watts']} W of {used['gpus_in_use']} GPUs")
t.bad([*given, "--power", t.write("w.csv", "part,model,idle_watts,full_watts,milli_per_package\ngpu,T4,-1,2,\n")],
      "w.csv:2", '"idle_watts"', "-1")

# ---- bad usage -----------------------------------------------------------------------------------------------------------
t.bad(["plaice"], "plaice")
t.bad(["place", "--no-such-option"], "--no-such-option")
t.bad(["place", "extra"], "extra")
t.bad([*given, "--policy", "wishful"], "wishful", "best_fit")
t.bad([*given, "--policy"], "--policy")
t.bad([*given, "--seed", "1"], "--seed", "--order")
t.bad([*given, "--inflate", "1.2"], "--order")
t.bad(["place", "--inflate", "0"], "--inflate")
t.bad(["place", "--inflate", "nan"], "--inflate")
t.bad(["place", "--seed", "-1"], "--seed")
t.bad(["place", "--seed", "many"], "--seed")
t.bad([*given, "--replicate", "0"], "--replicate")
t.bad([*given, "--replicate", "1000000"], "--replicate")

# ---- bad files -----------------------------------------------------------------------------------------------------------
t.bad(["place", "--nodes", "/no/such.csv"], "/no/such.csv", "no such file")
t.bad(["place", "--pods", str(t.folder)], "directory")
t.bad(["place", "--nodes", nodes, "--pods", pods, "--order", "/no/such.txt"], "/no/such.txt")
t.bad([*given, "--json", "/no/such/folder/out.json"], "/no/such/folder/out.json", "folder")
t.bad([*given, "--svg", str(t.folder)], "directory")
t.bad(["place", "--nodes", pods, "--pods", pods], "pods.csv:1", '"sn"')
t.bad(["place", "--nodes", t.write("a.csv", ""), "--pods", pods], "a.csv:1", "empty")
t.bad(["place", "--nodes", t.write("a.csv", NODES + "x,-1,1,1,T4\n"), "--pods", pods], "a.csv:2", '"cpu_milli"', "-1")
t.bad(["place", "--nodes", t.write("a.csv", NODES + "x,1,1,65,T4\n"), "--pods", pods], "a.csv:2", '"gpu"', "64")
t.bad(["place", "--nodes", t.write("a.csv", NODES + "x,1,1,1,T4\nx,1,1,1,T4\n"), "--pods", pods], "a.csv:3", '"sn"')
t.bad(["place", "--nodes", nodes, "--pods", t.write("a.csv", PODS + "x,1,1,1,1000,H900\n")], "a.csv:2", '"gpu_spec"', "H900")
t.bad(["place", "--nodes", nodes, "--pods", t.write("a.csv", PODS + 'x,1,"1\n",1,1000,\n')], "a.csv:2", '"memory_mib"')
t.bad(["place", "--nodes", nodes, "--pods", t.write("a.csv", PODS + "x,nan,1,1,1000,\n")], "a.csv:2", '"cpu_milli"', "nan")
t.bad(["place", "--nodes", nodes, "--pods", t.write("a.csv", b"\0\1\2\3")], "a.csv:1", "NUL")
t.bad(["place", "--nodes", nodes, "--pods", pods, "--order", t.write("o.txt", "1\n99\n2\n1\n0\n")], "o.txt:2", "arrival 0", "99")

# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------------
out, err = t.interrupted("place", "--policy", "fgd_naive", "--replicate", "8", "--json", json_file, seconds=2)
t.check("Interrupted" in out and "fgd_naive" in out, "Ctrl-C: what was reached is printed")
stopped = json.loads(json_file.read_text())["policies"]["fgd_naive"]
t.check(stopped["stopped"] is True and stopped["unallocated_percent"]["130"] is None, "Ctrl-C: the JSON says so")

t.finish()
