# How long queries take over ODBC.
#
#   latency.py DSN REPETITIONS QUERY...
#
# It prints a line of JSON for each query: the query, its rows, and the median and the 99th percentile in milliseconds, from asking until all rows are there.
import json
import sys
import time

import pyodbc

connection = pyodbc.connect("DSN=" + sys.argv[1], autocommit=True)
cursor = connection.cursor()
repetitions = int(sys.argv[2])
for query in sys.argv[3:]:
    cursor.execute(query).fetchall()
    took = []
    for _ in range(repetitions):
        began = time.perf_counter()
        rows = cursor.execute(query).fetchall()
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    print(json.dumps({"query": query, "rows": len(rows), "median_ms": round(took[repetitions // 2], 3), "p99_ms": round(took[repetitions * 99 // 100], 3)}), flush=True)
