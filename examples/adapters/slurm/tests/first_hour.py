# SPDX-License-Identifier: Apache-2.0
"""The first hour of README.md, word for word but for the folder and the build: it ends with jobs where berth placed them."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from real_slurm import HERE, main, private_slurm


def first_hour():
    """Every command succeeds, and the jobs are where it says."""
    page = (HERE.parent / "README.md").read_text()
    hour = page[page.index("## The first hour"):page.index("## On your cluster")]
    build, *blocks = re.findall(r"```sh\n(.*?)```", hour, flags=re.S)
    assert "scripts/adapters build slurm" in build
    folder = tempfile.mkdtemp(prefix="berth-first-hour-")
    try:
        script = "".join(blocks).replace("/tmp/first-hour", folder)
        env = {**os.environ, "PATH": f"{pathlib.Path(os.environ['BERTH_SLURM']).parent}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-m", "-e"], input=script, env=env, text=True, cwd=HERE.parent, capture_output=True, check=False,
                              timeout=300)
        print(done.stdout)
        assert done.returncode == 0, done.stderr
        for wanted in ("JobHeldUser", "would pin job 1 to", "GRES=gpu:i0:1(IDX:0),gpu:i1:1(IDX:1)", "job 4: the task waits"):
            assert wanted in done.stdout, f"not said: {wanted}"
    finally:
        private_slurm.Slurm(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)


main(first_hour=first_hour)
