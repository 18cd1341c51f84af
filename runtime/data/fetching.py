"""Brings CIFAR-10 and CIFAR-10-C onto this machine: download or use a copied archive, check every byte, unpack."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import re
import shlex
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Literal, TypeAlias

from cortexc.datasets import DATASETS
from cortexc.replacement import sync

from .archives import Fetchable, fetch_command, how_to_fetch, unreadable
from .dataset import DataError, reader

BLOCK = 2**18
"""Bytes read at once."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes received so far and the size of the file [bytes], None if the server does not tell it."""


FETCHABLE: dict[str, Fetchable] = {
    known.name: known for record in DATASETS.values() for known in getattr(reader(record), "FETCHABLE", ())
}
"""Name -> what can be fetched: ``FETCHABLE`` of the readers."""


@dataclass(frozen=True)
class FileCheck:
    """The result of `verify` for one file."""

    name: str
    path: Path
    expected: str
    """Official md5 sum."""
    found: str | None
    """Its md5 sum; None if there is no such file."""

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
    """The files written; empty if all were there already."""

    @property
    def summary(self) -> str:
        """One line for a person."""
        if not self.unpacked:
            return f"{self.folder} holds the official files already: nothing to do"
        source = "downloaded archive" if self.downloaded else "archive that was there"
        return f"{self.folder}: {len(self.unpacked)} files unpacked from the {source}, all verified"


def verify(name: str, data_dir: Path, *, md5: Mapping[str, str] | None = None) -> tuple[FileCheck, ...]:
    """Compare the files in a folder with the official md5 sums.

    Args:
        name: a key of `FETCHABLE`.
        data_dir: the folder of the set.
        md5: other sums than the official ones.

    Returns:
        The files of the folder, unless there is only the archive and that can be read; and the archive, if there is
        one.

    Raises:
        DataError: the data set is not one that is fetched, or a file cannot be read.
    """
    known = _known(name, md5=md5)
    source, archive = known.locate(data_dir), data_dir / known.archive
    checks = []
    if source != archive:
        folder = source or data_dir / known.folder
        checks = [_checked(folder / file, known.md5[file]) for file in known.files]
    if archive.is_file():
        checks.append(_checked(archive, known.md5[known.archive]))
    return tuple(checks)


def advice(name: str, checks: Sequence[FileCheck], data_dir: Path) -> str:
    """Say how to fix what `verify` found, and whether the set was made here; empty if nothing is to be said.

    Raises:
        DataError: the data set is not one that is fetched, or its manifest cannot be read.
    """
    known = _known(name)
    files = [check for check in checks if check.name != known.archive]
    broken_archive = any(check.name == known.archive and check.status != "ok" for check in checks)
    sentences = ["Delete the archive."] if broken_archive else []
    if any(known.regenerated(folder) for folder in {check.path.parent for check in files}):
        same = sum(check.status == "ok" for check in files)
        sentences.append(
            "This set was regenerated here, so the sums of its stochastic arrays are expected to differ: "
            f"{same} of {len(files)} arrays are byte-identical to the official ones."
        )
    elif any(check.status != "ok" for check in checks):
        if not known.replaces and any(check.status == "wrong" for check in files):
            sentences.append("Move the wrong files away.")
        sentences.append(how_to_fetch(data_dir, known.name, known.folder))
    return " ".join(sentences)


def fetch(
    name: str,
    data_dir: Path,
    *,
    progress: bool | Progress = True,
    url: str | None = None,
    md5: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Fetched:
    """Make sure that a folder holds an official data set; download or unpack only what is missing.

    Verified files stay as they are. An archive in the folder is unpacked without the network; otherwise it is
    downloaded to a ``.part`` file, which a later call continues after an interruption. Only verified files are moved
    into the folder, and only if a file is missing or wrong. A wrong file of CIFAR-10-C is named and not replaced,
    because the set may have been made here at some expense.

    Args:
        name: a key of `FETCHABLE`.
        data_dir: created if it does not exist.
        progress: True draws a bar on stderr; a callback is called with bytes so far and in all.
        url: address of the archive, instead of the official one.
        md5: other sums of it and of its files than the official ones.
        timeout_s: longest silence of the server [s].

    Raises:
        DataError: another name, files that are not to be replaced, no network, a server's refusal, wrong bytes, or no
            room on the disk.
    """
    known = _known(name, url, md5)
    source = known.locate(data_dir) if data_dir.is_dir() else None
    archive = data_dir / known.archive
    folder = source if source is not None and source != archive else data_dir / known.folder
    wanted = _wanted(known, data_dir, folder, known.files)
    if not wanted:
        return Fetched(folder, downloaded=False, unpacked=())

    with _writing(known, data_dir, data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
    downloaded = not archive.is_file()
    _require_room(known, data_dir, wanted, downloading=downloaded)
    if downloaded:
        _download(known, data_dir, progress, timeout_s)
    elif (check := _checked(archive, known.md5[known.archive])).status != "ok":
        raise DataError(
            f"{archive}: not the official archive: its md5 is {check.found}, expected {check.expected}; it may be a "
            f"broken copy. Copy it again, or delete it and run `{fetch_command(data_dir, name)}`."
        )
    _unpack(known, data_dir, folder, wanted)
    return Fetched(folder, downloaded, wanted)


def _known(name: str, url: str | None = None, md5: Mapping[str, str] | None = None) -> Fetchable:
    """Return the record of what can be fetched, with another address or other sums if they are given."""
    if name in FETCHABLE:
        known = FETCHABLE[name]
        return replace(known, url=url or known.url, md5=md5 or known.md5)
    if name in DATASETS:
        raise DataError(f"the data set `{name}` needs no fetching: it comes with the program")
    raise DataError(f"there is no data set `{name}` to fetch; those there are: {', '.join(FETCHABLE)}")


def _wanted(known: Fetchable, data_dir: Path, folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Return which files to put into a folder, after checking that nothing is overwritten that should be kept."""
    checks = [_checked(folder / file, known.md5[file]) for file in files]
    wanted = tuple(check.name for check in checks if check.status != "ok")
    wrong = [check.name for check in checks if check.status == "wrong"]
    remedy = f"then run `{fetch_command(data_dir, known.name)}` again"
    if wanted and known.regenerated(folder):
        what = f"this set was regenerated here: not official are {', '.join(wanted)}"
        raise DataError(f"{folder}: {what}. Nothing is overwritten: move the folder away, {remedy}.")
    if wrong and not known.replaces:
        what = f"these are not the official files, or broken copies of them: {', '.join(wrong)}"
        raise DataError(f"{folder}: {what}. Nothing is overwritten: move them away, {remedy}.")
    return wanted


def _require_room(known: Fetchable, data_dir: Path, wanted: Sequence[str], *, downloading: bool) -> None:
    """Refuse a disk that is too small, before the download."""
    part = _part(known, data_dir)
    with _writing(known, data_dir, data_dir):
        free = shutil.disk_usage(data_dir).free
        here = part.stat().st_size if part.is_file() else 0
    archive = max(known.archive_bytes - here, 0) if downloading else 0
    files = known.files_bytes * len(wanted) // len(known.files)
    if free < archive + files:
        needed = f"{_size(archive + files)} are needed: {_size(archive)} for the archive, {_size(files)} for its files"
        remedy = f"Make room, or choose another folder, and run it again.{_instead(known, data_dir)}"
        raise DataError(f"{data_dir}: too little room on the disk: {_size(free)} are free, and {needed}. {remedy}")


def _part(known: Fetchable, data_dir: Path) -> Path:
    return data_dir / f"{known.archive}.part"


def _size(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


@contextmanager
def _writing(known: Fetchable, data_dir: Path, path: Path) -> Iterator[None]:
    """Turn a failure to write into a `DataError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        room = _size(known.archive_bytes + known.files_bytes)
        remedy = f"Make sure of your rights and of {room} of room, or choose another folder, and run it again."
        raise DataError(f"{path}: cannot be written: {reason}. {remedy}{_instead(known, data_dir)}") from None


def _checked(path: Path, expected: str) -> FileCheck:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        found = None
    except OSError as error:
        raise unreadable(path, error) from None
    return FileCheck(path.name, path, expected, found)


def _unpack(known: Fetchable, data_dir: Path, folder: Path, wanted: Sequence[str]) -> None:
    """Write files of the archive beside the folder, verify them, and only then move them into it."""
    archive = data_dir / known.archive
    with _writing(known, data_dir, folder):
        scratch = Path(tempfile.mkdtemp(prefix=f".{known.folder}-", dir=data_dir))
    try:
        for name, parts in itertools.groupby(known.members(archive, wanted), key=itemgetter(0)):
            with _writing(known, data_dir, scratch / name), (scratch / name).open("wb") as file:
                file.writelines(part for _, part in parts)
        for name in wanted:
            if (check := _checked(scratch / name, known.md5[name])).status != "ok":
                remedy = "Delete the archive and fetch it again."
                raise DataError(f"{archive}: its file `{name}` is {check.status}. {remedy}")
        wanted = _wanted(known, data_dir, folder, wanted)  # a download takes its time, in which others may write
        with _writing(known, data_dir, folder):
            for name in wanted:
                sync(scratch / name)
            if folder.exists():
                for name in wanted:
                    (scratch / name).replace(folder / name)
            else:
                scratch.chmod(0o755)  # mkdtemp makes it private
                scratch.replace(folder)
            for changed in (folder, data_dir):
                sync(changed)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(known: Fetchable, data_dir: Path, progress: bool | Progress, timeout_s: float) -> None:
    part = _part(known, data_dir)
    with _reporting(progress, known.label) as report:
        _receive(known, data_dir, part, report, timeout_s)
    if (check := _checked(part, known.md5[known.archive])).status != "ok":
        with _writing(known, data_dir, part):
            part.unlink(missing_ok=True)
        raise DataError(
            f"{known.url}: what came is not the official archive: its md5 is {check.found}, expected "
            f"{check.expected}; it has been deleted. Run the same command again. {_by_hand(known, data_dir)}"
        )
    with _writing(known, data_dir, part):
        sync(part)
        part.replace(data_dir / known.archive)
        sync(data_dir)


def _receive(known: Fetchable, data_dir: Path, part: Path, report: Progress, timeout_s: float) -> None:
    """Download what is not there yet, and append it."""
    url = known.url
    here = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={here}-"} if here else {}
    request = urllib.request.Request(url, headers={"User-Agent": "cortexc", **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            resumed = response.status == 206 and _starts_at(response.headers.get("Content-Range")) == here
            if response.status == 206 and not resumed:
                what = "the server sent other bytes than were requested"
                raise DataError(f"{url}: {what}. {_by_hand(known, data_dir)}")
            here = here if resumed else 0  # else it sends the whole file
            length = response.headers.get("Content-Length", "")
            total = here + int(length) if length.isdigit() else None
            report(here, total)
            with _writing(known, data_dir, part), part.open("ab" if resumed else "wb") as file:
                while block := _next(response, known, data_dir):
                    file.write(block)
                    here += len(block)
                    report(here, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and here:  # the file has all bytes, or more than the archive
            return
        what = f"the server answers {error.code} {error.reason}"
        raise DataError(f"{url}: {what}. {_by_hand(known, data_dir)}") from None
    except _NETWORK as error:
        raise _unreachable(known, data_dir, error) from None
    if total is not None and here < total:
        what = f"the connection broke after {here:,} of {total:,} bytes"
        raise DataError(f"{url}: {what}. Run the same command again to continue from there.")


_NETWORK = (urllib.error.URLError, http.client.HTTPException, OSError)


def _next(response: http.client.HTTPResponse, known: Fetchable, data_dir: Path) -> bytes:
    """Read a block; a function of its own, so that errors of the network and of the disk stay apart."""
    try:
        return response.read(BLOCK)
    except _NETWORK as error:
        more = "; run the same command again to continue from there"
        raise _unreachable(known, data_dir, error, more) from None


def _unreachable(known: Fetchable, data_dir: Path, error: Exception, more: str = "") -> DataError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    words = "no answer in time" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
    return DataError(f"{known.url}: the download failed: {words}{more}. {_by_hand(known, data_dir)}")


def _by_hand(known: Fetchable, data_dir: Path) -> str:
    where = f"copy it to {data_dir / known.archive}, and run `{fetch_command(data_dir, known.name)}`"
    return (
        f"Without a network: download {known.url} on another machine, {where}: it checks and unpacks that one."
        f"{_instead(known, data_dir)}"
    )


def _instead(known: Fetchable, data_dir: Path) -> str:
    if not known.instead:
        return ""
    command = known.instead.format(data_dir=shlex.quote(str(data_dir)))
    return f" Or regenerate the set here, which needs no network: `{command}`."


def _starts_at(content_range: str | None) -> int | None:
    found = re.match(r"bytes (\d+)-", content_range or "")
    return int(found[1]) if found else None


@contextmanager
def _reporting(progress: bool | Progress, label: str) -> Iterator[Progress]:
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
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
