"""The table of frameworks: which converter reads which source, what it needs, what options it hears, an example."""

import importlib.metadata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from converters.conversion import Source
from converters.formats import NAMED, OWN_CODE, Format, Framework, begins, caffe_hdf5, ends, holds, keras_hdf5, matches
from converters.refusals import SourceIncomplete, UnknownFormat

GROUP = "benchmark.converters"


FRAMEWORKS: tuple[Framework, ...] = (
    Framework(
        "Caffe",
        "converters.caffe.convert",
        (
            Format(
                "a folder with prototxt and caffemodel",
                holds("*.prototxt", "*.caffemodel*"),
                "convert lenet/ -o lenet.onnx",
                ("weights", "output"),
            ),
            Format(
                "prototxt, weights with --weights",
                ends(".prototxt"),
                "convert deploy.prototxt --weights net.caffemodel -o net.onnx",
                ("weights", "output"),
            ),
            Format(
                "caffemodel with its net inside",
                ends(".caffemodel"),
                "convert net.caffemodel -o net.onnx",
                ("weights", "output"),
            ),
            Format(
                "caffemodel in HDF5 (extra caffe)",
                caffe_hdf5,
                "convert net.caffemodel.h5 -o net.onnx",
                ("weights", "output"),
            ),
            Format(
                "caffemodel or folder in 7z (extra caffe)",
                ends(".7z"),
                "convert vgg.caffemodel.7z -o vgg.onnx",
                ("weights", "output"),
            ),
        ),
    ),
    Framework(
        "PyTorch",
        "converters.pytorch.convert",
        (
            Format(
                "timm or torchvision name and weights",
                matches(NAMED),
                "convert timm:resnet18 --weights net.safetensors -o net.onnx",
                ("weights", "output"),
            ),
            Format("exported program", ends(".pt2"), "convert net.pt2 -o net.onnx", ("output", "allow_code")),
            Format(
                "own code (runs it)",
                matches(OWN_CODE),
                "convert nets.py:build --weights net.pth --allow-code -o net.onnx",
                ("weights", "output", "allow_code"),
            ),
            Format(
                "state dict or pickle alone",
                ends(".pth", ".pt", ".th", ".bin", ".ckpt", ".safetensors"),
                "refused with the way out",
            ),
        ),
    ),
    Framework(
        "Keras",
        "converters.keras.convert",
        (
            Format("Keras 3 archive", ends(".keras"), "convert net.keras -o net.onnx", ("output",)),
            Format("Keras 2 or 3 HDF5", keras_hdf5, "convert net.h5 -o net.onnx", ("output",)),
        ),
        ("keras", "h5py"),
        "keras",
    ),
    Framework(
        "TensorFlow",
        "converters.tensorflow.convert",
        (
            Format(
                "SavedModel folder",
                holds("saved_model.pb"),
                "convert savedmodel/ -o net.onnx",
                ("output", "inputs", "outputs"),
            ),
            Format(
                "frozen graph",
                ends(".pb"),
                "convert frozen.pb --inputs x:0 --outputs y:0 -o net.onnx",
                ("output", "inputs", "outputs"),
            ),
        ),
        ("tensorflow", "tf2onnx"),
        "tensorflow",
    ),
    Framework(
        "TFLite",
        "converters.tflite.convert",
        (Format("float, int8 or uint8", ends(".tflite", ".lite"), "convert net.tflite -o net.onnx", ("output",)),),
        ("tensorflow", "tf2onnx"),
        "tensorflow",
    ),
    Framework(
        "scikit-learn",
        "converters.sklearn.convert",
        (
            Format("skops", ends(".skops"), "convert digits.skops --range 0 16 -o digits.onnx", ()),
            Format(
                "pickle (runs code)",
                ends(".joblib", ".pkl", ".pickle"),
                "convert digits.joblib --allow-code -o digits.onnx",
                ("allow_code",),
            ),
        ),
        ("skl2onnx", "skops"),
        "sklearn",
    ),
    Framework(
        "XGBoost",
        "converters.boosting.convert",
        (Format("native JSON or UBJ", ends(".json", ".ubj"), "convert trees.json --size 8 8 -o trees.onnx", ()),),
        ("xgboost",),
        "boosting",
    ),
    Framework(
        "LightGBM",
        "converters.boosting.convert",
        (
            Format(
                "native text",
                begins(b"tree", (".txt", ".model", ".lgb")),
                "convert trees.txt --size 8 8 -o trees.onnx",
                (),
            ),
        ),
        ("lightgbm",),
        "boosting",
    ),
)
ONNX = Framework(
    "ONNX",
    "benchmark.foreign",
    (Format("any classifier", ends(".onnx"), "convert net.onnx -o oracle.onnx", ("output",)),),
)


def table() -> tuple[Framework, ...]:
    """Every framework: ours, ONNX itself, and those of installed packages (entry points of the group GROUP).

    An entry point names a Framework; one that cannot be loaded is left out.
    """
    return (*FRAMEWORKS, ONNX, *_brought())


def _brought() -> Iterator[Framework]:
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            row = entry.load()
        except Exception:  # noqa: BLE001, S112 - a stranger's package may fail in any way, and must not end this one
            continue
        if isinstance(row, Framework):
            yield row


def find(text: str) -> Source:
    """The source that a text names: an existing file or folder, else a name or code. Raises SourceIncomplete."""
    path = Path(text).expanduser()
    if path.exists():
        return Source(text, path.resolve())
    if NAMED.match(text) or OWN_CODE.match(text):
        return Source(text)
    near = get_close_matches(path.name, (p.name for p in _neighbours(path)), n=1)
    raise SourceIncomplete(f"{text}: no such file or folder{f'; is it {near[0]}?' if near else '; check the path'}")


def _neighbours(path: Path) -> Iterable[Path]:
    return path.parent.iterdir() if path.parent.is_dir() else ()


def recognise(source: Source) -> tuple[Framework, Source]:
    """The framework of a source, and the source itself: the one file of a folder that is none of its own.

    Raises UnknownFormat, which names what is understood.
    """
    row = _row(source)
    if row is not None:
        return row, source
    if source.path is not None and source.path.is_dir():
        return _only_one(source.path)
    known = "; ".join(f"{row.name}: {', '.join(entry.about for entry in row.formats)}" for row in table())
    raise UnknownFormat(f"{source.text}: no converter reads this; known are {known} (convert --list)")


def _row(source: Source) -> Framework | None:
    return next((row for row in table() for entry in row.formats if entry.recognises(source)), None)


def _only_one(folder: Path) -> tuple[Framework, Source]:
    found = [(row, file) for file in (Source(str(p), p) for p in sorted(folder.iterdir())) if (row := _row(file))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.path.name for _, file in found if file.path)
    why = f"holds {len(found)} models ({names}); name one of them" if found else "holds no model that a converter reads"
    raise UnknownFormat(f"{folder.name}: this folder {why}")
