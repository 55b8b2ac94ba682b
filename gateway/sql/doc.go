// Package sql offers the tables of a node in SQL: to programs in the process as a database/sql database, and to clients of the PostgreSQL protocol, such as psql, ODBC drivers and spreadsheets.
//
// # Vocabulary
//
//   - A gateway answers for one node. It takes snapshots of the node's tables and counts what happens.
//   - A snapshot is all that can be asked for as it was at one instant. It is immutable, and shared by all sessions for [SnapshotAge].
//   - A session is what one client has: a database of SQLite in memory whose tables are virtual, over the snapshot; settings; a transaction.
//   - A relation is a table of a snapshot; its shape is what it looks like without rows.
//   - The catalog is what tells clients of the tables: the schemas pg_catalog and information_schema, which are databases attached to SQLite's, with virtual tables as well.
//   - A plan is what is to be done for a statement.
//
// # Contract
//
// Clients read everything that the node tells its own commands, and change the node's own rows and nothing else: UPDATE self, and INSERT, UPDATE and DELETE of own_rows, which become calls of Node.Set and
// Node.SetRow, by whose rules they are refused. SQLite never writes: it only computes the values. All other statements are refused with their SQLSTATE ([Error]).
//
// A statement goes through these hands: its text is cut into tokens and rewritten from PostgreSQL's words to SQLite's (token.go, rewrite.go, cast.go, macro.go); SQLite prepares it, which asks the authorizer for
// each thing that it would do (engine.go); it gets its turn, a snapshot and its time (session.go); its result is bounded, and then sent at the pace of the client, while SQLite is done with it.
//
// Everything has a limit in limits.go, and a counter in [Stats]. A fault in a statement ends that statement.
//
// # Limitations
//
// A client has the rights of the node, whatever its user name. Each statement sees one snapshot, which is up to [SnapshotAge] old; within a transaction REPEATABLE READ keeps the snapshot. A transaction does not see its
// own changes before COMMIT, which makes them row by row. What PostgreSQL has and SQLite lacks is missing: arrays but as texts in JSON, intervals, DISTINCT ON, LATERAL, RETURNING, COPY. Texts are compared byte by byte. SQLite
// takes values of other types than PostgreSQL would.
package sql
