"""Groups with images are judged only by engines that are shown them."""

from __future__ import annotations

from collections.abc import Iterable

from judge.engines.messages import NO_IMAGES
from judge.types import Engine, Failure, Group, has_images


def unseen(group: Group, engines: Iterable[Engine]) -> Failure | None:
    """Why a group cannot be judged, where it has images and some engine takes none.

    An image is never left out: what is judged would then be another response.

    Args:
        group: The group.
        engines: The started engines that judge it.
    """
    if not has_images(group.prompt, *[response.text for response in group.responses]):
        return None
    blind = next((engine for engine in engines if not engine.abilities.images), None)
    if blind is None:
        return None
    return Failure("engine", "refused", f"{blind.name}: the group has images, and {NO_IMAGES}")
