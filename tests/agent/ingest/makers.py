"""Files that the tests make: nothing binary is kept in the repository."""

import io
import zipfile
from collections.abc import Sequence

import docx

_ENCRYPT = "<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + "41" * 32 + "> /U <" + "42" * 32 + "> >>"
"""No user password fits these, so a reader must ask for one."""


def pdf(pages: Sequence[str], *, title: str = "", encrypted: bool = False) -> bytes:
    """A PDF with the lines of each text on a page of its own."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj T* " for line in text.split("\n"))
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {lines}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        contents = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {contents} 0 R"
            " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< /Title ({title}) >>")
    more = f"/Encrypt {_ENCRYPT} /ID [<00> <00>]" if encrypted else ""
    return _with_references(objects, f"/Root 1 0 R /Info {len(objects)} 0 R {more}")


def _with_references(objects: Sequence[str], trailer: str) -> bytes:
    body = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    entries = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{entries}"
    end = f"trailer\n<< /Size {len(objects) + 1} {trailer} >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + (table + end).encode("latin-1")


def word_file() -> bytes:
    """A DOCX with a title, headings, a dated one, a list and a table with a merged cell."""
    word = docx.Document()
    word.add_heading("Pool handbook", 0)
    word.add_heading("Pump", 1)
    word.add_paragraph("The pump runs at 2850 rpm.")
    word.add_paragraph("Close the valve.", style="List Bullet")
    word.add_paragraph("Open the lid.", style="List Bullet")
    word.add_heading("12 May 2024 Replaced the pump", 1)
    table = word.add_table(rows=2, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Spare parts"
    table.cell(1, 0).text, table.cell(1, 1).text = "Seal", "A-12"
    return _saved(word)


def bomb(megabytes: int) -> bytes:
    """A DOCX whose document unpacks to that many megabytes of zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as entry:
            for _ in range(megabytes):
                entry.write(bytes(1024 * 1024))
    return buffer.getvalue()


def _saved(word: "docx.document.Document") -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()
