"""Pack Fashion-MNIST into the package.

Reads the four idx files of Debian's package ``dataset-fashion-mnist``:
    apt-get install dataset-fashion-mnist
    python tools/pack_fashion_mnist.py [FOLDER]
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from packing import HOME, pack

from workshop_lite import files

SOURCE = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
NAMES = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot".split()


def idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def main() -> None:
    digests = {}
    for split, prefix, n in [("train", "train", 60_000), ("test", "t10k", 10_000)]:
        images = idx(SOURCE / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(n, 28, 28, 1)
        labels = idx(SOURCE / f"{prefix}-labels-idx1-ubyte.gz", 8)
        assert labels.shape == (n,) and set(labels) == set(range(10))
        for part, array in [("images", images), ("labels", labels)]:
            name = f"{split}-{part}.npy.xz"
            digests[name] = pack(array, HOME / "fashion-mnist" / name)
    card = {
        "title": "Fashion-MNIST",
        "source": "Xiao, Rasul and Vollgraf (2017), Zalando Research",
        "licence": "MIT, Copyright 2017 Zalando SE; see fashion-mnist/LICENSE",
        "names": NAMES,
        "splits": {"train": 60_000, "test": 10_000},
        "sha256": digests,
    }
    files.write_card(HOME / "fashion-mnist.json", card)


if __name__ == "__main__":
    main()
