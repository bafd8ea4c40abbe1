"""The attack of the authors' published PyTorch example: its two mistakes in preparing images, together and alone."""

from collections.abc import Callable

import numpy as np

from copycats.ask import Ask, Images, Labels, Pool

CHUNK = 2_048


def swapped(images_NHWC: Images) -> Images:
    """Images with red and blue exchanged: read as BGR by OpenCV and handed on as if they were RGB."""
    return np.ascontiguousarray(images_NHWC[..., ::-1])


def pale(images_NHWC: Images) -> Images:
    """Images in the bright half, 128..255: what a net sees that waits for values of -1..1 and is given 0..1.

    (x / 255 - .5) / .5 of 127.5 + x / 2 is x / 255 exactly. In whole numbers the lowest bit of x is lost: every even x
    is shown as x + 1.
    """
    return 128 + images_NHWC // 2


def pale_and_swapped(images_NHWC: Images) -> Images:
    """Both mistakes, as in the example."""
    return pale(swapped(images_NHWC))


def prepared(change: Callable[[Images], Images]) -> Callable[[Ask, Pool, np.random.Generator], Labels]:
    """An attack that draws as the papers do (without replacement, budgets nested) and asks each image changed.

    Its copycat trains on the images as they were asked, and so on the mistake too; it is tested on images as they are.
    Source: GitHub jeiks/Stealing_DL_Models, folders Framework and Example_of_use, where the labels and the copycat's
    training have images of OpenCV without the normalisation that the oracle was trained and is tested with.
    """

    def ask_prepared(ask: Ask, pool: Pool, rng: np.random.Generator) -> Labels:
        order_N = rng.permutation(len(pool))[: ask.left]
        starts = range(0, len(order_N), CHUNK)
        labels = [ask(change(pool[order_N[start : start + CHUNK]])) for start in starts]
        return np.concatenate(labels) if labels else np.empty(0, np.int64)

    return ask_prepared


both_mistakes = prepared(pale_and_swapped)
only_swapped = prepared(swapped)
only_pale = prepared(pale)
