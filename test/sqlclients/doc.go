// Package sqlclients tests the SQL front with the clients that people use, from Debian's packages: psql, isql, pyodbc, LibreOffice Calc and, where there is a JDK, JDBC (libpostgresql-jdbc-java). A test whose client is not installed is skipped, and says so.
//
//	apt-get install postgresql-client unixodbc odbc-postgresql python3-pyodbc python3-uno libreoffice-calc libreoffice-base
//	go test -v ./test/sqlclients
//
// With SPINGLASS_FULL=1 it measures as well: how long a query takes over ODBC in a zone of 64 hosts, and whether a hundred clients disturb the rounds of gossip.
package sqlclients
