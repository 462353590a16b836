"""Presets: files of settings, in ``configs/*.yaml`` or the user's own, and changes on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from blanket.config import Settings
from blanket.errors import InputError, place


def presets() -> list[str]:
    """The names of the presets, sorted."""
    return sorted(path.stem for path in configs_folder().glob("*.yaml"))


def configs_folder() -> Path:
    """The folder of the presets, in a checkout or installed."""
    package = Path(__file__).parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def load_settings(
    preset: str | Path | Mapping[str, Any] = "embedded",
    overrides: Sequence[str] | Mapping[str, Any] = (),
) -> Settings:
    """The settings of a preset with some of them changed.

    preset: a name (`presets`), or the path of a YAML file of the same form, in which
    whatever is left out keeps its default, or what such a file holds. overrides: strings
    ``section.field=value`` with the value in YAML, or values by ``section.field``; the last
    one of a name counts.

    Raises:
        InputError: an unknown preset or setting, or a value that the setting cannot take.
    """
    values = preset if isinstance(preset, Mapping) else _read(_preset_path(preset))
    return Settings.of(values, _items(overrides))


def _preset_path(preset: str | Path) -> Path:
    path = Path(preset)
    if str(preset) in presets():
        return configs_folder() / f"{preset}.yaml"
    if path.suffix in (".yaml", ".yml"):
        return path
    raise InputError(
        f"there is no preset {str(preset)!r}: choose one of {', '.join(presets())}, "
        "or name a .yaml file"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the settings {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"the settings {path} are not YAML{place(error)}") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InputError(f"the settings {path} are not sections of settings: see embedded.yaml")
    return values


def _items(overrides: Sequence[str] | Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        yield from overrides.items()
        return
    for text in [overrides] if isinstance(overrides, str) else overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} is not of the form section.field=value")
        try:
            yield name.strip(), yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"the value of {text!r} is not YAML{place(error)}") from error
