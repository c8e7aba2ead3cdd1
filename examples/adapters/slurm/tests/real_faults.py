# SPDX-License-Identifier: Apache-2.0
"""Over a real Slurm, what goes wrong: real_faults.py TEST."""
import collections
import os
import random
import re
import signal
import time

from real_slurm import Trial, check_no_gpu_twice, main

METRIC = "DCGM_FI_DEV_GPU_TEMP{{gpu=\"{0}\",UUID=\"GPU-{1}-{0}\",Hostname=\"{1}\"}} {2}\n"


class Heat:
    """The file of an exporter: all GPUs of some nodes are hot, but one, so that no node is drained as a whole."""

    def __init__(self, trial):
        self.trial = trial
        self.file = trial.slurm.folder / "metrics"
        self.set()
        trial.berth.options += ["--metrics", self.file, "--temperature", "90"]

    def set(self, *hot, keep_one=True):
        lines = []
        for node in self.trial.slurm.names:
            for i in range(self.trial.slurm.gpus):
                cool = node not in hot or (keep_one and i == self.trial.slurm.gpus - 1)
                lines.append(METRIC.format(i, node, 50 if cool else 95))
        fresh = self.file.with_suffix(".new")
        fresh.write_text("".join(lines))
        fresh.rename(self.file)


def no_holders(trial):
    held = [r.id for r in trial.records().values()
            if r.comment.startswith("berth-hold") and r.state in ("RUNNING", "PENDING", "SUSPENDED")]
    assert not held, f"holders stay: {held}"


def node_down():
    """A node is set to DOWN: its jobs start elsewhere; it comes back and is used again."""
    with Trial(nodes=3, gpus=4) as t:
        t.berth.start()
        jobs = [t.submit("--gres=gpu:2") for _ in range(4)]
        records = t.wait("they start", lambda r: all(r[i].state == "RUNNING" for i in jobs))
        t.settle()
        node = next(iter(records[jobs[0]].places))
        there = [i for i in jobs if node in records[i].places]
        t.slurm.kill(f"slurmd-{node}")  # or it would report itself as well again
        t.slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        records = t.wait("they start elsewhere",
                         lambda r: all(r[i].state == "RUNNING" and node not in r[i].places for i in there))
        check_no_gpu_twice(records)
        assert all(records[i].restarts == 1 for i in there)
        more = [t.submit("--gres=gpu:4") for _ in range(1)]
        time.sleep(2)
        assert t.records()[more[0]].state == "PENDING"
        t.slurm.start_slurmd(node)
        records = t.wait("the node is used again", lambda r: node in r[more[0]].places)
        check_no_gpu_twice(records)
        t.settle()
        # slurmd of a node restarts under its jobs.
        t.slurm.kill(f"slurmd-{node}")
        t.slurm.start_slurmd(node)
        t.slurm.wait_for_nodes()
        records = t.records()
        assert all(records[i].state == "RUNNING" for i in jobs + more)
        t.settle()
        t.berth.stop()


def cancelled_in_move():
    """A job is cancelled by its user in the middle of a move."""
    with Trial("--save-seconds", "3", nodes=2, gpus=2) as t:
        heat = Heat(t)
        t.berth.start()
        job = t.submit("--gres=gpu:1", script="trap 'echo saved' USR1; sleep 3600 & wait; sleep 3600")
        records = t.wait("it starts", lambda r: r[job].state == "RUNNING")
        t.settle()
        node = next(iter(records[job].places))
        heat.set(node, keep_one=False)
        t.wait("its target is held", lambda r: any(x.comment == f"berth-hold:{job}:target" and x.state == "RUNNING"
                                                   for x in r.values()))
        t.slurm.run("scancel", str(job))
        t.wait("it is gone", lambda r: r[job].state == "CANCELLED")
        end = time.time() + 60
        while time.time() < end and any(r.comment.startswith("berth-hold") and r.state != "CANCELLED" for r in t.records().values()):
            time.sleep(0.2)
        no_holders(t)
        status = t.settle()
        assert str(job) not in status["jobs"]
        heat.set()
        again = [t.submit("--gres=gpu:2") for _ in range(2)]
        records = t.wait("all GPUs can be used", lambda r: all(r[i].state == "RUNNING" for i in again))
        check_no_gpu_twice(records)
        t.berth.stop()


def started_by_slurm():
    """Slurm itself starts something that berth does not know of: berth keeps off its GPUs."""
    with Trial(nodes=2, gpus=4) as t:
        t.berth.start()
        first = t.submit("--gres=gpu:1")
        t.wait("it starts", lambda r: r[first].state == "RUNNING")
        # Past the hook and past berth: an operator's job with a wish that is released by hand.
        t.berth.stop()
        taken = t.submit("--gres=gpu:3")
        t.slurm.run("scontrol", "update", f"jobid={taken}", "gres=gpu:i1:1,gpu:i2:1,gpu:i3:1")
        t.slurm.run("scontrol", "release", str(taken))
        records = t.wait("Slurm starts it", lambda r: r[taken].state == "RUNNING")
        mine = t.submit("-c", "3")
        t.wait("and one without a GPU", lambda r: r[mine].state == "RUNNING")
        t.berth.start()
        more = [t.submit("--gres=gpu:1") for _ in range(5)]
        records = t.wait("the rest is filled", lambda r: sum(r[i].state == "RUNNING" for i in more) == 4)
        used = check_no_gpu_twice(records)
        assert len(used) == 8
        t.settle()
        t.slurm.run("scancel", str(taken))
        records = t.wait("its room is used", lambda r: all(r[i].state == "RUNNING" for i in more))
        check_no_gpu_twice(records)
        t.settle()
        t.berth.stop()


def outcomes(trial):
    """How the moves have ended, by what all the berths have said; one that was killed before it said so is left out."""
    log = trial.berth.log.read_text()
    return collections.Counter(re.findall(r"the move of job \d+ from \w+ to \w+ is (\w+)", log))


def scripts_on_nodes(trial, jobs):
    """On how many nodes there is a script of each job."""
    found = {i: 0 for i in jobs}
    for name in trial.slurm.names:
        for file in (trial.slurm.folder / "spool" / name).glob("job*"):
            number = int(file.name[3:8]) if file.name[3:8].isdigit() else 0
            if number in found and (file / "slurm_script").exists():
                found[number] += 1
    return found


def moves(count="100"):
    """Migrations by requeue, with berth killed at random points and slurmctld killed three times: no job is lost, none
    runs twice, and in the end berth's cluster equals Slurm's."""
    wanted = int(os.environ.get("BERTH_SLURM_MOVES", count))
    rng = random.Random(int(os.environ.get("BERTH_SEED", "1")))
    with Trial(nodes=8, gpus=4, period=0.1) as t:
        heat = Heat(t)
        # Whole GPUs: a slurmctld that was killed starts jobs on shards before it knows the types again.
        jobs = [t.submit("--gres=gpu:1") for _ in range(14)]
        t.berth.start()
        t.wait("all start", lambda r: all(r[i].state == "RUNNING" for i in jobs))
        t.settle()
        time.sleep(8)  # slurmctld saves within some seconds; what it has not saved a kill may lose
        kills = 0
        ctld_kills = 0
        begun = time.time()
        records = t.jobs()
        while outcomes(t)["done"] < wanted and time.time() < begun + 1500:
            busy = sorted({n for i in jobs for n in records[i].places})
            heat.set(*rng.sample(busy, min(2, len(busy))))
            done = outcomes(t)["done"]
            end = time.time() + rng.uniform(0.5, 3.0)
            while time.time() < end:
                time.sleep(rng.uniform(0.05, 0.6))
                if rng.random() < 0.35:
                    t.berth.stop(signal.SIGKILL)
                    kills += 1
                    time.sleep(rng.uniform(0.0, 0.3))
                    t.berth.start()
            if ctld_kills < 3 and done >= wanted * (ctld_kills + 1) / 4:
                t.slurm.kill("slurmctld", signal.SIGKILL)
                ctld_kills += 1
                time.sleep(rng.uniform(0.2, 1.0))
                t.slurm.start_ctld()
                t.slurm.wait_for_nodes()
            records = t.jobs()
            check_no_gpu_twice(records)
        heat.set()
        assert ctld_kills == 3
        records = t.wait("all run again", lambda r: all(i in r and r[i].state == "RUNNING" for i in jobs), 180)
        status = t.settle()
        check_no_gpu_twice(records)
        no_holders(t)
        # None runs twice and none is missing, by the processes themselves. A job that slurmctld takes for running, but no
        # node does (it was killed before it had said so), comes back once Slurm has noticed; a new one takes a moment.
        scripts = t.slurm.run("sh", "-c", "pgrep -fc 'sleep 3600$' || true").strip()
        steps = scripts_on_nodes(t, jobs)
        begin = time.time()
        while any(n == 0 for n in steps.values()) and time.time() < begin + 240:
            time.sleep(1)
            steps = scripts_on_nodes(t, jobs)
        missed = time.time() - begin
        assert all(n == 1 for n in steps.values()), f"scripts of jobs on nodes: {steps}, after {missed:.0f} s"
        if missed > 1:
            records = t.wait("all run again", lambda r: all(i in r and r[i].state == "RUNNING" for i in jobs), 180)
            check_no_gpu_twice(records)
            status = t.settle()
        restarts = sum(records[i].restarts for i in jobs)
        ended = outcomes(t)
        print(f"{ended['done']} moves done, others {dict(ended)}, {restarts} restarts of {len(jobs)} jobs, berth killed {kills} times, slurmctld {ctld_kills} times, "
              f"{time.time() - begun:.0f} s; scripts were missing for {missed:.0f} s; sleeping processes {scripts}; moves of the last berth: {status['moves']}")
        assert ended["done"] >= wanted
        t.berth.stop()


main(node_down=node_down, cancelled_in_move=cancelled_in_move, started_by_slurm=started_by_slurm, moves=moves)
