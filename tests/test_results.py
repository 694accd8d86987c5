"""Committed measurements: what was saved comes back, and the spread is over the seeds."""

from xml.etree import ElementTree

import jax
import pytest
from flax import nnx

from workshop_lite.conditioning.text import LENGTH
from workshop_lite.evaluation import Table, results
from workshop_lite.evaluation.metrics import flops
from workshop_lite.recipes import RECIPES

ROWS = [
    {"method": "a", "scale": 2, "seed": 0, "frechet": 1.0},
    {"method": "a", "scale": 2, "seed": 1, "frechet": 3.0},
    {"method": "a", "scale": 1, "seed": 0, "frechet": 5.0},
    {"method": "b", "scale": 1, "seed": 0, "frechet": 9.0},
]


def test_save_then_load(tmp_path):
    """The rows come back, and the file has a line for each."""
    path = tmp_path / "new" / "toy.json"
    results.save(path, ROWS)
    assert results.load("toy", path.parent) == ROWS
    assert len(path.read_text().splitlines()) == len(ROWS) + 2


def test_spread_over_seeds():
    """Mean and sample standard deviation; one seed has none."""
    found = results.spread(results.chosen(ROWS, method="a"), "scale", "frechet")
    assert list(found) == [1, 2]
    assert results.groups(ROWS, "method") == {"a": ROWS[:3], "b": ROWS[3:]}
    assert found[2] == pytest.approx((2.0, 2**0.5, 2)) and found[1] == (5.0, 0.0, 1)


def test_unknown_name(tmp_path):
    """The message lists the names there are."""
    results.save(tmp_path / "toy.json", ROWS)
    with pytest.raises(ValueError, match=r"name must be one of \['toy'\], got 'nope'"):
        results.load("nope", tmp_path)


@pytest.mark.parametrize(
    ("spread", "text"),
    [
        (results.Spread(212.94, 3.4, 3), "213 ± 3"),
        (results.Spread(37.94, 0.72, 3), "37.9 ± 0.7"),
        (results.Spread(0.8584, 0.0122, 3), "0.858 ± 0.012"),
        (results.Spread(0.0, 0.0, 1), "0.000 ± 0.000"),
    ],
)
def test_spread_reads_to_three_digits(spread, text):
    """No more digits than the deviation leaves meaning to."""
    assert str(spread) == text


def test_table_has_a_line_for_each_group():
    """Names to the left, numbers under their heading, in the order given."""
    table = results.table({"b": ROWS[3:], "a": ROWS[:2]}, ["frechet", "scale"], of="method")
    lines = str(table).splitlines()
    assert [line.split() for line in lines] == [
        ["method", "frechet", "scale"],
        ["b", "9.00", "±", "0.00", "1.00", "±", "0.00"],
        ["a", "2.00", "±", "1.41", "2.00", "±", "0.00"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_table_on_a_page_says_the_same():
    """The HTML has the same cells, and each knows its row and its column, for a narrow screen."""
    table = Table([{"of": "<a>", "mean": 1.5, "n": 3}, {"of": "b", "mean": "2 & 3", "n": 4}])
    page = ElementTree.fromstring(table._repr_html_())
    cells = [[cell.text for cell in row] for row in page.iter("tr")]
    assert cells == [["of", "mean", "n"], ["<a>", "1.5", "3"], ["b", "2 & 3", "4"]]
    assert [td.get("data-column") for td in page.iter("td")] == ["mean", "n"] * 2
    assert [th.get("scope") for th in page.iter("th")] == ["col"] * 3 + ["row"] * 2
    words = Table([{"a": 1, "b": "x", "c": "-2.5"}, {"a": 2, "b": "", "c": "no"}])._repr_html_()
    classes = [td.get("class") for td in ElementTree.fromstring(words).iter("td")]
    assert classes == ["words", None] * 2
    assert [line.split() for line in str(table).splitlines()][1] == ["<a>", "1.5", "3"]


@pytest.mark.parametrize("rows", [[], [{}], "text", [{"a": 1}, {"b": 1}], [1]])
def test_table_of_what_is_none(rows, unchecked):
    """Rows that do not share their headings, or none, are refused."""
    with pytest.raises(ValueError, match="^rows must"):
        Table(rows)


def test_the_page_rests_on_three_seeds_of_ten_thousand_images():
    """Every point of chapter 1 that compares scales or methods has each of its seeds once."""
    rows = results.chosen(results.load("guidance"), steps=15, sampler="dpmpp_2m")
    points = {(row["method"], row["scale"]) for row in rows}
    assert {"cfg", "interval", "rescale", "threshold", "autoguidance"} == {m for m, _ in points}
    for method, scale in points:
        found = results.chosen(rows, method=method, scale=scale)
        assert sorted(row["seed"] for row in found) == [0, 1, 2], (method, scale)
        assert {row["n"] for row in found} == {10_000}


def test_reached_is_the_first_that_is_good_enough():
    """Means over the seeds count: 5 at scale 1, 2 at scale 2; nothing reaches 1."""
    rows = results.chosen(ROWS, method="a")
    assert results.reached(rows, "scale", "frechet", 5.0) == 1
    assert results.reached(rows, "scale", "frechet", 2.0) == 2
    assert results.reached(rows, "scale", "frechet", 1.0) is None


def test_counts_of_published_networks_are_the_published_ones():
    """Parameters to the last one; billions of multiplications of ADM from Peebles & Xie (2023)."""
    rows = results.chosen(results.load("latent_cost"), family="Stable Diffusion's shapes")
    latents = results.chosen(rows, model="latents, f = 8")
    assert [row["size"] for row in latents] == [64, 128, 256, 512]
    assert {row["parameters"] for row in latents} == {859_520_964}
    adm = {row["size"]: row for row in results.chosen(rows, model="pixels, ADM")}
    assert [round(row["parameters"] / 1e6) for row in adm.values()] == [296, 422, 554, 559]
    assert adm[256]["gflop_pass"] / 2 == pytest.approx(1120, rel=1e-3)
    assert adm[512]["gflop_pass"] / 2 == pytest.approx(1983, rel=1e-3)


def test_counts_of_our_networks_are_those_of_the_recipes():
    """A pass of each model of 64 pixels that has that size, counted again."""
    rows = results.chosen(results.load("latent_cost"), family="ours")
    models = {"pixels, patch 4": "emoji-pixel64", "latents, f = 4": "emoji-latent"}
    shapes = {"emoji-pixel64": (64, 64, 3), "emoji-latent": (16, 16, 4)}
    for model, name in models.items():
        network = nnx.eval_shape(lambda name=name: RECIPES[name].build(nnx.Rngs(0)))
        seen = [jax.ShapeDtypeStruct((1, *shapes[name]), "float32")]
        seen += [jax.ShapeDtypeStruct((1,), "float32"), jax.ShapeDtypeStruct((1, LENGTH), "int32")]
        found = flops(lambda net, *seen: net(*seen), network, *seen)
        [row] = results.chosen(rows, model=model, size=64)
        assert found / 1e9 == pytest.approx(row["gflop_pass"], rel=0.01), model
        assert sum(leaf.size for leaf in jax.tree.leaves(network)) == row["parameters"], model
