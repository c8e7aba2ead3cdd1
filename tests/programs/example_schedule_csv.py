#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/schedule_csv: what it prints, and how it refuses."""
from program import Checks

t = Checks()
TASKS = "name,data_size,complexity,output_size\n"
GPUS = "name,load,power,temp,max_load,max_temp\n"
tasks = t.write("tasks.csv", TASKS + "a,1,100,1\nb,2,300,1\nc,1,5000,1\n")
gpus = t.write("gpus.csv", GPUS + "g0,0,50,30,1000,90\ng1,500,100,50,1000,90\n")

done = t.good(tasks, gpus)
rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()}
t.check(rows["a"][-1] == "g0" and rows["b"][-1] == "g0", "tasks go to the least loaded GPU")
t.check(rows["c"][-1] == "none", "a task that no GPU admits has no GPU")
t.check(rows["g0"][1:4] == ["0.0", "400.0", "1000.0"], "loads before, after, at most")
t.check(rows["g0"][4:8] == ["50.0", "90.0", "30.0", "46.0"], "power and temperature before and after")
t.check("2 of 3 tasks placed" in done.stdout and "c wants 5000.0 GFLOP" in done.stdout, "why c was left out")

t.check("10 tasks placed" in t.good().stdout, "without arguments: the samples")
other = t.write("other.csv", "id,data_size,complicity,output_size\nx,1,2,3\n")
t.check("complicity" not in t.good(other, gpus).stderr, "the article's spelling")

# ---- the steps after the placement ---------------------------------------------------------------------------------
t.check("balance: not even all GPUs together have room for c" in done.stdout, "c is not split in part")
worked = t.write("worked.csv", TASKS + "whole,100,5000,0\n")
four = t.write("four.csv", GPUS + "".join(f"g{i},0,300,30,2000,90\n" for i in range(4)))
lines = t.good(worked, four).stdout.splitlines()
t.check([f"balance: 1250.0 GFLOP of whole to g{i}" for i in range(4)] == [line for line in lines if line.startswith("balance")],
        "5000 GFLOP do not fit on one GPU, and are split over four")
t.check(all(f"then: g{i} has 1250.0 of at most 2000.0 GFLOP to do, done after 62.5 s" in lines for i in range(4)), "62.5 s")
lines = t.good("--fault", "g2", "--after", "25", worked, four).stdout.splitlines()
t.check("hot-migrate: g2 fails after 25.0 s" in lines, "the fault is printed")
for i in (0, 1, 3):
    t.check(f"hot-migrate: 250.0 GFLOP of whole from g2 to g{i}" in lines, "750 GFLOP are split over three")
    t.check(f"then: g{i} has 1000.0 of at most 2000.0 GFLOP to do, done after 50.0 s" in lines, "50 s more")
t.check("then: g2 has 0.0 of at most 2000.0 GFLOP to do, done after 0.0 s" in lines, "nothing is left on g2")
fixed = t.write("fixed.csv", "name,data_size,complexity,output_size,divisible\nwhole,100,5000,0,0\nsmall,1,400,0,0\n")
lines = t.good("--fault", "g0", fixed, four).stdout.splitlines()
t.check(not any(line.startswith("balance") for line in lines), "a task that may not be split is not")
t.check("hot-migrate: 400.0 GFLOP of small from g0 to g1" in lines, "it moves whole")
over = t.write("over.csv", GPUS + "g0,1500,300,30,1000,90\ng1,0,300,30,1000,90\n")
lines = t.good(t.write("one.csv", TASKS + "a,1,100,1\n"), over).stdout.splitlines()
t.check(any(line.startswith("balance: ") and "what was on g0 from g0 to g1" in line for line in lines),
        "load that was there leaves a GPU over its limit")
t.bad(["--fault", "g9", tasks, gpus], "g9")
t.bad(["--fault", "g0", "--after", "soon", tasks, gpus], "--after")
t.bad(["--fault"], "--fault")

# ---- readings as the scheduler takes them ---------------------------------------------------------------------------
few = t.write("few.csv", TASKS + "a,1,100,1\nb,1,100,1\n")


def gpu_of(done):
    return {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines() if line.split()[:1] in (["a"], ["b"])}


# The hot one is the idle one, and load does not warm here: its temperature alone keeps work away, and it gives none away.
hot = t.good(few, t.write("hot.csv", GPUS + "idle,0,50,90,1000,90\nbusy,600,100,50,1000,90\n"))
t.check(gpu_of(hot) == {"a": "busy", "b": "busy"}, "a GPU at its own limit takes nothing new")
split = t.good(worked, t.write("hot2.csv", GPUS + "idle,0,50,91,9000,90\nbusy,600,100,50,6000,90\n"))
t.check("of whole to idle" not in split.stdout and " to idle" not in split.stdout, "nor a part of a task")
blank = t.good(few, t.write("blank.csv", GPUS + "g0,,50,30,1000,90\ng1,500,[N/A],[Not Supported],1000,90\n"))
rows = {line.split()[0]: line.split() for line in blank.stdout.splitlines() if line.split()}
t.check(gpu_of(blank) == {"a": "g1", "b": "g1"}, "a GPU of unknown load attracts no work, one of unknown temperature does")
t.check(rows["g0"][1:4] == ["?", "?", "1000.0"] and rows["g1"][4:8] == ["?", "?", "?", "?"], "what is unknown is shown as ?")
bare = t.good(few, t.write("bare.csv", "name,load,max_load\ng0,900,1000\ng1,500,1000\n"))
t.check(gpu_of(bare) == {"a": "g1", "b": "g1"}, "columns of power and temperature may be missing")
no_most = t.write("no_most.csv", "name,load\ng0,0\n")
t.bad([few, no_most], "max_load", lines=None)
t.check("2 of 2 tasks placed" in t.good("--max-load", "1000", few, no_most).stdout, "--max-load stands in for a column")
smi = t.write("smi.csv", "uuid, name, utilization.gpu [%], power.draw [W], temperature.gpu\n"
              "GPU-1, L4, 90 %, 70.5 W, 60\nGPU-2, L4, 10 %, [N/A], 88\nGPU-3, L4, [N/A], 30 W, 40\n")
t.bad([few, smi], "--max-load", lines=None)
seen = t.good("--max-load", "1000", few, smi)
t.check(gpu_of(seen) == {"a": "GPU-2", "b": "GPU-2"}, "what nvidia-smi prints: loads are shares of --max-load")
seen = t.good("--max-load", "1000", "--max-temp", "85", few, smi)
t.check(gpu_of(seen)["a"] == "GPU-1" and "GPU-2" not in gpu_of(seen).values(), "--max-temp keeps work off the hot one")
t.bad(["--max-load", "none", few, smi], "--max-load")

bad = t.write("bad.csv", TASKS + "a,1,2,3\nb,-1,x,3\nc,1,2\na,1,2,3\nd,1,nan,1e999\n")
t.bad([bad, gpus], "bad.csv:3: field \"data_size\"", "bad.csv:3: field \"complexity\"", "bad.csv:4: field \"output_size\"",
      "bad.csv:5: field \"name\"", "bad.csv:6: field \"complexity\"", "bad.csv:6: field \"output_size\"", "6 problems", lines=7)
done = t.good("--skip-bad", bad, gpus)
t.check("1 of 1 tasks placed" in done.stdout, "--skip-bad schedules the other rows")
t.check("bad.csv:6" in done.stderr, "--skip-bad still reports")
t.bad([t.write("no.csv", "name,complexity\n"), gpus], "data_size", "output_size", lines=None)
t.bad([tasks, t.write("hot.csv", GPUS + "g,0,1,2,0,50\n")], "hot.csv:2", "max_load", lines=None)
t.bad([t.write("empty.csv", TASKS), gpus], "no task")
t.bad([t.write("nothing.csv", ""), gpus], "nothing.csv:1", "empty", lines=None)
t.bad(["/no/such.csv", gpus], "/no/such.csv", lines=None)
t.bad([tasks], "two files")
t.bad(["--frobnicate"], "--frobnicate")

t.finish()
