"""Files that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from keraunos import errors


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new file in the same folder, which takes the place of `path` if the block ends well.

    Killed at any moment, or on a full disk, what was at `path` before is still there.

    Raises:
        OSError: the file cannot be written; the message says why.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp(), "a.txt")
        >>> with replacing(target) as part:
        ...     _ = part.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    check_writable(target)
    part = target.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        yield part
        with part.open("rb") as file:
            # Renamed before its bytes are on the disk, a file may be empty after a power cut.
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise _failed(target, error, note="what was there before is unchanged") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str], make_folders: bool = False) -> None:
    """Raise at once if a file cannot be written at `path` later on.

    Args:
        path: of the file, which need not exist.
        make_folders: whether missing folders will be made, so that only the nearest one counts.

    Raises:
        OSError: a folder is missing or may not be written to, or `path` is a folder.
    """
    target = Path(path)
    folder = target.parent
    while make_folders and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.exists():
        fix = f"make the folder first: os.makedirs({str(folder)!r})"
        raise FileNotFoundError(
            errors.report(f"cannot write {target}: there is no folder {folder}", fix=fix)
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            errors.report(f"cannot write {target}: {folder} is a file, not a folder")
        )
    if target.is_dir():
        raise IsADirectoryError(
            errors.report(
                f"cannot write {target}",
                expected="the name of a file",
                got="a folder",
                fix="add a file name",
            )
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "choose another folder, or ask for the right to write there"
        raise PermissionError(
            errors.report(f"cannot write {target}: no permission to write in {folder}", fix=fix)
        )


def _failed(target: Path, error: OSError, note: str) -> OSError:
    reason = error.strerror or str(error)
    message = errors.report(
        f"cannot write {target}: {reason}",
        note=note,
        fix="free some space or choose another folder",
    )
    return OSError(error.errno, message) if error.errno else OSError(message)
