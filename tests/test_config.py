"""Settings: defaults, presets, overrides, and one sentence for whatever is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from blanket.config import Settings, VideoSettings
from blanket.container import CODECS
from blanket.errors import InputError
from blanket.presets import configs_folder, load_settings, presets


def test_embedded_is_the_default_written_out() -> None:
    written = yaml.safe_load((configs_folder() / "embedded.yaml").read_text())
    assert written == Settings().model_dump(mode="json")
    assert load_settings() == Settings()


def test_every_preset_loads() -> None:
    assert "embedded" in presets()
    for name in presets():
        load_settings(name)


def test_codecs_are_those_that_can_be_written() -> None:
    assert get_args(VideoSettings.model_fields["codec"].annotation) == CODECS


def test_overrides_change_only_what_they_name() -> None:
    settings = load_settings("embedded", ["detect.every=5", "video.audio=keep", "swap.light=0.5"])
    assert settings.detect.every == 5
    assert settings.video.audio == "keep"
    assert settings.swap.light == 0.5
    assert settings.track == Settings().track


def test_the_last_override_of_a_name_counts() -> None:
    assert load_settings(overrides=["detect.every=5", "detect.every=6"]).detect.every == 6


def test_overrides_as_a_mapping() -> None:
    settings = load_settings(overrides={"identity.image": Path("x/face.png"), "identity.seed": 7})
    assert settings.identity.image == Path("x/face.png")
    assert settings.identity.seed == 7
    assert load_settings(overrides=["identity.image=x/face.png"]).identity.image == Path(
        "x/face.png"
    )


def test_shareable_settings_hold_no_folder() -> None:
    settings = load_settings(overrides={"identity.image": Path("/people/anna/face.png")})
    shareable = settings.shareable()
    assert shareable["identity"]["image"] == "face.png"
    assert "anna" not in str(shareable)


def test_a_file_of_settings_keeps_defaults_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("hide: {grow: 2}\n")
    assert load_settings(path) == load_settings(overrides=["hide.grow=2"])
    assert load_settings(str(path)).hide.grow == 2.0
    path.write_text("")
    assert load_settings(path) == Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().detect.every = 3


@pytest.mark.parametrize(
    ("override", "tells"),
    [
        ("detect.evry=5", "did you mean detect.every?"),
        ("detekt.every=5", "did you mean detect.every?"),
        ("detect=5", "there is no setting 'detect'"),
        ("every=5", "did you mean detect.every?"),
        ("detect.every.x=5", "did you mean detect.every?"),
        ("detect.every", "section.field=value"),
        ("detect.every=[", "not YAML"),
        ("detect.every=0", "greater than or equal to 1"),
        ("detect.every=often", "valid integer"),
        ("detect.every=2.5", "valid integer"),
        ("detect.turned=3", "valid boolean"),
        ("track.smoothing=1.5", "less than or equal to 1"),
        ("hide.grow=.inf", "finite"),
        ("hide.grow=.nan", "finite"),
        ("video.audio=mute", "'drop' or 'keep'"),
        ("identity.seed=-1", "greater than or equal to 0"),
        ("identity.image=3", "valid path"),
    ],
)
def test_bad_overrides(override: str, tells: str) -> None:
    sentence = _refusal(overrides=[override])
    assert tells in sentence
    assert "pydantic" not in sentence


def test_unknown_preset() -> None:
    assert "embedded" in _refusal("embeded")


@pytest.mark.parametrize("text", ["detect: 3", "- detect", "3: {}", "a: [", "detect: {every: no}"])
def test_bad_file_of_settings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    _refusal(path)


def test_missing_file_of_settings(tmp_path: Path) -> None:
    assert "mine.yaml" in _refusal(tmp_path / "mine.yaml")


def _refusal(preset: str | Path = "embedded", **given: Any) -> str:
    with pytest.raises(InputError) as refused:
        load_settings(preset, **given)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence
