"""Files as texts that change, and a text as documents that can be edited, taken out and added one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from ambimigrate.yamlio import Document, Unreadable, documents, values

BOM = "\ufeff"
Read = Callable[[str], str | None]  # the text of a file, None if there is none
Slot = tuple[str, int, str]  # file and document beside which an object is made, and its name in the text


class Files(Struct):
    """Texts that change: before and after by file name, None where there is no such file; where new objects went."""

    read: Read
    listed: Mapping[str, tuple[str, ...]]  # file -> kustomizations that list it
    taken: Callable[[str], bool]  # whether a file of the name exists
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)
    created: dict[Slot, str] = field(default_factory=dict)
    parts: dict[str, Parts] = field(default_factory=dict)  # of files that were edited

    def fresh(self) -> Files:
        """The same tree with nothing changed."""
        return Files(self.read, self.listed, self.taken)

    def text(self, file: str) -> str:
        """The text as it is by now."""
        if file not in self.after:
            self.before[file] = self.after[file] = self.read(file)
        return self.after[file] or ""

    def opened(self, file: str) -> Parts:
        """The file in parts, which stay the same ones."""
        if file not in self.parts:
            self.parts[file] = Parts.of(file, self.text(file).removeprefix(BOM))
        return self.parts[file]

    def set(self, file: str, text: str | None) -> None:
        """Gives the file a text, or none."""
        self.before.setdefault(file, None)
        self.after[file] = text

    @property
    def changed(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Name, text before and text after of every file that is not the same, by name."""
        for file in sorted(self.after):
            if self.before[file] != self.after[file]:
                yield file, self.before[file], self.after[file]


class Parts(Struct):
    """A file as documents and what stands between them; a document keeps the offset at which it was read."""

    documents: list[Document]
    between: list[str]  # between[i] precedes documents[i]; the last one ends the file
    starts: list[int]

    @staticmethod
    def of(file: str, text: str) -> Parts:
        """The parts of a text without byte order mark."""
        found = list(documents(file, text))
        between, at = [], 0
        for each in found:
            between.append(text[at : each.start])
            at = each.start + len(each.text)
        return Parts(found, [*between, text[at:]], [each.start for each in found])

    def joined(self) -> str:
        """The text of the whole file."""
        texts = [gap + each.text for gap, each in zip(self.between, self.documents, strict=False)]
        return "".join(texts) + self.between[-1]

    def replace(self, number: int, text: str) -> None:
        """Gives a document another text."""
        old = self.documents[number]
        self.documents[number] = Document(old.file, old.start, old.first_line, text)

    def drop(self, number: int) -> None:
        """Takes a document out with the marker before it, or, of the first one, the marker behind it."""
        if number or len(self.documents) == 1:
            marker = self.between[number] if not number else ""
            gap = self.between[number + 1]
            if number and not gap.strip() and self.documents[number - 1].text.endswith("\n"):
                gap = ""  # it ended the line of the document that goes, which had no end of its own
            self.between[number : number + 2] = [marker + gap]
        else:
            rest = self.documents[1].text
            self.replace(1, rest[rest.find("\n") + 1 :] if "\n" in rest else "")
            self.between[0:2] = [self.between[0]]
        del self.documents[number]
        del self.starts[number]

    def add(self, text: str) -> None:
        """Puts a document behind all others."""
        file, last = self.documents[-1].file, self.between[-1]
        end = "\r\n" if "\r\n" in self.documents[0].text else "\n"
        if len(self.documents) > 1 and not self.documents[-1].text.strip() and self.between[-2].strip() == "---":
            self.replace(-1, f"{end}{text}")  # the file ends with a marker: what follows it is the document
            return
        gap = "" if (last or self.documents[-1].text).endswith("\n") else end
        self.between[-1:] = [last + gap, ""]
        self.starts.append(-len(self.documents))
        self.documents.append(Document(file, self.starts[-1], 0, f"---{end}{text}"))

    def is_empty(self) -> bool:
        """Whether no document holds anything but comments."""
        return all(is_blank(each) for each in self.documents)


def is_blank(document: Document) -> bool:
    try:
        return values(document).value is None
    except Unreadable:
        return False
