"""Any ONNX classifier as a source: tried in quarantine first, its external weights pulled in, compared with itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import SourceDamaged, SourceIncomplete
from oracles import contract
from oracles.card import DroppedCard
from oracles.external import pull_in
from oracles.quarantine import inspect
from oracles.runtime import Session, open_session
from oracles.upgrade import upgraded


def convert(source: Source, wishes: Wishes) -> Conversion:
    """The model as it is, its external data inside. Raises OracleRefused, SourceDamaged for an oracle file.

    The reference is onnxruntime on the file itself, so a parity run checks the preprocessing and all that sealing did.
    """
    path = source.path
    if path is None:
        raise SourceIncomplete(f"{source.text}: no such file; check the path")
    # what follows runs in this process: only after the file has stood its trial in another one
    inspect(path, DroppedCard(output=wishes.output, size=wishes.size, channels=wishes.image_channels))
    model = onnx.load_model_from_string(path.read_bytes())
    if contract.claims(model):
        raise SourceDamaged(f"{path.name}: this is an oracle file already; drop it into a scanned folder as it is")
    beside = pull_in(model, path.parent)
    model, notes = upgraded(model)
    stated = {} if wishes.output is None else {"output": wishes.output}
    return Conversion(
        model,
        framework=f"{model.producer_name} {model.producer_version}".strip() or "ONNX",
        files=(path, *(path.parent / file.name for file in beside)),
        stated=stated,
        reference=_reference(path, wishes),
        unverified="the file has several outputs; name the class scores with --output",
        notes=tuple(notes),
    )


class _Itself:
    """onnxruntime on the source file, one image (or its fixed batch) at a time."""

    def __init__(self, session: Session, output: str) -> None:
        self.runtime, _, self.version = session.settings["runtime"].partition(" ")
        self._session = session
        self._output = output
        self._input = session.inputs[0]

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k]; labels [n] of a model that gives nothing else."""
        step = self._input.shape[0] if self._input.shape and isinstance(self._input.shape[0], int) else 1
        rows = []
        for start in range(0, len(inputs), max(step, 1)):
            piece = inputs[start : start + step]
            padded = np.concatenate([piece, np.repeat(piece[-1:], step - len(piece), axis=0)])
            array = np.asarray(self._session.run([self._output], {self._input.name: padded})[0])
            rows.append(array.reshape(step, -1)[: len(piece)])
        whole = np.concatenate(rows)
        return whole[:, 0] if whole.dtype.kind in "iu" and whole.shape[1] == 1 else whole

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Nothing: the source is the converted model itself."""
        del inputs
        return iter(())


def _reference(path: Path, wishes: Wishes) -> _Itself | None:
    session = open_session(path, device="cpu")
    names = [output.name for output in session.outputs]
    if wishes.output is None and len(names) > 1:
        return None
    return _Itself(session, wishes.output or names[0])
