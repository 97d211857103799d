from __future__ import annotations

from latentstudio.inversion.encoder import encoder_for


def test_a_model_learns_to_invert_and_goes_on_later(cli, tiny, tiny_path):
    result = cli("encoder", str(tiny_path), "--steps", "4", "--batch", "8")
    assert result.code == 0, result.err
    assert "latent" in result.out
    assert encoder_for(tiny) is not None
    assert cli("encoder", str(tiny_path), "--steps", "6", "--batch", "8").code == 0


def test_nonsense_is_refused_in_a_sentence(cli, tiny_path):
    result = cli("encoder", str(tiny_path), "--steps", "0")
    assert result.code == 1
    assert "1 to" in result.err
