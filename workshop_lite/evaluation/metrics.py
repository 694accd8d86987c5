"""How good are the samples? Measured in the features of a classifier, beside yardsticks.

A Fréchet distance means nothing alone: it depends on the features, on the number of images and
on what they are compared with. So every score carries its N, and stands beside real images.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Integer

from workshop_lite import checks

Images = Float[ArrayLike, "_ h w c"]
Features = Float[ArrayLike, "_ d"]  # any number of images


def frechet(a: Features, b: Features) -> float:
    """Squared Fréchet distance of two fitted Gaussians; Heusel et al. (2017), Eq. 6."""
    a, b = (np.asarray(_features(*side), np.float64) for side in (("a", a), ("b", b)))
    _of_one_width(a, b)
    cov_a, cov_b = (np.atleast_2d(np.cov(x.T)) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    gap = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return max(float(gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross), 0.0)


def precision_recall(real: Features, fake: Features, k: int = 3) -> tuple[float, float]:
    """Share of fakes among the reals, and of reals among the fakes.

    "Among" means closer to some point than that point's k-th neighbour of its own kind;
    Kynkäänniemi et al. (2019), Eqs. 1 and 2.
    """
    checks.whole("k", k)
    real, fake = _features("real", real, k + 1), _features("fake", fake, k + 1)
    _of_one_width(real, fake)
    apart = _distances(real, fake)
    reach_real = np.sort(_distances(real, real), axis=1)[:, k]  # column 0 is the point itself
    reach_fake = np.sort(_distances(fake, fake), axis=1)[:, k]
    precision = (apart <= reach_real[:, None]).any(axis=0).mean()
    recall = (apart <= reach_fake[None, :]).any(axis=1).mean()
    return float(precision), float(recall)


def nearest(
    images: Images, real: Images, batch: int = 100
) -> tuple[Float[np.ndarray, " n"], Integer[np.ndarray, " n"]]:
    """Distance to the nearest real image, root mean square of pixels, and which one it is."""
    checks.whole("batch", batch)
    images, real = (checks.images(*side) for side in (("images", images), ("real", real)))
    if images.shape[1:] != real.shape[1:]:
        raise ValueError(f"images and real must be of one size, got {images.shape}, {real.shape}")
    a, b = (_wide(x).reshape(len(x), -1) for x in (images, real))
    parts = [_distances(a[i : i + batch], b) for i in range(0, len(a), batch)]
    which = np.concatenate([part.argmin(1) for part in parts])
    far = np.concatenate([part.min(1) for part in parts])
    return far / np.sqrt(a.shape[1]), which


def psnr(images: Images, real: Images) -> Float[np.ndarray, " n"]:
    """Peak signal to noise of each image in [-1, 1], in decibels; 100 and more count as 100."""
    a, b = _pair(images, real)
    square = (a - b) ** 2
    return -10 * np.log10(np.maximum(square.mean(axis=(1, 2, 3)) / 4, 1e-10))


def ssim(images: Images, real: Images) -> Float[np.ndarray, " n"]:
    """Structural similarity of each image in [-1, 1], 1 where equal; Wang et al. (2004)."""
    from skimage.metrics import structural_similarity

    a, b = _pair(images, real)
    if min(a.shape[1:3]) < 11:
        raise ValueError(f"images must be at least 11 pixels wide and high, got {a.shape}")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options |= {"data_range": 2, "channel_axis": -1}
    pairs = zip(a, b, strict=True)
    return np.array([structural_similarity(x, y, **options) for x, y in pairs])


def box_mean(images: Images, size: int) -> Float[np.ndarray, "n {size} {size} c"]:
    """Square images scaled down to ``size`` pixels, each the mean of a square of theirs."""
    checks.whole("size", size)
    x = _wide(checks.images("images", images))
    n, h, w, c = x.shape
    if h != w or h % size:
        raise ValueError(f"images must be squares of a multiple of {size} pixels, got {x.shape}")
    return x.reshape(n, size, h // size, size, h // size, c).mean(axis=(2, 4))


def retrieval(images: Features, prompts: Features, k: int = 1) -> float:
    """Share of images whose own prompt is among the k most alike; row i belongs to row i."""
    checks.whole("k", k)
    images, prompts = _features("images", images), _features("prompts", prompts)
    _of_one_width(images, prompts)
    if len(images) != len(prompts):
        raise ValueError(f"images and prompts must be pairs, got {len(images)}, {len(prompts)}")
    alike = np.asarray(images) @ np.asarray(prompts).T
    return float(((alike > np.diag(alike)[:, None]).sum(axis=1) < k).mean())


def diversity(features: Features, labels: Integer[ArrayLike, " n"]) -> float:
    """Mean distance between two images of one label, averaged over labels that two share."""
    features = _features("features", features, 1)
    labels = np.asarray(checks.labels("labels", labels, len(features)))
    groups = [features[labels == label] for label in np.unique(labels)]
    means = [_distances(g, g).sum() / (len(g) * (len(g) - 1)) for g in groups if len(g) > 1]
    return float(np.mean(means)) if means else 0.0


def saturation(images: Images, margin: float = 0.05) -> float:
    """Share of pixels beyond [-1, 1] by more than ``margin``: what a screen has to cut off."""
    images = _wide(checks.images("images", images))
    checks.number("margin", margin, 0)
    return float((np.abs(images) > 1 + margin).mean())


def flops(function: Callable, *inputs) -> float:
    """Floating-point operations of ``function(*inputs)`` as it is written, a loop counted once.

    Convolutions count as sliding kernels, whatever a CPU makes of them. Shapes will do for inputs.
    """
    traced = jax.jit(function).trace(*inputs)
    return traced.lower(lowering_platforms=("tpu",)).cost_analysis()["flops"]


def yardsticks(images: Images, seed: int = 0) -> dict[str, Images]:
    """Real images, and four ways to spoil them, for a scale to read distances on.

    The noise has standard deviation 0.05, 0.1 or 0.2 in the models' range [-1, 1], which is 6,
    13 or 26 of 255 grey levels; "blurred" is a 3 x 3 box.
    """
    images = _wide(checks.images("images", images))
    checks.seed("seed", seed)
    noise = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    h, w = images.shape[1:3]
    shifts = [padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    noisy = {f"noise {s:g}": np.clip(images + s * noise, -1, 1) for s in (0.05, 0.1, 0.2)}
    return {"real": images, **noisy, "blurred": np.mean(shifts, axis=0)}


def _features(name: str, value: Features, least: int = 2) -> Features:
    """Only a table of finite numbers with enough rows; returned, with fractions."""
    a = checks.array(value)
    if a.ndim != 2 or len(a) < least or not a.shape[1]:
        raise ValueError(
            f"{name} must be features of at least {least} images, [n, d], got {checks.kind(value)}"
        )
    return np.asarray(checks.numbers(name, a), np.result_type(a.dtype, np.float32))


def _pair(images: Images, real: Images) -> tuple[np.ndarray, np.ndarray]:
    """Only two stacks of as many images of one size; returned."""
    a, b = (_wide(checks.images(*x)) for x in (("images", images), ("real", real)))
    if a.shape != b.shape:
        raise ValueError(f"images and real must be pairs of one size, got {a.shape}, {b.shape}")
    return a, b


def _wide(images: Images) -> np.ndarray:
    """In float32 at least: half precision cannot hold squares of small differences."""
    a = np.asarray(images)
    return a.astype(np.result_type(a.dtype, np.float32))


def _of_one_width(a: Features, b: Features) -> None:
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features must be of one width, got {a.shape[1]} and {b.shape[1]}")


def _distances(a: Features, b: Features) -> Float[np.ndarray, "n m"]:
    a, b = jnp.asarray(a), jnp.asarray(b)
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(jnp.sqrt(jnp.maximum(square, 0)))
