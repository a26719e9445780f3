"""The picture: requests per CPU-second as bars, in an SVG that is readable on light and dark pages."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from bench.results import Results
from bench.servers import SERVERS
from bench.works import WORKS

_WIDTH, _LABELS, _BAR, _STEP, _HEAD = 800, 190, 14, 19, 30
_ROOM = 90
"""What stays free at the right for the number of the longest bar."""

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .work { font-weight: 600 } .figure { font-size: 12px; fill: #59636e }
  .own { fill: #1a7f37 } .peer { fill: #8c959f } .floor { fill: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .figure { fill: #9198a1 }
    .own { fill: #3fb950 } .peer { fill: #656c76 } .floor { fill: #3d444d }
  }
"""


def draw(results: Results, works: Sequence[str]) -> str:
    """An SVG with a group of bars for each work, each group to a scale of its own."""
    servers = results.names("server")
    group = _HEAD + _STEP * len(servers) + 8
    height = group * len(works)
    parts = [line for number, work in enumerate(works) for line in _group(results, work, number * group)]
    title = "Requests per CPU-second, more is better: " + ", ".join(WORKS[work].title for work in works)
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _group(results: Results, work: str, top: int) -> Iterator[str]:
    figures = {server: results.median(server, work, "per_cpu_second") for server in results.names("server")}
    longest = max(figures.values())
    label = f"{WORKS[work].title}: requests per CPU-second"
    yield f'<text class="work" x="0" y="{top + 20}">{escape(label)}</text>'
    ordered = sorted(figures.items(), key=lambda entry: -entry[1])
    for place, (server, figure) in enumerate(ordered):
        shown, y = SERVERS[server], top + _HEAD + place * _STEP
        length = max(1, round((_WIDTH - _LABELS - _ROOM) * figure / longest))
        yield (
            f'<text x="{_LABELS - 8}" y="{y + 11}" text-anchor="end">{escape(shown.title)}</text>'
            f'<rect class="{shown.kind}" x="{_LABELS}" y="{y}" width="{length}" height="{_BAR}" rx="2"/>'
            f'<text class="figure" x="{_LABELS + length + 6}" y="{y + 11}">{figure:,.0f}</text>'
        )
