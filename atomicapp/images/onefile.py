"""One small file out of an image, without unpacking it: the index of known apps is kept so."""

from __future__ import annotations

from atomicapp import io
from atomicapp.errors import FetchError
from atomicapp.images.blobs import Image
from atomicapp.images.extract import split_name
from atomicapp.images.layers import Budget, Limits, open_layer


def read_file(image: Image, path: str, limits: Limits | None = None) -> bytes:
    """The bytes of a plain file by its absolute path; the topmost layer that speaks of it decides.

    FetchError when the image has no such file or it is larger than io.MAX_TEXT.
    """
    wanted = split_name(path.lstrip("/"), image.reference)
    gone = (*wanted[:-1], f".wh.{wanted[-1]}")
    budget = Budget(limits or Limits(), image.reference)
    for layer in reversed(image.manifest.layers):
        if not image.checked:
            image.check(layer)
        with open_layer(image.open_blob(layer), budget) as entries:
            for entry in entries:
                parts = split_name(entry.info.name, image.reference)
                if parts == gone:
                    raise _absent(image, path)
                if parts == wanted and entry.info.isreg():
                    if entry.info.size > io.MAX_TEXT:
                        raise FetchError(image.reference, f"its file {path} is too large")
                    return b"".join(entry.chunks())
    raise _absent(image, path)


def _absent(image: Image, path: str) -> FetchError:
    return FetchError(image.reference, f"it holds no file {path}")
