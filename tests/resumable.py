"""Training runs to be killed: python tests/resumable.py FOLDER, by test_training.py."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite import training

STEPS, CHUNK, RATE, WARMUP = 60, 6, 0.05, 5
DATA = (np.linspace(-1, 1, 32, dtype=np.float32)[:, None], np.arange(32))


def model():
    return nnx.Linear(1, 3, rngs=nnx.Rngs(0))


def loss(model, batch, key):
    x, rows = batch
    noise = jax.random.normal(key, x.shape)
    return jnp.mean((model(x + 0.1 * noise) - jnp.sin(rows)[:, None]) ** 2)


def options(directory=None, **others):
    """Those of ``training.fit`` and ``training.steps``."""
    rates = {"warmup": WARMUP, "learning_rate": RATE}
    run = {"steps": STEPS, "batch": 8, "chunk": CHUNK, "recipe": "a line"}
    return {"directory": directory} | rates | run | others


def run(directory=None, steps=STEPS, loss=loss, **others):
    return training.fit(model(), loss, DATA, bar=False, **options(directory, steps=steps, **others))


def torn(saves: int, share: float):
    """``Path.write_bytes``, killed after ``share`` of the bytes of the state's save ``saves``.

    A share above 1 means that all bytes are written and the kill strikes right after.
    """
    write_bytes, left = Path.write_bytes, [saves]

    def write(path: Path, body: bytes) -> int:
        if not path.name.startswith("state."):
            return write_bytes(path, body)
        if left[0] == 0:
            write_bytes(path, body[: int(share * len(body))])
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        time.sleep(0.02)  # so that a run outlasts all its kills
        return write_bytes(path, body)

    return write


def main():
    """For each line of standard input, [steps, saves, share], a run that saves every chunk.

    It is a fork of this process, which has imported everything and started no thread, and so is
    there at once. Its process id goes to standard output, and then how it ended.
    """
    for line in sys.stdin:
        steps, saves, share = json.loads(line)
        child = os.fork()
        if child == 0:
            Path.write_bytes = torn(saves, share)
            run(sys.argv[1], steps=steps, save_every=0.0)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
