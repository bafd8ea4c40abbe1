"""What the converters refuse.

ConversionRefused            exit code 3: a source that does not become an ONNX classifier
├── UnknownFormat            no converter recognises the source
├── SourceDamaged            a file that is not what its name says, truncated, malformed or out of bounds
│   └── ReaderLost           a file that ended the process that read it, or kept it busy for ever
├── UnsupportedLayer         a layer, operator or option that has no conversion
├── RunsCode                 opening the source would run code that it brings, and nobody allowed it
├── SourceIncomplete         a file, tensor name or size that the conversion needs is not there
├── OptionUnheard            exit code 2: an option that means nothing to the source's framework
├── ParityFailed             the converted model and its source do not give the same labels
└── FrameworkMissing         exit code 4: the framework is not installed; the message says what to install
"""


class ConversionRefused(Exception):
    """A source that cannot be converted; the message is one sentence with the way out."""

    exit_code = 3


class UnknownFormat(ConversionRefused):
    """A source that no converter recognises."""


class SourceDamaged(ConversionRefused):
    """A file that is truncated, malformed, larger than allowed, or something else than its name says."""


class ReaderLost(SourceDamaged):
    """A file that ended the process that read it, or kept it busy; `how` says which."""

    def __init__(self, said: str, how: str = "") -> None:
        super().__init__(said)
        self.how = how


class UnsupportedLayer(ConversionRefused):
    """A layer, operator or option that has no conversion."""


class RunsCode(ConversionRefused):
    """A source that brings code, opened without leave to run it."""


class SourceIncomplete(ConversionRefused):
    """Something that the conversion needs and the source does not say."""


class OptionUnheard(ConversionRefused):
    """An option that a converter would leave unheard."""

    exit_code = 2


class ParityFailed(ConversionRefused):
    """A converted model that answers differently from its source."""


class FrameworkMissing(ConversionRefused):
    """A framework, or the exporter for it, that is not installed."""

    exit_code = 4
