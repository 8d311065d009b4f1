"""The status page as people open it: built by the command in a clone, from a file, in a real browser."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from browser import Page
from conftest import ROOT, Project

from support import told

AT = f"{told.AT:%Y-%m-%dT%H:%MZ}"
PAGES = ("index", "environments/production", "environments/staging", "releases/v2", "releases/v3")

# Of every text, in drawings as well: its contrast to what is behind it (WCAG 2.2, 1.4.3).
CONTRASTS = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => {
    const of = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
    return .2126 * of(r) + .7152 * of(g) + .0722 * of(b)
  }
  const over = ([r, g, b], [R, G, B], a) => [a * r + (1 - a) * R, a * g + (1 - a) * G, a * b + (1 - a) * B]
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor)
      if (colour[3] !== 0) return colour
    }
    return [255, 255, 255]
  }
  const inside = e => {  // a text of a drawing may stand on a band
    let paper = behind(e)
    const on = e.previousElementSibling
    if (on && on.tagName === "rect") {
      const look = getComputedStyle(on)
      paper = over(numbers(look.fill), paper, Number(look.fillOpacity))
    }
    return paper
  }
  return [...document.querySelectorAll("body *")]
    .filter(e => e.checkVisibility() && e.tagName !== "title"
      && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => {
      const drawn = e.tagName === "text"
      const colour = numbers(drawn ? getComputedStyle(e).fill : getComputedStyle(e).color)
      const [a, b] = [light(colour), light(drawn ? inside(e) : behind(e))]
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.tagName, e.textContent.slice(0, 30), colour]
    })
})()
"""
# What sticks out of the window and does not scroll by itself.
TOO_WIDE = """
[...document.querySelectorAll("body *")]
  .filter(e => e.checkVisibility() && !e.closest(".scroll") && !e.classList.contains("skip"))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.tagName + " " + e.textContent.slice(0, 40))
"""
SMALLEST_TEXT = """
Math.min(...[...document.querySelectorAll("svg text")].filter(e => e.checkVisibility())
  .map(e => e.getBoundingClientRect().height))
"""
# What a screen reader goes by.
STRUCTURE = """
({
  lang: document.documentElement.lang,
  landmarks: ["header", "nav", "main", "footer"].map(n => document.querySelectorAll("body " + n).length),
  headings: [...document.querySelectorAll("h1, h2, h3")].map(h => Number(h.tagName[1])),
  tables: document.querySelectorAll("table").length,
  named: document.querySelectorAll("table caption").length,
  columns: [...document.querySelectorAll("thead th")].every(th => th.scope === "col" && th.textContent.trim()),
  rows: [...document.querySelectorAll("tbody tr")].every(tr => tr.querySelector("th[scope=row]")),
  drawings: [...document.querySelectorAll("svg")].every(s => s.getAttribute("role") === "img"
    && s.getAttribute("aria-label").length > 20),
  ids: [...document.querySelectorAll("[id]")].map(e => e.id),
  sections: [...document.querySelectorAll("[aria-labelledby]")]
    .every(s => document.getElementById(s.getAttribute("aria-labelledby"))),
  links: [...document.querySelectorAll("a")].every(a => a.textContent.trim()),
  scrolling: [...document.querySelectorAll(".scroll")].every(s => s.tabIndex === 0 && s.getAttribute("aria-label")),
})
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Project:
    """A clone with the whole story; its looks lie in a folder beside it, as a workflow publishes them."""
    folder = tmp_path_factory.mktemp("site")
    told.tell(folder / "origin")
    told.looks(folder / "history")
    shutil.copytree(folder / "origin/reports/gate", folder / "gates")
    made = Project(folder / "clone", {**environment, "PYTHONPATH": str(ROOT / "src")})
    Project(folder, made.env).run("git", "clone", "-q", str(folder / "origin"), str(made.path))
    return made


@pytest.fixture(scope="module")
def site(project: Project) -> Path:
    """Built by the command, from the clone alone and the published looks; in at most 5 seconds."""
    started = time.monotonic()
    said = project.run("weighlock", "site", "--watch", "../history", "--gates", "../gates", "--at", AT).stdout
    took = time.monotonic() - started
    assert said == "dist/site/index.html: 9 pages\n"
    assert took < 5, f"{took:.1f} s"
    return project.path / "dist/site"


def address(site: Path, name: str) -> str:
    return (site / f"{name}.html").as_uri()


def text(page: Page) -> str:
    return str(page.run("document.body.innerText"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 700, 360])
def test_every_page_can_be_read(page: Page, site: Path, width: int, dark: bool, tmp_path: Path) -> None:
    for name in PAGES:
        page.open(address(site, name), width, dark=dark)
        page.draw(tmp_path / f"{name.replace('/', '-')}.png")  # to look at
        assert page.run("matchMedia('(prefers-color-scheme: dark)').matches") is dark
        contrasts = page.run(CONTRASTS)
        assert len(contrasts) > 20
        assert [c for c in contrasts if c[0] < 4.5] == []
        assert page.run(TOO_WIDE) == []
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        if page.run("document.querySelector('svg') !== null"):
            assert page.run(SMALLEST_TEXT) > 10
        assert page.asked == [address(site, name)]  # not a request beside itself
        assert page.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_heard(page: Page, site: Path, name: str) -> None:
    page.open(address(site, name))
    found: dict[str, Any] = page.run(STRUCTURE)
    assert found["lang"] == "en"
    assert found["landmarks"] == [1, 1, 1, 1]
    assert found["headings"][0] == 1
    assert found["headings"].count(1) == 1
    assert all(b - a <= 1 for a, b in zip(found["headings"], found["headings"][1:], strict=False))
    assert found["tables"] == found["named"] > 0
    assert len(found["ids"]) == len(set(found["ids"]))
    for rule in ("columns", "rows", "drawings", "sections", "links", "scrolling"):
        assert found[rule], rule


def test_what_an_on_call_engineer_reads(page: Page, site: Path) -> None:
    page.open(address(site, "index"))
    seen = text(page)
    assert "v1 is stable" in seen
    assert "v3 is candidate mirroring 100 %" in seen
    assert f"v2 is blocked: {told.REASON}" in seen  # shown as it was written, and nothing ran
    assert "Last look: RETRAIN 2026-02-19 to 2026-02-25" in seen
    assert "log_loss 0.2500 (0.2000 to 0.3000)" in seen
    assert f"accepted: {told.ACCEPTED}" in seen
    assert "the working tree, not released" in seen
    assert "-0.5105 to -0.1362): shown to be worse." in seen
    assert "@example.org" not in seen

    page.press("article a[href='environments/production.html']")
    page.until("location.pathname.endsWith('/environments/production.html')")
    assert f"Why v1 passed\nlog_loss of v1: not worse {told.EVIL}" in text(page)
    page.press("a[href$='2026-02-25/evidently.html']")
    page.until("document.title === 'Evidently'")


def test_the_links_of_every_page_lead_somewhere(page: Page, site: Path) -> None:
    for name in PAGES:
        page.open(address(site, name))
        for link in page.run("[...document.querySelectorAll('a')].map(a => a.href)"):
            assert link.startswith("file://")
            assert Path(link.removeprefix("file://").partition("#")[0]).is_file(), link


def test_the_keyboard_is_enough(page: Page, site: Path) -> None:
    page.open(address(site, "environments/production"))
    seen = []
    for _ in range(4):
        for kind in ("keyDown", "keyUp"):
            page.tell("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(
            page.run(
                "(e => [e.textContent, getComputedStyle(e).outlineStyle, e.getBoundingClientRect().left >= 0])"
                "(document.activeElement)"
            )
        )
    assert [name for name, _, _ in seen] == ["Skip to the content", "Overview", "production", "staging"]
    assert all(style == "solid" and inside for _, style, inside in seen)


def test_without_looks_it_says_so_and_twice_is_the_same(project: Project, site: Path, tmp_path: Path) -> None:
    command = ("weighlock", "site", "--at", AT, "--out")
    for name in ("a", "b"):
        project.run(*command, str(tmp_path / name))
    pages = [{p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.html")} for n in "ab"]
    assert pages[0] == pages[1]
    assert b"No look was found in <code>reports/watch</code>" in pages[0][Path("environments/production.html")]
    assert str(project.path.parent).encode() not in b"".join(pages[0].values())


def test_what_it_refuses(project: Project, tmp_path: Path) -> None:
    def refused(*arguments: str, where: Project = project) -> str:
        return where.run("weighlock", "site", *arguments, code=2).stderr

    assert "`--watch nowhere` is no folder" in refused("--watch", "nowhere")
    assert "`--at soon` is no time" in refused("--at", "soon")
    assert "holds something else than a site" in refused("--out", "deploy")
    assert (project.path / "deploy/production.yaml").is_file()
    shallow = Project(tmp_path / "shallow", project.env)
    project.run("git", "clone", "-q", "--depth", "1", project.path.as_uri(), str(shallow.path))
    assert "--unshallow" in refused(where=shallow)


def test_torn_looks_are_told_and_the_rest_is_built(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.path.parent / "history", tmp_path / "history")
    torn = tmp_path / "history/production/2026-02-25/watch.json"
    torn.write_text(json.dumps(json.loads(torn.read_text()))[:200])
    said = project.run(
        "weighlock", "site", "--watch", str(tmp_path / "history"), "--at", AT, "--out", str(tmp_path / "site")
    ).stdout  # fmt: skip
    assert said.startswith("note: `production/2026-02-25/watch.json` does not read")
    assert "does not read" in (tmp_path / "site/index.html").read_text()
    assert "2026-02-18" in (tmp_path / "site/environments/production.html").read_text()
