"""Write on the cards of a folder what their models are, as ``checkpoints.save`` does since.

    python tools/describe_weights.py workshop_lite/weights

The weights stay as they are, to the last bit: cards that were written before said only which recipe
a model was made by.
"""

import sys
from pathlib import Path

from flax import nnx

from workshop_lite import checkpoints, files
from workshop_lite.recipes import RECIPES


def main(folder: Path) -> None:
    notes = {path.stem: files.read_card(path) for path in sorted(folder.glob("*.json"))}
    for name in sorted(notes, key=lambda name: "base" in notes[name]):  # bases first
        build = RECIPES[notes[name]["recipe"]].build
        model = nnx.eval_shape(lambda build=build: build(nnx.Rngs(0)))
        last = {key: notes[name].pop(key) for key in ("metrics",) if key in notes[name]}
        whole = checkpoints.complete(model, notes[name], folder)
        checkpoints.write_card(name, whole | last, folder)
        checkpoints.load(name, folder)
        print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
