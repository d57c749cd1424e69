"""Workbooks as Excel and LibreOffice write them, made from rows of Python values."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
_EPOCH = dt.datetime(1899, 12, 30)
Rows = Sequence[Sequence[Any]]


def zip_of(members: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


def column_letters(index: int) -> str:
    """A, B, …, Z, AA, …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _cell(value: Any, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if isinstance(value, dt.datetime):
        return f'<c r="{place}" s="1"><v>{(value - _EPOCH) / dt.timedelta(days=1)!r}</v></c>'
    if str(value).startswith("#DIV"):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def xlsx(*sheets: Rows, raw: str | None = None) -> bytes:
    """A workbook of Excel, of one sheet for each table; `raw` stands for the XML of a sheet's rows."""
    bodies = [
        "".join(
            f'<row r="{number}">'
            + "".join(_cell(value, f"{column_letters(i)}{number}") for i, value in enumerate(row))
            + "</row>"
            for number, row in enumerate(rows, 1)
        )
        for rows in sheets
    ]
    if raw is not None:
        bodies.append(raw)
    numbers = range(1, len(bodies) + 1)
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in numbers
    )
    named = "".join(f'<sheet name="Sheet {i}" sheetId="{i}" r:id="rId{i}"/>' for i in numbers)
    return zip_of(
        {
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{links}<Relationship Id="styles" '
            f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{named}</sheets></workbook>',
            "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
            "</styleSheet>",
            **{
                f"xl/worksheets/sheet{i}.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'
                for i, body in zip(numbers, bodies, strict=True)
            },
        }
    )


def _ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(value).lower()}"/>'
    if isinstance(value, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
    if isinstance(value, dt.datetime):
        return f'<table:table-cell office:value-type="date" office:date-value="{value.isoformat()}"/>'
    return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'


def ods(*sheets: Rows, raw: str = "") -> bytes:
    """A spreadsheet of LibreOffice: each row and each sheet ends in cells that are repeated and empty."""
    blank = '<table:table-cell table:number-columns-repeated="16378"/>'
    tables = "".join(
        f'<table:table table:name="Sheet {number}">'
        + "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}{blank}</table:table-row>" for row in rows)
        + f'<table:table-row table:number-rows-repeated="1048000">{blank}</table:table-row></table:table>'
        for number, rows in enumerate(sheets, 1)
    )
    if raw:
        tables += f'<table:table table:name="raw">{raw}</table:table>'
    names = "".join(
        f' xmlns:{key}="urn:oasis:names:tc:opendocument:xmlns:{key}:1.0"' for key in ("office", "text", "table")
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zip_of(
        {
            "mimetype": kind,
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{_MANIFEST}">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
            "content.xml": f"<office:document-content{names}><office:body><office:spreadsheet>{tables}"
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )
