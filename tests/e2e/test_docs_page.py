"""The docs page in a real browser: it works, asks nobody else, and can be read, light and dark, wide and narrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Page
from conftest import Clone
from served import Running, add_key, logged, serving

# Of every element with text of its own: the contrast of the text to what is behind it (WCAG 2.2, 1.4.3).
CONTRASTS = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = colour => {
    const [r, g, b] = numbers(colour).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    return .2126 * r + .7152 * g + .0722 * b
  }
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor
      if (numbers(colour)[3] !== 0) return colour
    }
    return "rgb(255, 255, 255)"
  }
  return [...document.querySelectorAll("body *")]
    .filter(e => e.tagName !== "SCRIPT" && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))]
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.tagName, getComputedStyle(e).color, behind(e)]
    })
})()
"""
# What sticks out of the window, or is laid over something else's text.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.tagName + " " + e.textContent.slice(0, 40))
"""
NARROWEST_CELL = """
Math.min(...[...document.querySelectorAll("td:nth-child(3)")].map(e => e.getBoundingClientRect().width))
"""


@pytest.fixture(scope="module")
def service(with_model: Clone) -> Iterator[Running]:
    project = with_model("docs-page")
    with serving(project, add_key(project)) as running:
        yield running


def docs(service: Running) -> str:
    return f"http://127.0.0.1:{service.port}/docs"


def answer(page: Page) -> tuple[int, Any]:
    page.until("document.getElementById('answer').textContent !== ''")
    status, _, content = page.run("document.getElementById('answer').textContent").partition(" ")
    page.run("document.getElementById('answer').textContent = ''")
    return int(status), json.loads(content)


def test_a_row_is_scored_from_the_page(page: Page, service: Running) -> None:
    page.open(docs(service))
    page.press("button")
    status, problem = answer(page)
    assert (status, problem["type"]) == (401, "/docs#unauthorized")

    page.write("key", service.key)
    page.press("button")
    status, said = answer(page)
    assert status == 200
    assert {p["id"] for p in said["predictions"]} <= logged(service.log)

    page.write("body", '{"rows": [{"heat": "hot"}]}')
    page.press("button")
    assert answer(page)[0] == 422
    page.write("body", "nonsense")
    page.press("button")
    assert answer(page)[0] == 400


def test_it_asks_nobody_else_and_nothing_complains(page: Page, service: Running) -> None:
    page.open(docs(service))
    page.write("key", service.key)
    page.press("button")
    assert answer(page)[0] == 200
    here = docs(service)
    assert set(page.asked) == {here, here.replace("/docs", "/v1/predict")}
    assert page.complaints == []


def test_a_problems_type_leads_to_what_it_means(page: Page, service: Running) -> None:
    page.open(f"{docs(service)}#too-busy", height=400)
    page.until("scrollY > 0")
    place = page.run("document.querySelector(':target').getBoundingClientRect().toJSON()")
    assert 0 <= place["top"] < 400
    shown = page.run("[':target', 'body'].map(s => getComputedStyle(document.querySelector(s)).backgroundColor)")
    assert shown[0] != shown[1]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 700, 360])
def test_it_can_be_read(page: Page, service: Running, width: int, dark: bool, tmp_path: Path) -> None:
    page.open(docs(service), width, dark=dark)
    page.draw(tmp_path / "page.png")  # to look at
    assert page.run("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    contrasts = page.run(CONTRASTS)
    assert len(contrasts) > 60
    assert [c for c in contrasts if c[0] < 4.5] == []
    assert page.run(TOO_WIDE) == []
    assert page.run(NARROWEST_CELL) > 180
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
