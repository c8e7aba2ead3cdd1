# SPDX-License-Identifier: Apache-2.0
"""Over a real Slurm, in a few seconds: real_short.py TEST. One slurmctld, a few slurmd."""
import time

from real_slurm import Trial, check_no_gpu_twice, decided_places, main


def starts():
    """Jobs of all shapes start on the nodes and GPU indices that berth has decided, and nowhere else."""
    with Trial(nodes=4, gpus=4) as t:
        sizes = [2, 1, 4, 1]
        wholes = [t.submit(f"--gres=gpu:{n}") for n in sizes]
        shared = [t.submit(f"--gres=shard:{n}") for n in (30, 60, 50)]
        gang = t.submit("-N2", "--gpus-per-node=1")
        big = t.submit("--gres=gpu:4", "-N4")  # does not fit beside the others
        refused = t.submit("--gres=gpu:i2:1")   # berth decides which
        own = t.submit("-c2")                   # Slurm's own: no GPU
        said = t.berth.say("--dry-run")
        assert said.returncode == 0 and f"would pin job {wholes[0]}" in said.stdout, said
        states = {r.state for i, r in t.records().items() if i != own}
        assert states == {"PENDING"}, f"a dry run has changed something: {states}"
        t.berth.start()
        ours = [*wholes, *shared, gang]
        records = t.wait("all start", lambda r: all(r[i].state == "RUNNING" for i in [*ours, own]))
        check_no_gpu_twice(records)
        decided = decided_places(t.berth.state)
        for i, n in zip(wholes, sizes):
            assert sum(len(g) for g in records[i].places.values()) == n
        for i in ours:
            got = {node: set(gpus) for node, gpus in records[i].places.items()}
            assert got == decided[i], f"job {i} got {got}, berth decided {decided[i]}"
        assert len(records[gang].places) == 2
        assert records[big].state == "PENDING" and records[refused].state == "PENDING"
        t.settle()
        why = t.berth.say("explain", str(big)).stdout
        assert "waits" in why and "gpu" in why.lower(), why
        assert "berth decides which GPU" in t.berth.say("explain", str(refused)).stdout
        assert "runs on" in t.berth.say("explain", str(gang)).stdout
        assert t.berth.say("explain", "4711").returncode == 1
        for i in wholes + shared:
            t.slurm.run("scancel", str(i))
        t.slurm.run("scancel", str(gang))
        t.wait("the wide job starts", lambda r: r[big].state == "RUNNING")
        assert t.records()[big].gpus == 16
        check_no_gpu_twice(t.records())
        t.berth.stop()


def preempts():
    """Jobs of low priority leave for one of higher priority, and start again when it has ended."""
    with Trial(nodes=2, gpus=2) as t:
        low = [t.submit("--nice=100", "--gres=gpu:1") for _ in range(4)]
        t.berth.start()
        t.wait("low ones start", lambda r: all(r[i].state == "RUNNING" for i in low))
        high = t.submit("--gres=gpu:2")
        records = t.wait("the high one starts", lambda r: r[high].state == "RUNNING")
        assert sum(records[i].state == "RUNNING" for i in low) == 2
        assert sum(records[i].restarts for i in low) == 2
        check_no_gpu_twice(records)
        t.slurm.run("scancel", str(high))
        records = t.wait("all start again", lambda r: all(r[i].state == "RUNNING" for i in low))
        check_no_gpu_twice(records)
        t.settle()
        t.berth.stop()


def cools():
    """A hot GPU takes nothing new and gives its job away; a hot node is drained in Slurm, and used again."""
    metrics = "DCGM_FI_DEV_GPU_TEMP{{gpu=\"{0}\",UUID=\"GPU-{1}-{0}\",Hostname=\"{1}\"}} {2}\n"
    with Trial("--temperature", "90", nodes=2, gpus=2) as t:
        file = t.slurm.folder / "metrics"

        def temperatures(**nodes):
            fresh = t.slurm.folder / "metrics.new"
            fresh.write_text("".join(metrics.format(i, n, c) for n, all in nodes.items() for i, c in enumerate(all)))
            fresh.rename(file)

        temperatures(n1=[50, 50], n2=[50, 50])
        t.berth.options += ["--metrics", file]
        t.berth.start()
        job = t.submit("--gres=gpu:1")
        records = t.wait("it starts", lambda r: r[job].state == "RUNNING")
        t.settle()
        (node, gpus), = records[job].places.items()
        index, = gpus
        hot = {"n1": [50, 50], "n2": [50, 50]}
        hot[node][index] = 95
        temperatures(**hot)
        records = t.wait("it moves away", lambda r: r[job].state == "RUNNING" and r[job].places != {node: gpus})
        assert records[job].restarts == 1
        t.settle()
        assert not any(r.comment.startswith("berth-hold") and r.state == "RUNNING" for r in t.records().values())
        (node, gpus), = t.records()[job].places.items()
        hot = {"n1": [50, 50], "n2": [50, 50], node: [95, 96]}
        temperatures(**hot)
        t.wait("it leaves the hot node", lambda r: r[job].state == "RUNNING" and node not in r[job].places)
        reasons = t.slurm.run("sinfo", "-h", "-R", "-o", "%E|%N")
        assert f"berth: temperature" in reasons and node in reasons, reasons
        temperatures(n1=[60, 60], n2=[60, 60])
        end = time.time() + 60
        while "berth" in t.slurm.run("sinfo", "-h", "-R", "-o", "%E|%N") and time.time() < end:
            time.sleep(0.2)
        assert "berth" not in t.slurm.run("sinfo", "-h", "-R", "-o", "%E|%N")
        t.settle()
        t.berth.stop()


main(starts=starts, preempts=preempts, cools=cools)
