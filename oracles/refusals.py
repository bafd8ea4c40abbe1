"""What the oracles refuse.

OracleRefused                exit code 3: a file, a card or a request that cannot be used
├── FileRefused              the file as a file: not there, not regular, too large, changed while it was read
│   ├── NotOnnx              something else than ONNX; the message names what (HTML, gzip, PyTorch zip, ...)
│   ├── LfsPointer           a Git LFS pointer in place of the model
│   └── Truncated            an ONNX file that ends too early
├── CardRefused              a card with an unknown key, a wrong value, or one that does not fit the model
├── ModelRefused             an ONNX model that onnxruntime cannot run, or whose outputs are useless
│   ├── UnknownOperators     operators or an operator set that onnxruntime does not have
│   ├── SeveralImageInputs   more than one input
│   ├── NotAnImage           an input that no image fits
│   ├── NoClassAxis          no output with one score per class
│   └── AmbiguousOutput      several outputs that could be the scores
├── ExternalDataRefused      weights outside the model's folder, behind links, or damaged
├── LimitExceeded
│   ├── TooSlow              the trial did not end in time
│   └── TooBig               the trial needed more memory, or would write more, than allowed
├── OracleCrashed            the trial killed its process
├── NotAnOracleFile          a file that does not keep the contract of the oracle file
├── OracleFailed             onnxruntime's own words when a model could not be loaded or run
├── BudgetSpent              a request for more images than the budget has left
├── WrongImages              a request with images of another shape or type than the oracle takes
├── AnswersDamaged           an answers store that this version cannot read
├── OracleUnsteady           another answer to an image that was answered before
├── NotStored                an image that no answers store has an answer to
├── DeviceMissing            exit code 4: a device that is not there
└── StoreRefused             exit code 4: an answers store that cannot be written (full disk, read-only, in use)
"""


class OracleRefused(Exception):
    """A file, card or request that cannot be used; the message is one sentence with the way out."""

    exit_code = 3


class FileRefused(OracleRefused):
    """A path that is no usable file."""


class NotOnnx(FileRefused):
    """A file that holds something else than an ONNX model."""


class LfsPointer(NotOnnx):
    """A Git LFS pointer: the name of a model, not the model."""


class Truncated(FileRefused):
    """An ONNX model that ends too early."""


class CardRefused(OracleRefused):
    """A card that says something unknown, wrong, or at odds with the model."""


class ModelRefused(OracleRefused):
    """A model that cannot be run, or whose outputs are of no use."""


class UnknownOperators(ModelRefused):
    """Operators, or a version of the operator set, that onnxruntime does not have."""


class SeveralImageInputs(ModelRefused):
    """A model with more than one input."""


class NotAnImage(ModelRefused):
    """A model whose input is not an image."""


class NoClassAxis(ModelRefused):
    """A model without an output that has one score per class."""


class AmbiguousOutput(ModelRefused):
    """A model with several outputs that could be the scores."""


class ExternalDataRefused(OracleRefused):
    """Weights outside the model's folder, behind a link, or damaged."""


class LimitExceeded(OracleRefused):
    """A trial that went over its limits."""


class TooSlow(LimitExceeded):
    """A trial that did not end in time."""


class TooBig(LimitExceeded):
    """A trial that needed more memory or disk than allowed."""


class OracleCrashed(OracleRefused):
    """A model that killed the process in which it was tried."""


class NotAnOracleFile(OracleRefused):
    """A file that does not keep the contract of the oracle file."""


class OracleFailed(OracleRefused):
    """A model that onnxruntime could not load or run."""


class BudgetSpent(OracleRefused):
    """A request for more images than the budget has left."""


class WrongImages(OracleRefused):
    """Images of another shape or type than the oracle takes."""


class AnswersDamaged(OracleRefused):
    """An answers store that cannot be read."""


class OracleUnsteady(OracleRefused):
    """Another answer to an image that was answered before."""


class DeviceMissing(OracleRefused):
    """A device that was demanded and is not there."""

    exit_code = 4


class StoreRefused(OracleRefused):
    """An answers store that cannot be opened or written: the disk is full, the folder read-only, or it is in use."""

    exit_code = 4


class NotStored(OracleRefused):
    """An image whose answer is wanted from the stores alone, and that none of them has."""
