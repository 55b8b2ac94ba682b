# What programs do over ODBC, by pyodbc: the catalog, parameters, changes and refusals. It prints one line of JSON for each step.
#
#   odbc.py DSN
import json
import sys

import pyodbc

connection = pyodbc.connect("DSN=" + sys.argv[1])
cursor = connection.cursor()


def say(what, value):
    print(json.dumps([what, value], default=str), flush=True)


say("tables", sorted(r.table_name for r in cursor.tables(schema="public")))
say("columns", [(r.column_name, r.type_name) for r in cursor.columns(table="hosts") if r.column_name in ("name", "load", "cpus", "suspect")])
say("primary key", [r.column_name for r in cursor.primaryKeys("hosts")])
say("foreign keys", [r[3] for r in cursor.foreignKeys("hosts")])
say("statistics", [r[5] for r in cursor.statistics("hosts", unique=True) if r[5]])
say("types", len(cursor.getTypeInfo().fetchall()) > 0)
say("parameters", [list(r) for r in cursor.execute("SELECT name, load FROM hosts WHERE load > ? AND role = ? ORDER BY name", 0.1, "db")])
say("null", [list(r) for r in cursor.execute("SELECT count(*) FROM hosts WHERE role = ?", None)])
say("join", [list(r) for r in cursor.execute("SELECT h.name, p.state FROM hosts h JOIN peers p ON p.id = h.id ORDER BY h.name LIMIT 2")])
say("described", [(c[0], c[1].__name__) for c in cursor.execute("SELECT role, count(*) AS hosts, avg(load) AS mean, max(suspect) FROM hosts GROUP BY role").description][:3])

say("many", sum(cursor.execute("SELECT %d + count(*) FROM hosts WHERE load >= ?" % i, 0).fetchone()[0] for i in range(200)))

cursor.execute("UPDATE self SET load = ?, note = ?", 3.5, "by odbc")
connection.rollback()
say("rolled back", cursor.execute("SELECT count(*) FROM self WHERE load = 3.5").fetchone()[0])
cursor.execute("UPDATE self SET load = ?, note = ?", 3.5, "by odbc")
say("changed", cursor.rowcount)
connection.commit()
say("committed", list(cursor.execute("SELECT load, attributes FROM self").fetchone())[0])
connection.rollback()

for statement in ("UPDATE hosts SET load = 1", "DROP TABLE hosts", "SELECT nothere FROM hosts", "SELEC", "PRAGMA table_info(hosts)", "SELECT count(*) FROM hosts a, hosts b, hosts c, hosts d, hosts e, hosts f, hosts g, hosts h"):
    try:
        cursor.execute(statement).fetchall()
        say("refused", [statement, ""])
    except pyodbc.Error as e:
        say("refused", [statement, e.args[0]])
    connection.rollback()
