"""A transfer set on disk: a list of `path label` in the order of asking, or a folder of lossless images per class."""

import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.refusals import EnvironmentRefused, Refused

_ONE_WORD = re.compile(r"[^\s#\x00-\x1f\x7f]{1,255}")  # what every reader of lists takes for one path
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def write_list(
    folder: Path, stage: str, images_NHWC: np.ndarray, labels_N: np.ndarray, paths: Sequence[str] | None
) -> int:
    """Write `<stage>.txt` of lines `path label`; how many images had to be written beside it, as PNG.

    Those are all without `paths`, else those whose path some reader of lists would take for two. Raises OSError.
    """
    written = 0
    with (folder / f"{stage}.txt").open("w", encoding="utf-8", newline="\n") as file:
        for number, label in enumerate(labels_N.tolist()):
            path = paths[number] if paths is not None else ""
            if not _plain(path):
                path = f"{stage}_images/{number:07d}.png"
                _write_png(folder / path, images_NHWC[number])
                written += 1
            file.write(f"{path} {label}\n")
    return written


def write_folders(
    folder: Path, stage: str, images_NHWC: np.ndarray, labels_N: np.ndarray, names: Sequence[str]
) -> None:
    """Write `<stage>/<class>/<number>.png` for each image, numbered in the order of asking. Raises OSError."""
    for name in names:
        (folder / stage / name).mkdir(parents=True)
    for number, label in enumerate(labels_N.tolist()):
        _write_png(folder / stage / names[label] / f"{number:07d}.png", images_NHWC[number])


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder's name for each class: the classes' own, or class_000 and on where one cannot be a folder's."""
    distinct = len({name.casefold() for name in classes}) == len(classes)
    plain = all(_FOLDER.fullmatch(name) and not name.endswith(".") for name in classes)
    return list(classes) if distinct and plain else [f"class_{index:03d}" for index in range(len(classes))]


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to write into that gets the name `folder` at the end, or vanishes.

    Raises Refused where something is there already, EnvironmentRefused where it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder}: is there already. Give a new or an empty folder with -o.")
    scratch = folder.with_name(f".{folder.name[:60]}.{uuid.uuid4().hex}.tmp")
    try:
        scratch.mkdir(parents=True)
        yield scratch
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    except OSError as error:
        why = error.strerror or str(error)
        raise EnvironmentRefused(f"{folder}: cannot be written ({why}). Free some space, or give another -o.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _plain(path: str) -> bool:
    try:
        return bool(_ONE_WORD.fullmatch(path)) and len(path.encode()) <= 255
    except UnicodeEncodeError:  # a name that is no text
        return False


def _write_png(path: Path, image_HWC: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image_HWC).save(path, "PNG")
