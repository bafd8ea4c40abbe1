"""PyTorch modules in a row become Caffe layers in a row, with Caffe's customary names and in-place activations."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from converters.caffe import messages
from converters.caffe.pieces import TABLE, Place, Shape
from converters.caffe.saving import Made
from converters.refusals import UnsupportedLayer

# what Caffe's own nets write over what they read
_IN_PLACE = frozenset({"Dropout", "ELU", "PReLU", "ReLU"})
_NAMES = {
    "BatchNorm": "bn",
    "Convolution": "conv",
    "Deconvolution": "deconv",
    "Dropout": "drop",
    "InnerProduct": "ip",
    "LRN": "norm",
    "Pooling": "pool",
    "Softmax": "prob",
}


def layers_of(modules: nn.Module | Sequence[nn.Module], shape: Shape) -> list[Made]:
    """The layers of modules in a row for images of a shape [n, c, h, w], reading the blob "data".

    Each module runs once, in eval mode, and comes back as it was. Raises UnsupportedLayer.
    """
    parts = [modules] if isinstance(modules, nn.Module) else modules
    counts: Counter[str] = Counter()
    made: list[Made] = []
    top = "data"
    maps = torch.zeros(shape)
    for name, module in (leaf for at, part in enumerate(parts) for leaf in _leaves(part, str(at))):
        if type(module) not in TABLE:
            known = ", ".join(sorted(kind.__name__ for kind in TABLE))
            raise UnsupportedLayer(f"module {name} ({type(module).__name__}) cannot be written for Caffe; {known} can.")
        before, maps = tuple(maps.shape), _run(module, name, maps)
        for piece in TABLE[type(module)](module, Place(name, before, tuple(maps.shape))):
            counts[piece.kind] += 1
            layer = messages.LayerParameter(
                name=f"{_NAMES.get(piece.kind, piece.kind.lower())}{counts[piece.kind]}",
                type=piece.kind,
                bottom=[top],
                **piece.params,
            )
            top = top if piece.kind in _IN_PLACE and made else layer.name
            layer.top.append(top)
            made.append(Made(layer, tuple(blob.detach().float().cpu().numpy() for blob in piece.blobs)))
    return made


def _leaves(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules of nested Sequentials in order, with their places."""
    if isinstance(module, nn.Sequential):
        for inner, child in module.named_children():
            yield from _leaves(child, f"{name}.{inner}")
    else:
        yield name, module


def _run(module: nn.Module, name: str, maps: torch.Tensor) -> torch.Tensor:
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    training = module.training
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on its own speed
            result: torch.Tensor = module(maps.to(device)).cpu()
    except RuntimeError as error:
        sides = " x ".join(map(str, maps.shape[1:]))
        raise UnsupportedLayer(
            f"module {name} ({type(module).__name__}) does not take the {sides} before it."
        ) from error
    finally:
        module.training = training
    return result
