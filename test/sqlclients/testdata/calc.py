# A spreadsheet over the tables: LibreOffice Calc without a screen imports the result of a query over ODBC, shows it, and imports it again when it is told so by a line on standard input.
#
#   calc.py DSN FOLDER [PICTURE]
#
# It prints the cells of the import as a line of JSON, first and after each line of input. With PICTURE it adds formulas and a chart, and writes the sheet there as PNG at the end.
import json
import os
import subprocess
import sys
import time

import uno
from com.sun.star.awt import Rectangle
from com.sun.star.beans import PropertyValue
from com.sun.star.table import CellRangeAddress

DSN, FOLDER = sys.argv[1], sys.argv[2]
PICTURE = sys.argv[3] if len(sys.argv) > 3 else None
QUERY = "SELECT name, role, load, cpus FROM hosts ORDER BY name"


def value(name, v):
    p = PropertyValue()
    p.Name, p.Value = name, v
    return p


def connect(office):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(600):
        try:
            return resolver.resolve("uno:pipe,name=spinglass%d;urp;StarOffice.ComponentContext" % os.getpid())
        except Exception:
            if office.poll() is not None:
                sys.exit("soffice ended with %d" % office.returncode)
            time.sleep(0.1)
    sys.exit("soffice does not answer")


def cells(sheet, area):
    data = sheet.getCellRangeByPosition(area.StartColumn, area.StartRow, area.EndColumn, area.EndRow).getDataArray()
    print(json.dumps([list(row) for row in data]), flush=True)


office = subprocess.Popen(["soffice", "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "-env:UserInstallation=file://" + os.path.join(FOLDER, "profile"),
                           "--accept=pipe,name=spinglass%d;urp;" % os.getpid()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
context = connect(office)
manager = context.ServiceManager

# A database document that names the DSN, registered under a name, as the wizard of LibreOffice makes it.
databases = manager.createInstanceWithContext("com.sun.star.sdb.DatabaseContext", context)
source = databases.createInstance()
source.URL = "sdbc:odbc:" + DSN
where = "file://" + os.path.join(FOLDER, "fleet.odb")
source.DatabaseDocument.storeAsURL(where, ())
if databases.hasByName("fleet"):
    databases.revokeObject("fleet")
databases.registerObject("fleet", databases.getByName(where))

desktop = manager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
document = desktop.loadComponentFromURL("private:factory/scalc", "_blank", 0, (value("Hidden", True),))
sheet = document.Sheets.getByIndex(0)
sheet.Name = "hosts"

area = CellRangeAddress()
area.Sheet, area.StartColumn, area.StartRow, area.EndColumn, area.EndRow = 0, 0, 0, 3, 1
document.DatabaseRanges.addNewByName("hosts", area)
imported = document.DatabaseRanges.getByName("hosts")
imported.ReferredCells.doImport((value("DatabaseName", "fleet"), value("SourceType", uno.Enum("com.sun.star.sheet.DataImportMode", "SQL")), value("SourceObject", QUERY), value("IsNative", True)))
cells(sheet, imported.DataArea)
for line in sys.stdin:
    if not line.strip():
        break
    imported.refresh()
    cells(sheet, imported.DataArea)

if PICTURE:
    last = imported.DataArea.EndRow + 1
    for row, (label, formula) in enumerate([("hosts", "=COUNTA(A2:A%d)" % last), ("mean load", "=AVERAGE(C2:C%d)" % last), ("processors", "=SUM(D2:D%d)" % last), ("busiest", "=INDEX(A2:A%d;MATCH(MAX(C2:C%d);C2:C%d;0))" % (last, last, last))]):
        sheet.getCellByPosition(5, row).String = label
        sheet.getCellByPosition(6, row).Formula = formula
    for column in range(7):
        sheet.Columns.getByIndex(column).OptimalWidth = True
    header = sheet.getCellRangeByPosition(0, 0, 3, 0)
    header.CharWeight, header.CellBackColor = 150.0, 0xDDE8F0
    names, loads = CellRangeAddress(), CellRangeAddress()
    names.Sheet, names.StartColumn, names.StartRow, names.EndColumn, names.EndRow = 0, 0, 0, 0, last - 1
    loads.Sheet, loads.StartColumn, loads.StartRow, loads.EndColumn, loads.EndRow = 0, 2, 0, 2, last - 1
    formats, locale = document.NumberFormats, uno.createUnoStruct("com.sun.star.lang.Locale")
    two = formats.queryKey("0.00", locale, False)
    if two < 0:
        two = formats.addNew("0.00", locale)
    sheet.getCellRangeByPosition(2, 1, 2, last - 1).NumberFormat = two
    sheet.getCellRangeByPosition(6, 1, 6, 1).NumberFormat = two
    sheet.Columns.getByIndex(2).OptimalWidth = True
    sheet.Charts.addNewByName("load", Rectangle(9800, 2500, 10000, 5600), (names, loads), True, True)
    sheet.Charts.getByName("load").EmbeddedObject.HasLegend = False
    document.calculateAll()
    style = document.StyleFamilies.getByName("PageStyles").getByName(sheet.PageStyle)
    style.IsLandscape, style.Width, style.Height = True, 21500, 9200
    for margin in ("LeftMargin", "RightMargin", "TopMargin", "BottomMargin"):
        setattr(style, margin, 500)
    style.HeaderIsOn = style.FooterIsOn = False
    style.PrintGrid = style.PrintHeaders = True
    document.storeToURL("file://" + os.path.join(FOLDER, "sheet.pdf"), (value("FilterName", "calc_pdf_Export"),))
document.close(True)
try:
    desktop.terminate()
except Exception:
    pass
office.wait(30)
if PICTURE:
    subprocess.run(["pdftoppm", "-png", "-singlefile", "-r", "90", os.path.join(FOLDER, "sheet.pdf"), PICTURE.removesuffix(".png")], check=True, timeout=60)
