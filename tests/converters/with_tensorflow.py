"""What the tests of TensorFlow's formats share: TensorFlow where it is installed, marks for where not, a refusal."""

from pathlib import Path
from typing import Any

import pytest
from framework_images import MODELS

from converters.conversion import Converter, Source, Wishes
from converters.refusals import ConversionRefused, FrameworkMissing
from converters.tf_exporter import tensorflow

try:
    tf: Any = tensorflow("these tests")
except FrameworkMissing:
    tf = None
with_tensorflow = pytest.mark.skipif(tf is None, reason="tensorflow is not installed (make test-frameworks)")
with_data = pytest.mark.skipif(not MODELS.is_dir(), reason="the folder of real models is not beside the repository")


def refusal_of(convert: Converter, path: Path, **wishes: Any) -> ConversionRefused:
    """The refusal of a file or folder, which is one sentence."""
    with pytest.raises(ConversionRefused) as caught:
        convert(Source(str(path), path), Wishes(**wishes))
    assert "\n" not in str(caught.value)
    return caught.value
