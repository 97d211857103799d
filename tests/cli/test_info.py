from __future__ import annotations

import json
from pathlib import Path

from latentstudio import Recipe
from latentstudio.document.recipe import ModelRef, Noise, Transform
from latentstudio.document.recipe_json import dumps, to_json
from latentstudio.document.session_file import write_recipe
from latentstudio.media.image import write_png


def test_a_model_is_described_for_people(cli, tiny_path: Path, tiny) -> None:
    shown = cli("info", tiny_path).out
    for part in ("Tiny", "StyleGAN2 compact", "16 x 16", "z 8, w 8, 6 rows", "MIT", "Turn, Nod", "b16.conv1"):
        assert part in shown
    assert tiny.info.sha256 in shown


def test_a_model_is_described_for_programs(cli, tiny_path: Path, tiny) -> None:
    facts = json.loads(cli("info", tiny_path, "--json").out)
    assert facts["architecture"] == "stylegan2-compact"
    assert facts["sha256"] == tiny.info.sha256
    assert (facts["z_dim"], facts["w_dim"], facts["num_ws"], facts["img_resolution"]) == (8, 8, 6, 16)
    assert facts["spaces"] == ["z", "w", "w+"]
    assert [stage["name"] for stage in facts["stages"]] == [stage.name for stage in tiny.stages]
    assert facts["provenance"]["z_names"] == ["Turn", "Nod"]


def test_a_bundled_model_is_known_by_its_id(cli) -> None:
    assert (
        json.loads(cli("info", "clayfaces64", "--json").out)["provenance"]["origin"] == "bundled:clayfaces64"
    )


RECIPE = Recipe.from_seed(
    7,
    model=ModelRef("ab" * 32, "Tiny", "tiny.safetensors"),
    truncation_psi=0.5,
    truncation_cutoff=3,
    noise=Noise("random", 9),
    transform=Transform(0.25, 0.0, 30.0),
)


def test_a_picture_tells_its_recipe(cli, tmp_path: Path, tiny) -> None:
    from latentstudio import render

    write_png(tmp_path / "a.png", render(Recipe.from_seed(7), tiny), dumps(RECIPE))
    shown = cli("info", tmp_path / "a.png").out
    for part in ("Tiny", "seed 7", "psi 0.5 on the first 3 rows", "random, seed 9", "x 0.25", "30 degrees"):
        assert part in shown


def test_a_recipe_file_is_printed_as_it_is(cli, tmp_path: Path) -> None:
    write_recipe(tmp_path / "a.recipe.json", RECIPE)
    assert json.loads(cli("info", tmp_path / "a.recipe.json", "--json").out) == to_json(RECIPE)


def test_what_can_not_be_read_is_an_expected_failure(cli, tmp_path: Path) -> None:
    (tmp_path / "page.pkl").write_text("<html>Quota exceeded</html>")
    (tmp_path / "plain.png").write_bytes(b"not a picture")
    for name in ("page.pkl", "plain.png", "missing.png", "missing.pkl"):
        ended = cli("info", tmp_path / name)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("Error: ")
        assert name in ended.err
