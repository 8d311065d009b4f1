"""A page inside of a smaller one."""

from __future__ import annotations

import random

from weighlock.watching.packed_page import packed, unpacked

PAGE = "<!doctype html><title>é</title><script>const s = '</script>'</script>" + "<p>drift</p>" * 5000


def test_it_comes_back_as_it_was_and_is_smaller():
    small = packed(PAGE, "Evidently <report>")
    assert unpacked(small) == PAGE
    assert len(small) < len(PAGE) / 10
    assert "<title>Evidently &lt;report&gt;</title>" in small
    assert packed(PAGE, "Evidently <report>") == small


def test_whatever_is_inside_cannot_end_the_script_that_holds_it():
    noise = "".join(random.Random(1).choices("</script>&\"'é\n", k=5000))
    small = packed(noise, "x")
    assert unpacked(small) == noise
    assert small.count("</script>") == 2


def test_a_page_that_is_not_packed_is_left_as_it_is():
    assert unpacked(PAGE) == PAGE
