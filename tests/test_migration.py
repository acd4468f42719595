"""A migration's own directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyager_ops.config_file import parse_config
from voyager_ops.errors import ConfigError
from voyager_ops.migration import Migration

TEXT = """\
name: {name}
export_dir: {directory}
source: {{url: "postgresql://u@a/d", schemas: [public]}}
target: {{url: "postgresql://u@b/d"}}
"""


def make(name: str, directory: Path) -> Migration:
    return Migration(parse_config(TEXT.format(name=name, directory=directory)))


def test_a_directory_is_one_migrations_until_that_is_ended(tmp_path: Path) -> None:
    first, second = make("first", tmp_path / "d"), make("second", tmp_path / "d")
    first.export_dir.create()
    first.export_dir.create()
    with pytest.raises(ConfigError, match="that of the migration 'first'") as caught:
        second.export_dir.create()
    assert (caught.value.key, caught.value.line) == ("export_dir", 2)
    (tmp_path / "d" / "metainfo" / "migration").unlink()  # goes with the records, at the end
    second.export_dir.create()
    assert [path.name for path in (tmp_path / "d" / "metainfo").iterdir()] == ["migration"]


def test_of_two_that_begin_at_once_one_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make("first", tmp_path / "d"), make("second", tmp_path / "d")
    first.export_dir.create()
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as it was when the second one looked
    with pytest.raises(ConfigError, match="that of the migration 'first'"):
        second.export_dir.create()
    first.export_dir.create()
    assert [path.name for path in (tmp_path / "d" / "metainfo").iterdir()] == ["migration"]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    make("first", tmp_path / "d").export_dir.create()
    with pytest.raises(ConfigError, match="that of the migration 'first'"):
        make("second", tmp_path / "d").export_dir.create()
    assert [path.name for path in (tmp_path / "d" / "metainfo").iterdir()] == ["migration"]
