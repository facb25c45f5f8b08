"""The pictures in the documentation show the pages as they are."""

from __future__ import annotations

import json
import struct

from tools import screenshots

#: Bytes that one picture may have.
LARGEST = 150 * 1024


def test_the_pictures_are_made_from_the_pages_as_they_are() -> None:
    noted = json.loads(screenshots.MADE_FROM.read_text("utf-8"))
    now = screenshots.made_from()
    changed = sorted(name for name in {*noted, *now} if noted.get(name) != now.get(name))
    assert not changed, f"The pictures in docs/images are out of date, run make screenshots: {', '.join(changed)}"


def test_the_pictures_are_small() -> None:
    pictures = sorted(screenshots.IMAGES.glob("*.png"))
    assert pictures
    for picture in pictures:
        width, _height = struct.unpack(">II", picture.read_bytes()[16:24])
        assert picture.stat().st_size < LARGEST, f"{picture.name} is too large"
        assert width <= 1280, f"{picture.name} is too wide"
