"""A report's page as a browser would read it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
BLOCKS = {"p", "div", "table", "ul", "ol", "dl", "figure", "pre", "section", "details"}


class Page(HTMLParser):
    """A page that is well-formed, or fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.rows: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        assert not (tag in BLOCKS and "p" in self._open), f"{tag} inside p"
        self.tags.append(tag)
        self.attributes.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append((dict(attrs).get("class") or "", ""))
        elif tag in {"td", "th", "small"} and self.rows:
            self.rows[-1] = self.rows[-1][0], f"{self.rows[-1][1]} "

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.texts.append(data)
            if "tr" in self._open:
                kind, text = self.rows[-1]
                self.rows[-1] = kind, text + data

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def everything(self) -> str:
        shown = [value for _, values in self.attributes for value in values.values()]
        return "\n".join([self.text, *shown])

    def of(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.attributes if name == tag]

    def rows_of(self, kind: str) -> list[str]:
        return [" ".join(text.split()) for name, text in self.rows if kind in name.split()]
