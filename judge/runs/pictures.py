"""Images that a data set on disk names as files: read into the rows as data: URIs.

Only rows of a local data set may name files, and only images in the data set's own folder or below:
a row must not be able to send any other file of this machine to a judge's server. Everything else
(messages that come over HTTP or from a trainer) holds addresses or data: URIs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judge.errors import ConfigError
from judge.types import IMAGE_ADDRESSES, IMAGE_PARTS

MOST_BYTES = 20_000_000
"""Largest image that is read."""
KINDS: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"RIFF": "webp",
}
"""How image files begin; of a WebP file bytes 8 to 12 are WEBP."""
_FIELDS = ("image_url", "image", "url")


def with_pictures(value: Any, folder: Path) -> Any:
    """A prompt or a response as a row gives it, with the images that it names as files read.

    Args:
        value: A text, a list of turns, or a mapping with `text`.
        folder: The folder that relative names start from and that no name may leave.

    Raises:
        ConfigError: A file is not there, is no image, is too large, or is somewhere else.
    """
    if isinstance(value, Mapping):
        if "role" in value:
            return _turn(value, folder)
        return {**value, "text": with_pictures(value["text"], folder)} if "text" in value else value
    if isinstance(value, list | tuple):
        return [with_pictures(turn, folder) for turn in value]
    return value


def _turn(turn: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    images, content = turn.get("images"), turn.get("content")
    if images:
        turn = {**turn, "images": [_read(image, folder) for image in images]}
    if isinstance(content, list | tuple):
        turn = {**turn, "content": _parts(content, folder)}
    return turn


def _parts(parts: Sequence[Any], folder: Path) -> list[Any]:
    """Content in parts; columnar files give every part all keys, of which None are dropped."""
    made = []
    for part in parts:
        if isinstance(part, Mapping):
            part = {key: value for key, value in part.items() if value is not None}
            for key in _FIELDS if part.get("type") in IMAGE_PARTS else ():
                if isinstance(part.get(key), Mapping):
                    part[key] = {**part[key], "url": _read(part[key].get("url"), folder)}
                elif key in part:
                    part[key] = _read(part[key], folder)
        made.append(part)
    return made


def _read(name: Any, folder: Path) -> Any:
    """An image as a data: URI where it is named as a file; else as it is."""
    if not isinstance(name, str) or name.startswith(IMAGE_ADDRESSES) or not name:
        return name
    try:
        file, home = (folder / name).resolve(), folder.resolve()
        if not file.is_relative_to(home):
            raise ConfigError(
                f"the image {name!r} is outside the data set's folder {home}",
                hint="put images beside the data, or give data: URIs",
            )
        if not file.is_file():
            raise ConfigError(f"the image {name!r} is no file of {home}")
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError(f"the image {name!r} has more than {MOST_BYTES} bytes")
        raw = file.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the image {name!r} cannot be read: {error}") from error
    kind = next((kind for start, kind in KINDS.items() if raw.startswith(start)), None)
    if kind is None or (kind == "webp" and raw[8:12] != b"WEBP"):
        raise ConfigError(f"{name!r} is no image", hint=f"use one of {', '.join(KINDS.values())}")
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"
