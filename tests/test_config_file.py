"""The file itself: its variables, its YAML, where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_config import GOOD
from voyager_ops.config_file import find_configs, load_config, parse_config
from voyager_ops.errors import ConfigError


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="SOURCE_DB_PASSWORD is not set") as caught:
        parse_config(GOOD, environment={})
    assert (caught.value.key, caught.value.line) == ("source.url", 4)


@pytest.mark.parametrize("written", ["${SOURCE-DB}", "${}", "${SOURCE_DB_PASSWORD:-x}", "${ SOURCE }", "${SOURCE_DB_PASSWORD"])
def test_what_is_no_variables_name_is_refused_and_not_taken_literally(written: str) -> None:
    text = GOOD.replace("${SOURCE_DB_PASSWORD}", written)
    assert text != GOOD
    with pytest.raises(ConfigError, match="the name of an environment variable") as caught:
        parse_config(text, environment={"SOURCE_DB_PASSWORD": "x"})
    assert (caught.value.key, caught.value.line) == ("source.url", 4)


def test_broken_yaml_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not valid YAML") as caught:
        parse_config("name: [\nx", file="f")
    assert caught.value.line == 2
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.yaml")


def test_a_relative_directory_is_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD.replace("/data/shop", "state/shop").replace("${SOURCE_DB_PASSWORD}", "x"))
    assert load_config(path).export_dir == tmp_path / "state" / "shop"


def test_configs_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yml").write_text("name: other\n")
    (tmp_path / "c.yaml").write_text("[broken")
    (tmp_path / "d.txt").write_text(GOOD)
    assert find_configs(tmp_path) == {"shop": tmp_path / "a.yaml", "other": tmp_path / "b.yml"}
