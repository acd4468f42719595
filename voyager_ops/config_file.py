"""One YAML file per migration, read into a :class:`~voyager_ops.config.MigrationConfig`.

Nothing is touched before the whole file is valid. Every error names the key and the line. ``${NAME}`` in a value is read from the
environment, so that a secret never stands in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from voyager_ops.config import NAME_PATTERN, MigrationConfig, Origin
from voyager_ops.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([^}]*)\}?")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load_config(path: Path | str, environment: Mapping[str, str] | None = None) -> MigrationConfig:
    """Read and validate one YAML file. Raises :class:`ConfigError` naming key and line; touches nothing but the file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot be read: {reason}", file=str(path), next_step="give an existing YAML file") from None
    config = parse_config(text, file=str(path), environment=environment)
    return (
        config
        if config.export_dir.is_absolute()
        else config.model_copy(update={"export_dir": (path.parent / config.export_dir).resolve()})
    )


def parse_config(text: str, *, file: str = "", environment: Mapping[str, str] | None = None) -> MigrationConfig:
    """As :func:`load_config`, from text. The environment defaults to this process's."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(f"not valid YAML: {error.problem}", line=line, file=file) from None
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError("a mapping of keys to values is wanted", line=1, file=file)
    lines: dict[tuple[str, ...], int] = {}
    variables: Mapping[str, str] = os.environ if environment is None else environment
    data = _plain(node, (), lines, variables, file)
    try:
        config = MigrationConfig.model_validate(data)
        config._origin = Origin(file, lines)
        return config
    except ValidationError as error:
        raise _first_error(error, lines, file) from None


def _plain(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int], env: Mapping[str, str], file: str) -> Any:
    """The node as plain data, with environment variables read and the line of every key noted."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if key in result:
                raise ConfigError("given twice", key=".".join(here), line=key_node.start_mark.line + 1, file=file)
            lines[here] = key_node.start_mark.line + 1
            result[key] = _plain(value_node, here, lines, env, file)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, str(index)), lines, env, file) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    if _VARIABLE.search(node.value):
        return _expand(node.value, path, node.start_mark.line + 1, env, file)
    return yaml.SafeLoader("").construct_object(node)


def _expand(value: str, path: tuple[str, ...], line: int, env: Mapping[str, str], file: str) -> str:
    for found in _VARIABLE.finditer(value):
        name = found[1]
        if not found[0].endswith("}") or not _VARIABLE_NAME.fullmatch(name):
            raise ConfigError(
                "after ${ the name of an environment variable and } are wanted",
                key=".".join(path),
                line=line,
                file=file,
                next_step="write ${NAME}: letters, digits, underscores; in a URL %24%7B stands for the two characters themselves",
            )
        if name not in env:
            raise ConfigError(
                f"the environment variable {name} is not set",
                key=".".join(path),
                line=line,
                file=file,
                next_step=f"export {name}=… and run the command again",
            )
    return _VARIABLE.sub(lambda found: env[found[1]], value)


def _first_error(error: ValidationError, lines: Mapping[tuple[str, ...], int], file: str) -> ConfigError:
    details = error.errors(include_url=False, include_input=False)
    # Unknown keys first: a misspelt key is the cause of the missing one beside it.
    detail = next((item for item in details if item["type"] == "extra_forbidden"), details[0])
    path = tuple(str(part) for part in detail["loc"])
    path = path[:-1] if path[-1:] == ("[key]",) else path  # the key of a mapping is wrong, not its value
    known = path
    while known and known not in lines:
        known = known[:-1]
    message = {
        "extra_forbidden": "unknown key",
        "missing": "missing",
        "tuple_type": "a list is wanted, such as [one, two]",
    }.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return ConfigError(
        message,
        key=".".join(path),
        line=lines.get(known, 1),
        file=file,
        next_step="mend the configuration and run the command again; nothing was touched",
    )


def find_configs(directory: Path | str) -> dict[str, Path]:
    """Migration names to files, for every YAML file of a directory that has a usable ``name:``; reads no secrets."""
    found: dict[str, Path] = {}
    for path in sorted(Path(directory).glob("*.y*ml")):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            continue  # shown by whoever loads it; a broken file must not hide the others
        if isinstance(data, dict) and isinstance(data.get("name"), str) and NAME_PATTERN.fullmatch(data["name"]):
            found.setdefault(data["name"], path)
    return found
