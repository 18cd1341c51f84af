"""Brings CIFAR-10 onto this machine: download or use a copied archive, check every byte of it, unpack."""

from __future__ import annotations

import hashlib
import http.client
import re
import shlex
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from . import cifar
from .dataset import READERS, DataError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
BLOCK = 2**18
"""Bytes read at once."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are here and, where the server tells it, the bytes in all."""


@dataclass(frozen=True)
class FileCheck:
    """What `verify` found of one file."""

    name: str
    path: Path
    expected: str
    """Official md5 sum."""
    found: str | None
    """Its md5 sum, None where there is no such file."""

    @property
    def status(self) -> Literal["ok", "missing", "wrong"]:
        """The finding in one word."""
        if self.found is None:
            return "missing"
        return "ok" if self.found == self.expected else "wrong"


@dataclass(frozen=True)
class Fetched:
    """What `fetch` did."""

    folder: Path
    """Where the verified files are."""
    downloaded: bool
    unpacked: tuple[str, ...]
    """The files written; empty where all were there already."""

    @property
    def summary(self) -> str:
        """One line for a person."""
        if not self.unpacked:
            return f"{self.folder} holds the official files already: nothing to do"
        source = "downloaded archive" if self.downloaded else "archive that was there"
        return f"{self.folder}: {len(self.unpacked)} files unpacked from the {source}, all verified"


def verify(name: str, data_dir: Path, *, md5: Mapping[str, str] = cifar.MD5) -> tuple[FileCheck, ...]:
    """Compare what lies in a folder with the official md5 sums.

    Returns:
        The seven files of the folder, unless there is only the archive; and the archive, if there is one.

    Raises:
        DataError: the data set is not one that is fetched, or a file cannot be read.
    """
    _refuse_others(name)
    source, archive = cifar.locate(data_dir), data_dir / cifar.ARCHIVE
    checks = []
    if source != archive:
        folder = source or data_dir / cifar.FOLDER
        checks = [_checked(folder / file, md5[file]) for file in cifar.FILES]
    if archive.is_file():
        checks.append(_checked(archive, md5[cifar.ARCHIVE]))
    return tuple(checks)


def advice(checks: tuple[FileCheck, ...], data_dir: Path) -> str:
    """Say how to mend what `verify` found."""
    first = "Delete the archive. " if any(c.name == cifar.ARCHIVE and c.status != "ok" for c in checks) else ""
    return first + cifar.mend(data_dir)


def fetch(
    name: str,
    data_dir: Path,
    *,
    progress: bool | Progress = True,
    url: str = URL,
    md5: Mapping[str, str] = cifar.MD5,
    timeout_s: float = 30.0,
) -> Fetched:
    """Make sure that a folder holds the official CIFAR-10, and do no more than that takes.

    Verified files stay as they are. An archive that lies in the folder is unpacked without the network; else
    it is downloaded to a ``.part`` file, where a later call goes on after an interruption. Files are put in
    place only once verified, and only where one is missing or verified to be wrong.

    Args:
        name: ``"cifar10"``.
        data_dir: made where it does not exist.
        progress: True draws a bar on stderr; a callback is called with bytes so far and in all.
        url: where the archive is.
        md5: its sum and those of its files.
        timeout_s: longest silence of the server [s].

    Raises:
        DataError: another name, no network, a server's refusal, wrong bytes, or no room on the disk.
    """
    _refuse_others(name)
    source = cifar.locate(data_dir) if data_dir.is_dir() else None
    archive = data_dir / cifar.ARCHIVE
    folder = source if source is not None and source != archive else data_dir / cifar.FOLDER
    wanted = tuple(file for file in cifar.FILES if _checked(folder / file, md5[file]).status != "ok")
    if not wanted:
        return Fetched(folder, downloaded=False, unpacked=())

    with _writing(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
    downloaded = not archive.is_file()
    if downloaded:
        _download(archive, url, md5[cifar.ARCHIVE], progress, timeout_s)
    elif (check := _checked(archive, md5[cifar.ARCHIVE])).status != "ok":
        raise DataError(
            f"{archive}: not the official archive: its md5 is {check.found}, expected {check.expected}; "
            f"it may be a broken copy. Copy it again, or delete it and run `{_command(data_dir)}`."
        )
    _unpack(archive, folder, wanted, md5)
    return Fetched(folder, downloaded, wanted)


def _refuse_others(name: str) -> None:
    if name == "cifar10":
        return
    if name in READERS:
        raise DataError(f"the data set `{name}` needs no fetching: it comes with the program")
    raise DataError(f"there is no data set `{name}` to fetch; the one there is is cifar10")


def _command(data_dir: Path) -> str:
    return f"cortexc data fetch cifar10 --data-dir {shlex.quote(str(data_dir))}"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Put a failure to write into plain words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "Make sure of your rights and of 400 MB of room, or choose another folder, and run it again."
        raise DataError(f"{path}: cannot be written: {reason}. {remedy}") from None


def _checked(path: Path, expected: str) -> FileCheck:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        found = None
    except OSError as error:
        raise cifar.unreadable(path, error) from None
    return FileCheck(path.name, path, expected, found)


def _unpack(archive: Path, folder: Path, wanted: tuple[str, ...], md5: Mapping[str, str]) -> None:
    """Write files of the archive beside the folder, verify them, and only then move them into it."""
    with _writing(folder):
        scratch = Path(tempfile.mkdtemp(prefix=f".{cifar.FOLDER}-", dir=archive.parent))
    try:
        for name, content in cifar.members(archive):
            if name in wanted:
                with _writing(scratch / name):
                    (scratch / name).write_bytes(content)
        for name in wanted:
            if (check := _checked(scratch / name, md5[name])).status != "ok":
                remedy = "Delete the archive and fetch it again."
                raise DataError(f"{archive}: its file `{name}` is {check.status}. {remedy}")
        with _writing(folder):
            if folder.exists():
                for name in wanted:
                    (scratch / name).replace(folder / name)
            else:
                scratch.chmod(0o755)  # mkdtemp makes it private
                scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(archive: Path, url: str, md5: str, progress: bool | Progress, timeout_s: float) -> None:
    part = archive.with_name(archive.name + ".part")
    with _reporting(progress) as report:
        _receive(part, url, archive, report, timeout_s)
    if (check := _checked(part, md5)).status != "ok":
        with _writing(part):
            part.unlink(missing_ok=True)
        raise DataError(
            f"{url}: what came is not the official archive: its md5 is {check.found}, expected {md5}; it has "
            f"been deleted. Run the same command again. {_by_hand(archive, url)}"
        )
    with _writing(archive):
        part.replace(archive)


def _receive(part: Path, url: str, archive: Path, report: Progress, timeout_s: float) -> None:
    """Download what is not there yet, and append it."""
    here = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={here}-"} if here else {}
    request = urllib.request.Request(url, headers={"User-Agent": "cortexc", **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            resumed = response.status == 206 and _starts_at(response.headers.get("Content-Range")) == here
            if response.status == 206 and not resumed:
                what = "the server sent another part than was asked for"
                raise DataError(f"{url}: {what}. {_by_hand(archive, url)}")
            here = here if resumed else 0  # else it sends the whole file
            length = response.headers.get("Content-Length", "")
            total = here + int(length) if length.isdigit() else None
            report(here, total)
            with _writing(part), part.open("ab" if resumed else "wb") as file:
                while block := _next(response, url, archive):
                    file.write(block)
                    here += len(block)
                    report(here, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and here:  # nothing follows: either all is there, or it is no part of this file
            return
        what = f"the server answers {error.code} {error.reason}"
        raise DataError(f"{url}: {what}. {_by_hand(archive, url)}") from None
    except _NETWORK as error:
        raise _unreachable(url, error, archive) from None
    if total is not None and here < total:
        what = f"the connection broke after {here:,} of {total:,} bytes"
        raise DataError(f"{url}: {what}. Run the same command again to go on from there.")


_NETWORK = (urllib.error.URLError, http.client.HTTPException, OSError)


def _next(response: http.client.HTTPResponse, url: str, archive: Path) -> bytes:
    """Read a block; a separate place, so that a failing network is told from a failing disk."""
    try:
        return response.read(BLOCK)
    except _NETWORK as error:
        raise _unreachable(url, error, archive, "; run the same command again to go on from there") from None


def _unreachable(url: str, error: Exception, archive: Path, more: str = "") -> DataError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    words = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
    return DataError(f"{url}: the download failed: {words}{more}. {_by_hand(archive, url)}")


def _by_hand(archive: Path, url: str) -> str:
    where = f"copy it to {archive}, and run `{_command(archive.parent)}`"
    return f"Without a network: download {url} on another machine, {where}: it checks and unpacks that one."


def _starts_at(content_range: str | None) -> int | None:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found[1]) if found else None


@contextmanager
def _reporting(progress: bool | Progress) -> Iterator[Progress]:
    """Yield what to call with the progress: the caller's callback, a bar on stderr, or nothing."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("CIFAR-10", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
