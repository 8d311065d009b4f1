"""A large page as a small one: compressed inside of itself, and unpacked by the browser that opens it.

Evidently's page is 4.9 MB whatever it shows, as it carries its library with it. Packed it is 1.8 MB, and still one file
that opens from a folder, a mail or a server, without asking anyone for anything.
"""

from __future__ import annotations

import base64
import gzip
from html import escape

MARK = '<script id="packed" type="text/plain">'
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<p id="wait">Unpacking …</p>
<noscript>This page is drawn by JavaScript, which is switched off.</noscript>
<script id="packed" type="text/plain">{packed}</script>
<script>
(async () => {{
  const text = document.getElementById("packed").textContent;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const page = await new Response(stream).text();
  document.open();
  document.write(page);
  document.close();
}})().catch((error) => {{
  document.getElementById("wait").textContent =
    "This browser cannot unpack the page (" + error + "): Chrome 80, Firefox 113 and Safari 16.4 or newer can.";
}});
</script>
</body>
</html>
"""


def packed(html: str, title: str) -> str:
    """The page inside of a smaller one; the same bytes for the same page."""
    content = base64.b64encode(gzip.compress(html.encode(), 9, mtime=0)).decode()
    return PAGE.format(title=escape(title), packed=content)


def unpacked(page: str) -> str:
    """The page inside; one that is not packed is returned as it is."""
    start = page.find(MARK)
    if start < 0:
        return page
    start += len(MARK)
    return gzip.decompress(base64.b64decode(page[start : page.index("<", start)])).decode()
