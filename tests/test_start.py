"""A start costs little: nothing heavy is imported, and nothing is compiled that was before."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def told(code: str, **environment) -> str:
    """What a fresh Python prints."""
    settings = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT), **environment}
    call = [sys.executable, "-c", code]
    return subprocess.run(call, env=settings, check=True, capture_output=True, text=True).stdout


def test_models_load_without_what_only_pictures_need():
    """Drawing libraries and SciPy would double the time of the import."""
    code = """
import sys
from workshop_lite import checkpoints, samplers, training
print(*{"matplotlib", "ipywidgets", "PIL", "scipy"} & set(sys.modules))
"""
    assert told(code).split() == []


def test_a_warm_start_compiles_nothing(tmp_path):
    """With a cache on disk, the second process finds every program of a guided sampler in it."""
    code = """
import jax, jax.numpy as jnp
from flax import nnx
from workshop_lite import recipes, samplers, schedules
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name.split("/")[-1]))
denoise = Guided(recipes.RECIPES["fashion-cfg-weak"].build(nnx.Rngs(0)), null_labels, 2.0)
samplers.ddim(denoise, schedules.cosine, jnp.ones((2, 28, 28, 1)), jnp.arange(2), steps=3)
print(events.count("cache_hits"), events.count("cache_misses"))
"""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    cache["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    (_, misses), (hits, misses_again) = (map(int, told(code, **cache).split()) for _ in range(2))
    assert misses > 0 and hits >= misses and misses_again == 0
